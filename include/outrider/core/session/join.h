/* One join: brings one player to one server (docs/design/protocol.md, "Join"). It finds the session of the player, and has it
 * kept up where its server still takes it. Else it has a seat reserved and a session stored there, on the condition that it
 * replaces exactly what was found. Where another join was faster, the seat goes back and the answer is the other's session. Nor is a
 * session replaced that was touched since it was found: the touch may be another join's, to which the server was there again.
 *
 *             found, and its server takes it            touched
 *     FINDING ──────────────────────────────> TOUCHING ──────────> READING ──> LEAVING ──> OVER
 *        │ ^                                     │ lost                             ^
 *        │ └─────────────────────────────────────┤                                  │ stored
 *        │ none, or its server is gone           │ lost                             │
 *        ├────────────> ALLOCATING ──────────> STORING ─────────────────────────────┘
 *        │               allocated               ^
 *        └───────────────────────────────────────┘ the same, and a seat is held
 *
 *     from                                     to          when
 *     NEW                                      FINDING     started
 *     FINDING                                  LEAVING     the session stored here without an answer is found
 *     ALLOCATING                               FINDING     no server has a seat: another join may have the last one
 *     TOUCHING                                 LEAVING     touched, and too old to have a reserved seat
 *     FINDING, TOUCHING, ALLOCATING, STORING   PAUSED      the request failed; FINDING also: the server of a session has no
 *                                                          record yet
 *     PAUSED                                   FINDING     the pause is over
 *     PAUSED                                   ALLOCATING  the same, and it was the allocation that failed
 *     every state before LEAVING               LEAVING     answered, whatever the answer; or the time is up
 *     LEAVING                                  OVER        nothing is in flight, and no seat is to be given back
 *
 * Where it stays uncertain whether the server of a session is there, the join ends without a place: the player is there, maybe.
 *
 * READING looks whether the seat of a young session is reserved still: then the player has not arrived yet, and gets the answer
 * that the join had which placed it.
 *
 * The seat is a state of its own, and has the id that the session gets:
 *
 *     NONE ──> ASKED ──> HELD ──> USED (by the session that is stored)
 *                │         └────> given back, while the join goes on; where that fails, the seat ends by its ttl
 *                └──────────────> left to its ttl: the server that has it is not known
 *
 * A seat is not given back while the session may have been stored with it. An allocation without an answer is asked for again
 * under the same id, a session without an answer is looked for. Tries and time are bounded.
 *
 * The owner answers each request with one event, never from within the step. */
#ifndef OUTRIDER_CORE_SESSION_JOIN_H
#define OUTRIDER_CORE_SESSION_JOIN_H

#include "outrider/base/backoff.h"
#include "outrider/base/queue.h"
#include "outrider/base/random.h"
#include "outrider/base/str.h"
#include "outrider/base/ulid.h"
#include "outrider/core/instant.h"

enum join_state {
    JOIN_NEW,
    JOIN_FINDING,
    JOIN_TOUCHING,
    JOIN_READING,
    JOIN_ALLOCATING,
    JOIN_STORING,
    JOIN_PAUSED,
    JOIN_LEAVING, /* answered; what is in flight is awaited */
    JOIN_OVER
};

enum { JOIN_STATE_COUNT = JOIN_OVER + 1 };

enum join_seat_state {
    JOIN_SEAT_NONE,
    JOIN_SEAT_ASKED, /* it may be reserved */
    JOIN_SEAT_HELD,
    JOIN_SEAT_USED
};

/* Whether a server keeps a session. */
enum join_standing {
    JOIN_TAKES,    /* ready, full, initializing */
    JOIN_DRAINING, /* takes it, unless the player wants to leave */
    JOIN_UNSEEN,   /* no record, though the session is active: the view may be behind */
    JOIN_UNSURE,   /* the same, and it is not certain that the view has every record */
    JOIN_GONE      /* error, shutting_down, or no record any more */
};

/* What a failed request came to. */
enum join_trouble {
    JOIN_NOT_DONE, /* it may be asked again */
    JOIN_UNKNOWN,  /* it may have been done */
    JOIN_REFUSED   /* not done, and asking again is of no use */
};

enum join_outcome {
    JOIN_RECONNECTED, /* the session that was there */
    JOIN_FOLLOWED,    /* the session that another join has stored meanwhile */
    JOIN_PLACED,      /* a new session, with a seat */
    JOIN_NO_SEAT,     /* no server has one */
    JOIN_STORE_AWAY,
    JOIN_STORE_REFUSED, /* full, say */
    JOIN_REGISTRY_AWAY, /* no seat could be reserved */
    JOIN_CONTENDED,     /* others were faster too often */
    JOIN_OUTCOME_COUNT
};

