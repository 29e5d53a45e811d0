/* Hosts and addresses as text; nothing is looked up. */
#ifndef OUTRIDER_CORE_CONFIG_ADDRESS_H
#define OUTRIDER_CORE_CONFIG_ADDRESS_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether `text` is an IPv4 address: four numbers to 255 without leading zeros. */
bool address_is_ipv4(struct str text);

/* Whether `text` is an IPv6 address (RFC 4291 section 2.2, an IPv4 tail included), without brackets or zone.
 */
bool address_is_ipv6(struct str text);

/* Whether `text` is a host name (RFC 1123, and underscores): labels of 1 to 63 of A-Z a-z 0-9
 * _ - that neither begin nor end with '-', at most 253 in all. All digits and dots is a broken address, not a
 * name. */
bool address_is_name(struct str text);

/* Whether `host` is loopback by its text: localhost, 127.0.0.0/8 or ::1. */
bool address_is_loopback(struct str host);

/* Cuts HOST:PORT or [V6]:PORT; the host comes without brackets and must be an address or a name, the port
 * from 1 to 65535. Returns 0, or -1. */
int address_split(struct str text, struct str *ret_host, uint16_t *ret_port) MUST_CHECK;

#endif
