#include "outrider/api/common/deferred.h"

#include "outrider/api/common/attempt.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <stdlib.h>
#include <utlist.h>

struct api_deferred {
    struct api_deferred *next, *prev;
    struct api_deferreds *list;
    struct http_exchange *exchange; /* NULL: replied, and the operation still runs */
    struct api_request request;     /* texts in `bytes` */
    char *bytes;
    struct api_deferral deferral;
    const struct api_context *context;
    struct api_attempt *attempt; /* what is told the audit; NULL: nothing */
    bool held;                   /* `reply` is complete and waits for the entry */
    struct api_reply reply;
    int64_t due_mono;
    uint64_t round; /* of the list when it was added */
};

struct api_deferreds {
    struct api_deferred *first; /* the earliest timeout first */
    size_t count;
    uint64_t round;   /* counts wake-ups */
    int64_t due_mono; /* of the request that is being handled again; INT64_MAX: none is */
    struct timer *timer;
    int64_t timer_ms; /* when it is to run; INT64_MAX: it is not armed */
    struct loop *loop;
    struct deferred woken;
    api_again_fn *again;
    void *user;
};

_Static_assert(offsetof(struct api_request, proxy_user) == (API_TEXTS - 1) * sizeof(struct str),
               "API_TEXTS is the number of texts of a request: one that is not counted is not copied");

static void copy_request(struct api_deferred *deferred, const struct api_request *request)
{
    struct api_request *copy = &deferred->request;
    size_t size = 0;
    *copy = *request;
    copy->head = NULL;
    memset(copy->names, 0, sizeof(copy->names)); /* the route sets them again */
    for (size_t i = 0; i < API_TEXTS; i++) {
        size += copy->texts[i].size;
    }
    char *at = deferred->bytes = mem_zalloc(size + 1);
    for (size_t i = 0; i < API_TEXTS; i++) {
        struct str *text = &copy->texts[i];
        if (text->data != NULL) {
            text->data = memcpy(at, text->data, text->size);
            at += text->size;
        }
    }
}

/* Moves the timer only to an earlier time: most are answered long before they are due, and one wake-up that finds nothing due costs less
 * than moving it each time. */
static void arm(struct api_deferreds *list)
{
    const struct api_deferred *each = list->first;
    while (each != NULL && each->exchange == NULL) {
        each = each->next;
    }
    if (each != NULL && each->due_mono < list->timer_ms) {
        list->timer_ms = each->due_mono;
        timer_arm_at_ms(list->timer, list->timer_ms);
    }
}

/* The one that came first stays before others with the same timeout. Sought from the end: most are the last to end. */
static void put_in(struct api_deferreds *list, struct api_deferred *deferred)
{
    struct api_deferred *before = list->first == NULL ? NULL : list->first->prev;
    while (before != NULL && before->due_mono > deferred->due_mono) {
        before = before == list->first ? NULL : before->prev;
    }
    DL_APPEND_ELEM(list->first, before, deferred);
    list->count++;
}

static void take_out(struct api_deferred *deferred)
{
    DL_DELETE(deferred->list->first, deferred);
    deferred->list->count--;
}

/* Frees one that is out of the list. */
static void free_deferred(struct api_deferred *deferred)
{
    if (deferred->deferral.state != NULL) {
        deferred->deferral.free_state(deferred->deferral.state);
    }
    api_attempt_free(deferred->attempt);
    api_reply_fini(&deferred->reply);
    free(deferred->bytes);
    free(deferred);
}

static void drop(struct api_deferred *deferred)
{
    take_out(deferred);
    free_deferred(deferred);
}

/* ---- answers that wait for the audit ---- */

static void send(struct api_deferred *deferred)
{
    struct api_deferreds *list = deferred->list;
    if (deferred->exchange != NULL) {
        api_respond(deferred->exchange, &deferred->reply);
    }
    drop(deferred);
    arm(list);
}

static void on_recorded(bool written, void *user)
{
    (void)written; /* the log has it otherwise */
    send(user);
}

/* Keeps the reply, which is taken over, until its entry is on the disk. */
static void hold(struct api_deferred *deferred, struct api_reply *reply)
{
    deferred->held = true;
    deferred->reply = *reply;
    *reply = (struct api_reply){0};
    api_attempt_end(deferred->attempt, deferred->context, &deferred->request, &deferred->reply, on_recorded,
                    deferred);
}

/* A deferred that only waits for the audit. */
static struct api_deferred *add_held(struct api_deferreds *list, const struct api_context *context,
                                     const struct api_request *request, struct api_attempt *attempt,
                                     struct http_exchange *exchange)
{
    struct api_deferred *deferred = mem_zalloc(sizeof(*deferred));
    *deferred = (struct api_deferred){.list = list,
                                      .exchange = exchange,
                                      .context = context,
                                      .attempt = attempt,
                                      .due_mono = INT64_MAX,
                                      .round = list->round};
    copy_request(deferred, request);
    put_in(list, deferred);
    return deferred;
}

