/* Sockets inherited from the service manager (the protocol of sd_listen_fds(3)), without its library. */
#ifndef OUTRIDER_OS_LISTEN_FDS_H
#define OUTRIDER_OS_LISTEN_FDS_H

#include <stddef.h>
#include <sys/un.h>

enum listen_fd_kind {
    LISTEN_FD_UNIX_STREAM, /* listening */
    LISTEN_FD_UNIX_DATAGRAM,
    LISTEN_FD_INET_STREAM, /* listening, IPv4 or IPv6 */
    LISTEN_FD_OTHER
};

struct listen_fd {
    int fd; /* owned by the caller of listen_fds_take; close-on-exec and non-blocking */
    enum listen_fd_kind kind;
    char name[64]; /* FileDescriptorName= of the socket unit; "" when none was given */
    /* The file of a unix socket, as the service manager named it; "" where it has none. */
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
};

/* Takes the descriptors named by LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES, at most `max`; further ones are
 * closed. One that was not inherited, which a wrong LISTEN_FDS names, is left alone: every descriptor that this process opens
 * is close-on-exec. Returns their number; 0 when the variables are absent, malformed or for another process. Removes
 * the variables from the environment, so that a second call returns 0. Descriptors that are not sockets are
 * of kind LISTEN_FD_OTHER. */
size_t listen_fds_take(struct listen_fd *ret_fds, size_t max);

#endif
