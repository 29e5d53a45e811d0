/* After a failed request: how long to wait before the next, and what to log of an outage. Every machine that
 * asks the registry uses this, so that a fleet that lost its registry comes back in one rhythm
 * (docs/design/protocol.md. */
#ifndef OUTRIDER_CORE_REGISTRY_RETRY_H
#define OUTRIDER_CORE_REGISTRY_RETRY_H

#include "outrider/base/backoff.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_request.h"

/* Bounds of the backoff, in ms: exponential with full jitter. */
enum { RETRY_FIRST_MS = 250, RETRY_CAP_MS = 5000 };
/* At most so long, in ms, after a failure that a quick retry does not mend. */
enum { RETRY_SLOW_MS = 30000 };

#define RETRY_BACKOFF ((struct backoff){.first_ms = RETRY_FIRST_MS, .cap_ms = RETRY_CAP_MS})

/* Whether only an operator or time mends `failure`: denied, refused, overloaded. */
bool retry_is_slow(enum registry_failure failure);

/* How long to wait after `failure`, in ms. Counts a failure of the backoff unless it is a slow one. */
int64_t retry_delay(struct backoff *backoff, enum registry_failure failure, struct random *random);

/* The same while the agent ends: shutdown.timeout bounds the tries, so the waits are short. */
int64_t retry_delay_leaving(struct random *random);

/* Uniform in the upper half of `longest_ms`: for a wait that must not be short. */
int64_t retry_spread(int64_t longest_ms, struct random *random);

/* The failure that goes on for one kind of request. */
struct last_error {
    bool failing;
    char text[256]; /* "" while such requests succeed */
    int64_t since_wall;
};

/* An outage of a machine, across all of its kinds of request. Zero-initialized: no outage. */
struct outage {
    int64_t since_mono;
    unsigned failing; /* kinds of request with a last error */
    unsigned count;   /* failed requests */
    unsigned logged;  /* one bit for each enum registry_failure */
};

/* Counts a request that failed and keeps the reply's error, or "<operation> failed" where it has none. */
void outage_fail(struct outage *outage, struct last_error *error, const struct registry_reply *reply,
                 const struct instant *now);

/* Whether `failure` is not logged yet in this outage; from now on it is. One log line for each class, however
 * long the outage lasts. */
bool outage_log_once(struct outage *outage, enum registry_failure failure);

/* Requests of the kind of `error` succeed, or are not made any more. Returns whether that ends the outage. */
bool outage_end(struct outage *outage, struct last_error *error);

/* "5 requests failed in 3.2 s": of the outage that ended. Returns `out`. */
const char *outage_summary(const struct outage *outage, const struct instant *now, char out[static 80]);

#endif
