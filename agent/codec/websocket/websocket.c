#include "outrider/codec/websocket/websocket.h"

#include "outrider/base/base64.h"
#include "outrider/base/mem.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

/* The first byte of a frame that is a message of its own, by its opcode; a length up to 125 is the second. */
enum { WHOLE = 0x80, SHORT_MAX = 125, LENGTH_16 = 126, LENGTH_64 = 127, KEY_BYTES = 16 };

struct websocket {
    wslay_event_context_ptr context;
    struct str in;       /* what websocket_take() was given and the library has not taken */
    struct buf *out;     /* where its bytes go, during websocket_take() */
    struct buf messages; /* that came: a size_t with the size of each, and its bytes */
    size_t told;         /* bytes of them that websocket_next() has returned */
    size_t pieces;       /* frames of the message under way */
    bool over;
    enum websocket_code code;
};

/* ---- the handshake ---- */

int websocket_accept(struct str key, char ret_text[static WEBSOCKET_ACCEPT_SIZE])
{
    static const char suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct buf bytes = {0}, text = {0};
    bool fits = base64_decode(key, &bytes) == 0 && bytes.size == KEY_BYTES;
    buf_fini(&bytes);
    if (!fits) {
        return -1;
    }
    buf_str(&text, key);
    buf_add(&text, suffix, sizeof(suffix) - 1);
    int rc = EVP_Digest(text.data, text.size, hash, &size, EVP_sha1(), NULL) == 1 ? 0 : -1;
    buf_clear(&text);
    base64_encode((struct str){(const char *)hash, size}, &text);
    memcpy(ret_text, buf_text(&text), rc == 0 ? WEBSOCKET_ACCEPT_SIZE : 0);
    buf_fini(&text);
    return rc;
}

/* ---- frames ---- */

static void add_head(struct buf *out, unsigned opcode, size_t size)
{
    unsigned char head[10] = {(unsigned char)(WHOLE | opcode)};
    size_t more = size <= SHORT_MAX ? 0 : size <= UINT16_MAX ? 2 : 8;
    head[1] = (unsigned char)(more == 0 ? size : more == 2 ? LENGTH_16 : LENGTH_64);
    for (size_t i = 0; i < more; i++) {
        head[2 + i] = (unsigned char)((uint64_t)size >> (8 * (more - 1 - i)));
    }
    buf_add(out, head, 2 + more);
}

void websocket_text_head(struct buf *out, size_t size)
{
    add_head(out, WSLAY_TEXT_FRAME, size);
}

void websocket_text(struct buf *out, struct str text)
{
    add_head(out, WSLAY_TEXT_FRAME, text.size);
    buf_str(out, text);
}

void websocket_ping(struct buf *out)
{
    add_head(out, WSLAY_PING, 0);
}

/* ---- what the library asks for ---- */

