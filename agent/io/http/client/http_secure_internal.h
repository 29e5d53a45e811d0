/* https:// by libcurl. The functions mean what those of http_client.h and http_stream.h mean. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_SECURE_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_SECURE_INTERNAL_H

#include "http_request_internal.h"
#include "outrider/io/http/client/http_stream.h"

struct http_secure;

/* NULL with `err` set when libcurl cannot be initialised. `tls` is borrowed until http_secure_free. */
struct http_secure *http_secure_new(struct loop *loop, const struct http_tls *tls,
                                    struct error *err) MUST_CHECK;
void http_secure_free(struct http_secure *client);

struct http_request_handle *http_secure_post(struct http_secure *client, const struct http_call *call,
                                             http_result_fn *fn, void *user);

/* `handle` is not NULL and was made by http_secure_post. */
void http_secure_cancel(struct http_request_handle *handle);

size_t http_secure_in_flight(const struct http_secure *client);

struct http_stream *http_secure_stream_open(struct http_secure *client, const struct http_call *call,
                                            const struct http_stream_handler *handler, void *user);

/* `stream` is not NULL and was made by http_secure_stream_open. */
void http_secure_stream_close(struct http_stream *stream);

#endif
