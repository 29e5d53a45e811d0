/* One allocation: seats on a server of a type, kept under an id. Pure: `change` is what is to be asked of the registry while
 * WRITING or READING, and its answer is the next event.
 *
 *                    ┌───── not made: another candidate, after a wait ─────┐
 *                    v                                                     │
 *     ──> WAITING ──chosen──> WRITING ──made─────────────────────────────────────> DONE
 *          ^   │                 └──the id is known, or no answer──> READING ──it is ours──> DONE
 *          │   └─none, too late──> DONE                                │
 *          └───────────────────────the id is free──────────────────────┘
 *
 * The transaction compares the list of the server, its record and the key of the id with what the decision was made by, so that over
 * all agents there are never more players and seats than its capacity. Where it is not made, another candidate comes first, but
 * for consistent_hash and packed, whose point is the place: they try the same server again while it has room. */
#ifndef OUTRIDER_CORE_PLACEMENT_ALLOCATE_H
#define OUTRIDER_CORE_PLACEMENT_ALLOCATE_H

#include "outrider/base/random.h"
#include "outrider/core/placement/placement.h"
#include "outrider/core/seats/change.h"
#include "outrider/core/seats/turns.h"

struct seats;

/* PLACE_MAX: bytes of "TYPE/SERVER". */
enum { ALLOCATE_PLACE_MAX = 256 };

struct allocate_settings {
    const struct placement_query *query; /* of one server; borrowed as long as the allocation */
    struct str id, by;                   /* fit (reservation.h); copied */
    bool fresh_id;                       /* no other request can have it */
    int64_t ttl_ms;
    int64_t timeout_ms; /* what is not made by then is not begun again */
    uint64_t seed;      /* of the jitter */
};

/* What the decision is made by, as it is now. */
struct allocate_world {
    struct placement *placement;
    const struct view *view;
    const struct seats *seats;
    const struct turns *turns;
};

enum allocate_state {
    ALLOCATE_WAITING, /* for `due`, or before that for the turn of `place` if it is not "" */
    ALLOCATE_WRITING,
    ALLOCATE_READING,
    ALLOCATE_DONE
};

enum allocate_result {
    ALLOCATE_MADE,       /* also by a transaction that got no answer */
    ALLOCATE_EXISTED,    /* this id has it already */
    ALLOCATE_NONE,       /* no server can be chosen: `excluded` says why */
    ALLOCATE_ID_TAKEN,   /* the id has a reservation of other seats */
    ALLOCATE_ID_FOREIGN, /* the key of the id has something else */
    ALLOCATE_CONFLICT,   /* others keep changing what is compared */
    ALLOCATE_FAILED,     /* as `failure` says: UNKNOWN, it may have been made; else it was not */
    ALLOCATE_RESULT_COUNT
};

/* Of all changes of reservations by one agent. */
struct allocate_counters {
    size_t changes;        /* under way */
    uint64_t transactions; /* sent */
    uint64_t conflicts;    /* answered as not made, since something had changed */
    uint64_t released, extended;
    uint64_t swept; /* keys of ids that nothing else would have deleted */
};

/* Read by its owner; only the functions below write it. */
struct allocate {
    enum allocate_state state;
    struct placement_query query; /* with what was tried in vain among `exclude` */
    size_t asked, lasting;        /* of `exclude`: by the query; what will not do later either comes next */
    char tried[PLACEMENT_EXCLUDE_MAX][RESERVATION_SERVER_MAX + 1];
    char by[RESERVATION_BY_MAX + 1];
    int64_t ttl_ms;
    struct seats_change change;
    char place[ALLOCATE_PLACE_MAX];          /* WAITING: whose turn is waited for */
    int64_t due, ends;                       /* mono; ends: when it is too late for another try */
    unsigned tries, same, rounds;            /* transactions; in a row on the same server; waits */
    bool given;                              /* the seats are pending on the server of `change` */
    bool maybe_made;                         /* a transaction without an answer may have been carried out */
    bool id_known;                           /* whether the id has a reservation was seen */
    int64_t id_revision;                     /* of the key of the id, which is free; 0: there is none */
    char behind[RESERVATION_SERVER_MAX + 1]; /* the server whose record the view does not show yet */
    int64_t behind_revision;
    struct random random;

    enum allocate_result result;             /* DONE */
    char server[RESERVATION_SERVER_MAX + 1]; /* made, existed, taken: where it is */
    struct reservation reservation;
    size_t excluded[PLACEMENT_EXCLUDED_COUNT]; /* of the last choice */
    enum registry_failure failure;             /* FAILED */
    char error[256];
};

/* "made", "existed", "none", "id_taken", "id_foreign", "conflict" or "failed". */
const char *allocate_result_name(enum allocate_result result);

/* Whether a state may follow another. */
bool allocate_may_move(enum allocate_state from, enum allocate_state to);

/* Begins, WAITING and due at once. */
void allocate_init(struct allocate *allocate, const struct allocate_settings *settings,
                   const struct instant *now);

/* Frees what it holds. */
void allocate_fini(struct allocate *allocate);

/* WAITING: it is due, or has the turn that it waited for. Else nothing. */
void allocate_go(struct allocate *allocate, const struct allocate_world *world, const struct instant *now);

/* The answer to `change`, of which `seats` has learned already. */
void allocate_reply(struct allocate *allocate, const struct allocate_world *world,
                    const struct seats_reply *reply, const struct instant *now);

#endif
