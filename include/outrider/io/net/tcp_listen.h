/* A listening TCP socket. */
#ifndef OUTRIDER_IO_NET_TCP_LISTEN_H
#define OUTRIDER_IO_NET_TCP_LISTEN_H

#include "outrider/base/attr.h"

#include <stdint.h>

struct error;

/* Listens on `host` (a numeric address, IPv6 without brackets, or "localhost") and `port` (0: the kernel
 * chooses), nonblocking and close-on-exec. An IPv6 wildcard accepts IPv4, too. Returns 0 with the
 * descriptor, owned by the caller, and the actual port; or -1 with ERROR_BUSY (address in use; the text
 * names it), ERROR_INVALID (not an address) or ERROR_SYSTEM. */
int tcp_listen(const char *host, uint16_t port, struct error *err, int *ret_fd,
               uint16_t *ret_port) MUST_CHECK;

#endif
