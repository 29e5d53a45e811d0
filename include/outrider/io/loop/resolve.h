/* Names to addresses, by libevent's resolver: no thread, and nothing at all until the first name. What
 * /etc/resolv.conf and /etc/hosts say counts for the next look-up: a machine may get its name servers after us, and
 * other ones later. */
#ifndef OUTRIDER_IO_LOOP_RESOLVE_H
#define OUTRIDER_IO_LOOP_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct evdns_base;
struct loop;
struct resolve;

/* What resolve_start keeps per loop; zero at first. */
struct resolver {
    struct evdns_base *dns;
    uint64_t stamp; /* of the two files as they were read */
};

/* `error` is NULL on success, else words for a person; the addresses are borrowed. */
typedef void resolve_fn(const struct sockaddr_storage *addresses, size_t count, const char *error,
                        void *user);

/* Looks up `host` (borrowed) with `port` in every address. `fn` is called once, maybe from within this call.
 * Returns a handle, borrowed until `fn` is entered; NULL when `fn` has been called already. */
struct resolve *resolve_start(struct loop *loop, const char *host, uint16_t port, resolve_fn *fn, void *user);

/* Ends the look-up without a callback. Accepts NULL. */
void resolve_cancel(struct resolve *resolve);

/* Ends the look-ups that are left without a callback. Accepts a zeroed one. */
void resolve_fini(struct resolver *resolver);

#endif
