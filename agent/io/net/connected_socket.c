#include "outrider/io/net/connected_socket.h"

#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/address.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <unistd.h>

struct connected_socket {
    int fd;
    bool is_stream;
    unsigned dropped;
    struct event event;
    connected_fn *fn;
    void *user;
};

bool connected_socket_is_its_own_peer(const struct connected_socket *socket)
{
    struct sockaddr_storage own = {0}, peer = {0};
    socklen_t own_size = sizeof(own), peer_size = sizeof(peer);
    return getsockname(socket->fd, (struct sockaddr *)&own, &own_size) == 0 &&
           getpeername(socket->fd, (struct sockaddr *)&peer, &peer_size) == 0 && own_size == peer_size &&
           memcmp(&own, &peer, own_size) == 0;
}

/* Reads once and hands over. Returns whether there may be more. */
static bool read_once(struct connected_socket *socket, char *bytes)
{
    /* MSG_TRUNC: the true size of a datagram; of a stream it would discard the bytes */
    ssize_t got = recv(socket->fd, bytes, CONNECTED_DATAGRAM_MAX,
                       socket->is_stream ? MSG_DONTWAIT : MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (got > CONNECTED_DATAGRAM_MAX) {
        socket->dropped++;
        return true;
    }
    bool goes_on = false;
    if (got < 0) {
        socket->fn(CONNECTED_FAILED, (struct str){NULL, 0}, errno, socket->user);
    } else if (got == 0 && socket->is_stream) {
        socket->fn(CONNECTED_END, (struct str){NULL, 0}, 0, socket->user);
    } else {
        goes_on = socket->fn(CONNECTED_BYTES, (struct str){bytes, (size_t)got}, 0, socket->user);
    }
    if (!goes_on) {
        event_del(&socket->event);
    }
    return goes_on;
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    /* not on the stack, which the compiler would clear each time */
    char *bytes = mem_resize(NULL, CONNECTED_DATAGRAM_MAX, 1);
    int left = CONNECTED_READS_MAX;
    while (left > 0 && read_once(user, bytes)) {
        left--;
    }
    free(bytes);
}

static struct connected_socket *new_socket(struct loop *loop, int fd, connected_fn *fn, void *user)
{
    struct connected_socket *socket = mem_zalloc(sizeof(*socket));
    socket->fd = fd;
    socket->fn = fn;
    socket->user = user;
    event_assign(&socket->event, loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, socket);
    event_add(&socket->event, NULL);
    return socket;
}

struct connected_socket *connected_socket_udp(struct loop *loop, const struct sockaddr_storage *address,
                                              connected_fn *fn, void *user)
{
    int fd = socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, address_size(address)) < 0) {
        int errnum = errno;
        close(fd);
        errno = errnum;
        return NULL;
    }
    return fd < 0 ? NULL : new_socket(loop, fd, fn, user);
}

struct connected_socket *connected_socket_stream(struct loop *loop, int fd, connected_fn *fn, void *user)
{
    struct connected_socket *socket = new_socket(loop, fd, fn, user);
    socket->is_stream = true;
    return socket;
}

int connected_socket_send(struct connected_socket *socket, struct str bytes)
{
    ssize_t sent = send(socket->fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? errno : (size_t)sent < bytes.size ? EAGAIN : 0;
}

unsigned connected_socket_dropped(const struct connected_socket *socket)
{
    return socket->dropped;
}

void connected_socket_free(struct connected_socket *socket)
{
    if (socket != NULL) {
        event_del(&socket->event);
        close(socket->fd);
        free(socket);
    }
}
