#include "outrider/io/loop/signals.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop_base.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signals {
    struct event event;
    int fd;
    signals_fn *fn;
    void *user;
};

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

void signals_block(void)
{
    sigset_t set;
    handled_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct signals *signals = user;
    struct signalfd_siginfo infos[COUNT_OF(handled)];
    ssize_t got = read(fd, infos, sizeof(infos));
    size_t count = got < 0 ? 0 : (size_t)got / sizeof(infos[0]);
    for (size_t i = 0; i < COUNT_OF(handled); i++) {
        for (size_t j = 0; j < count; j++) {
            if ((int)infos[j].ssi_signo == handled[i]) {
                signals->fn(handled[i], signals->user);
            }
        }
    }
}

struct signals *signals_new(struct loop *loop, signals_fn *fn, void *user, struct error *err)
{
    sigset_t set;
    handled_set(&set);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        error_errno(err, errno, "cannot receive signals");
        return NULL;
    }
    struct signals *signals = mem_zalloc(sizeof(*signals));
    signals->fd = fd;
    signals->fn = fn;
    signals->user = user;
    event_assign(&signals->event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, signals);
    event_add(&signals->event, NULL);
    return signals;
}

void signals_free(struct signals *signals)
{
    if (signals != NULL) {
        event_del(&signals->event);
        close(signals->fd);
        free(signals);
    }
}
