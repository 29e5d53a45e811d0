/* GET /api/ws: the handshake of RFC 6455, 4.2. */
#include "websocket_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/codec/websocket/websocket.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_push.h"

#include <stdio.h>

static struct str header(const struct api_call *call, struct str name)
{
    struct str value;
    const struct http_head *head = call->request.head;
    return head != NULL && http_head_find_one(head, name, &value) ? str_trim(value) : (struct str){NULL, 0};
}

/* Whether a list of words, divided by commas, has one. */
static bool has_word(struct str list, struct str word)
{
    while (list.size > 0) {
        if (str_eq_nocase(str_trim(str_split(list, ',', &list)), word)) {
            return true;
        }
    }
    return false;
}

static void take(struct api_call *call, struct http_exchange *exchange)
{
    char accept[WEBSOCKET_ACCEPT_SIZE] = "", line[WEBSOCKET_ACCEPT_SIZE + 32];
    const char *headers[] = {"Upgrade: websocket", line, NULL};
    if (websocket_accept(header(call, STR("Sec-WebSocket-Key")), accept) == 0 &&
        !api_refuse_stream(exchange)) {
        snprintf(line, sizeof(line), "Sec-WebSocket-Accept: %s", accept);
        sockets_begin(call, exchange, headers);
    }
}

void api_ws(struct api_call *call, struct api_reply *reply)
{
    char accept[WEBSOCKET_ACCEPT_SIZE];
    const struct api_request *request = &call->request;
    if (!has_word(header(call, STR("Upgrade")), STR("websocket"))) {
        reply->header = "Upgrade: websocket";
        api_refuse(reply, 426, "upgrade_required",
                   "this path is a WebSocket; where only HTTP gets through, use /api/subscribe and POST");
    } else if (!str_eq(header(call, STR("Sec-WebSocket-Version")), STR("13"))) {
        reply->header = "Sec-WebSocket-Version: 13";
        api_refuse(reply, 426, "bad_handshake", "Sec-WebSocket-Version: want 13, once");
    } else if (!has_word(header(call, STR("Connection")), STR("upgrade"))) {
        api_refuse(reply, 400, "bad_handshake",
                   "Connection: want Upgrade; a proxy in front has to pass it on");
    } else if (websocket_accept(header(call, STR("Sec-WebSocket-Key")), accept) < 0) {
        api_refuse(reply, 400, "bad_handshake", "Sec-WebSocket-Key: want 16 bytes in base64, once");
    } else if (request->body.size > 0 || request->exchange == NULL ||
               !http_exchange_can_switch(request->exchange)) {
        api_refuse(reply, 400, "bad_handshake", "want GET of HTTP/1.1, without a body");
    } else {
        reply->turn = API_TAKEN;
        reply->take = take;
    }
}
