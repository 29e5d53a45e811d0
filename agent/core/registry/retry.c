#include "outrider/core/registry/retry.h"

#include "outrider/base/brief.h"
#include "outrider/base/duration.h"

#include <stdio.h>

enum { LEAVING_MS = 500 };

bool retry_is_slow(enum registry_failure failure)
{
    return failure == REGISTRY_DENIED || failure == REGISTRY_REFUSED || failure == REGISTRY_OVERLOADED;
}

int64_t retry_delay(struct backoff *backoff, enum registry_failure failure, struct random *random)
{
    return retry_is_slow(failure) ? retry_spread(RETRY_SLOW_MS, random) : backoff_next(backoff, random);
}

int64_t retry_delay_leaving(struct random *random)
{
    return 1 + (int64_t)random_below(random, LEAVING_MS);
}

int64_t retry_spread(int64_t longest_ms, struct random *random)
{
    return longest_ms / 2 + (int64_t)random_below(random, (uint64_t)longest_ms / 2);
}

void outage_fail(struct outage *outage, struct last_error *error, const struct registry_reply *reply,
                 const struct instant *now)
{
    if (outage->failing == 0) {
        *outage = (struct outage){.since_mono = now->mono};
    }
    if (!error->failing) {
        error->failing = true;
        error->since_wall = now->wall;
        outage->failing++;
    }
    outage->count++;
    if (reply->error.size > 0) {
        brief_copy(error->text, sizeof(error->text), reply->error);
    } else {
        snprintf(error->text, sizeof(error->text), "%s failed", registry_op_name(reply->op));
    }
}

bool outage_log_once(struct outage *outage, enum registry_failure failure)
{
    bool first = (outage->logged & 1u << failure) == 0;
    outage->logged |= 1u << failure;
    return first;
}

bool outage_end(struct outage *outage, struct last_error *error)
{
    if (!error->failing) {
        return false;
    }
    *error = (struct last_error){0};
    outage->failing--;
    return outage->failing == 0;
}

const char *outage_summary(const struct outage *outage, const struct instant *now, char out[static 80])
{
    char span[32];
    snprintf(out, 80, "%u request%s failed in %s", outage->count, outage->count == 1 ? "" : "s",
             duration_human(now->mono - outage->since_mono, span));
    return out;
}
