/* Addresses of this machine, from the kernel: nothing is sent. */
#ifndef OUTRIDER_OS_NET_H
#define OUTRIDER_OS_NET_H

#include "outrider/base/attr.h"

struct error;

/* Room for any address as text with its NUL (INET6_ADDRSTRLEN). */
enum { NET_ADDRESS_SIZE = 46 };

/* The source address of the default route, IPv4 before IPv6. Returns 0; or -1 with ERROR_UNREACHABLE when
 * there is no route, or ERROR_NOT_FOUND when the route leads to loopback only. */
int net_source_address(struct error *err, char ret_text[static NET_ADDRESS_SIZE]) MUST_CHECK;

/* The address of the network interface `name`: its first IPv4 address, else its first IPv6 address that is
 * not link-local. Returns 0; or -1 with ERROR_NOT_FOUND (no such interface), ERROR_UNREACHABLE (it is down or
 * has no such address) or ERROR_SYSTEM. */
int net_interface_address(const char *name, struct error *err,
                          char ret_text[static NET_ADDRESS_SIZE]) MUST_CHECK;

#endif
