/* How full a server is. */
#include "placement_internal.h"

#include "outrider/core/fleet/view_entry.h"

enum { SECOND_MS = 1000 };

/* ---- seats given lately ---- */

static uint32_t *seats_at(struct given *given, int64_t second)
{
    return &given->seats[second % PLACEMENT_PENDING_S];
}

void given_expire(struct given *given, const struct instant *now)
{
    int64_t second = now->boot / SECOND_MS;
    for (int i = 0; i < PLACEMENT_PENDING_S && given->total > 0 && given->second < second; i++) {
        uint32_t *seats = seats_at(given, ++given->second);
        given->total -= *seats;
        *seats = 0;
    }
    given->second = second > given->second ? second : given->second;
}

void given_add(struct given *given, uint32_t seats, const struct instant *now)
{
    given_expire(given, now);
    seats = seats > UINT32_MAX - given->total ? UINT32_MAX - given->total : seats;
    *seats_at(given, given->second) += seats;
    given->total += seats;
}

void given_show(struct given *given, uint32_t players)
{
    for (int64_t age = PLACEMENT_PENDING_S - 1; age >= 0 && players > 0 && given->total > 0; age--) {
        uint32_t *seats = seats_at(given, given->second - age + PLACEMENT_PENDING_S);
        uint32_t shown = *seats < players ? *seats : players;
        *seats -= shown;
        given->total -= shown;
        players -= shown;
    }
}

/* ---- whether it may be chosen ---- */

bool candidate_fits(const struct candidate *candidate, uint32_t seats, uint32_t pending)
{
    return !candidate->has_capacity || (uint64_t)candidate->used + pending + seats <= candidate->capacity;
}

enum placement_excluded candidate_excluded(const struct candidate *candidate, uint32_t seats,
                                           uint32_t pending)
{
    static const enum placement_excluded by_status[VIEW_STATUS_COUNT] = {
        [STATUS_INITIALIZING] = PLACEMENT_INITIALIZING,
        [STATUS_READY] = PLACEMENT_EXCLUDED_COUNT,
        [STATUS_DRAINING] = PLACEMENT_DRAINING,
        [STATUS_SHUTTING_DOWN] = PLACEMENT_SHUTTING_DOWN,
        [STATUS_ERROR] = PLACEMENT_ERROR,
        [STATUS_UNKNOWN] = PLACEMENT_SHUTTING_DOWN,
    };
    if (candidate->status != STATUS_READY) {
        return by_status[candidate->status];
    }
    if (candidate->weight == 0) {
        return PLACEMENT_WEIGHT;
    }
    return candidate_fits(candidate, seats, pending) ? PLACEMENT_EXCLUDED_COUNT : PLACEMENT_FULL;
}

bool candidate_overloaded(const struct balance *balance, const struct candidate *candidate, uint32_t seats)
{
    if (balance->factor == 0 || !candidate->has_capacity ||
        2 * (uint64_t)candidate->used < candidate->capacity) {
        return false;
    }
    double share = (double)(balance->players + seats) * candidate->weight;
    return ((double)candidate->used + seats) * (double)balance->weight * 100 > share * balance->factor;
}

/* ---- ranks ---- */

/* In a rank the two highest bits say what is known, since what is known comes first; the others how full the server is. */
enum { BY_SHARE, BY_PLAYERS, BY_PENDING };
enum { FILL_BITS = 30, FILL_MAX = (1 << FILL_BITS) - 1 };

void candidate_rank(const struct candidate *candidate, uint32_t pending, uint32_t ret_ranks[static RANKS])
{
    if (candidate_excluded(candidate, 1, pending) != PLACEMENT_EXCLUDED_COUNT) {
        ret_ranks[RANK_LEAST] = ret_ranks[RANK_PACKED] = RANK_NONE;
        return;
    }
    uint64_t used = (uint64_t)candidate->used + pending, fill = used;
    uint32_t known = !candidate->has_players ? BY_PENDING : candidate->has_capacity ? BY_SHARE : BY_PLAYERS;
    if (known == BY_SHARE) {
        fill = used * FILL_MAX / candidate->capacity;
    }
    uint32_t full = fill < FILL_MAX ? (uint32_t)fill : FILL_MAX;
    ret_ranks[RANK_LEAST] = known << FILL_BITS | full;
    ret_ranks[RANK_PACKED] = known << FILL_BITS | (FILL_MAX - full);
}
