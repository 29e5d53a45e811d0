#include "outrider/io/loop/loop_watch.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/net.h"
#include "outrider/os/process.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct loop_watch {
    struct event event;
    int fd;
    loop_watch_fn *fn;
    loop_watch_signal_fn *on_signal;
    void *user;
    struct timer *pause; /* of the network */
    int64_t pause_end;   /* mono ms: the latest end of the pause that is waited for */
};

static struct loop_watch *loop_watch_new(struct loop *loop, int fd, event_callback_fn on_readable, void *user)
{
    struct loop_watch *watch = mem_zalloc(sizeof(*watch));
    watch->fd = fd;
    watch->user = user;
    event_assign(&watch->event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, watch);
    event_add(&watch->event, NULL);
    return watch;
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch != NULL) {
        event_del(&watch->event);
        close(watch->fd);
        timer_free(watch->pause);
        free(watch);
    }
}

/* ---- signals ---- */

/* In the order of delivery. The kernel returns pending signals by number, not by arrival, so for USR1 and
 * USR2, a pair of opposites, one must always win: USR1, which is delivered last. */
static const int handled[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR2, SIGUSR1, SIGTERM, SIGCHLD};

static void handled_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < COUNT_OF(handled); i++) {
        sigaddset(set, handled[i]);
    }
}

void loop_watch_block_signals(void)
{
    sigset_t set;
    handled_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void on_signals(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct loop_watch *watch = user;
    struct signalfd_siginfo infos[COUNT_OF(handled)];
    ssize_t got = read(fd, infos, sizeof(infos));
    size_t count = got < 0 ? 0 : (size_t)got / sizeof(infos[0]);
    for (size_t i = 0; i < COUNT_OF(handled); i++) {
        for (size_t j = 0; j < count; j++) {
            if ((int)infos[j].ssi_signo == handled[i]) {
                watch->on_signal(handled[i], watch->user);
            }
        }
    }
}

struct loop_watch *loop_watch_signals(struct loop *loop, loop_watch_signal_fn *fn, void *user,
                                      struct error *err)
{
    sigset_t set;
    handled_set(&set);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        error_errno(err, errno, "cannot receive signals");
        return NULL;
    }
    struct loop_watch *watch = loop_watch_new(loop, fd, on_signals, user);
    watch->on_signal = fn;
    return watch;
}

/* ---- a process ---- */

static void on_exit_of_process(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct loop_watch *watch = user;
    event_del(&watch->event); /* the descriptor stays readable */
    watch->fn(watch->user);
}

struct loop_watch *loop_watch_pidfd(struct loop *loop, int fd, loop_watch_fn *fn, void *user)
{
    struct loop_watch *watch = loop_watch_new(loop, fd, on_exit_of_process, user);
    watch->fn = fn;
    return watch;
}

struct loop_watch *loop_watch_process(struct loop *loop, pid_t pid, loop_watch_fn *fn, void *user,
                                      struct error *err)
{
    int fd = process_open(pid, err);
    return fd < 0 ? NULL : loop_watch_pidfd(loop, fd, fn, user);
}

/* ---- the wall clock ---- */

/* A time that is never reached: only a clock change makes the descriptor readable (timerfd_create(2),
 * TFD_TIMER_CANCEL_ON_SET), which the kernel also does at resume. */
static int arm(int fd)
{
    static const struct itimerspec never = {.it_value = {.tv_sec = INT64_MAX}};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void on_set(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct loop_watch *watch = user;
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

struct loop_watch *loop_watch_clock(struct loop *loop, loop_watch_fn *fn, void *user, struct error *err)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0 || arm(fd) < 0) {
        error_errno(err, errno, "cannot watch the wall clock");
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    struct loop_watch *watch = loop_watch_new(loop, fd, on_set, user);
    watch->fn = fn;
    return watch;
}

/* ---- the network ---- */

enum { PAUSES_MAX = 4 };

static void on_network(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct loop_watch *watch = user;
    if (!net_changes_take(fd)) {
        return;
    }
    int64_t now = clock_mono_ms(), due = now + LOOP_WATCH_PAUSE_MS;
    if (!timer_is_armed(watch->pause)) {
        watch->pause_end = now + PAUSES_MAX * LOOP_WATCH_PAUSE_MS;
    }
    timer_arm_at_ms(watch->pause, due < watch->pause_end ? due : watch->pause_end);
}

static void on_pause(void *user)
{
    struct loop_watch *watch = user;
    watch->fn(watch->user);
}

struct loop_watch *loop_watch_network(struct loop *loop, loop_watch_fn *fn, void *user, struct error *err)
{
    int fd = net_changes_open(err);
    if (fd < 0) {
        return NULL;
    }
    struct loop_watch *watch = loop_watch_new(loop, fd, on_network, user);
    watch->fn = fn;
    watch->pause = timer_new(loop, on_pause, watch);
    return watch;
}
