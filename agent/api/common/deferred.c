#include "outrider/api/common/deferred.h"

#include "outrider/api/common/reply.h"
#include "outrider/api/common/request.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <stdlib.h>
#include <string.h>

struct api_deferred {
    struct api_deferred *next, *prev;
    struct api_deferreds *list;
    struct http_exchange *exchange; /* NULL: replied, and the operation still runs */
    struct api_request request;     /* texts in `bytes` */
    struct api_deferral deferral;
    int64_t due_mono;
    uint64_t round; /* of the list when it was added */
    void *state;
    void (*free_state)(void *state);
    char *bytes;
};

struct api_deferreds {
    struct api_deferred *first, *last; /* the earliest timeout first */
    size_t count;
    uint64_t round;   /* counts wake-ups */
    int64_t due_mono; /* of the request that is being handled again; INT64_MAX: none is */
    struct timer *timer;
    struct loop *loop;
    struct deferred woken;
    api_again_fn *again;
    void *user;
};

/* ---- the copy of a request ---- */

static const size_t texts[] = {
    offsetof(struct api_request, method),        offsetof(struct api_request, path),
    offsetof(struct api_request, query),         offsetof(struct api_request, body),
    offsetof(struct api_request, host),          offsetof(struct api_request, content_type),
    offsetof(struct api_request, authorization), offsetof(struct api_request, origin),
    offsetof(struct api_request, if_none_match), offsetof(struct api_request, last_event_id),
    offsetof(struct api_request, peer)}; /* not type and id, which the route sets again */

static struct str *text_at(struct api_request *request, size_t i)
{
    return (struct str *)(void *)((char *)request + texts[i]);
}

static void copy_request(struct api_deferred *deferred, const struct api_request *request)
{
    size_t size = 0;
    deferred->request = *request;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        size += text_at(&deferred->request, i)->size;
    }
    char *at = deferred->bytes = mem_zalloc(size + 1);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct str *text = text_at(&deferred->request, i);
        if (text->size > 0) {
            memcpy(at, text->data, text->size);
        }
        text->data = at;
        at += text->size;
    }
}

/* ---- the list ---- */

static void arm(struct api_deferreds *list)
{
    const struct api_deferred *each = list->first;
    while (each != NULL && each->exchange == NULL) {
        each = each->next;
    }
    timer_arm_at_ms(list->timer, each == NULL ? INT64_MAX : each->due_mono);
}

static void insert(struct api_deferreds *list, struct api_deferred *deferred)
{
    struct api_deferred *after = list->last;
    while (after != NULL && after->due_mono > deferred->due_mono) {
        after = after->prev;
    }
    deferred->prev = after;
    deferred->next = after == NULL ? list->first : after->next;
    *(after == NULL ? &list->first : &after->next) = deferred;
    *(deferred->next == NULL ? &list->last : &deferred->next->prev) = deferred;
    list->count++;
}

static void take_out(struct api_deferred *deferred)
{
    struct api_deferreds *list = deferred->list;
    *(deferred->prev == NULL ? &list->first : &deferred->prev->next) = deferred->next;
    *(deferred->next == NULL ? &list->last : &deferred->next->prev) = deferred->prev;
    list->count--;
}

static void free_deferred(struct api_deferred *deferred)
{
    if (deferred->state != NULL) {
        deferred->free_state(deferred->state);
    }
    free(deferred->bytes);
    free(deferred);
}

/* ---- the end of waiting ---- */

static void handle_again(struct api_deferred *deferred, bool impatient)
{
    struct api_deferreds *list = deferred->list;
    take_out(deferred);
    list->due_mono = deferred->due_mono;
    list->again(deferred->exchange, &deferred->request, impatient, list->user);
    list->due_mono = INT64_MAX;
    free_deferred(deferred);
}

/* The operation goes on; its result is no longer of interest. */
static void reply_in_doubt(struct api_deferred *deferred, const char *code, const char *cause)
{
    struct api_reply reply = {0};
    api_refuse(&reply, 503, code, "%s: %s", cause, deferred->deferral.in_doubt);
    api_respond(deferred->exchange, &reply);
    deferred->exchange = NULL;
    api_reply_fini(&reply);
}

