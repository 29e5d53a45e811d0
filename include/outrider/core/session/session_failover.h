/* What becomes of sessions when servers go and come: one request to the store for each, until the store has done it. Pure.
 *
 * A server whose record went has its sessions orphaned for the grace; one that is there again has them restored. What the registry
 * says is believed, an outage of it is not: nothing is done while the view is stale but what was seen before.
 *
 * At the start the store may have sessions of servers that went, or came, while the agent was away: once the view is synced, all
 * sessions are listed and compared with it. A server that is missing then is looked for again after a while, since another agent may
 * have placed a player on it before its record came here.
 *
 *     idle ── SYNCED, for the first time ──> listing ── last page ──> waiting ── looked ──> idle
 *       ^                                      │  ^                      │
 *       │                                      │  └── retry ── the store is away
 *       └──────────────── STALE ───────────────┴─────────────────────────┘   (it begins again with SYNCED) */
#ifndef OUTRIDER_CORE_SESSION_SESSION_FAILOVER_H
#define OUTRIDER_CORE_SESSION_SESSION_FAILOVER_H

#include "outrider/base/queue.h"
#include "outrider/core/instant.h"
#include "outrider/core/session/session_request.h"

struct session_failover;

enum {
    SESSION_FAILOVER_RETRY_MS = 1000, /* after a failure; doubled up to the next */
    SESSION_FAILOVER_RETRY_MAX_MS = 30000,
    SESSION_FAILOVER_LOOK_MS = 5000,     /* until a server that is missing is looked for again */
    SESSION_FAILOVER_TIMEOUT_MS = 10000, /* of a request */
    SESSION_FAILOVER_OUT_MAX = 16        /* requests under way */
};

struct session_failover_settings {
    int64_t ttl_ms, grace_ms;
};

enum session_failover_event_type {
    FAILOVER_ON_TICK,
    FAILOVER_ON_RELOAD, /* `settings` are new */
    FAILOVER_ON_SYNCED, /* the view is what the registry has */
    FAILOVER_ON_STALE,  /* that is no longer certain */
    FAILOVER_ON_GONE,   /* the record of `server` went */
    FAILOVER_ON_THERE,  /* the record of `server` came */
    FAILOVER_ON_REPLY, /* `reply`; of a list `present` says of each session whether its server has a record */
    FAILOVER_ON_LOOKED /* whether `server`, asked for by FAILOVER_DO_LOOK, has a record: `present[0]` */
};

/* Everything is borrowed for the step. */
struct session_failover_event {
    enum session_failover_event_type type;
    struct instant now;
    struct session_failover_settings settings;
    struct str server;
    const struct session_reply *reply;
    const bool *present;
};

enum session_failover_effect_type {
    FAILOVER_DO_REQUEST, /* submit `request` */
    FAILOVER_DO_LOOK,    /* say by LOOKED whether `server` has a record */
    FAILOVER_DO_NOTE     /* log: `op` changed `count` sessions of `server`; or failed, because `error` */
};

/* Texts live until the queue is taken empty. */
struct session_failover_effect {
    enum session_failover_effect_type type;
    struct session_request request;
    struct str server, error;
    enum session_op op;
    size_t count;
};

/* A machine that does nothing until an event. The caller owns it. */
struct session_failover *session_failover_new(const struct session_failover_settings *settings);

/* Accepts NULL. */
void session_failover_free(struct session_failover *failover);

/* One event in, effects (struct session_failover_effect) out. */
void session_failover_step(struct session_failover *failover, const struct session_failover_event *event,
                           struct queue *effects);

/* When to step although nothing happens: mono ms, NEVER_MS. */
int64_t session_failover_due(const struct session_failover *failover);

/* Servers of which the store has not done yet what is to be done. */
size_t session_failover_waiting(const struct session_failover *failover);

#endif
