/* A listening TCP socket. */
#ifndef OUTRIDER_IO_NET_TCP_LISTEN_H
#define OUTRIDER_IO_NET_TCP_LISTEN_H

#include "outrider/base/attr.h"

#include <stdint.h>

struct error;

/* Listens on `host` (a numeric address, IPv6 without brackets, or "localhost") and `port` (0: a free one),
 * nonblocking and close-on-exec. Returns 0 with the descriptor, the caller's, and the port that it got; or -1
 * with ERROR_BUSY (address in use; names it), ERROR_INVALID (not an address), ERROR_SYSTEM. An IPv6 wildcard
 * takes IPv4 too. */
int tcp_listen(const char *host, uint16_t port, struct error *err, int *ret_fd,
               uint16_t *ret_port) MUST_CHECK;

#endif
