#include "line_socket_internal.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop_base.h"
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

static struct peer *least_active(const struct line_socket *socket)
{
    struct peer *victim = NULL;
    for (struct line_peer *each = socket->peers; each != NULL; each = each->next) {
        struct peer *peer = (struct peer *)each;
        bool held = each->held && !peer->ended;
        if (!held && (victim == NULL || peer->active < victim->active)) {
            victim = peer;
        }
    }
    return victim;
}

static void resume(void *user)
{
    struct line_socket *socket = user;
    event_add(&socket->event, NULL);
}

static void pause_accepting(struct line_socket *socket)
{
    socket->stats.accept_failures++;
    if (socket->pause == NULL) {
        socket->pause = timer_new(socket->loop, resume, socket);
    }
    event_del(&socket->event);
    timer_arm_ms(socket->pause, PAUSE_MS);
}

static void on_connection(evutil_socket_t listening, short what, void *user)
{
    (void)what;
    struct line_socket *socket = user;
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(socket);
        }
        return;
    }
    if (socket->count >= socket->max_peers) {
        struct peer *victim = least_active(socket);
        if (victim == NULL) {
            socket->stats.refused++;
            close(fd);
            return;
        }
        socket->stats.evicted++;
        line_peer_drop(victim);
    }
    socket->stats.accepted++;
    line_peer_start(socket, fd);
}

struct line_socket *line_socket_new(struct loop *loop, const struct line_socket_options *options,
                                    const struct line_socket_handlers *handlers, void *user,
                                    struct error *err)
{
    struct unix_bound bound;
    if (unix_bind(&options->place, SOCK_STREAM, err, &bound) < 0) {
        return NULL;
    }
    struct line_socket *socket = mem_zalloc(sizeof(*socket));
    socket->loop = loop;
    socket->bound = bound;
    socket->handlers = *handlers;
    socket->user = user;
    socket->scratch = mem_zalloc(LINE_READ_SIZE);
    socket->max_line = options->max_line == 0 ? DEFAULT_MAX_LINE : options->max_line;
    socket->max_peers = options->max_peers == 0 ? DEFAULT_MAX_PEERS : options->max_peers;
    size_t share = process_files_for_peers() / SHARE_OF_FILES;
    socket->max_peers = share < socket->max_peers ? share : socket->max_peers;
    event_assign(&socket->event, loop_base(loop), bound.fd, EV_READ | EV_PERSIST, on_connection, socket);
    event_add(&socket->event, NULL);
    return socket;
}

void line_socket_free(struct line_socket *socket)
{
    if (socket == NULL) {
        return;
    }
    while (socket->peers != NULL) {
        line_peer_free((struct peer *)socket->peers);
    }
    while (socket->dying != NULL) {
        line_peer_free((struct peer *)socket->dying);
    }
    timer_free(socket->pause);
    event_del(&socket->event);
    unix_unbind(&socket->bound);
    free(socket->scratch);
    free(socket);
}

const struct line_socket_stats *line_socket_stats(const struct line_socket *socket)
{
    return &socket->stats;
}

struct line_peer *line_socket_first(const struct line_socket *socket)
{
    return socket->peers;
}
