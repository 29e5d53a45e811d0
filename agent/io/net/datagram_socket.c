#include "outrider/io/net/datagram_socket.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* SCM_MAX_FD of unix(7), the most that one datagram carries. The kernel closes those that do not fit the
 * buffer. */
enum { FDS_MAX = 253 };

struct datagram_socket {
    struct loop *loop;
    struct unix_bound bound;
    struct event event;
    int former; /* the socket before datagram_socket_check() made another; -1: none. Senders may be connected to it */
    struct event former_event;
    datagram_fn *fn;
    void *user;
};

static void close_fds(const struct cmsghdr *header)
{
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
        close(fd);
    }
}

static void take_control(struct msghdr *message, struct datagram *datagram)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (header->cmsg_type == SCM_RIGHTS) {
            close_fds(header);
        } else if (header->cmsg_type == SCM_CREDENTIALS &&
                   header->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
            struct ucred cred;
            memcpy(&cred, CMSG_DATA(header), sizeof(cred));
            /* pid 0: sent before SO_PASSCRED was set; uid and gid are not the sender's either */
            datagram->credentials = (struct credentials){
                .known = cred.pid != 0, .pid = cred.pid, .uid = cred.uid, .gid = cred.gid};
        }
    }
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct datagram_socket *server = user;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    /* Allocated per datagram: an idle agent then holds no buffer, and untouched pages cost nothing. */
    char *bytes = mem_resize(NULL, DATAGRAM_MAX, 1);
    struct iovec vector = {.iov_base = bytes, .iov_len = DATAGRAM_MAX};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got >= 0) {
        struct datagram datagram = {.bytes = {bytes, (size_t)got},
                                    .truncated = (message.msg_flags & MSG_TRUNC) != 0};
        take_control(&message, &datagram);
        server->fn(&datagram, server->user);
    }
    free(bytes);
}

static int ask_for_credentials(int fd, struct error *err)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0
               ? error_errno(err, errno, "cannot enable SO_PASSCRED on the datagram socket")
               : 0;
}

static void serve(struct datagram_socket *server)
{
    event_assign(&server->event, loop_base(server->loop), server->bound.fd, EV_READ | EV_PERSIST, on_readable,
                 server);
    event_add(&server->event, NULL);
}

struct datagram_socket *datagram_socket_new(struct loop *loop, const struct unix_place *place,
                                            datagram_fn *fn, void *user, struct error *err)
{
    struct unix_bound bound;
    if (unix_bind(place, SOCK_DGRAM, err, &bound) < 0) {
        return NULL;
    }
    if (ask_for_credentials(bound.fd, err) < 0) {
        if (place->inherited_fd < 0) {
            unix_unbind(&bound);
        }
        return NULL;
    }
    struct datagram_socket *server = mem_zalloc(sizeof(*server));
    server->loop = loop;
    server->former = -1;
    server->bound = bound;
    server->fn = fn;
    server->user = user;
    serve(server);
    return server;
}

static void close_former(struct datagram_socket *server)
{
    if (server->former >= 0) {
        event_del(&server->former_event);
        close(server->former);
        server->former = -1;
    }
}

int datagram_socket_check(struct datagram_socket *server, struct error *err)
{
    int old;
    int rc = unix_check(&server->bound, err, &old);
    if (rc == 1) {
        close_former(server);
        event_del(&server->event);
        server->former = old;
        event_assign(&server->former_event, loop_base(server->loop), old, EV_READ | EV_PERSIST, on_readable,
                     server);
        event_add(&server->former_event, NULL);
        serve(server);
        rc = ask_for_credentials(server->bound.fd, err) < 0 ? -1 : 1;
    }
    return rc;
}

const struct unix_bound *datagram_socket_bound(const struct datagram_socket *server)
{
    return &server->bound;
}

void datagram_socket_free(struct datagram_socket *server)
{
    if (server != NULL) {
        close_former(server);
        event_del(&server->event);
        unix_unbind(&server->bound);
        free(server);
    }
}
