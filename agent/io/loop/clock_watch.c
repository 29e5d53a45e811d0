#include "outrider/io/loop/clock_watch.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop_base.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct clock_watch {
    struct event event;
    int fd;
    clock_watch_fn *fn;
    void *user;
};

/* A time that is never reached: only a clock change makes the descriptor readable. */
static int arm(int fd)
{
    static const struct itimerspec never = {.it_value = {.tv_sec = INT64_MAX}};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void on_set(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct clock_watch *watch = user;
    uint64_t times;
    ssize_t size = read(fd, &times, sizeof(times)); /* fails with ECANCELED after a clock change */
    if (size < 0 && errno == EAGAIN) {
        return;
    }
    if (arm(fd) < 0) {
        event_del(&watch->event); /* a descriptor that stays readable would make the loop spin */
    }
    watch->fn(watch->user);
}

struct clock_watch *clock_watch_new(struct loop *loop, clock_watch_fn *fn, void *user, struct error *err)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0 || arm(fd) < 0) {
        error_errno(err, errno, "cannot watch the wall clock");
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    struct clock_watch *watch = mem_zalloc(sizeof(*watch));
    watch->fd = fd;
    watch->fn = fn;
    watch->user = user;
    event_assign(&watch->event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_set, watch);
    event_add(&watch->event, NULL);
    return watch;
}

void clock_watch_free(struct clock_watch *watch)
{
    if (watch != NULL) {
        event_del(&watch->event);
        close(watch->fd);
        free(watch);
    }
}
