/* WebSocket (RFC 6455) by libwslay: the handshake's answer, what one peer sends, and the frames that go to it.
 *
 *     ──> OPEN ──close sent, or a fault──> OVER
 *
 * The bytes of a peer give whole messages of text, and bytes to send: pongs, and the close that ends it. Frames that are not masked, have
 * reserved bits, are control frames of a wrong size, or text that is no UTF-8, end it, as a message does that is too large or is in too
 * many pieces. Frames for peers are not masked, so the same bytes serve all of them. */
#ifndef OUTRIDER_CODEC_WEBSOCKET_WEBSOCKET_H
#define OUTRIDER_CODEC_WEBSOCKET_WEBSOCKET_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* In bytes, and of one message in frames. */
enum { WEBSOCKET_MESSAGE_MAX = 65536, WEBSOCKET_PIECES_MAX = 64, WEBSOCKET_REASON_MAX = 123 };

/* The text of Sec-WebSocket-Accept, NUL included. */
enum { WEBSOCKET_ACCEPT_SIZE = 29 };

/* Why a connection ends; the numbers of RFC 6455, 7.4.1 and of its registry. */
enum websocket_code {
    WEBSOCKET_NO_CODE = 0,
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL = 1002,
    WEBSOCKET_NO_TEXT = 1003,
    WEBSOCKET_NO_UTF8 = 1007,
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_TOO_LARGE = 1009,
    WEBSOCKET_LATER = 1013
};

/* The receiving side of one connection. */
struct websocket;

/* What Sec-WebSocket-Accept says to `key`, the peer's Sec-WebSocket-Key. Returns 0, or -1 where the key is not 16 bytes in base64. */
int websocket_accept(struct str key, char ret_text[static WEBSOCKET_ACCEPT_SIZE]) MUST_CHECK;

/* Open, without a byte. The caller owns the result. Never NULL. */
struct websocket *websocket_new(void);

/* Accepts NULL. */
void websocket_free(struct websocket *websocket);

/* The peer has sent the bytes; what is to be sent is appended to `out`. Nothing happens once it is over. */
void websocket_take(struct websocket *websocket, struct str bytes, struct buf *out);

/* The next message that has come, borrowed until the next call of websocket_take() or this. False: there is none. */
bool websocket_next(struct websocket *websocket, struct str *ret_text);

/* Appends a close with its reason, which is cut to WEBSOCKET_REASON_MAX, and is over; nothing where it is already. */
void websocket_close(struct websocket *websocket, enum websocket_code code, struct str reason,
                     struct buf *out);

/* Whether a close was written, or nothing can be: then nothing else is to be sent. */
bool websocket_is_over(const struct websocket *websocket);

/* The code of the close that was written. */
enum websocket_code websocket_code(const struct websocket *websocket);

/* Appends one frame: a whole message of text, which is UTF-8; the beginning of one of `size` bytes; a ping. */
void websocket_text(struct buf *out, struct str text);
void websocket_text_head(struct buf *out, size_t size);
void websocket_ping(struct buf *out);

#endif
