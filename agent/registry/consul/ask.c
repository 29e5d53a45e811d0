/* One request is one attempt or more, each on one endpoint:
 *
 *     send -> token? -> attempt -> answered ------------------------------------> fn
 *                          ^  |--> denied, and the token file was changed since: again
 *                          |  '--> not done, or harmless to repeat: the next endpoint, within the time
 *                          '-------'  |
 *                                     '--> a write that may have been done, or none is left: fn, with a failure */
#include "consul_internal.h"

#include "outrider/base/brief.h"

static void attempt(struct consul_ask *ask);

static const char *endpoint_name(const struct consul_ask *ask)
{
    return ask->consul->endpoints.list[ask->endpoint].name;
}

static void add_trail(struct consul_ask *ask, const char *why)
{
    buf_printf(ask->trail, "%s on %s: %s", ask->trail->size == 0 ? ask->name : ";", endpoint_name(ask), why);
}

static void finish(struct consul_ask *ask, enum registry_failure failure)
{
    ask->fn(ask, &(struct consul_answer){.failure = failure});
}

/* The endpoint failed in a way that another may not. */
static void move_on(struct consul_ask *ask, enum registry_failure failure)
{
    const struct endpoints *endpoints = &ask->consul->endpoints;
    size_t next = endpoints_next(endpoints, ask->asked);
    if (ask->is_pinned || failure == REGISTRY_UNKNOWN || failure == REGISTRY_OVERLOADED ||
        next == endpoints->count || ask->left_ms <= 0) {
        finish(ask, failure);
        return;
    }
    ask->endpoint = next;
    attempt(ask);
}

void consul_ask_reject(struct consul_ask *ask, const char *what)
{
    struct consul_status status;
    consul_status_malformed(what, ask->changes, &status);
    add_trail(ask, status.text);
    recheck_failed(&ask->consul->recheck, ask->endpoint, status.text);
    move_on(ask, status.failure);
}

static bool try_other_token(struct consul_ask *ask)
{
    struct buf ignored = {0};
    bool other = !ask->read_token_again && ask->left_ms > 0 && consul_token(ask->consul, true, &ignored);
    buf_fini(&ignored);
    ask->read_token_again = true;
    if (other) {
        attempt(ask);
    }
    return other;
}

static void on_answer(struct consul_ask *ask, const struct http_result *result)
{
    struct consul_status status;
    struct consul_answer answer = {.status = result->status, .body = result->body};
    consul_status_of(result->status, result->body, ask->changes, &status);
    if (status.elsewhere) {
        recheck_failed(&ask->consul->recheck, ask->endpoint, status.text);
    } else {
        endpoints_answered(&ask->consul->endpoints, ask->endpoint, 0);
    }
    if (status.denied_token && try_other_token(ask)) {
        return;
    }
    if (status.failure == REGISTRY_OK) {
        consul_head_decode(result->head, &answer.head);
        ask->fn(ask, &answer);
        return;
    }
    add_trail(ask, status.text);
    if (status.elsewhere) {
        move_on(ask, status.failure);
    } else {
        finish(ask, status.failure);
    }
}

static void on_no_answer(struct consul_ask *ask, const struct http_result *result)
{
    add_trail(ask, result->reason);
    recheck_failed(&ask->consul->recheck, ask->endpoint, result->reason);
    move_on(ask, result->sent && ask->changes ? REGISTRY_UNKNOWN : REGISTRY_RETRY);
}

static void on_result(const struct http_result *result, void *user)
{
    struct consul_ask *ask = user;
    ask->http = NULL;
    ask->left_ms -= (result->elapsed_us + 999) / 1000;
    if (result->transport == HTTP_TRANSPORT_OK) {
        on_answer(ask, result);
    } else if (result->transport == HTTP_TRANSPORT_TOO_LARGE && ask->is_long) {
        add_trail(ask, result->reason); /* the endpoint is healthy, and the others would answer the same */
        ask->fn(ask, &(struct consul_answer){.failure = REGISTRY_REFUSED, .too_large = true});
    } else {
        on_no_answer(ask, result);
    }
}

static void on_late(void *user)
{
    finish(user, REGISTRY_DENIED);
}

static void attempt(struct consul_ask *ask)
{
    struct consul *consul = ask->consul;
    struct buf why = {0};
    if (!consul_token(consul, false, &why)) {
        buf_printf(ask->trail, "%s%s: %.*s", ask->trail->size == 0 ? "" : "; ", ask->name,
                   STR_ARG(buf_view(&why)));
        buf_fini(&why);
        ask->late = (struct deferred){.fn = on_late, .user = ask};
        loop_defer(consul->loop, &ask->late);
        return;
    }
    int64_t share =
        ask->is_pinned ? ask->left_ms : endpoints_share(&consul->endpoints, ask->asked, ask->left_ms);
    share = share > 0 ? share : 1;
    ask->asked = endpoints_with(ask->asked, ask->endpoint);
    buf_clear(&consul->url);
    buf_printf(&consul->url, "%s%s", endpoint_name(ask), buf_text(&ask->path));
    struct http_call call = {
        .method = ask->method,
        .url = buf_text(&consul->url),
        .headers = (const char *const *)consul->headers,
        .body = buf_view(&ask->body),
        .timeout_ms = share,
        .connect_timeout_ms = share,
        .max_response = ask->is_long ? CONSUL_LISTING_MAX : CONSUL_ANSWER_MAX,
        .head = true,
    };
    ask->http = http_client_send(consul->http, &call, on_result, ask);
}

void consul_ask_send(struct consul_ask *ask)
{
    ask->asked = 0;
    ask->left_ms = ask->timeout_ms;
    ask->read_token_again = false;
    if (!ask->is_pinned) {
        ask->endpoint = endpoints_next(&ask->consul->endpoints, 0);
    }
    attempt(ask);
}

void consul_ask_fini(struct consul_ask *ask)
{
    http_request_cancel(ask->http);
    ask->http = NULL;
    deferred_cancel(&ask->late);
    buf_fini(&ask->path);
    buf_fini(&ask->body);
}
