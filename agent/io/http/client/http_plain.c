/* Calls: taken from a short free list, sent by http_plain_connection.c, and when they are over queued in
 * `done` until the end of the turn. Callbacks run only in deliver(), with nothing of ours on the stack, and
 * so may start and cancel calls. */
#include "http_plain_parts_internal.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALLS_KEPT = 4, BUFFER_KEPT = 16384, SECRET_ANSWER = 4096 };

/* ---- the life of a call ---- */

static struct plain_call *call_take(struct http_plain *client)
{
    struct plain_call *call = client->spare;
    if (call == NULL) {
        call = mem_zalloc(sizeof(*call));
        call->client = client;
    } else {
        client->spare = call->next;
        client->spare_count--;
    }
    call->previous = NULL;
    call->next = client->calls;
    if (call->next != NULL) {
        call->next->previous = call;
    }
    client->calls = call;
    client->in_flight++;
    call->state = CALL_RUNNING;
    call->started_us = clock_mono_us();
    return call;
}

static void disarm(struct http_plain *client)
{
    if (client->timer_ms != INT64_MAX) {
        timer_cancel(client->timer);
        client->timer_ms = INT64_MAX;
    }
}

/* The handle means nothing to the caller from here on. */
static void call_unlink(struct plain_call *call)
{
    struct http_plain *client = call->client;
    *(call->previous != NULL ? &call->previous->next : &client->calls) = call->next;
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    call->state = CALL_FREE;
    if (--client->in_flight == 0) {
        disarm(client);
    }
}

static void call_free(struct plain_call *call)
{
    buf_fini(&call->url_text);
    buf_fini(&call->request);
    buf_fini(&call->text);
    http_answer_fini(&call->answer);
    free(call);
}

void plain_wipe(struct buf *buf)
{
    if (buf->data != NULL) {
        mem_wipe(buf->data, buf->capacity);
    }
    buf->size = 0;
}

static void reuse(struct buf *buf)
{
    if (buf->capacity > BUFFER_KEPT) {
        buf_fini(buf);
    } else {
        buf_clear(buf);
    }
}

static void wipe_secrets(struct plain_call *call)
{
    if (call->secret) {
        plain_wipe(&call->request);
        plain_wipe(&call->answer.head);
        plain_wipe(&call->answer.body);
    }
}

static void call_release(struct plain_call *call)
{
    struct http_plain *client = call->client;
    wipe_secrets(call);
    if (client->spare_count >= CALLS_KEPT) {
        call_free(call);
        return;
    }
    reuse(&call->url_text);
    reuse(&call->request);
    reuse(&call->text);
    reuse(&call->answer.head);
    reuse(&call->answer.body);
    call->next = client->spare;
    client->spare = call;
    client->spare_count++;
}

/* ---- results ---- */

static const char *meaning(enum http_transport transport)
{
    switch (transport) {
    case HTTP_TRANSPORT_UNREACHABLE: return "unreachable: ";
    case HTTP_TRANSPORT_RESET: return "connection lost: ";
    case HTTP_TRANSPORT_TOO_LARGE: return "the answer is larger than we accept";
    case HTTP_TRANSPORT_OK:
    case HTTP_TRANSPORT_REFUSED:
    case HTTP_TRANSPORT_TIMEOUT:
    case HTTP_TRANSPORT_RESOLVE:
    case HTTP_TRANSPORT_TLS:
    case HTTP_TRANSPORT_OTHER: break;
    }
    return "";
}

void plain_describe(struct buf *text, const struct http_url *url, enum http_transport transport,
                    const char *why)
{
    if (url->authority.size > 0) {
        http_url_show(url, text);
        buf_str(text, STR(": "));
    }
    buf_printf(text, "%s%s", meaning(transport), why);
}

static void call_back(struct plain_call *call)
{
    struct http_result result = {
        .transport = call->transport,
        .text = buf_text(&call->text),
        .sent = call->sent,
        .status = call->answer.status,
        .content_type = call->answer.content_type,
        .body = {buf_text(&call->answer.body), call->answer.body.size},
        .elapsed_us = call->ended_us - call->started_us,
    };
    call->fn(&result, call->user);
}

/* What ends while this runs waits for its next round. */
static void deliver(void *user)
{
    struct http_plain *client = user;
    struct plain_call *call = client->done;
    client->done = client->last_done = NULL;
    while (call != NULL) {
        struct plain_call *next = call->next_done;
        bool cancelled = call->state == CALL_CANCELLED;
        call_unlink(call);
        if (!cancelled) {
            call_back(call);
        }
        call_release(call);
        call = next;
    }
}

void plain_call_end(struct plain_call *call, enum http_transport transport, const char *why)
{
    struct http_plain *client = call->client;
    call->state = CALL_DONE;
    call->transport = transport;
    call->ended_us = clock_mono_us();
    if (transport != HTTP_TRANSPORT_OK) {
        plain_describe(&call->text, &call->url, transport, why);
    }
    call->next_done = NULL;
    *(client->last_done != NULL ? &client->last_done->next_done : &client->done) = call;
    client->last_done = call;
    loop_defer(client->loop, &client->deliver);
}

/* ---- time ---- */

