/* A POST with an answer that goes on: bytes are delivered as they arrive, until either side ends it (the
 * watches of docs/design/etcd-gateway.md, "Silent watches"). It has a connection of its own that is not used
 * again. The server sends nothing while nothing changes, so a dead peer is found by TCP: keepalive probes
 * after 10 s of silence, 3 of them 3 s apart, and TCP_USER_TIMEOUT (19 s) while bytes are under way. A peer
 * that is alive and sends nothing is the user's to judge. */
#ifndef OUTRIDER_IO_HTTP_CLIENT_HTTP_STREAM_H
#define OUTRIDER_IO_HTTP_CLIENT_HTTP_STREAM_H

#include "outrider/io/http/client/http_client.h"

struct http_stream;

/* Called from the loop, never from within http_stream_open. Each may close the stream; none may free the
 * client. */
struct http_stream_handler {
    /* The head of the answer is complete: `status` is the HTTP status. Before the first data. */
    void (*head)(int status, void *user);
    /* Bytes of the body, without the framing of chunks, borrowed. Where they are cut means nothing. */
    void (*data)(struct str bytes, void *user);
    /* The stream ended, and the handle is no longer valid. `result` as for a call, without the body; transport
     * OK: the server ended the answer in good order. Exactly once, unless http_stream_close came first. */
    void (*end)(const struct http_result *result, void *user);
};

/* Opens a stream through `client`. Of `call` (copied) `timeout_ms` is how long the head of the answer may take,
 * and `max_response` means nothing: what is kept of the body is up to the handler. The handle is borrowed: valid
 * until `end` is entered or http_stream_close. */
struct http_stream *http_stream_open(struct http_client *client, const struct http_call *call,
                                     const struct http_stream_handler *handler, void *user);

/* Closes the connection without a callback, also from within one. Accepts NULL. */
void http_stream_close(struct http_stream *stream);

#endif
