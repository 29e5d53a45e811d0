/* The parts of core/placement: placement.c (the servers of each type, kept up with the view), placement_ring.c (their points
 * on a circle), placement_load.c (how full a server is, and what was given lately), placement_turn.c (whose turn it is),
 * placement_choose.c (from a query to an answer), placement_first.c (the usual query). */
#ifndef OUTRIDER_CORE_PLACEMENT_PLACEMENT_INTERNAL_H
#define OUTRIDER_CORE_PLACEMENT_PLACEMENT_INTERNAL_H

#include "outrider/base/hash.h"
#include "outrider/base/random.h"
#include "outrider/core/placement/placement.h"

struct seats_facts;

/* ---- placement_ring.c ---- */

/* A point on the circle of 64-bit hashes. */
struct ring_point {
    uint64_t hash;
    uint32_t owner; /* the number of its server */
};

/* What a look-up reads of a point: the higher half of its hash tells it from any other, but for one key in many. */
struct ring_head {
    uint32_t high, owner;
};

/* So many places behind the last point hold the greatest of all hashes, so that a look-up may read on without asking whether
 * there are as many. */
enum { RING_AHEAD = 2 };

/* The points in order. `buckets` says at which point each equal part of the circle begins, so that a look-up compares a few
 * points however many there are. {0} is an empty ring. */
struct ring {
    struct ring_head *heads;
    uint32_t *lows; /* the lower halves */
    size_t count, capacity;
    uint32_t *buckets; /* 1 + 2^bits of them; the last one is `count` */
    unsigned bits;
};

/* Frees the memory; the ring is empty afterwards. */
void ring_fini(struct ring *ring);

/* The points 0 to `count` - 1 of a server, sorted; the caller frees them. The same on every machine: the XXH3 of TYPE,
 * a zero byte, ID, a zero byte, and the number of the point in four bytes, the lowest first. */
uint64_t *ring_points(struct str type, struct str id, size_t count);

/* Where a key stands on the circle: its XXH3. */
static inline uint64_t ring_key(struct str key)
{
    return str_xxh3(key);
}

/* Makes an empty ring one of `count` points, in any order. */
void ring_build(struct ring *ring, const struct ring_point *points, size_t count);

/* Adds `count` sorted points of `owner`. */
void ring_add(struct ring *ring, uint32_t owner, const uint64_t *points, size_t count);

/* Takes `count` sorted points of `owner` out. They are there. */
void ring_remove(struct ring *ring, uint32_t owner, const uint64_t *points, size_t count);

/* The hash of the point with a number, and the bucket of a hash. */
static inline uint64_t ring_hash(const struct ring *ring, size_t at)
{
    return (uint64_t)ring->heads[at].high << 32 | ring->lows[at];
}

static inline size_t ring_bucket(const struct ring *ring, uint64_t hash)
{
    return (size_t)(hash >> (64 - ring->bits));
}

/* The number of the first point at or after `hash`; `count` where there is none. The ring has buckets. */
static inline size_t ring_lower_bound(const struct ring *ring, uint64_t hash)
{
    size_t first = ring->buckets[ring_bucket(ring, hash)], at = first;
    uint32_t high = (uint32_t)(hash >> 32);
    /* How many of the first points are before it cannot be guessed: their sum costs less than a wrong guess. */
    for (size_t i = 0; i < RING_AHEAD; i++) {
        at += ring->heads[first + i].high < high;
    }
    while (ring->heads[at].high < high) {
        at++;
    }
    while (ring->heads[at].high == high && ring_hash(ring, at) < hash) {
        at++;
    }
    return at;
}

/* The same, but 0 after the last point. The ring is not empty. */
static inline size_t ring_find(const struct ring *ring, uint64_t hash)
{
    size_t at = ring_lower_bound(ring, hash);
    return at == ring->count ? 0 : at;
}

/* Bytes of memory. */
size_t ring_bytes(const struct ring *ring);

/* ---- placement_load.c ---- */

/* Seats given in each of the last seconds. */
struct given {
    int64_t second; /* of the newest, boot time */
    uint32_t seats[PLACEMENT_PENDING_S];
    uint32_t total;
};

/* What every choice looks at. */
struct candidate {
    struct view_entry *entry; /* a reference; NULL: the place is free */
    uint32_t used, capacity;  /* used: players, and seats that are reserved */
    uint8_t weight, status;   /* enum status, or STATUS_UNKNOWN */
    bool has_players, has_capacity;
    bool fits_one; /* it can be chosen for one player, if nothing that was given lately counts */
};

/* What else is known of a server. */
struct standing {
    struct given given;
    uint32_t points; /* on the ring */
};

/* Forgets what is older than PLACEMENT_PENDING_S. */
void given_expire(struct given *given, const struct instant *now);

/* `seats` are given, and the record does not show them. */
void given_add(struct given *given, uint32_t seats, const struct instant *now);

/* The record shows `players` more than before: so many of the oldest seats are not pending any more. */
void given_show(struct given *given, uint32_t players);

