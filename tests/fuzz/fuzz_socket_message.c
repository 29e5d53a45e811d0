/* Messages of GET /api/ws. One that is taken stands for a request whose path is one of ours, without a byte that a request line cannot
 * have; and what it is answered with is JSON. */
#include "must.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/websocket/socket_message.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_plain(const struct buf *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%/&=";
    must(strspn(buf_text(text), plain) == text->size);
}

static void must_be_json(const struct buf *text)
{
    struct error err;
    json_t *object = json_read_document(buf_view(text), SIZE_MAX, &err);
    must(object != NULL);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct socket_message message;
    struct error err = {0};
    struct buf result = {0};
    if (socket_message_read((struct str){(const char *)data, size}, &message, &err) < 0) {
        must(err.text[0] != '\0');
    } else {
        bool streams = message.action == SOCKET_SUBSCRIBE, ends = message.action == SOCKET_UNSUBSCRIBE;
        must_be_plain(&message.path);
        must_be_plain(&message.query);
        must(streams == (strcmp(buf_text(&message.path), "/api/subscribe") == 0));
        must(streams || message.query.size == 0);
        must((streams || ends) == (message.body.size == 0));
        must(streams || ends || strncmp(buf_text(&message.path), "/api/services/", 14) == 0);
        if (message.body.size > 0) {
            must_be_json(&message.body);
        }
    }
    must(strlen(message.id) <= SOCKET_ID_MAX && strlen(message.key) <= SOCKET_ID_MAX);
    socket_message_result(&result, str_of(message.id), 200, STR("{}"));
    must_be_json(&result);
    buf_fini(&result);
    socket_message_fini(&message);
    return 0;
}