static ssize_t give_bytes(wslay_event_context_ptr context, uint8_t *bytes, size_t size, int flags, void *user)
{
    (void)flags;
    struct websocket *websocket = user;
    struct str *in = &websocket->in;
    size_t taken = in->size < size ? in->size : size;
    if (taken == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(bytes, in->data, taken);
    *in = (struct str){in->data + taken, in->size - taken};
    return (ssize_t)taken;
}

static ssize_t take_bytes(wslay_event_context_ptr context, const uint8_t *bytes, size_t size, int flags,
                          void *user)
{
    (void)context;
    (void)flags;
    struct websocket *websocket = user;
    buf_add(websocket->out, bytes, size);
    return (ssize_t)size;
}

static void on_frame(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_start_arg *frame,
                     void *user)
{
    (void)context;
    struct websocket *websocket = user;
    if (wslay_is_ctrl_frame(frame->opcode)) {
        if (frame->opcode == WSLAY_CONNECTION_CLOSE && frame->payload_length == 1) { /* half a code */
            websocket_close(websocket, WEBSOCKET_PROTOCOL, STR("a close with half a code"), websocket->out);
        }
        return;
    }
    websocket->pieces = frame->opcode == WSLAY_CONTINUATION_FRAME ? websocket->pieces + 1 : 1;
    if (websocket->pieces > WEBSOCKET_PIECES_MAX) {
        websocket_close(websocket, WEBSOCKET_POLICY, STR("a message in too many pieces"), websocket->out);
    }
}

static void on_message(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message,
                       void *user)
{
    (void)context;
    struct websocket *websocket = user;
    if (message->opcode == WSLAY_BINARY_FRAME) {
        websocket_close(websocket, WEBSOCKET_NO_TEXT, STR("want messages of text"), websocket->out);
    }
    /* Its reason, which the library would send back as it is. */
    struct str text = {(const char *)message->msg, message->msg_length};
    if (message->opcode == WSLAY_CONNECTION_CLOSE && text.size > 2 &&
        !str_is_utf8((struct str){text.data + 2, text.size - 2})) {
        websocket_close(websocket, WEBSOCKET_NO_UTF8, STR("a reason that is no UTF-8"), websocket->out);
    }
    if (message->opcode == WSLAY_TEXT_FRAME && !websocket->over) {
        buf_add(&websocket->messages, &message->msg_length, sizeof(message->msg_length));
        buf_add(&websocket->messages, message->msg, message->msg_length);
    }
}

/* ---- public ---- */

struct websocket *websocket_new(void)
{
    static const struct wslay_event_callbacks callbacks = {.recv_callback = give_bytes,
                                                           .send_callback = take_bytes,
                                                           .on_frame_recv_start_callback = on_frame,
                                                           .on_msg_recv_callback = on_message};
    struct websocket *websocket = mem_zalloc(sizeof(*websocket));
    if (wslay_event_context_server_init(&websocket->context, &callbacks, websocket) != 0) {
        abort(); /* memory alone can be short */
    }
    wslay_event_config_set_max_recv_msg_length(websocket->context, WEBSOCKET_MESSAGE_MAX);
    return websocket;
}

void websocket_free(struct websocket *websocket)
{
    if (websocket != NULL) {
        wslay_event_context_free(websocket->context);
        buf_fini(&websocket->messages);
        free(websocket);
    }
}

/* What the library wants to say, unless we have said the last word already. */
static void send_queued(struct websocket *websocket)
{
    if (wslay_event_send(websocket->context) < 0) {
        websocket_close(websocket, WEBSOCKET_PROTOCOL, STR("not a frame of WebSocket"), websocket->out);
    } else if (wslay_event_get_close_sent(websocket->context)) {
        websocket->over = true;
        unsigned code = wslay_event_get_status_code_sent(websocket->context);
        websocket->code = code == WSLAY_CODE_NO_STATUS_RCVD ? WEBSOCKET_NO_CODE : (enum websocket_code)code;
    }
}

void websocket_take(struct websocket *websocket, struct str bytes, struct buf *out)
{
    buf_consume(&websocket->messages, websocket->told);
    websocket->told = 0;
    if (websocket->over) {
        return;
    }
    websocket->in = bytes;
    websocket->out = out;
    bool failed = wslay_event_recv(websocket->context) < 0;
    if (failed) {
        websocket_close(websocket, WEBSOCKET_PROTOCOL, STR("not a frame of WebSocket"), out);
    }
    if (!websocket->over) {
        send_queued(websocket);
    }
    websocket->in = (struct str){NULL, 0};
    websocket->out = NULL;
}

bool websocket_next(struct websocket *websocket, struct str *ret_text)
{
    size_t left = websocket->messages.size - websocket->told, size;
    if (left == 0) {
        return false;
    }
    const char *at = websocket->messages.data + websocket->told;
    memcpy(&size, at, sizeof(size));
    *ret_text = (struct str){at + sizeof(size), size};
    websocket->told += sizeof(size) + size;
    return true;
}

void websocket_close(struct websocket *websocket, enum websocket_code code, struct str reason,
                     struct buf *out)
{
    if (websocket->over) {
        return;
    }
    size_t size = reason.size < WEBSOCKET_REASON_MAX ? reason.size : WEBSOCKET_REASON_MAX;
    const unsigned char number[] = {(unsigned char)((unsigned)code >> 8), (unsigned char)code};
    add_head(out, WSLAY_CONNECTION_CLOSE, sizeof(number) + size);
    buf_add(out, number, sizeof(number));
    buf_add(out, reason.data == NULL ? "" : reason.data, size);
    websocket->over = true;
    websocket->code = code;
    wslay_event_shutdown_read(websocket->context);
}

bool websocket_is_over(const struct websocket *websocket)
{
    return websocket->over;
}

enum websocket_code websocket_code(const struct websocket *websocket)
{
    return websocket->code;
}
