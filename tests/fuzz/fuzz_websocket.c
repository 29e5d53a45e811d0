/* Frames of a peer, in portions of the size that the first byte says. What is sent to it is whole frames, none of them behind a close, and a
 * message is UTF-8 within its limit. */
#include "must.h"
#include "outrider/codec/websocket/websocket.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIN = 0x80, CLOSE = 8, PONG = 10 };

/* Checks what was sent since `at`; returns its end, and whether the last frame was a close. */
static size_t check_frames(struct str out, size_t at, bool *closed)
{
    while (at < out.size) {
        unsigned first = (unsigned char)out.data[at], length = (unsigned char)out.data[at + 1];
        must(!*closed && out.size - at >= 2 && length <= 125 && out.size - at >= 2 + length);
        must(first == (FIN | CLOSE) || first == (FIN | PONG));
        *closed = first == (FIN | CLOSE);
        at += 2 + length;
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct websocket *websocket = websocket_new();
    struct buf out = {0};
    size_t portion = size == 0 ? 1 : 1 + data[0], at = 0;
    bool closed = false;
    for (size_t i = size == 0 ? 0 : 1; i < size; i += portion) {
        size_t some = size - i < portion ? size - i : portion;
        struct str text;
        websocket_take(websocket, (struct str){(const char *)data + i, some}, &out);
        while (websocket_next(websocket, &text)) {
            must(text.size <= WEBSOCKET_MESSAGE_MAX && str_is_utf8(text));
        }
        at = check_frames(buf_view(&out), at, &closed);
        must(closed == websocket_is_over(websocket));
    }
    websocket_close(websocket, WEBSOCKET_GOING_AWAY, STR("over"), &out);
    (void)check_frames(buf_view(&out), at, &closed);
    must(closed);
    websocket_free(websocket);
    buf_fini(&out);
    return 0;
}
