/* Names to addresses by c-ares on the loop: no thread, and nothing is opened or read before the first look-up.
 *
 *   hosts file ──found──────────────────────────────────────────────────────────────> answer
 *       │ not found
 *       v
 *   preferred server ──answers──> answer      ──no reply for a step──> also the next server, and so on
 *                    ──refuses, fails, sends an invalid reply──> the next server at once
 *
 * - /etc/resolv.conf and /etc/hosts are read for each look-up: a change counts for the next one. The hosts file
 *   counts without a resolv.conf, too. A resolv.conf without a `nameserver` line means 127.0.0.1 (resolv.conf(5)).
 * - The server that answered last is asked first from then on, so that a dead one costs its step once.
 * - Both address families are asked for. Once one of them has answered, the other one gets RESOLVER_FAMILY_WAIT_MS
 *   more (the resolution delay of RFC 8305, section 3).
 * - The last good addresses of a name are kept. A look-up that no server answers delivers them, marked old. A name
 *   that does not exist, or has no address, is an answer: old addresses are dropped.
 * - Bounded: addresses per answer, look-ups under way, servers, queries per look-up, names kept, and time. */
#ifndef OUTRIDER_IO_NET_RESOLVER_H
#define OUTRIDER_IO_NET_RESOLVER_H

#include "outrider/base/attr.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct loop;
struct lookup;
struct resolver;

enum {
    RESOLVER_ADDRESSES_MAX = 8,
    RESOLVER_LOOKUPS_MAX = 64,
    RESOLVER_FAMILY_WAIT_MS = 50,
};

/* Where the configuration comes from; copied. */
struct resolver_options {
    const char *resolv_conf; /* NULL: /etc/resolv.conf */
    uint16_t server_port;    /* of name servers given without a port; 0: 53 */
};

enum resolver_status {
    RESOLVER_FOUND,
    RESOLVER_OLD,       /* no server answered; the addresses are those of the last answer */
    RESOLVER_NOT_FOUND, /* the name does not exist or has no address */
    RESOLVER_FAILED     /* no server answered, and no address is kept; or too many look-ups */
};

/* `addresses` holds `count` addresses with the port of the request, IPv4 before IPv6; none unless the status is
 * RESOLVER_FOUND or RESOLVER_OLD. `error` says why the look-up failed ("no such name", "no name server
 * answered"), "" for RESOLVER_FOUND. */
struct resolver_answer {
    enum resolver_status status;
    const struct sockaddr_storage *addresses;
    size_t count;
    const char *error;
};

/* Called from the loop exactly once per look-up that is not cancelled, never from within resolver_look_up. The
 * answer is borrowed for the call; the handle is no longer valid. Must not free the resolver. */
typedef void resolver_fn(const struct resolver_answer *answer, void *user);

/* A resolver on `loop` (borrowed until resolver_free). The caller owns it. `options` may be NULL: the files of the
 * system. The environment variable CARES_HOSTS names another hosts file, as in every user of c-ares. */
struct resolver *resolver_new(struct loop *loop, const struct resolver_options *options);

/* Ends the look-ups that are left without a callback. Accepts NULL. */
void resolver_free(struct resolver *resolver);

/* The addresses of `host` that need no look-up: an IPv4 or IPv6 address, or localhost, which is 127.0.0.1 and then
 * ::1 whatever the hosts file says. Returns how many were written, 0 for a name. */
size_t resolver_literal(const char *host, uint16_t port,
                        struct sockaddr_storage ret_addresses[static RESOLVER_ADDRESSES_MAX]);

/* Looks up `host` (a name or what resolver_literal knows; copied) and answers within `timeout_ms`; where old
 * addresses are kept, within half of it, so that there is time to use them. The handle is borrowed: valid until
 * `fn` is entered or resolver_cancel. */
struct lookup *resolver_look_up(struct resolver *resolver, const char *host, uint16_t port,
                                int64_t timeout_ms, resolver_fn *fn, void *user) MUST_CHECK;

/* Ends the look-up without a callback. Accepts NULL. */
void resolver_cancel(struct lookup *lookup);

#endif
