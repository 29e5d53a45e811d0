/* Unix sockets bound to a path. Permissions are set before other processes can connect, and a socket in use
 * is never replaced. */
#ifndef OUTRIDER_IO_NET_UNIX_BIND_H
#define OUTRIDER_IO_NET_UNIX_BIND_H

#include "outrider/base/attr.h"

#include <sys/types.h>

struct error;

/* A socket and its file. {.fd = -1} is none. */
struct unix_bound {
    int fd;
    char *path; /* NULL: the file is not removed */
    dev_t device;
    ino_t inode;
};

/* Binds a non-blocking, close-on-exec socket of `type` (SOCK_STREAM, SOCK_DGRAM) to `path` and gives the
 * file the permission bits `mode` and the group `gid` ((gid_t)-1: unchanged), regardless of the umask. A
 * stream socket listens. A stale socket file is replaced; of several processes that do so at the same time
 * one succeeds. Returns 0; or -1: ERROR_BUSY (another process answers on it), ERROR_INVALID (the path is
 * empty, too long, or names a file that is not a socket), ERROR_DENIED, ERROR_NOT_FOUND (no such directory)
 * or ERROR_SYSTEM. */
int unix_bind(const char *path, int type, mode_t mode, gid_t gid, struct error *err,
              struct unix_bound *ret_bound) MUST_CHECK;

/* Takes ownership of a descriptor inherited from the service manager and makes it non-blocking. Its file is
 * never removed. */
void unix_adopt(int fd, struct unix_bound *ret_bound);

/* Closes the descriptor, and removes the file if it is still the one created by unix_bind. Accepts {.fd =
 * -1}. */
void unix_unbind(struct unix_bound *bound);

#endif
