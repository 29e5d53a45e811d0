#include "outrider/core/access/failures.h"

#include <stdbool.h>
#include <stddef.h>

/* The place of `who`; else a free one, else that of the one that failed longest ago. */
static struct access_failure *place_of(struct access_failures *failures, uint64_t who)
{
    struct access_failure *oldest = &failures->places[0];
    for (size_t i = 0; i < ACCESS_FAILURES_MAX; i++) {
        struct access_failure *each = &failures->places[i];
        if (each->count > 0 && each->who == who) {
            return each;
        }
        if (oldest->count > 0 && (each->count == 0 || each->last_mono < oldest->last_mono)) {
            oldest = each;
        }
    }
    oldest->count = 0;
    return oldest;
}

int64_t access_failures_count(struct access_failures *failures, uint64_t who, uint64_t secret,
                              int64_t now_mono)
{
    struct access_failure *place = place_of(failures, who);
    if (place->count > 0 && now_mono - place->last_mono >= ACCESS_FORGET_MS) {
        place->count = 0;
    }
    bool guesses = place->count == 0 || place->secret != secret;
    place->count += guesses && place->count < UINT32_MAX ? 1 : 0;
    place->who = who;
    place->secret = secret;
    place->last_mono = now_mono;
    failures->total++;
    int64_t delay = ACCESS_DELAY_FIRST_MS;
    for (uint32_t i = 1; i < place->count && delay < ACCESS_DELAY_MOST_MS; i++) {
        delay *= 2;
    }
    return delay < ACCESS_DELAY_MOST_MS ? delay : ACCESS_DELAY_MOST_MS;
}
