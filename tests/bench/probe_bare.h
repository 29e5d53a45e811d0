/* The floors of the probes: programs that send and read the same bytes by hand, with epoll as one must that has other connections to
 * serve, for http and grpc with a bare libcurl multi, and for exec with posix_spawn() and the wait for it. */
#ifndef OUTRIDER_BENCH_PROBE_BARE_H
#define OUTRIDER_BENCH_PROBE_BARE_H

#include "probe_peer.h"

#define PROBE_PROGRAM "/bin/true"

struct bare;

/* The floor of a type of probe, kept for the life of the process; NULL when there is none. `peer` is borrowed for that long. */
struct bare *bare_new(const char *type, const struct peer *peer);

/* One try, which must pass. */
void bare_try(struct bare *bare);

#endif
