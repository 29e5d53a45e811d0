/* Unix sockets at a path: made so that nobody reaches one before its permissions are right, and nothing that
 * is still of use is replaced. */
#ifndef OUTRIDER_IO_NET_UNIX_BIND_H
#define OUTRIDER_IO_NET_UNIX_BIND_H

#include "outrider/base/attr.h"

#include <sys/types.h>

struct error;

/* A socket and the file that is its name. {.fd = -1} is none. */
struct unix_bound {
    int fd;
    char *path; /* NULL: not ours to remove */
    dev_t device;
    ino_t inode;
};

/* Binds a non-blocking, close-on-exec socket of `type` (SOCK_STREAM, SOCK_DGRAM) to `path` and gives the file
 * the permission bits `mode` and the group `gid` ((gid_t)-1: leave), whatever the umask. A stream
 * socket listens. A socket file on which nobody answers is replaced; of several processes that do so at once
 * one wins. Returns 0; or -1: ERROR_BUSY (somebody answers on it), ERROR_INVALID (the path is empty or too
 * long, or names something that is no socket), ERROR_DENIED, ERROR_NOT_FOUND (no such directory) or
 * ERROR_SYSTEM. */
int unix_bind(const char *path, int type, mode_t mode, gid_t gid, struct error *err,
              struct unix_bound *ret_bound) MUST_CHECK;

/* Takes over a descriptor inherited from the service manager and makes it non-blocking: its file is never
 * removed. */
void unix_adopt(int fd, struct unix_bound *ret_bound);

/* Closes the descriptor, and removes the file if it is still the one that unix_bind made. Accepts
 * {.fd = -1}. */
void unix_unbind(struct unix_bound *bound);

#endif
