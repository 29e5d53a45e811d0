/* Unix sockets bound to a path. Permissions are set before other processes can connect, and a socket in use
 * is never replaced. */
#ifndef OUTRIDER_IO_NET_UNIX_BIND_H
#define OUTRIDER_IO_NET_UNIX_BIND_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <sys/types.h>

struct error;

/* The process at the other end of a unix socket, as reported by the kernel. */
struct credentials {
    bool known; /* false: the kernel reported nothing, and the other members mean nothing */
    pid_t pid;  /* in our PID namespace; 0 when the process is not visible there */
    uid_t uid;
    gid_t gid;
};

/* Where a socket is to be. */
struct unix_place {
    const char *path; /* ignored with an inherited descriptor */
    mode_t mode;      /* permission bits of the file, regardless of the umask */
    gid_t gid;        /* group of the file; (gid_t)-1: unchanged */
    int inherited_fd; /* a bound socket of the service manager to use instead; -1: none */
};

/* A socket and its file. {.fd = -1} is none. */
struct unix_bound {
    int fd;
    char *path;     /* NULL: it has no file, or none that is visible here */
    bool inherited; /* the file is not ours to make and to remove */
    int type;
    mode_t mode;
    gid_t gid;
    dev_t device;
    ino_t inode; /* 0: the file was gone from the beginning */
};

/* Binds a non-blocking, close-on-exec socket of `type` (SOCK_STREAM, SOCK_DGRAM). A stream socket listens. A stale
 * socket file is replaced; of several processes that do so at the same time one succeeds. An inherited descriptor is
 * taken over and made non-blocking, and its file is never removed. Returns 0; or -1: ERROR_BUSY (another process
 * answers on it), ERROR_INVALID (the path is empty, too long, or names a file that is not a socket), ERROR_DENIED,
 * ERROR_NOT_FOUND (no such directory) or ERROR_SYSTEM. */
int unix_bind(const struct unix_place *place, int type, struct error *err,
              struct unix_bound *ret_bound) MUST_CHECK;

/* Compares what is at the path with the file that unix_bind() made: without it no peer can connect any more. Returns 0
 * when that is there, or the socket has no file. When there is nothing, or a stale socket file, it is bound again and 1
 * is returned: `bound->fd` is another socket then, and `ret_old` the former one, which the caller closes after it has
 * taken what waits there. Returns -1 with `err` when it cannot be bound (errors as unix_bind: what has taken its place
 * is left alone), or is inherited. */
int unix_check(struct unix_bound *bound, struct error *err, int *ret_old) MUST_CHECK;

/* Closes the descriptor, and removes the file if it is still the one created by unix_bind. Accepts {.fd =
 * -1}. */
void unix_unbind(struct unix_bound *bound);

#endif
