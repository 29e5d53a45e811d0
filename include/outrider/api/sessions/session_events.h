/* The hub of those that listen to sessions: GET /api/sessions/subscribe (docs/http-api.md, "Sessions").
 *
 * A stream begins with a comment: every change from then on is an event. It has no past, so a client that reconnects reads the sessions
 * again; an event `gap` asks for the same. A subscriber that reads too slowly is closed, as are those of the fleet's stream. */
#ifndef OUTRIDER_API_SESSIONS_SESSION_EVENTS_H
#define OUTRIDER_API_SESSIONS_SESSION_EVENTS_H

#include "outrider/core/session/session_request.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct session_events;

struct session_events_ops {
    /* Whether anyone listens has changed. Not called from session_events_free. */
    void (*listens)(void *user, bool listens);
};

/* Since the start; `subscribers` is now. */
struct session_events_counters {
    size_t subscribers;
    uint64_t sent;    /* events, to each subscriber one */
    uint64_t dropped; /* closed by the hub: not reading */
};

/* A hub without subscribers. The arguments are borrowed until session_events_free. The caller owns the result. Never NULL. */
struct session_events *session_events_new(struct loop *loop, const struct session_events_ops *ops,
                                          void *user);

/* Closes every stream and frees. Accepts NULL. */
void session_events_free(struct session_events *events);

/* Sends the event to those whose filter it passes. */
void session_events_emit(struct session_events *events, const struct session_event *event);

/* The counters, borrowed. */
const struct session_events_counters *session_events_counters(const struct session_events *events);

#endif
