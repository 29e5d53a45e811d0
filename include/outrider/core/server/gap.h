/* A gap: time in which the agent did not run, because the machine slept or the process was stopped. After a
 * long one, nothing that was known before it may pass for the present: the lease may have ended, the server
 * may have restarted, and what the probes found is old (docs/design/protocol.md, "Gap"). */
#ifndef OUTRIDER_CORE_SERVER_GAP_H
#define OUTRIDER_CORE_SERVER_GAP_H

#include "outrider/core/instant.h"

/* What decides whether a gap is long. */
struct gap_limits {
    int64_t due_mono;   /* when the next step should have been, at the latest; NEVER_MS: not at all */
    int64_t ttl_ms;     /* of the lease, or as configured while there is none */
    int64_t lease_boot; /* when the lease ends, by the boot clock; 0: no lease */
};

/* A step begins at `now`, which becomes `seen`, the moment of the latest step (at first: of the start). Returns
 * the length in ms of a long gap that ends with it, or 0: nothing, or a short gap. A gap is long when it exceeds
 * the TTL, or when the lease ended in it. */
int64_t gap_step(struct instant *seen, const struct instant *now, const struct gap_limits *limits);

#endif
