/* http:// spoken by ourselves. The functions mean what those of http_client.h and http_stream.h mean. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_PLAIN_INTERNAL_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_PLAIN_INTERNAL_H

#include "http_request_internal.h"
#include "outrider/io/http/client/http_stream.h"

struct http_plain;

struct http_plain *http_plain_new(struct loop *loop);
void http_plain_free(struct http_plain *client);

struct http_request_handle *http_plain_post(struct http_plain *client, const struct http_call *call,
                                            http_result_fn *fn, void *user);

/* A call that fails as soon as the loop turns, with HTTP_TRANSPORT_OTHER and the words `why` (copied). */
struct http_request_handle *http_plain_refuse(struct http_plain *client, const char *why, http_result_fn *fn,
                                              void *user);

/* `handle` is not NULL and was made by one of the two. */
void http_plain_cancel(struct http_request_handle *handle);

size_t http_plain_in_flight(const struct http_plain *client);

struct http_stream *http_plain_stream_open(struct http_plain *client, const struct http_call *call,
                                           const struct http_stream_handler *handler, void *user);

/* As http_plain_refuse, for a stream. */
struct http_stream *http_plain_stream_refuse(struct http_plain *client, const char *why,
                                             const struct http_stream_handler *handler, void *user);

/* `stream` is not NULL and was made by one of the two. */
void http_plain_stream_close(struct http_stream *stream);

#endif
