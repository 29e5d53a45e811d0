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
    char *path; /* NULL: the file is not removed */
    dev_t device;
    ino_t inode;
};

/* Binds a non-blocking, close-on-exec socket of `type` (SOCK_STREAM, SOCK_DGRAM). A stream socket listens. A stale
 * socket file is replaced; of several processes that do so at the same time one succeeds. An inherited descriptor is
 * taken over and made non-blocking, and its file is never removed. Returns 0; or -1: ERROR_BUSY (another process
 * answers on it), ERROR_INVALID (the path is empty, too long, or names a file that is not a socket), ERROR_DENIED,
 * ERROR_NOT_FOUND (no such directory) or ERROR_SYSTEM. */
int unix_bind(const struct unix_place *place, int type, struct error *err,
              struct unix_bound *ret_bound) MUST_CHECK;

/* Closes the descriptor, and removes the file if it is still the one created by unix_bind. Accepts {.fd =
 * -1}. */
void unix_unbind(struct unix_bound *bound);

#endif