/* Answers a request whose operation goes on. */
static void answer(struct api_deferred *deferred, struct api_attempt *attempt, struct api_reply *reply)
{
    if (api_attempt_has_entry(attempt, &deferred->request)) {
        hold(add_held(deferred->list, deferred->context, &deferred->request, attempt, deferred->exchange),
             reply);
        return;
    }
    api_attempt_end(attempt, deferred->context, &deferred->request, reply, NULL, NULL);
    api_attempt_free(attempt);
    api_respond(deferred->exchange, reply);
    api_reply_fini(reply);
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

/* A request gets its reply now; an operation goes on, and its result is no longer of interest. */
static void end_wait(struct api_deferred *deferred, const char *code, const char *cause)
{
    if (deferred->held) {
        send(deferred);
    } else if (deferred->deferral.begin == NULL) {
        handle_again(deferred, true);
    } else if (deferred->exchange != NULL) {
        struct api_reply reply = {0};
        api_refuse(&reply, 503, code, "%s: %s", cause, deferred->deferral.in_doubt);
        answer(deferred, api_attempt_copy(deferred->attempt), &reply);
        deferred->exchange = NULL;
    }
}

static void on_timer(void *user)
{
    struct api_deferreds *list = user;
    int64_t now = clock_mono_ms();
    list->timer_ms = INT64_MAX;
    for (struct api_deferred *each = list->first, *next; each != NULL && each->due_mono <= now; each = next) {
        next = each->next;
        const char *code = each->deferral.code;
        end_wait(each, code == NULL ? "registry_away" : code,
                 code == NULL ? "the registry did not answer in time" : "no answer in time");
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
        if (each->deferral.begin == NULL && !each->held && each->round < list->round) {
            handle_again(each, false);
        }
    }
    arm(list);
}

/* ---- public ---- */

struct api_deferreds *api_deferreds_new(struct loop *loop, api_again_fn *again, void *user)
{
    struct api_deferreds *list = mem_zalloc(sizeof(*list));
    *list = (struct api_deferreds){.due_mono = INT64_MAX,
                                   .timer_ms = INT64_MAX,
                                   .timer = timer_new(loop, on_timer, list),
                                   .loop = loop,
                                   .woken = {.fn = on_woken, .user = list},
                                   .again = again,
                                   .user = user};
    return list;
}

void api_deferreds_free(struct api_deferreds *deferreds)
{
    if (deferreds == NULL) {
        return;
    }
    while (deferreds->first != NULL) {
        struct api_deferred *each = deferreds->first;
        bool operation = each->deferral.begin != NULL && !each->held;
        end_wait(each, "stopping", "the agent is stopping");
        if (operation) {
            drop(each);
        }
    }
    deferred_cancel(&deferreds->woken);
    timer_free(deferreds->timer);
    free(deferreds);
}

bool api_deferreds_add(struct api_deferreds *deferreds, struct api_call *call, struct http_exchange *exchange,
                       struct api_reply *reply)
{
    bool waits = reply->deferral.begin == NULL;
    if (deferreds->count >= (waits ? API_DEFERRED_WAITS_MAX : API_DEFERRED_MAX)) {
        return false;
    }
    struct api_deferred *deferred = mem_zalloc(sizeof(*deferred));
    *deferred = (struct api_deferred){.list = deferreds,
                                      .exchange = exchange,
                                      .deferral = reply->deferral,
                                      .context = call->context,
                                      .due_mono = clock_mono_ms() + reply->deferral.timeout_ms,
                                      .round = deferreds->round};
    reply->deferral.state = NULL;
    copy_request(deferred, &call->request);
    if (!waits) {
        deferred->attempt = call->attempt;
        call->attempt = NULL;
    }
    if (waits && deferred->due_mono > deferreds->due_mono) {
        deferred->due_mono = deferreds->due_mono; /* it waits again, and has no more time than it had */
    }
    put_in(deferreds, deferred);
    arm(deferreds);
    if (!waits) {
        deferred->deferral.begin(call, deferred->deferral.state, deferred);
    }
    return true;
}

void api_deferreds_gone(struct api_deferreds *deferreds, const struct http_exchange *exchange)
{
    struct api_deferred *deferred = deferreds->first;
    while (deferred != NULL && deferred->exchange != exchange) {
        deferred = deferred->next;
    }
    if (deferred != NULL && deferred->deferral.begin == NULL && !deferred->held) {
        drop(deferred);
    } else if (deferred != NULL) {
        deferred->exchange = NULL;
    }
    arm(deferreds);
}

void api_deferreds_wake(struct api_deferreds *deferreds)
{
    if (deferreds->first != NULL) {
        loop_defer(deferreds->loop, &deferreds->woken);
    }
}

void api_deferred_answer(struct api_deferred *deferred, struct api_reply *reply)
{
    struct api_deferreds *list = deferred->list;
    if (api_attempt_has_entry(deferred->attempt, &deferred->request)) {
        deferred->due_mono = INT64_MAX; /* it has no more time to run out of */
        DL_DELETE(list->first, deferred);
        DL_APPEND(list->first, deferred);
        hold(deferred, reply);
        return;
    }
    api_attempt_end(deferred->attempt, deferred->context, &deferred->request, reply, NULL, NULL);
    if (deferred->exchange != NULL) {
        api_respond(deferred->exchange, reply);
    }
    api_reply_fini(reply);
    drop(deferred);
    arm(list);
}

void api_deferreds_hold(struct api_deferreds *deferreds, struct api_call *call,
                        struct http_exchange *exchange, struct api_reply *reply)
{
    struct api_attempt *attempt = call->attempt;
    call->attempt = NULL;
    hold(add_held(deferreds, call->context, &call->request, attempt, exchange), reply);
}

struct api_attempt *api_deferred_attempt(struct api_deferred *deferred)
{
    return deferred->attempt;
}

void api_deferred_busy(struct api_deferred *deferred, const char *message)
{
    struct api_reply reply = {.header = API_RETRY_SOON};
    api_refuse(&reply, 503, "busy", "%s", message);
    api_deferred_answer(deferred, &reply);
}
