/* Who follows the fleet: GET /api/subscribe and GET /service-discovery/events (docs/design/protocol.md,
 * "Event stream").
 *
 *                      init, or the log after Last-Event-ID       all told
 *     subscribe ────────────────> CATCHING UP ────────────────────────────────> LIVE
 *                                   │   ^ │ the socket is full, until it drains  │
 *                                   └─────┘            a great difference        │
 *                                         ^──────────────────────────────────────┘
 *
 * LIVE: what a turn of the loop brought is framed once for all who have the same filter, and sent to each in
 * one call. CATCHING UP: a batch of changes, shared with whoever needs the same, is read at the pace of the
 * socket, and then what the log has had since: so neither a large fleet nor a long absence counts as being
 * behind, and neither takes memory for each subscriber. He who takes nothing for two comments in a row while
 * catching up is closed as he is who has too much waiting while live.
 *
 * A subscriber never hears of a revision before he has heard all of the one before. Ids are on `synced` and
 * on the last event of a revision that he gets, so going on after one of them misses nothing and repeats
 * nothing. While the view is stale there are comments only, and after that the difference. */
#ifndef OUTRIDER_API_EVENTS_EVENTS_H
#define OUTRIDER_API_EVENTS_EVENTS_H

#include <stddef.h>
#include <stdint.h>

struct discovery_local;
struct events;
struct http_exchange;
struct http_request;
struct loop;
struct view;
struct view_effect;

enum events_kind {
    EVENTS_FLEET,    /* init, synced, update, remove; filters */
    EVENTS_DISCOVERY /* serviceJoined, serviceLeft, serviceHealthChanged from now on */
};

struct events_ops {
    /* How many there are has changed: for VIEW_ON_SUBSCRIBERS. Called from the loop, at the end of a turn. */
    void (*count)(void *user, size_t subscribers);
    /* The server beside this agent, as for /service-discovery/services; NULL: an observer. */
    void (*local)(void *user, struct discovery_local *ret_local);
};

/* Since the start; `subscribers` is now. */
struct events_counters {
    size_t subscribers;
    uint64_t subscribed, resumed; /* resumed: of them, those that went on after their Last-Event-ID */
    uint64_t dropped;             /* closed by us: too far behind, or not reading */
    uint64_t refused;             /* answered 503: not known yet, no room */
};

/* A hub without subscribers for the view; all that is passed is borrowed until events_free. The caller owns
 * it. */
struct events *events_new(struct loop *loop, const struct view *view, const struct events_ops *ops,
                          void *user);

/* Closes every stream: there will be nothing to tell. Who comes back is served by what is true then. */
void events_close(struct events *events);

/* Closes every stream. Accepts NULL. */
void events_free(struct events *events);

/* Takes note of an effect of the view: CHANGED and REVISION, others are ignored; references are taken. Every
 * effect of a step is to be told before anything else is asked of the hub. What is to be sent goes out at the
 * end of the turn. */
void events_emit(struct events *events, const struct view_effect *effect);

/* Answers a GET or HEAD with a stream, or says why not: 400 for parameters that there are not, 503 while the
 * view is not known and where there is no room. The exchange is taken over. */
void events_subscribe(struct events *events, enum events_kind kind, struct http_exchange *exchange,
                      const struct http_request *request);

/* The counters, borrowed. */
const struct events_counters *events_counters(const struct events *events);

#endif
