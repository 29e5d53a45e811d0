/* The hub of subscribers: GET /api/subscribe and GET /service-discovery/events (docs/design/protocol.md, "Event
 * stream").
 *
 *                      init, or the log after Last-Event-ID     all delivered
 *     subscribe ────────────────> CATCHING UP ────────────────────────────────> LIVE
 *                                   │   ^ │ the socket is full, until it drains  │
 *                                   └─────┘            a large difference        │
 *                                         ^──────────────────────────────────────┘
 *
 * LIVE: the changes of one turn of the loop are framed once for all subscribers with the same filter, and sent
 * to each in one call. CATCHING UP: a subscriber reads a batch of changes, shared with those that need the same,
 * at the pace of its socket, and then what the change log has had since. So neither a large fleet nor a long
 * absence counts as backlog, and neither takes memory per subscriber. A subscriber is closed when it takes
 * nothing for two comments in a row while catching up, when its backlog is too large while live, or when anything
 * at all has waited for it for a minute.
 *
 * A subscriber gets a revision only after all of the one before. `synced`, and the last event of a revision
 * that a subscriber gets, have an id, so resuming after one misses nothing and repeats nothing. While the view
 * is stale there are comments only, and then the difference.
 *
 * Those that ask for the state (include=state) also get, without an id: `state` when they go live and whenever it changes, `offline`,
 * `notice` and `bye`, and the time in the comments.
 *
 * A WebSocket carries the same stream in messages of its own: those of one filter are a channel beside that of SSE, and batches are
 * shared by both.
 *
 * Subscribers that take gzip are a channel of their own for each filter, where a message is compressed once for all.
 *
 * Who leads is no part of the fleet and its revisions: `leader` events have no id, and a subscriber that goes live gets
 * one for each scope. */
#ifndef OUTRIDER_API_EVENTS_EVENTS_H
#define OUTRIDER_API_EVENTS_EVENTS_H

#include "outrider/base/str.h"
#include "outrider/io/http/server/http_push.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct discovery_local;
struct events;
struct events_subscriber;
struct leaders;
struct leaders_scope;
struct loop;
struct view;
struct view_effect;
struct view_entry;
struct wave;

struct events_ops {
    /* The number of subscribers has changed: for VIEW_ON_SUBSCRIBERS. Called at the end of a turn of the loop. */
    void (*count)(void *user, size_t subscribers);
    /* The server beside this agent, as for /service-discovery/services; NULL: an observer. */
    void (*local)(void *user, struct discovery_local *ret_local);
    /* Who leads, for subscribers that ask for it; NULL, or a result of NULL: not known. */
    const struct leaders *(*leaders)(void *user);
};

/* A WebSocket that may carry a stream: api_request.carrier of a request for /api/subscribe, which then begins no stream of its own. Its owner
 * sets all but `subscriber`, and it has the stream that came last. */
struct events_carrier {
    struct http_push *push;
    struct events_subscriber *subscriber; /* NULL: there is no stream */
    /* The stream that `exchange` asked for begins behind this call, which ends the exchange. */
    void (*began)(struct events_carrier *carrier, struct http_exchange *exchange);
    /* The hub has ended the stream, `why` is static; not called by the functions below. */
    void (*ended)(struct events_carrier *carrier, const char *why);
};

/* Ends its stream, if there is one. */
void events_unsubscribe(struct events_carrier *carrier);

/* What is to be told the hub of the push, before the push ends: messages that had to wait have gone out; it was closed, so that its stream
 * ends. */
void events_carrier_drained(struct events_carrier *carrier);
void events_carrier_closed(struct events_carrier *carrier, enum http_push_end why);

/* Since the start; `subscribers` is now. */
struct events_counters {
    size_t subscribers;
    uint64_t subscribed, resumed; /* resumed: of them, those that continued after their Last-Event-ID */
    uint64_t dropped;             /* closed by the hub: backlog too large, or not reading */
    uint64_t refused;             /* 503: no room */
    uint64_t gzip,
        gzip_refused; /* subscribed for gzip and got it, or text, as too many filters were compressed */
};

/* A hub without subscribers. The arguments are borrowed until events_free. The caller owns the result. Never
 * NULL. */
struct events *events_new(struct loop *loop, const struct view *view, const struct events_ops *ops,
                          void *user);

/* Closes every stream, after a `bye` with the static text `why` to those that ask for the state: "stopping", or "view_off" where the
 * view is not followed any more. */
void events_close(struct events *events, const char *why);

/* Closes every stream and frees. Accepts NULL. */
void events_free(struct events *events);

/* Takes an effect of the view: CHANGED and REVISION, and those that change its state; others are ignored; references are taken. The
 * effects of a step must be emitted before any other call of the hub. Events go out at the end of the turn. */
void events_emit(struct events *events, const struct view_effect *effect);

/* The scope has another leader, or none: for live subscribers that ask for it. `present`: it had it before this agent knew. One
 * that is not live gets what holds when it is. */
void events_emit_leader(struct events *events, const struct leaders_scope *scope, bool present);

/* Something of who leads or stands has changed, as a candidate that came behind others: what a subscriber is told when it goes live is
 * made again. */
void events_forget_leaders(struct events *events);

/* An operation on waves of servers is another one: for all live subscribers of the fleet. */
void events_emit_wave(struct events *events, const struct wave *wave);

/* The server of `entry`, its last record, is gone for good: `data` is that of the event `offline`, for live subscribers that ask for the
 * state, behind the `remove`. `entry` may be NULL: it is not known, and filters leave it out. Where many go at once one `notice` says how
 * many. */
void events_emit_offline(struct events *events, struct view_entry *entry, struct str data);

/* The counters, borrowed. */
const struct events_counters *events_counters(const struct events *events);

#endif
