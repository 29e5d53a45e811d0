#include "outrider/io/loop/pidfd.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop_base.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct pidfd_watch {
    struct event event;
    int fd;
    pidfd_fn *fn;
    void *user;
};

static void on_exit_of_process(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct pidfd_watch *watch = user;
    watch->fn(watch->user);
}

struct pidfd_watch *pidfd_watch_new(struct loop *loop, pid_t pid, pidfd_fn *fn, void *user, struct error *err)
{
    /* by number: glibc has no wrapper before 2.36 */
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) {
        int errnum = errno;
        error_errno(err, errnum, "cannot watch process %d", (int)pid);
        if (err != NULL && (errnum == ESRCH || errnum == EINVAL)) {
            err->code = ERROR_NOT_FOUND;
        }
        return NULL;
    }
    struct pidfd_watch *watch = mem_zalloc(sizeof(*watch));
    watch->fd = fd;
    watch->fn = fn;
    watch->user = user;
    event_assign(&watch->event, loop_base(loop), fd, EV_READ, on_exit_of_process, watch);
    event_add(&watch->event, NULL);
    return watch;
}

void pidfd_watch_free(struct pidfd_watch *watch)
{
    if (watch != NULL) {
        event_del(&watch->event);
        close(watch->fd);
        free(watch);
    }
}
