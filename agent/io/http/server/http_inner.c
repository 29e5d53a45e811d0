/* Requests within a push. */
#include "http_server_internal.h"
#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct http_exchange *http_inner_new(const struct http_push *push, http_answer_fn *answer, void *user)
{
    struct http_inner *inner = mem_zalloc(sizeof(*inner));
    const struct connection *connection = push_connection(push);
    inner->answer = answer;
    inner->user = user;
    snprintf(inner->text, sizeof(inner->text), "gone");
    if (connection != NULL) {
        inner->peer = connection->peer;
        http_exchange_peer(&connection->exchange, inner->text, sizeof(inner->text));
    }
    inner->exchange = (struct http_exchange){.minor = 1, .is_open = true, .inner = inner};
    return &inner->exchange;
}

void http_inner_drop(struct http_exchange *exchange)
{
    free(exchange->inner);
}

void inner_respond(struct http_inner *inner, const struct http_response *response)
{
    inner->answer(&inner->exchange, response, inner->user);
    free(inner);
}