/* Whether it has room for `seats`, beside `pending` of those that were given. An unknown capacity has room. */
bool candidate_fits(const struct candidate *candidate, uint32_t seats, uint32_t pending);

/* The first reason not to choose a server, the filter aside; PLACEMENT_EXCLUDED_COUNT: none. */
enum placement_excluded candidate_excluded(const struct candidate *candidate, uint32_t seats,
                                           uint32_t pending);

/* What balance is judged by. */
struct balance {
    uint64_t players, weight; /* of the servers that it is judged among, in all */
    unsigned factor;          /* 0: none */
};

/* Whether the server is at least half full and would have more than `factor` percent of its share of all players. */
bool candidate_overloaded(const struct balance *balance, const struct candidate *candidate, uint32_t seats);

/* The strategies that compare servers choose the lowest rank; RANK_NONE: it has no room for one more. */
enum { RANK_LEAST, RANK_PACKED, RANKS };
#define RANK_NONE UINT32_MAX

void candidate_rank(const struct candidate *candidate, uint32_t pending, uint32_t ret_ranks[static RANKS]);

/* ---- placement.c ---- */

/* Where the turn of one filter and place stands. */
struct turn {
    uint64_t key; /* the hash of both */
    size_t last;  /* the number of the last server; SIZE_MAX: none in this round */
    unsigned round;
    uint64_t used; /* by placement.queries: the one used longest ago makes room */
};

enum { TURNS_MAX = 16 };

/* The servers of one type. Each has a number, its place in the arrays. */
struct pool {
    struct str type; /* its bytes are behind the struct */
    struct candidate *candidates;
    struct standing *standings;
    uint32_t *ranks[RANKS];
    uint8_t *marks; /* of the query in progress: placement_choose.c */
    /* Who takes one player whose key leads there: its record; NULL: the player goes on. */
    const struct view_entry **takers;
    bool takers_known;      /* no server has changed since `takers` was written */
    size_t count, capacity; /* places, free ones included */
    size_t servers;
    size_t fit, open; /* servers with room for one more: nothing that was given counts; it counts */
    struct pool_id *ids;
    struct ring ring;         /* empty until it is needed */
    bool has_ring;            /* it has the points of all servers */
    unsigned points_each;     /* on the ring, per unit of weight */
    unsigned ring_changes;    /* since it was last needed */
    uint64_t weights;         /* of all servers */
    uint64_t players, weight; /* of those that are ready and have a weight, in all */
    unsigned weight_max;
    int64_t expired; /* the second up to which `given` is expired */
    struct turn turns[TURNS_MAX];
    size_t turn_count;
    UT_hash_handle hh;
};

struct placement {
    struct placement_settings settings;
    const struct seats_facts *seats; /* of those of the settings */
    struct pool *pools, *last;       /* the one asked for last */
    struct random random;
    uint64_t queries;
};

/* The pool of a type, filled from the view where there is none yet; NULL: the view has no server of it. It is `last` afterwards. */
struct pool *placement_pool(struct placement *placement, const struct view *view, struct str type);

/* Builds the ring where it is not there. */
void pool_build_ring(const struct placement *placement, struct pool *pool);

/* The ring is needed: before points are looked at. */
static inline void pool_need_ring(const struct placement *placement, struct pool *pool)
{
    pool->ring_changes = 0;
    if (!pool->has_ring) {
        pool_build_ring(placement, pool);
    }
}

/* Forgets what was given too long ago to count. Before ranks and `open` are looked at. */
void pool_expire(struct pool *pool, const struct instant *now);

/* The number of the server that has a live reservation of the key: the key stays there. SIZE_MAX: none has. */
size_t pool_kept(const struct placement *placement, const struct pool *pool, struct str key,
                 const struct instant *now);

/* Counts seats as given to a server. */
void pool_give(struct pool *pool, size_t number, uint32_t seats, const struct instant *now);

/* Writes `takers`: whether a server is taken when a key leads to it is the same for all keys, so it is found out once after a
 * change. */
void pool_judge(struct pool *pool, unsigned factor);

/* ---- placement_choose.c ---- */

/* Answers any query among the servers of a pool that has some. `plain`: it asks for one seat, anywhere, without a filter. `kept`: the
 * number of the server that comes first if it may be chosen; SIZE_MAX: none. */
void pool_search(struct placement *placement, struct pool *pool, const struct view *view, bool plain,
                 size_t kept, const struct placement_query *query, const struct instant *now,
                 struct placement_answer *answer);

/* ---- placement_turn.c ---- */

/* Whether a server may be chosen now. */
typedef bool may_fn(void *user, size_t number);

/* The turn of a key. Where there are too many, the one that was used longest ago (by `query`, which grows) makes room, and the
 * new one starts where `chance` says. */
struct turn *pool_find_turn(struct pool *pool, uint64_t key, uint64_t query, uint64_t chance);

/* The server that is next among those that `may` be chosen; SIZE_MAX: none. The turn moves on to it. */
size_t pool_turn(struct pool *pool, struct turn *turn, may_fn *may, void *user);

#endif
