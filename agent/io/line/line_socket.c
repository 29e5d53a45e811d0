#include "line_socket_internal.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/process.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Peers get a share of the descriptors, so that the registry and the probes always have some. */
enum { DEFAULT_MAX_LINE = 16384, DEFAULT_MAX_PEERS = 256, SHARE_OF_FILES = 4 };

/* Pause of accept(2) when there is no descriptor for a new peer. The listener stays readable, so without a
 * pause the loop would spin. */
enum { PAUSE_MS = 200 };

static void resume(void *user)
{
    struct listener *listener = user;
    event_add(&listener->event, NULL);
}

static void pause_accepting(struct listener *listener)
{
    listener->view.stats.accept_failures++;
    event_del(&listener->event);
    timer_arm_ms(listener->pause, PAUSE_MS);
}

/* Returns whether a connection was waiting. */
static bool take_connection(struct listener *listener, int listening)
{
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(listener);
        }
        return false;
    }
    bool full =
        listener->count >= listener->places.max || listener->count + listener->watched >= listener->max_files;
    if (full && !line_peer_make_room(listener, NULL)) {
        listener->view.stats.refused++;
        close(fd);
        return true;
    }
    listener->view.stats.accepted++;
    line_peer_start(listener, fd);
    return true;
}

static void on_connection(evutil_socket_t listening, short what, void *user)
{
    (void)what;
    (void)take_connection(user, listening);
}

static void serve(struct listener *listener)
{
    event_assign(&listener->event, loop_base(listener->loop), listener->bound.fd, EV_READ | EV_PERSIST,
                 on_connection, listener);
    event_add(&listener->event, NULL);
}

struct line_socket *line_socket_new(struct loop *loop, const struct line_socket_options *options,
                                    const struct line_socket_handlers *handlers, void *user,
                                    struct error *err)
{
    struct unix_bound bound;
    if (unix_bind(&options->place, SOCK_STREAM, err, &bound) < 0) {
        return NULL;
    }
    struct listener *listener = mem_zalloc(sizeof(*listener));
    listener->loop = loop;
    listener->bound = bound;
    listener->handlers = *handlers;
    listener->user = user;
    listener->scratch = mem_zalloc(LINE_READ_SIZE);
    listener->pause = timer_new(loop, resume, listener);
    listener->max_line = options->max_line == 0 ? DEFAULT_MAX_LINE : options->max_line;
    listener->max_files = process_files_for_peers() / SHARE_OF_FILES;
    size_t max = options->max_peers == 0 ? DEFAULT_MAX_PEERS : options->max_peers;
    listener->places.max = listener->max_files < max ? listener->max_files : max;
    serve(listener);
    return &listener->view;
}

int line_socket_check(struct line_socket *socket, struct error *err)
{
    struct listener *listener = (struct listener *)socket;
    int old;
    int rc = unix_check(&listener->bound, err, &old);
    if (rc == 1) {
        for (int i = 0; i < SOMAXCONN && take_connection(listener, old); i++) {
        }
        event_del(&listener->event);
        close(old);
        serve(listener);
    }
    return rc;
}

void line_socket_keep(struct line_socket *socket, pid_t pid, uid_t uid)
{
    struct places *places = &((struct listener *)socket)->places;
    places->server_user = uid != (uid_t)-1 || !places->has_server ? uid : places->server_user;
    places->server_process = (uint64_t)pid;
    places->has_server = true;
}

const struct unix_bound *line_socket_bound(const struct line_socket *socket)
{
    return &((const struct listener *)socket)->bound;
}

void line_socket_free(struct line_socket *socket)
{
    struct listener *listener = (struct listener *)socket;
    if (socket == NULL) {
        return;
    }
    while (listener->view.first != NULL) {
        line_peer_free((struct peer *)listener->view.first);
    }
    while (listener->dying != NULL) {
        line_peer_free((struct peer *)listener->dying);
    }
    timer_free(listener->pause);
    event_del(&listener->event);
    unix_unbind(&listener->bound);
    free(listener->scratch);
    free(listener);
}
