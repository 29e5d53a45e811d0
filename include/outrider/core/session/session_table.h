/* All sessions in memory: found by id, by player and type, by server; ended when they are due. Pure: time comes with the call,
 * and what listeners hear comes back as events.
 *
 * A session's state is that of a prefix of its server's list: sessions are in the order in which they were put there, and those up
 * to a number are orphaned. So a server with a million sessions is orphaned at once, and only the telling of it takes turns. Ends
 * are found by a wheel of four levels; a touch moves nothing in it, the bucket that comes up looks again. */
#ifndef OUTRIDER_CORE_SESSION_SESSION_TABLE_H
#define OUTRIDER_CORE_SESSION_SESSION_TABLE_H

#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/session/session_request.h"

struct session_table;

struct session_table_settings {
    size_t max;    /* sessions at most: one more is SESSION_FULL */
    uint64_t seed; /* of the hashes: not to be guessed by the clients that choose names */
};

struct session_table_facts {
    size_t count, orphaned;
    size_t text_bytes; /* of ids, players and data */
};

enum session_change_kind {
    SESSION_CHANGE_NONE,
    SESSION_CHANGE_PUT,   /* `session` is as it is now; whatever had its id, or its player and type, ended */
    SESSION_CHANGE_TOUCH, /* the session `session.id`: `touched_ms` and `expires_ms` */
    SESSION_CHANGE_END,   /* the session `session.id` ended */
    SESSION_CHANGE_ORPHAN, /* `session.server`: all its sessions are orphaned, until `until_ms`; since `touched_ms` */
    SESSION_CHANGE_RESTORE /* `session.server`: none is any more; since `touched_ms` */
};

/* A change as it is kept over a restart. Applied in their order, changes make the table again; the end of a session by time is
 * none. Times are ms since 1970. Texts are borrowed. */
struct session_change {
    enum session_change_kind kind;
    struct session session; /* put: `expires_ms` is that of the last touch, also where a grace ends sooner */
    int64_t until_ms;       /* orphan: the end of the grace; put: the same of an orphaned session, else 0 */
};

/* An empty table. The caller owns it. */
struct session_table *session_table_new(const struct session_table_settings *settings);

/* Accepts NULL. */
void session_table_free(struct session_table *table);

/* Sessions beyond a smaller `max` stay. */
void session_table_set_max(struct session_table *table, size_t max);

/* Whether events are wanted: without listeners none are made. */
void session_table_listen(struct session_table *table, bool listens);

/* Carries out `request`, which session_request_problem() finds nothing wrong with. `ret_reply` and `ret_change` are borrowed until
 * the next call; what they say of a grace in progress is told to listeners by session_table_run. Appends events (struct
 * session_event). */
void session_table_request(struct session_table *table, const struct session_request *request,
                           const struct instant *now, struct session_reply *ret_reply,
                           struct session_change *ret_change, struct queue *events);

/* Ends what is due and tells what is left to tell, of at most `budget` sessions. */
void session_table_run(struct session_table *table, const struct instant *now, size_t budget,
                       struct queue *events);

/* When to run next, though nothing happens: mono ms, NEVER_MS; at once where the budget was too small. */
int64_t session_table_due(const struct session_table *table, const struct instant *now);

/* Borrowed. */
const struct session_table_facts *session_table_facts(const struct session_table *table);

/* Makes a change that was kept, without an event. One that does not fit (a session that is not there) changes nothing; `max` does
 * not hold for it. To be followed by session_table_run. */
void session_table_apply(struct session_table *table, const struct session_change *change,
                         const struct instant *now);

/* The next session after `*cursor` (0 at first) as the change that makes it, borrowed until the next call. False at the end, and
 * where `*budget` places were looked at, which is 0 then. */
bool session_table_next(const struct session_table *table, const struct instant *now, uint32_t *cursor,
                        size_t *budget, struct session_change *ret_change);

#endif
