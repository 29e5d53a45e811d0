/* Requests to a session store, their replies and its events: the only vocabulary between the core and a store. */
#ifndef OUTRIDER_CORE_SESSION_SESSION_REQUEST_H
#define OUTRIDER_CORE_SESSION_SESSION_REQUEST_H

#include "outrider/base/attr.h"
#include "outrider/core/session/session.h"

#include <stddef.h>

/* What a store promises. Where a bit is absent, the weaker promise beside it holds. */
enum session_capability {
    /* A list gives each session that lives throughout exactly once, and `next` is empty after the last. Absent: at least once;
     * a page may be empty or somewhat longer than `limit` although more follow. */
    SESSION_CAN_LIST_ONCE = 1 << 0,
    /* Every change is one event, those of one session in their order. Absent: events may be missing after SESSION_ON_GAP. */
    SESSION_CAN_EVERY_EVENT = 1 << 1,
    /* An id in use by another player or type is a conflict. Absent: two clients that choose one id for two players at once may
     * both be told yes; get then gives either. */
    SESSION_CAN_UNIQUE_ID = 1 << 2,
    /* The number of sessions is known, exactly. Absent: session_facts.counted is false. */
    SESSION_CAN_COUNT = 1 << 3,
    /* There is a limit of sessions. Absent: the store is full when it says so. */
    SESSION_CAN_LIMIT = 1 << 4,
    /* Orphan and restore reach every session that the server had when they were asked for. Absent: one that is put or moved
     * meanwhile may be missed. */
    SESSION_CAN_SWEEP_ALL = 1 << 5,
    /* What was acknowledged is there after the store was killed. Absent: it may be lost, as of a replica that took over. */
    SESSION_CAN_KEEP = 1 << 6,
    /* The end of a session is told within a second. Absent: when the store gets to it; nothing is read of it all the same. */
    SESSION_CAN_END_IN_TIME = 1 << 7
};

#define SESSION_CAN_ALL UINT32_C(0xff)

/* ---- requests: every one has exactly one reply, never from within submit ---- */

enum session_op {
    SESSION_GET,   /* the session `id` */
    SESSION_FIND,  /* that of `player` and `type`; an empty type: of all its sessions the one touched last */
    SESSION_PUT,   /* make or change `session`, if the player's present one of the type is as `expect` says */
    SESSION_TOUCH, /* it ends `ttl_ms` from now; an orphaned one not later than before */
    SESSION_END,   /* the session `id` ends, because `why` */
    SESSION_LIST,  /* one page of those of `server`, of `player`, of both, or of all */
    SESSION_ORPHAN, /* every active session of `server` becomes orphaned, and ends `ttl_ms` from now at the latest */
    SESSION_RESTORE, /* every orphaned session of `server` becomes active, and ends `ttl_ms` after its last touch */
    SESSION_OP_COUNT
};

/* "get", "find", ... as metrics and logs spell it. */
const char *session_op_name(enum session_op op);

enum session_expect {
    SESSION_EXPECT_ANY,  /* whatever the player has of the type is replaced */
    SESSION_EXPECT_NONE, /* the player has none of the type */
    SESSION_EXPECT_ID    /* it has exactly the session `replaces`, of that `version` */
};

/* Texts are borrowed for the call. */
struct session_request {
    uint64_t id; /* echoed by the reply; never 0 */
    enum session_op op;
    struct str session_id; /* get, touch, end */
    struct str player;     /* find, list */
    struct str type;       /* find */
    struct str server;     /* list, orphan, restore: TYPE/ID */
    /* put: id, player, server, data; the rest is the store's. The state becomes active. Where the player's present session has
     * this id, it is that one changed: `created_ms` stays. */
    struct session session;
    enum session_expect expect; /* put */
    struct str replaces;        /* put: SESSION_EXPECT_ID */
    uint64_t
        version; /* put, the same: neither put nor touched since it had this `version`; 0: it may have been */
    int64_t ttl_ms;       /* put, touch, restore: the TTL; orphan: the grace; at most SESSION_TTL_MAX_MS */
    enum session_why why; /* end */
    size_t limit;         /* list: at most so many, SESSION_PAGE_MAX at most; 0: SESSION_PAGE_MAX */
    struct str after;     /* list: `next` of the page before; empty: from the beginning */
    int64_t timeout_ms;   /* the reply comes within it and a little */
};

/* What a failure means for the client. */
enum session_failure {
    SESSION_OK,
    SESSION_AWAY, /* the store was not reached, or did not answer: it may have been done; asking again with the same id is safe */
    SESSION_FULL, /* not done: sessions.max, SESSION_TYPES_MAX, or the store's own limit is reached */
    SESSION_INVALID, /* not done: the request itself is wrong, as a name that is too long, or a cursor that is none */
    SESSION_CONFLICT, /* put: not done. The player's present session is not the one expected (`session`, where there is one), or the id is that
                         of a session of another player or type (`session` is that one) */
    SESSION_FAILURE_COUNT
};

/* "ok", "away", ... as metrics and logs spell it. */
const char *session_failure_name(enum session_failure failure);

/* Borrowed for the duration of the call that hands the reply over. */
struct session_reply {
    uint64_t id;
    enum session_op op;
    enum session_failure failure;
    /* For people: what failed, where, why; of a conflict or a full store why alone; empty when ok. */
    struct str error;
    /* get, find: whether there is one; touch, end: whether there was one, no error either way; put: whether the player had that
     * id before, so that it was changed and not made; put in conflict: whether `session` is set */
    bool found;
    struct session
        session; /* get, find, put and touch: as it is now; end: as it was; put in conflict: the one in the way */
    struct str replaced;            /* put: the id of the session that ended for it; empty: none */
    const struct session *sessions; /* list, in no order that means anything */
    size_t count;                   /* list: how many; orphan, restore: how many changed state */
    struct str next;                /* list: `after` of the next page; empty: this was the last */
};

/* ---- events ---- */

enum session_event_type {
    SESSION_ON_CREATED,
    SESSION_ON_MOVED,    /* the same session is on another server: `from` */
    SESSION_ON_ORPHANED, /* its server has gone */
    SESSION_ON_RESTORED, /* its server is there again */
    SESSION_ON_ENDED,    /* because `why`; `session` as it was */
    SESSION_ON_GAP, /* events before this one may be missing: a client that needs all reads the sessions again */
    SESSION_EVENT_COUNT
};

/* "created", "moved", "orphaned", "restored", "ended", "gap". */
const char *session_event_name(enum session_event_type type);

/* The event of that name. Returns 0, or -1 for any other word. */
int session_event_parse(struct str name, enum session_event_type *ret_type) MUST_CHECK;

/* Borrowed for the duration of the call that hands the event over. A touch, and a put that leaves the server as it is, is no
 * event; one that makes an orphaned session active on its server is RESTORED, on another MOVED. */
struct session_event {
    enum session_event_type type;
    struct session session;
    struct str from; /* moved: TYPE/ID before */
    enum session_why why;
};

/* ---- the store ---- */

/* What a store says of itself; borrowed until the loop runs on. */
struct session_facts {
    const char *kind;   /* "memory", "redis" */
    bool up;            /* the last thing asked of it was answered, or nothing was asked yet */
    const char *place;  /* where it is, for people: a path, an endpoint; "" */
    const char *error;  /* why it is not up, or what does not work although it is; "" */
    int64_t since_wall; /* since when `up` is as it is, ms since 1970; 0: from the start */
    bool counted;       /* `sessions` is known */
    uint64_t sessions[SESSION_STATE_COUNT];
    uint64_t max; /* sessions at most; 0: not known here */
};

#endif
