/* One watch, on the endpoint that a request would be sent to:
 *
 *     open -> token? -> stream -> created on every range --> OPENED -> events --> CHANGED
 *               ^          |                                   |
 *               |          |--> its token refused, the first time: a login, again
 *               '----------'   '--> refused, silent, broken off, ended by the server --> ENDED
 *
 * It is not opened again here. The next watch goes to another endpoint where this one is marked as failed. The server
 * leaves a stream open whose watch it has cancelled, so the connection is closed here whatever ended the watch
 * (docs/design/etcd-gateway.md, "Watch end"). */
#include "etcd_internal.h"
#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/codec/etcd/etcd_watch.h"
#include "outrider/io/http/client/http_stream.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* on_due bounds the time until the watch is open; the stream's own timeout must not come first. */
enum { STREAM_LATER_MS = 1000 };

struct etcd_watch {
    struct etcd_watch *next;
    struct etcd *etcd;
    struct registry_watch request;
    struct buf keys;     /* what the request's ranges point to */
    struct timer *timer; /* until it is open */
    struct auth_wait wait;
    struct http_stream *stream;
    struct etcd_watch_decoder *decoder;
    size_t endpoint;
    uint64_t generation;  /* of the token it took along */
    bool logged_in_again; /* its token was refused once */
    bool opened, over;
    int64_t due; /* by clock_mono_ms: open by then */
    struct deferred release;
};

static const struct endpoint *endpoint_of(const struct etcd_watch *watch)
{
    return &watch->etcd->endpoints.list[watch->endpoint];
}

static void copy_ranges(struct etcd_watch *watch)
{
    for (size_t i = 0; i < watch->request.range_count; i++) {
        buf_str(&watch->keys, watch->request.ranges[i].key);
        buf_str(&watch->keys, watch->request.ranges[i].end);
    }
    const char *at = watch->keys.data;
    for (size_t i = 0; i < watch->request.range_count; i++) {
        struct registry_range *range = &watch->request.ranges[i];
        range->key.data = at;
        range->end.data = at + range->key.size;
        at += range->key.size + range->end.size;
    }
}

/* ---- the end of a watch ---- */

static void watch_free(void *user)
{
    struct etcd_watch *watch = user;
    LL_DELETE(watch->etcd->watches, watch);
    http_stream_close(watch->stream);
    auth_cancel(&watch->wait);
    timer_free(watch->timer);
    deferred_cancel(&watch->release);
    etcd_watch_decoder_free(watch->decoder);
    buf_fini(&watch->keys);
    free(watch);
}

/* No event is delivered any more. The memory is freed at the end of the turn: this may be within a callback of any of
 * its parts. */
static void stop(struct etcd_watch *watch)
{
    http_stream_close(watch->stream);
    watch->stream = NULL;
    auth_cancel(&watch->wait);
    timer_cancel(watch->timer);
    watch->over = true;
    loop_defer(watch->etcd->loop, &watch->release);
}

static void deliver(const struct etcd_watch *watch, const struct registry_watch_event *event)
{
    struct registry_watch_event own = *event;
    own.endpoint = str_of(endpoint_of(watch)->name);
    registry_deliver_event(&watch->etcd->registry, &own);
}

/* The last thing done with a watch. `event` says only why; a login names the endpoints it tried itself. */
static void end(struct etcd_watch *watch, struct registry_watch_event event, bool on_endpoint)
{
    struct buf error = {0};
    if (event.failure != REGISTRY_OK) {
        buf_printf(&error, "watch%s%s: %.*s", on_endpoint ? " on " : "",
                   on_endpoint ? endpoint_of(watch)->name : "", STR_ARG(event.error));
        event.error = buf_view(&error);
    }
    stop(watch);
    deliver(watch, &event);
    buf_fini(&error);
}

static void fail(struct etcd_watch *watch, enum registry_failure failure, struct str why, bool on_endpoint)
{
    struct registry_watch_event event = {
        .id = watch->request.id, .type = REGISTRY_WATCH_ENDED, .failure = failure, .error = why};
    end(watch, event, on_endpoint);
}

static void fail_on_endpoint(struct etcd_watch *watch, const char *why)
{
    etcd_endpoint_failed(watch->etcd, watch->endpoint, why);
    fail(watch, REGISTRY_RETRY, str_of(why), true);
}

static void on_due(void *user)
{
    struct etcd_watch *watch = user;
    char why[80];
    snprintf(why, sizeof(why), "it did not begin within %" PRId64 " ms", watch->request.timeout_ms);
    if (watch->stream != NULL) {
        fail_on_endpoint(watch, why);
    } else {
        fail(watch, REGISTRY_RETRY, STR("no login in time"), false);
    }
}

/* ---- the stream ---- */

static void begin(struct etcd_watch *watch);

static bool log_in_again(struct etcd_watch *watch)
{
    if (watch->logged_in_again || watch->opened || !auth_refused(&watch->etcd->auth, watch->generation)) {
        return false;
    }
    watch->logged_in_again = true;
    http_stream_close(watch->stream);
    watch->stream = NULL;
    begin(watch);
    return true;
}

