/* Which server for this player: a choice among the servers of one type, from the view alone (docs/design/protocol.md,
 * "Placement").
 *
 * The servers of a type are indexed when it is first asked for, and kept up with each change of the view. By consistent
 * hash every agent with the same records gives the same answer. The other strategies count in what this agent itself gave
 * lately and the records do not show yet. */
#ifndef OUTRIDER_CORE_PLACEMENT_PLACEMENT_H
#define OUTRIDER_CORE_PLACEMENT_PLACEMENT_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct filter;
struct placement;
struct seats;
struct view;
struct view_entry;

/* PENDING_S: for how many seconds a seat that was given counts although the record does not show it. */
enum { PLACEMENT_COUNT_MAX = 16, PLACEMENT_EXCLUDE_MAX = 16, PLACEMENT_PENDING_S = 10 };

enum placement_strategy {
    PLACEMENT_CONSISTENT_HASH,   /* the next server after the key on a ring, past those that are overloaded */
    PLACEMENT_LEAST_CONNECTIONS, /* the lowest share of its capacity in use */
    PLACEMENT_ROUND_ROBIN,       /* in turn, by weight */
    PLACEMENT_PACKED,            /* the highest share that still has room */
    PLACEMENT_STRATEGY_COUNT
};

/* Why a server was not chosen from: the first that holds counts. */
enum placement_excluded {
    PLACEMENT_FILTERED,
    PLACEMENT_ERROR,
    PLACEMENT_INITIALIZING,
    PLACEMENT_SHUTTING_DOWN, /* or a status that this version does not know */
    PLACEMENT_DRAINING,
    PLACEMENT_WEIGHT, /* a weight of 0 */
    PLACEMENT_FULL,
    PLACEMENT_EXCLUDED_COUNT
};

/* How near an answer is. */
enum placement_reach { PLACEMENT_IN_ZONE, PLACEMENT_IN_REGION, PLACEMENT_ANYWHERE };

struct placement_settings {
    unsigned virtual_nodes;    /* points on the ring per unit of weight; at least 1 */
    unsigned balance_factor;   /* percent of the mean load above which the ring walks on; 0: never */
    uint64_t seed;             /* of what is chosen at random */
    const struct seats *seats; /* what is reserved, borrowed; NULL: nothing ever is */
};

/* Texts are borrowed for the call. Zero members ask for nothing. */
struct placement_query {
    struct str type;
    enum placement_strategy strategy;
    struct str key;                            /* of CONSISTENT_HASH, any bytes */
    const struct filter *filter;               /* NULL: every server */
    struct str exclude[PLACEMENT_EXCLUDE_MAX]; /* ids */
    size_t exclude_count;
    struct str zone, region; /* servers there come first; a zone stands for its region as well */
    uint32_t seats;          /* at least 1 */
    size_t count;            /* servers wanted, 1 to PLACEMENT_COUNT_MAX, the best first */
    bool looks;              /* no seats count as given by it */
};

/* Entries are borrowed until the next change. Of the arrays what is beyond `count` is not written. */
struct placement_answer {
    const struct view_entry *entries[PLACEMENT_COUNT_MAX];
    enum placement_reach reaches[PLACEMENT_COUNT_MAX];
    size_t count;                              /* 0: no server can be chosen */
    size_t candidates;                         /* servers that could have been chosen */
    size_t excluded[PLACEMENT_EXCLUDED_COUNT]; /* the others; written where `count` is 0 */
};

/* "consistent_hash", "least_connections", "round_robin" or "packed". */
const char *placement_strategy_name(enum placement_strategy strategy);

/* The strategy of that name. Returns 0, or -1 for another word. */
int placement_strategy_parse(struct str name, enum placement_strategy *ret_strategy) MUST_CHECK;

/* "filtered", "error", "initializing", "shutting_down", "draining", "weight" or "full". */
const char *placement_excluded_name(enum placement_excluded excluded);

/* Knows no type yet. The caller owns it. */
struct placement *placement_new(const struct placement_settings *settings);

/* Accepts NULL. */
void placement_free(struct placement *placement);

/* A record came (`was` is NULL), changed, or went (`is` is NULL), in the order in which the view says so. */
void placement_changed(struct placement *placement, const struct view_entry *was, const struct view_entry *is,
                       const struct instant *now);

/* What is reserved on a server has changed, as the seats of the settings say. */
void placement_reserved(struct placement *placement, struct str type, struct str id,
                        const struct instant *now);

/* Seats are given to a server, and pending, as if it had been chosen for them. */
void placement_give(struct placement *placement, struct str type, struct str id, uint32_t seats,
                    const struct instant *now);

/* Seats that were given to a server are not pending any more: they were reserved instead, or it did not take them. */
void placement_take_back(struct placement *placement, struct str type, struct str id, uint32_t seats,
                         const struct instant *now);

/* Chooses. `view` holds what the changes so far made of it. Unless the strategy is CONSISTENT_HASH, or the query only looks,
 * the seats count as given to the first server of the answer. */
void placement_choose(struct placement *placement, const struct view *view,
                      const struct placement_query *query, const struct instant *now,
                      struct placement_answer *ret_answer);

/* How many types are indexed, and the bytes of memory that takes, the allocator's own not. */
size_t placement_types(const struct placement *placement, size_t *ret_bytes);

#endif
