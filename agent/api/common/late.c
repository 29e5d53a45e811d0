#include "outrider/api/common/late.h"

#include "outrider/api/common/reply.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"

#include <stdlib.h>

struct api_late {
    struct late_reply {
        struct http_exchange *exchange;
        struct api_reply reply;
        int64_t due_mono;
    } * waiting;
    size_t count, capacity;
    struct timer *timer;
};

static void take_out(struct api_late *late, size_t i)
{
    api_reply_fini(&late->waiting[i].reply);
    late->waiting[i] = late->waiting[--late->count];
}

static void arm(struct api_late *late)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < late->count; i++) {
        due = late->waiting[i].due_mono < due ? late->waiting[i].due_mono : due;
    }
    if (late->count > 0) {
        timer_arm_at_ms(late->timer, due);
    }
}

static void send_due(struct api_late *late, int64_t now)
{
    for (size_t i = 0; i < late->count;) {
        if (late->waiting[i].due_mono > now) {
            i++;
            continue;
        }
        api_respond(late->waiting[i].exchange, &late->waiting[i].reply);
        take_out(late, i);
    }
}

static void on_timer(void *user)
{
    struct api_late *late = user;
    send_due(late, clock_mono_ms());
    arm(late);
}

struct api_late *api_late_new(struct loop *loop)
{
    struct api_late *late = mem_zalloc(sizeof(*late));
    late->timer = timer_new(loop, on_timer, late);
    return late;
}

void api_late_free(struct api_late *late)
{
    if (late != NULL) {
        send_due(late, INT64_MAX);
        timer_free(late->timer);
        free(late->waiting);
        free(late);
    }
}

bool api_late_add(struct api_late *late, struct http_exchange *exchange, struct api_reply *reply)
{
    if (late->count == API_LATE_MAX) {
        return false;
    }
    late->waiting = mem_grow(late->waiting, late->count, &late->capacity, sizeof(*late->waiting));
    late->waiting[late->count++] = (struct late_reply){
        .exchange = exchange, .reply = *reply, .due_mono = clock_mono_ms() + reply->delay_ms};
    *reply = (struct api_reply){0};
    arm(late);
    return true;
}

void api_late_gone(struct api_late *late, const struct http_exchange *exchange)
{
    for (size_t i = 0; i < late->count; i++) {
        if (late->waiting[i].exchange == exchange) {
            take_out(late, i);
            return;
        }
    }
}