static void on_ended(struct etcd_watch *watch, const struct etcd_watch_event *ended_by)
{
    if (ended_by->token_refused && log_in_again(watch)) {
        return;
    }
    if (ended_by->elsewhere) {
        char why[ENDPOINT_ERROR_MAX];
        brief_copy(why, sizeof(why), ended_by->event.error);
        etcd_endpoint_failed(watch->etcd, watch->endpoint, why);
    }
    end(watch, ended_by->event, true);
}

static void on_opened(struct etcd_watch *watch, const struct registry_watch_event *event)
{
    struct etcd *etcd = watch->etcd;
    watch->opened = true;
    timer_cancel(watch->timer);
    endpoints_answered(&etcd->endpoints, watch->endpoint, event->cluster);
    etcd->cluster = event->cluster != 0 ? event->cluster : etcd->cluster;
    deliver(watch, event);
}

/* The client may close this watch in its callback: then it is over, and its memory still there. */
static void drain(struct etcd_watch *watch)
{
    struct etcd_watch_event next;
    while (!watch->over && etcd_watch_decoder_next(watch->decoder, &next)) {
        switch (next.event.type) {
        case REGISTRY_WATCH_OPENED: on_opened(watch, &next.event); break;
        case REGISTRY_WATCH_CHANGED: deliver(watch, &next.event); break;
        case REGISTRY_WATCH_ENDED: on_ended(watch, &next); break;
        }
    }
}

static void on_head(int status, void *user)
{
    struct etcd_watch *watch = user;
    etcd_watch_decoder_head(watch->decoder, status);
}

static void on_data(struct str bytes, void *user)
{
    struct etcd_watch *watch = user;
    etcd_watch_decoder_feed(watch->decoder, bytes);
    drain(watch);
}

static void on_end(const struct http_result *result, void *user)
{
    struct etcd_watch *watch = user;
    watch->stream = NULL;
    if (result->transport == HTTP_TRANSPORT_OK) {
        etcd_watch_decoder_finish(watch->decoder);
        drain(watch);
    } else {
        fail_on_endpoint(watch, etcd_without_url(watch->etcd, watch->endpoint, result->text));
    }
}

static void send(struct etcd_watch *watch)
{
    static const struct http_stream_handler handler = {.head = on_head, .data = on_data, .end = on_end};
    struct etcd *etcd = watch->etcd;
    int64_t left = watch->due - clock_mono_ms();
    left = left > 0 ? left : 0;
    watch->endpoint = endpoints_next(&etcd->endpoints, 0);
    watch->generation = etcd->auth.generation;
    etcd_watch_decoder_free(watch->decoder);
    watch->decoder = etcd_watch_decoder_new(&watch->request);
    const char *headers[ETCD_HEADERS_MAX];
    etcd_headers(etcd, 0, headers);
    etcd_watch_encode(&watch->request, &etcd->body);
    struct http_call call = {
        .url = etcd_url(etcd, watch->endpoint, "/v3/watch"),
        .headers = headers,
        .body = buf_view(&etcd->body),
        .timeout_ms = left + STREAM_LATER_MS,
        .connect_timeout_ms = left + STREAM_LATER_MS,
    };
    watch->stream = http_stream_open(etcd->http, &call, &handler, watch);
    etcd_reuse(&etcd->body);
}

static void on_login(enum registry_failure failure, struct str error, void *user)
{
    struct etcd_watch *watch = user;
    if (failure == REGISTRY_OK) {
        send(watch);
    } else {
        fail(watch, failure, error, false);
    }
}

static void begin(struct etcd_watch *watch)
{
    if (auth_is_ready(&watch->etcd->auth)) {
        send(watch);
    } else {
        auth_wait(&watch->etcd->auth, &watch->wait, watch->due - clock_mono_ms());
    }
}

/* ---- the backend ---- */

void etcd_watch_open(struct registry *registry, const struct registry_watch *request)
{
    struct etcd *etcd = (struct etcd *)registry;
    struct etcd_watch *watch = mem_zalloc(sizeof(*watch));
    LL_PREPEND(etcd->watches, watch);
    watch->etcd = etcd;
    watch->request = *request;
    copy_ranges(watch);
    watch->due = clock_mono_ms() + request->timeout_ms;
    watch->endpoint = endpoints_next(&etcd->endpoints, 0);
    watch->wait.fn = on_login;
    watch->wait.user = watch;
    watch->release.fn = watch_free;
    watch->release.user = watch;
    watch->timer = timer_new(etcd->loop, on_due, watch);
    timer_arm_ms(watch->timer, request->timeout_ms);
    begin(watch);
}

void etcd_watch_close(struct registry *registry, uint64_t id)
{
    struct etcd_watch *watch = ((struct etcd *)registry)->watches;
    while (watch != NULL && (watch->over || watch->request.id != id)) {
        watch = watch->next;
    }
    if (watch != NULL) {
        stop(watch);
    }
}

void etcd_watches_fini(struct etcd *etcd)
{
    while (etcd->watches != NULL) {
        watch_free(etcd->watches);
    }
}
