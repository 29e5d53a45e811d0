#include "outrider/io/loop/loop_sync.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

struct loop_sync {
    struct loop *loop;
    struct event event; /* of the descriptor that the kernel counts up */
    int fd;             /* -1: the loop waits */
    aio_context_t context;
    bool tried, runs;
    int failure;
    struct deferred later; /* the loop has waited: tells the end */
    loop_sync_fn *fn;
    void *user;
};

static void end(struct loop_sync *sync, int failure)
{
    sync->runs = false;
    sync->fn(failure, sync->user);
}

static void on_later(void *user)
{
    struct loop_sync *sync = user;
    end(sync, sync->failure);
}

static void on_counted(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct loop_sync *sync = user;
    struct io_event event;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count) &&
        syscall(SYS_io_getevents, sync->context, 0L, 1L, &event, NULL) == 1) {
        end(sync, event.res < 0 ? (int)-event.res : 0);
    }
}

struct loop_sync *loop_sync_new(struct loop *loop, loop_sync_fn *fn, void *user)
{
    struct loop_sync *sync = mem_zalloc(sizeof(*sync));
    *sync = (struct loop_sync){.loop = loop, .fd = -1, .fn = fn, .user = user};
    sync->later = (struct deferred){.fn = on_later, .user = sync};
    return sync;
}

/* Once: a kernel that has none has none later. */
static void set_up(struct loop_sync *sync)
{
    sync->tried = true;
    if (syscall(SYS_io_setup, 1U, &sync->context) < 0) {
        return;
    }
    sync->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (sync->fd < 0) {
        syscall(SYS_io_destroy, sync->context);
        return;
    }
    event_assign(&sync->event, loop_base(sync->loop), sync->fd, EV_READ | EV_PERSIST, on_counted, sync);
    event_add(&sync->event, NULL);
}

static bool submit(struct loop_sync *sync, int fd)
{
    struct iocb request = {.aio_lio_opcode = IOCB_CMD_FDSYNC,
                           .aio_fildes = (uint32_t)fd,
                           .aio_flags = IOCB_FLAG_RESFD,
                           .aio_resfd = (uint32_t)sync->fd};
    struct iocb *requests[] = {&request};
    return sync->fd >= 0 && syscall(SYS_io_submit, sync->context, 1L, requests) == 1;
}

void loop_sync_begin(struct loop_sync *sync, int fd)
{
    if (!sync->tried) {
        set_up(sync);
    }
    sync->runs = true;
    if (!submit(sync, fd)) {
        sync->failure = fdatasync(fd) < 0 ? errno : 0;
        loop_defer(sync->loop, &sync->later);
    }
}

bool loop_sync_runs(const struct loop_sync *sync)
{
    return sync->runs;
}

bool loop_sync_is_beside(const struct loop_sync *sync)
{
    return sync->fd >= 0;
}

void loop_sync_free(struct loop_sync *sync)
{
    if (sync == NULL) {
        return;
    }
    deferred_cancel(&sync->later);
    if (sync->fd >= 0) {
        event_del(&sync->event);
        syscall(SYS_io_destroy, sync->context);
        close(sync->fd);
    }
    free(sync);
}
