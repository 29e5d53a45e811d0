/* What can be asked of a history between two steps. Nothing here changes it; what it returns is borrowed until the next step. */
#ifndef OUTRIDER_CORE_HISTORY_HISTORY_READ_H
#define OUTRIDER_CORE_HISTORY_HISTORY_READ_H

#include "outrider/base/hash.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/history/history.h"

enum history_kind {
    HISTORY_SEEN,   /* it was there when the history began */
    HISTORY_CAME,   /* its record came */
    HISTORY_STATUS, /* its status changed; the reason is the new one */
    HISTORY_REASON, /* the status is the same, the reason is another one */
    HISTORY_DRAIN,  /* an operator, the server or the agent holds it, or another one does */
    HISTORY_UNDRAIN,
    HISTORY_RESTART, /* the process of the server is another one */
    HISTORY_WENT,    /* its record is gone */
    HISTORY_KIND_COUNT
};

/* Why a life ended, as far as the view can know. */
enum history_end {
    HISTORY_STILL,    /* it has not */
    HISTORY_REPLACED, /* another process took its place */
    HISTORY_LEFT,     /* its record said shutting_down before it was withdrawn */
    HISTORY_EXPIRED, /* the record was under a lease and went without that: the lease ended, or the key was deleted */
    HISTORY_DELETED, /* the record had no lease: the key was deleted */
    HISTORY_MISSED,  /* it was there when the registry was seen last, before the agent started */
    HISTORY_END_COUNT
};

/* `from` and `to` are of enum status or STATUS_UNKNOWN, equal where the status did not change; of SEEN and CAME `from`, of WENT `to`
 * says nothing. */
struct history_server;
struct history_transition {
    struct history_transition *next; /* of the same server, the next later one */
    struct history_server *server;
    uint64_t seq; /* of all transitions: a later one has a higher one */
    int64_t wall; /* when it was found out, ms since 1970 */
    int64_t
        after_wall; /* where that is later than it happened: the last time it was not so yet; 0: as it happened; -1: unknown */
    uint8_t kind, end; /* enum history_kind; of WENT enum history_end */
    uint8_t from, to;
    uint8_t reason_size, by_size, holds_size;
    char texts[]; /* one after the other */
};

/* Its texts, borrowed: the reason of the status or of the drain; who drains, and the names of the holds. */
struct str history_reason(const struct history_transition *transition);
struct str history_by(const struct history_transition *transition);
struct str history_holds(const struct history_transition *transition);

struct history_life {
    int64_t began_wall, ended_wall; /* ms since 1970; ended: 0 while it lasts */
    bool exact;                     /* `began` is what the record says, not when it was seen first */
    uint8_t end;                    /* enum history_end */
};

/* No minute. */
#define HISTORY_UNKNOWN UINT32_MAX

struct history_server {
    struct view_entry
        *entry; /* the record, or the last one; NULL: kept from before a restart, and not seen since */
    char *name; /* TYPE/ID */
    uint16_t name_size, type_size;
    uint8_t status;
    bool gone, drained;
    int64_t gone_wall;
    struct history_transition *first, *last; /* the oldest and the newest; NULL: all made room */
    size_t transition_count;
    struct history_life *lives; /* the oldest first */
    size_t life_count;
    uint64_t reason_hash, drain_hash;         /* of what is in force */
    uint32_t round;                           /* in which it came (history_save.h) */
    int64_t minute;                           /* the newest in `players`, since 1970; 0: none */
    uint32_t players[HISTORY_PLAYER_MINUTES]; /* of a minute at its number modulo the size */
    struct history_server *prev, *next;       /* of those that are gone, in the order of going */
    UT_hash_handle hh;                        /* by name */
};

/* One minute of a type. `players` and `seats` are of those servers that tell; HISTORY_UNKNOWN where none does. */
struct history_totals {
    uint32_t players, seats, servers[VIEW_STATUS_COUNT];
    bool known;
};

struct history_type {
    char *name;
    struct history_totals *totals; /* the oldest first; the last is of `history_facts()->minute` */
    size_t count, capacity;
    struct history_totals now; /* being counted */
    int64_t used_minute;       /* the last one with a server */
    uint32_t round;            /* in which it came (history_save.h) */
    UT_hash_handle hh;
};

struct history_facts {
    bool synced;
    int64_t stale_wall;        /* since when it is not certain what is there; 0: it is, or never was */
    int64_t minute;            /* the newest that was looked at, since 1970; 0: none yet */
    uint64_t recorded;         /* how many were: types and totals change with it alone */
    size_t there, gone;        /* servers */
    size_t transitions, bytes; /* of all servers, and their memory */
    uint64_t dropped,
        untracked; /* transitions that made room for those of others; servers without a history for want of room */
    const struct history_type *types;         /* in the order in which they came; the next one is `hh.next` */
    const struct history_server *servers;     /* likewise, those that are gone as well */
    const struct history_server *oldest_gone; /* the next one is `next` */
};

/* What holds since the last step. */
const struct history_facts *history_facts(const struct history *history);

/* A server that is there or gone; NULL: unknown. */
const struct history_server *history_find(const struct history *history, struct str type, struct str id);

/* Type and id of a server, borrowed. */
struct str history_type_of(const struct history_server *server);
struct str history_id_of(const struct history_server *server);

/* The newest transition of all with a lower `seq`; NULL: there is none. */
const struct history_transition *history_before(const struct history *history, uint64_t seq);

/* The players of a server in a minute (since 1970), or HISTORY_UNKNOWN. */
uint32_t history_players(const struct history_server *server, int64_t minute);

/* The totals of a type in a minute; NULL: not known. */
const struct history_totals *history_totals(const struct history *history, const struct history_type *type,
                                            int64_t minute);

#endif
