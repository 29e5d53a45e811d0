/* The messages of GET /api/ws: what a peer asks for, as the request of HTTP that means the same (docs/http-api.md, "GET /api/ws"), and what it
 * is told. */
#ifndef OUTRIDER_CODEC_WEBSOCKET_SOCKET_MESSAGE_H
#define OUTRIDER_CODEC_WEBSOCKET_SOCKET_MESSAGE_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"

struct error;

enum { SOCKET_ID_MAX = 64, SOCKET_PARAMETERS_MAX = 64 };

enum socket_action { SOCKET_SUBSCRIBE, SOCKET_UNSUBSCRIBE, SOCKET_DRAIN, SOCKET_UNDRAIN, SOCKET_COMMAND };

/* What one message asks for; ended with socket_message_fini(). */
struct socket_message {
    enum socket_action action;
    char id[SOCKET_ID_MAX + 1];   /* of the peer, which its result repeats; "": none */
    char key[SOCKET_ID_MAX + 1];  /* Idempotency-Key; "": none */
    struct buf path, query, body; /* of the request; of UNSUBSCRIBE none */
};

/* Reads a message, which may be any bytes. Returns 0, or -1 with `err`: then `ret_message` has its id where it could be read. It is ended
 * with socket_message_fini() in both cases. */
int socket_message_read(struct str text, struct socket_message *ret_message, struct error *err) MUST_CHECK;
void socket_message_fini(struct socket_message *message);

/* Appends the result of the message `id`, of the status that HTTP would have, with what its answer has: JSON; empty: null. */
void socket_message_result(struct buf *out, struct str id, int status, struct str body);

/* Appends what an event has before its data, which is JSON; '}' comes after it. `id` is empty where it has none. */
void socket_message_event_head(struct buf *out, struct str name, struct str id);

#endif
