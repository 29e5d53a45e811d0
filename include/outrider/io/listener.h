/* Sockets that others connect to: a unix path or a TCP address, bound, with the right mode, and listening. No
 * events here: who uses them watches the descriptor. */
#ifndef OUTRIDER_IO_LISTENER_H
#define OUTRIDER_IO_LISTENER_H

#include "outrider/base/attr.h"

#include <stdint.h>
#include <sys/types.h>

struct error;

/* A bound unix socket and the file that is its name. {.fd = -1} is none. */
struct unix_socket {
    int fd;
    char *path; /* NULL: inherited, the file is not ours to remove */
    dev_t device;
    ino_t inode;
};

/* Binds `path` with a socket of `type` (SOCK_STREAM, which then listens, or SOCK_DGRAM), nonblocking and
 * close-on-exec. The file has `mode`, and the group `gid` unless that is (gid_t)-1, before anybody but its
 * owner can connect, whatever the umask. A socket file already there is replaced only when nobody answers on
 * it. Returns 0, or -1 with ERROR_INVALID (path too long or empty, or something there that is not a socket),
 * ERROR_BUSY (somebody answers), ERROR_SYSTEM. The caller ends `ret_socket` with unix_socket_close. */
int unix_socket_bind(const char *path, int type, mode_t mode, gid_t gid, struct error *err,
                     struct unix_socket *ret_socket) MUST_CHECK;

/* Closes the descriptor and removes the file if it is still the one that was made. Accepts {.fd = -1} and
 * NULL. */
void unix_socket_close(struct unix_socket *socket);

/* Listens on `host` (a numeric address, IPv6 without brackets, or "localhost") and `port` (0: a free one),
 * nonblocking and close-on-exec. Returns 0 with the descriptor, the caller's, and the port that it got; or -1
 * with ERROR_BUSY (address in use; names it), ERROR_INVALID (not an address), ERROR_SYSTEM. An IPv6 wildcard
 * takes IPv4 too. */
int tcp_listen(const char *host, uint16_t port, struct error *err, int *ret_fd,
               uint16_t *ret_port) MUST_CHECK;

#endif