static void on_timer(void *user)
{
    struct api_deferreds *list = user;
    int64_t now = clock_mono_ms();
    for (struct api_deferred *each = list->first, *next; each != NULL && each->due_mono <= now; each = next) {
        next = each->next;
        if (each->deferral.begin == NULL) {
            handle_again(each, true);
        } else if (each->exchange != NULL) {
            reply_in_doubt(each, "registry_away", "the registry did not answer in time");
        }
    }
    arm(list);
}

/* Handles each request once: one that waits again is added with the new round. */
static void on_woken(void *user)
{
    struct api_deferreds *list = user;
    list->round++;
    for (struct api_deferred *each = list->first, *next; each != NULL; each = next) {
        next = each->next;
        if (each->deferral.begin == NULL && each->round < list->round) {
            handle_again(each, false);
        }
    }
    arm(list);
}

/* ---- public ---- */

struct api_deferreds *api_deferreds_new(struct loop *loop, api_again_fn *again, void *user)
{
    struct api_deferreds *list = mem_zalloc(sizeof(*list));
    list->due_mono = INT64_MAX;
    list->timer = timer_new(loop, on_timer, list);
    list->loop = loop;
    list->woken = (struct deferred){.fn = on_woken, .user = list};
    list->again = again;
    list->user = user;
    return list;
}

void api_deferreds_free(struct api_deferreds *deferreds)
{
    if (deferreds == NULL) {
        return;
    }
    while (deferreds->first != NULL) {
        struct api_deferred *each = deferreds->first;
        if (each->deferral.begin == NULL) {
            handle_again(each, true);
            continue;
        }
        if (each->exchange != NULL) {
            reply_in_doubt(each, "stopping", "the agent is stopping");
        }
        take_out(each);
        free_deferred(each);
    }
    deferred_cancel(&deferreds->woken);
    timer_free(deferreds->timer);
    free(deferreds);
}

bool api_deferreds_add(struct api_deferreds *deferreds, struct api_context *context,
                       struct http_exchange *exchange, const struct api_request *request,
                       struct api_reply *reply)
{
    if (deferreds->count >= API_DEFERRED_MAX) {
        return false;
    }
    struct api_deferred *deferred = mem_zalloc(sizeof(*deferred));
    deferred->list = deferreds;
    deferred->exchange = exchange;
    deferred->deferral = reply->deferral;
    deferred->due_mono = clock_mono_ms() + reply->deferral.timeout_ms;
    /* A request that waits again has no more time than it had. */
    if (reply->deferral.begin == NULL && deferred->due_mono > deferreds->due_mono) {
        deferred->due_mono = deferreds->due_mono;
    }
    deferred->round = deferreds->round;
    deferred->state = reply->state;
    deferred->free_state = reply->free_state;
    reply->state = NULL;
    copy_request(deferred, request);
    insert(deferreds, deferred);
    arm(deferreds);
    if (deferred->deferral.begin != NULL) {
        deferred->deferral.begin(context, deferred);
    }
    return true;
}

void api_deferreds_gone(struct api_deferreds *deferreds, const struct http_exchange *exchange)
{
    struct api_deferred *deferred = deferreds->first;
    while (deferred != NULL && deferred->exchange != exchange) {
        deferred = deferred->next;
    }
    if (deferred != NULL && deferred->deferral.begin == NULL) {
        take_out(deferred);
        free_deferred(deferred);
    } else if (deferred != NULL) {
        deferred->exchange = NULL;
    }
    arm(deferreds);
}

void api_deferreds_wake(struct api_deferreds *deferreds)
{
    if (deferreds->count > 0) {
        loop_defer(deferreds->loop, &deferreds->woken);
    }
}

const void *api_deferred_state(const struct api_deferred *deferred)
{
    return deferred->state;
}

void api_deferred_answer(struct api_deferred *deferred, const struct api_reply *reply)
{
    struct api_deferreds *list = deferred->list;
    if (deferred->exchange != NULL) {
        api_respond(deferred->exchange, reply);
    }
    take_out(deferred);
    free_deferred(deferred);
    arm(list);
}
