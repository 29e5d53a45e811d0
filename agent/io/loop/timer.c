#include "outrider/io/loop/timer.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/clock.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/time.h>

struct timer {
    struct event event;
    struct loop *loop;
    timer_fn *fn;
    void *user;
    int64_t due_us;
    bool armed;
};

/* A century: libevent rejects sums that overflow. */
#define LONGEST_US (100LL * 365 * 24 * 3600 * 1000000)

static int64_t clamp(int64_t us)
{
    return us < 0 ? 0 : us > LONGEST_US ? LONGEST_US : us;
}

static void wait_us(struct timer *timer, int64_t delay_us)
{
    int64_t us = clamp(delay_us);
    struct timeval delay = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    event_add(&timer->event, &delay);
}

static void on_timeout(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct timer *timer = user;
    int64_t late_us = clock_mono_us() - timer->due_us;
    if (late_us < 0) {
        wait_us(timer, -late_us);
        return;
    }
    loop_note_lag(timer->loop, late_us);
    timer->armed = false;
    timer->fn(timer->user);
}

struct timer *timer_new(struct loop *loop, timer_fn *fn, void *user)
{
    struct timer *timer = mem_zalloc(sizeof(*timer));
    timer->loop = loop;
    timer->fn = fn;
    timer->user = user;
    event_assign(&timer->event, loop_base(loop), -1, 0, on_timeout, timer);
    return timer;
}

void timer_free(struct timer *timer)
{
    if (timer != NULL) {
        event_del(&timer->event);
        free(timer);
    }
}

static void arm_due(struct timer *timer, int64_t now_us, int64_t due_us)
{
    if (timer->armed && timer->due_us == due_us) {
        return;
    }
    timer->armed = true;
    timer->due_us = due_us;
    wait_us(timer, due_us - now_us);
}

void timer_arm_us(struct timer *timer, int64_t delay_us)
{
    int64_t now = clock_mono_us();
    arm_due(timer, now, now + clamp(delay_us));
}

static int64_t us_of(int64_t ms)
{
    return ms > LONGEST_US / 1000 ? LONGEST_US : clamp(ms) * 1000;
}

void timer_arm_ms(struct timer *timer, int64_t delay_ms)
{
    timer_arm_us(timer, us_of(delay_ms));
}

void timer_arm_at_ms(struct timer *timer, int64_t mono_ms)
{
    if (mono_ms == INT64_MAX) {
        timer_cancel(timer);
    } else {
        arm_due(timer, clock_mono_us(), us_of(mono_ms));
    }
}

void timer_cancel(struct timer *timer)
{
    timer->armed = false;
    event_del(&timer->event);
}

bool timer_is_armed(const struct timer *timer)
{
    return timer->armed;
}
