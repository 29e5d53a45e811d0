/* A POST whose answer goes on: bytes are handed over as they come, until either side ends it (etcd's watches
 * and keepalives: docs/design/etcd-gateway.md, "Watch"). A connection of its own that is never used again;
 * kept alive by TCP (idle 10 s, interval 3 s, 3 probes, TCP_USER_TIMEOUT alike), because the server sends
 * nothing while nothing happens. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_STREAM_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_STREAM_H

#include "outrider/io/http/client/http_client.h"

struct http_stream;

/* Called from the loop, never from within http_stream_open. Each may close the stream; none may free the
 * client. */
struct http_stream_handler {
    /* The head of the answer is there: `status` is the HTTP status. Before the first data. */
    void (*head)(int status, void *user);
    /* Bytes of the body, unframed (chunks are undone), borrowed. Their cuts mean nothing. */
    void (*data)(struct str bytes, void *user);
    /* It is over, and the handle no longer valid. `result` as for a call, without the body; transport OK: the
     * server ended the answer in good order. Exactly once, unless http_stream_close came first. */
    void (*end)(const struct http_result *result, void *user);
};

/* Opens a stream through `client`. Of `call` (copied) `timeout_ms` is how long the head of the answer may
 * take and `max_response` means nothing: what is kept of the body is the handler's affair. The handle is
 * borrowed: valid until `end` is entered or http_stream_close. */
struct http_stream *http_stream_open(struct http_client *client, const struct http_call *call,
                                     const struct http_stream_handler *handler, void *user);

/* Closes the connection without a callback, also from within one. Accepts NULL. */
void http_stream_close(struct http_stream *stream);

#endif
