/* The sessions of the agent (`sessions:` in the configuration): the store, what the API asks of it and hears, and what becomes of
 * sessions when servers go. Everything accepts NULL: an agent that keeps none. */
#ifndef OUTRIDER_SHELL_SESSIONS_INTERNAL_H
#define OUTRIDER_SHELL_SESSIONS_INTERNAL_H

#include "outrider/api/common/context.h"

struct agent;
struct session_store;
struct sessions;
struct view_effect;

/* Opens the store that the configuration names, with what it has; NULL where that is none. `agent` is borrowed; the caller owns the
 * result. Servers that go and come are told by sessions_carry_out from then on. */
struct sessions *sessions_new(struct agent *agent);
void sessions_free(struct sessions *sessions);

/* New settings sessions.*. */
void sessions_reload(struct sessions *sessions);

/* Time may have passed unseen. */
void sessions_tick(struct sessions *sessions);

/* An effect of the view: servers that go and come, and whether it is certain. */
void sessions_carry_out(struct sessions *sessions, const struct view_effect *effect);

/* What the API may see; borrowed until the loop runs on. */
void sessions_look(struct sessions *sessions, struct api_view *view);

/* As api_ops.session. */
void sessions_ask(struct sessions *sessions, const struct session_request *request, api_session_fn *done,
                  void *user);

/* The store, to attach a client of one's own; NULL: there is none. */
struct session_store *sessions_store(const struct sessions *sessions);

#endif
