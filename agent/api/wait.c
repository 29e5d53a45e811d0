#include "wait_internal.h"

#include "outrider/base/mem.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <stdlib.h>
#include <string.h>

struct waiter {
    struct waiter *next;
    struct http_exchange *exchange;
    struct http_request request; /* views into `bytes` */
    struct http_head head;
    int64_t due_mono;
    char *bytes;
};

struct api_waiters {
    struct waiter *first, **end; /* in the order of their ends, as all wait equally long */
    size_t count;
    struct timer *timer;
    struct loop *loop;
    struct deferred woken;
    api_again_fn *again;
    void *user;
};

static size_t size_of(const struct http_request *request)
{
    const struct http_head *head = request->head;
    size_t size = request->method.size + request->path.size + request->query.size + request->host.size +
                  request->body.size;
    for (size_t i = 0; i < head->header_count; i++) {
        size += head->headers[i].name.size + head->headers[i].value.size;
    }
    return size;
}

static struct str keep(char **at, struct str text)
{
    struct str kept = {*at, text.size};
    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
        *at += text.size;
    }
    return kept;
}

static struct waiter *copy(const struct http_request *request)
{
    struct waiter *waiter = mem_zalloc(sizeof(*waiter));
    char *at = waiter->bytes = mem_zalloc(size_of(request) + 1);
    waiter->request = *request;
    waiter->head = *request->head;
    waiter->request.head = &waiter->head;
    waiter->request.method = waiter->head.method = keep(&at, request->method);
    waiter->request.path = waiter->head.path = keep(&at, request->path);
    waiter->request.query = waiter->head.query = keep(&at, request->query);
    waiter->request.host = waiter->head.host = keep(&at, request->host);
    waiter->request.body = keep(&at, request->body);
    for (size_t i = 0; i < waiter->head.header_count; i++) {
        struct http_header *header = &waiter->head.headers[i];
        header->name = keep(&at, header->name);
        header->value = keep(&at, header->value);
    }
    return waiter;
}

static void arm(struct api_waiters *waiters)
{
    timer_arm_at_ms(waiters->timer, waiters->first == NULL ? INT64_MAX : waiters->first->due_mono);
}

/* Whoever comes to wait again is behind those that are looked at now. */
static void ask_again(struct api_waiters *waiters, int64_t until_mono, bool impatient)
{
    for (size_t left = waiters->count; left > 0 && waiters->first->due_mono <= until_mono; left--) {
        struct waiter *waiter = waiters->first;
        waiters->first = waiter->next;
        waiters->end = waiters->first == NULL ? &waiters->first : waiters->end;
        waiters->count--;
        waiters->again(waiter->exchange, &waiter->request, impatient, waiters->user);
        free(waiter->bytes);
        free(waiter);
    }
    arm(waiters);
}

static void on_timer(void *user)
{
    ask_again(user, clock_mono_ms(), true);
}

static void on_woken(void *user)
{
    ask_again(user, INT64_MAX, false);
}

struct api_waiters *api_waiters_new(struct loop *loop, api_again_fn *again, void *user)
{
    struct api_waiters *waiters = mem_zalloc(sizeof(*waiters));
    waiters->end = &waiters->first;
    waiters->timer = timer_new(loop, on_timer, waiters);
    waiters->loop = loop;
    waiters->woken = (struct deferred){.fn = on_woken, .user = waiters};
    waiters->again = again;
    waiters->user = user;
    return waiters;
}

void api_waiters_free(struct api_waiters *waiters)
{
    if (waiters != NULL) {
        ask_again(waiters, INT64_MAX, true);
        deferred_cancel(&waiters->woken);
        timer_free(waiters->timer);
        free(waiters);
    }
}

bool api_waiters_add(struct api_waiters *waiters, struct http_exchange *exchange,
                     const struct http_request *request, int64_t patience_ms)
{
    if (waiters->count >= API_WAITERS_MAX) {
        return false;
    }
    struct waiter *waiter = copy(request);
    waiter->exchange = exchange;
    waiter->due_mono = clock_mono_ms() + patience_ms;
    *waiters->end = waiter;
    waiters->end = &waiter->next;
    waiters->count++;
    arm(waiters);
    return true;
}

void api_waiters_wake(struct api_waiters *waiters)
{
    if (waiters->count > 0) {
        loop_defer(waiters->loop, &waiters->woken);
    }
}