static int64_t deadline_ms(const struct plain_call *call)
{
    return call->state != CALL_RUNNING || call->timeout_ms == 0
               ? INT64_MAX
               : (call->started_us + 999) / 1000 + call->timeout_ms;
}

static void expire(struct plain_call *call)
{
    char limit[24], why[80];
    plain_connection_silent(call);
    snprintf(why, sizeof(why), "%s within %s",
             !call->sent               ? "no connection"
             : call->answer.status > 0 ? "the answer did not end"
                                       : "no answer",
             duration_format(call->timeout_ms, limit));
    plain_call_end(call, HTTP_TRANSPORT_TIMEOUT, why);
}

/* The timer is moved only to an earlier moment: most calls end long before their deadline. When none is in
 * flight it is disarmed. */
static void arm(struct http_plain *client, int64_t at_ms)
{
    if (at_ms < client->timer_ms) {
        client->timer_ms = at_ms;
        timer_arm_at_ms(client->timer, at_ms);
    }
}

static void on_deadline(void *user)
{
    struct http_plain *client = user;
    int64_t now_ms = clock_mono_ms(), next_ms = INT64_MAX;
    client->timer_ms = INT64_MAX;
    for (struct plain_call *call = client->calls; call != NULL; call = call->next) {
        int64_t at_ms = deadline_ms(call);
        if (at_ms <= now_ms) {
            expire(call);
        } else if (at_ms < next_ms) {
            next_ms = at_ms;
        }
    }
    arm(client, next_ms);
}

static void watch_time(struct plain_call *call)
{
    struct http_plain *client = call->client;
    if (client->timer == NULL) {
        client->timer = timer_new(client->loop, on_deadline, client);
    }
    arm(client, deadline_ms(call));
}

/* ---- what http_client calls ---- */

/* An answer with a secret is read to memory that need not grow, which would leave copies behind. */
static void make_room(struct plain_call *call, size_t max_response)
{
    if (call->secret) {
        buf_extend(&call->answer.body, max_response < SECRET_ANSWER ? max_response : SECRET_ANSWER);
    }
    http_answer_begin(&call->answer, max_response);
}

static struct plain_call *call_start(struct http_plain *client, http_result_fn *fn, void *user)
{
    struct plain_call *call = call_take(client);
    call->fn = fn;
    call->user = user;
    call->url = (struct http_url){0};
    call->connection = NULL;
    call->timeout_ms = call->connect_timeout_ms = 0;
    call->secret = call->sent = call->applied = false;
    return call;
}

struct http_request_handle *http_plain_post(struct http_plain *client, const struct http_call *call,
                                            http_result_fn *fn, void *user)
{
    struct plain_call *own = call_start(client, fn, user);
    struct error err;
    own->secret = call->secret;
    own->timeout_ms = call->timeout_ms;
    own->connect_timeout_ms = call->connect_timeout_ms;
    make_room(own, call->max_response);
    buf_str(&own->url_text, str_of(call->url));
    if (http_url_parse(buf_text(&own->url_text), &err, &own->url) < 0 ||
        http_url_request(&own->url, call, false, &err, &own->request) < 0) {
        plain_call_end(own, HTTP_TRANSPORT_OTHER, err.text);
    } else {
        plain_connection_start(own);
        watch_time(own);
    }
    return &own->handle;
}

struct http_request_handle *http_plain_refuse(struct http_plain *client, const char *why, http_result_fn *fn,
                                              void *user)
{
    struct plain_call *call = call_start(client, fn, user);
    http_answer_begin(&call->answer, 0);
    plain_call_end(call, HTTP_TRANSPORT_OTHER, why);
    return &call->handle;
}

void http_plain_cancel(struct http_request_handle *handle)
{
    struct plain_call *call = (struct plain_call *)handle;
    if (call->state == CALL_DONE) {
        call->state = CALL_CANCELLED;
    } else if (call->state == CALL_RUNNING) {
        plain_connection_abandon(call);
        call_unlink(call);
        call_release(call);
    }
}

size_t http_plain_in_flight(const struct http_plain *client)
{
    return client->in_flight;
}

char *plain_scratch(struct http_plain *client)
{
    if (client->scratch == NULL) {
        client->scratch = mem_zalloc(HTTP_PLAIN_READ_SIZE);
    }
    return client->scratch;
}

struct http_plain *http_plain_new(struct loop *loop)
{
    struct http_plain *client = mem_zalloc(sizeof(*client));
    client->loop = loop;
    client->resolver = resolver_new(loop, NULL);
    client->timer_ms = INT64_MAX;
    client->deliver = (struct deferred){.fn = deliver, .user = client};
    plain_connections_init(client);
    return client;
}

void http_plain_free(struct http_plain *client)
{
    if (client == NULL) {
        return;
    }
    while (client->calls != NULL) {
        struct plain_call *call = client->calls;
        plain_connection_abandon(call);
        call_unlink(call);
        wipe_secrets(call);
        call_free(call);
    }
    while (client->spare != NULL) {
        struct plain_call *call = client->spare;
        client->spare = call->next;
        call_free(call);
    }
    plain_streams_fini(client);
    plain_connections_fini(client);
    deferred_cancel(&client->deliver);
    timer_free(client->timer);
    free(client->scratch);
    resolver_free(client->resolver);
    free(client);
}