/* "reconnected", "followed", "placed", "no_seat", "store_away", "store_refused", "registry_away", "contended". */
const char *join_outcome_name(enum join_outcome outcome);

struct join_settings {
    int64_t limit_ms;  /* from the start to the answer */
    int64_t ttl_ms;    /* of the seat: half of it is the limit where that is less */
    int64_t settle_ms; /* how long the record of a server may be behind a session at it */
    bool leave;        /* a draining server is left */
    uint64_t seed;     /* of ids and pauses */
};

/* Owned texts of the join. */
struct join_seat {
    enum join_seat_state state;
    char id[ULID_LENGTH + 1]; /* "": none yet */
    char *server;             /* NULL: unknown */
};

/* A seat that goes back. */
struct join_return {
    bool wanted, in_flight;
    unsigned tries;
    int64_t due_mono;
    char id[ULID_LENGTH + 1];
    char *server;
};

/* Read-only outside of join.c. */
struct join {
    struct join_settings settings;
    struct instant now; /* of the present step, as `effects` */
    struct queue *effects;
    struct random random;
    struct backoff backoff;
    enum join_state state;
    enum join_state resume;    /* of PAUSED: what follows */
    enum join_state flight;    /* the state whose request is in flight; NEW: none is */
    enum join_outcome trouble; /* what the answer is when the join gives up now */
    int64_t started_mono, resume_mono;
    unsigned requests;
    struct join_seat seat;
    struct join_return back;
    bool maybe_stored; /* a session for the seat may have been stored */
    bool no_seat;      /* no server had one */
    bool looked;       /* the first look had an answer */
    char *first;       /* the id that it found, NULL: none */
    char *first_server;
    char *found_server;
    char *found;    /* the session found last where its server takes it */
    char *replaces; /* the session that is to be replaced; NULL: there is none */
    uint64_t replaces_version;
    char *from; /* its server */
};

enum join_event_type {
    JOIN_ON_START,
    JOIN_ON_TICK,      /* time may have passed */
    JOIN_ON_FOUND,     /* `session` at `server`, with this `standing` */
    JOIN_ON_NONE,      /* the player has no session */
    JOIN_ON_TOUCHED,   /* the session is kept up; `young`: its seat may be reserved still */
    JOIN_ON_SEAT,      /* it is */
    JOIN_ON_SEATLESS,  /* it is not */
    JOIN_ON_ALLOCATED, /* the seat is reserved at `server` */
    JOIN_ON_NO_SEAT,   /* no server has one */
    JOIN_ON_STORED,    /* the session is stored */
    JOIN_ON_LOST, /* of a touch: the session is not there any more; of a store: not what it was to replace */
    JOIN_ON_FAILED,    /* `trouble`, of the request in flight */
    JOIN_ON_RELEASED,  /* the seat was given back, or is not there */
    JOIN_ON_UNRELEASED /* it could not be */
};

/* Texts are borrowed for the step. A server is TYPE/ID. */
struct join_event {
    enum join_event_type type;
    struct instant now;
    struct str session, server;
    uint64_t version; /* of `session`, as the store says */
    enum join_standing standing;
    enum join_trouble trouble;
    bool young;
};

enum join_effect_type {
    JOIN_DO_FIND,     /* the session of the player */
    JOIN_DO_TOUCH,    /* `session` */
    JOIN_DO_READ,     /* the reserved seat `seat` at `server` */
    JOIN_DO_ALLOCATE, /* a seat with the id `seat`, not at the server `from` (empty: at any) */
    JOIN_DO_STORE, /* a session with the id of `seat` at `server`; it replaces `session` of `version` at `from`, empty: none */
    JOIN_DO_RELEASE, /* `seat` at `server` */
    JOIN_DO_ANSWER, /* `outcome`; once. RECONNECTED, FOLLOWED: the session was the last one touched. with `seat`, it is
                         reserved still. PLACED: that of `seat` at `server` is the last one stored or found. FOLLOWED, PLACED: the player was at `from` (empty: nowhere) */
    JOIN_DO_FREE /* over: the last effect */
};

/* Texts are in the arena of the queue. */
struct join_effect {
    enum join_effect_type type;
    struct str session, seat, server, from;
    uint64_t version;
    enum join_outcome outcome;
};

/* A join in state NEW, ended with join_fini. */
void join_init(struct join *join, const struct join_settings *settings);

/* Accepts NULL. */
void join_fini(struct join *join);

/* One event in, effects (struct join_effect) out. An event that the state does not await is ignored. */
void join_step(struct join *join, const struct join_event *event, struct queue *effects);

/* When a step is needed although nothing happens. */
struct window join_deadline(const struct join *join);

/* Whether a transition between two different states is in the diagram. */
bool join_may_move(enum join_state from, enum join_state to);

#endif
