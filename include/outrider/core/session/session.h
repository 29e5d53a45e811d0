/* A session: where a player is. A player has at most one of each server type; it ends when it is not touched for its TTL,
 * when it is deleted or replaced, or a grace after its server has gone.
 *
 *              put                                     the server has gone
 *     (none) ───────> active ─────────────────────────────────────────────────────────> orphaned
 *                      │  ^                                                               │   │
 *                      │  └── put, or the server is there again within the grace ─────────┘   │
 *                      v                                                                      v
 *                    ended: deleted, replaced, expired                 ended: these, or server_gone
 *
 * A touch moves the end by the TTL and leaves the state as it is. */
#ifndef OUTRIDER_CORE_SESSION_SESSION_H
#define OUTRIDER_CORE_SESSION_SESSION_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes at most. A server is TYPE/ID, of VIEW_TYPE_MAX and VIEW_ID_MAX. */
enum {
    SESSION_ID_MAX = 64,
    SESSION_PLAYER_MAX = 256,
    SESSION_SERVER_MAX = 63 + 1 + 128,
    SESSION_DATA_MAX = 4096
};

/* Sessions of one player at most, each of another type: one more is SESSION_FULL. */
enum { SESSION_TYPES_MAX = 16 };

/* Sessions in one page of a list at most. */
enum { SESSION_PAGE_MAX = 1000 };

/* What a TTL or a grace is at most: 30 days. */
#define SESSION_TTL_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)

enum session_state { SESSION_ACTIVE, SESSION_ORPHANED, SESSION_STATE_COUNT };

/* "active", "orphaned". */
const char *session_state_name(enum session_state state);

/* Texts are borrowed from the function or the reply that gives the session. */
struct session {
    struct str id;     /* chosen by the client or a ULID */
    struct str player; /* any text */
    struct str type;   /* of the server: the part of `server` before '/' */
    struct str server; /* TYPE/ID */
    struct str data;   /* a JSON object, as short as it can be written; empty: {} */
    enum session_state state;
    uint64_t version; /* the store's: another one after each put and each touch. 0: none */
    int64_t created_ms, touched_ms,
        expires_ms; /* ms since 1970; of an orphaned one, `expires_ms` counts its grace */
};

/* Why it ended. */
enum session_why {
    SESSION_DELETED,     /* by a client */
    SESSION_EXPIRED,     /* not touched for its TTL */
    SESSION_REPLACED,    /* another one of the player and type was put */
    SESSION_SERVER_GONE, /* its server did not return within the grace */
    SESSION_WHY_COUNT
};

/* "deleted", "expired", "replaced", "server_gone". */
const char *session_why_name(enum session_why why);

/* The reason of that name. Returns 0, or -1 for any other word. */
int session_why_parse(struct str name, enum session_why *ret_why) MUST_CHECK;

/* What each text may be. NULL when `text` is one, else what is wrong with it, for people, as "is longer than 64 bytes". An id has
 * letters, digits, '.', '_', '-', ':' and '~', and is not "." nor ".."; a player is UTF-8 of 1 to 256 bytes without U+0000; a type
 * is UTF-8 without '/', blanks and controls; a server is TYPE/ID, both without them. */
const char *session_id_problem(struct str text);
const char *session_player_problem(struct str text);
const char *session_type_problem(struct str text);
const char *session_server_problem(struct str text);

/* The part of `server` before '/', borrowed from it; empty where there is none. */
struct str session_type_of(struct str server);

/* Sets `type` from `server`. NULL when each text of `session` may be what it is, else what is wrong, with `ret_what` the member:
 * "id", "player", "server" or "data". That data is JSON is the matter of who decodes it. */
const char *session_problem(struct session *session, const char **ret_what);

#endif
