/* The history of the fleet (`history:` in the configuration): fed by the view, kept in state_dir. Everything accepts NULL: an agent
 * that keeps none, as most sidecars. */
#ifndef OUTRIDER_SHELL_CHRONICLE_INTERNAL_H
#define OUTRIDER_SHELL_CHRONICLE_INTERNAL_H

struct agent;
struct api_saves;
struct chronicle;
struct events;
struct history;
struct view_effect;

/* Opens the history with what state_dir has of it, before the view has told of anything; NULL where the configuration wants none.
 * `agent` and `events` are borrowed; the caller owns the result. */
struct chronicle *chronicle_new(struct agent *agent, struct events *events);

/* Writes nothing. */
void chronicle_free(struct chronicle *chronicle);

/* An effect of the view: servers that come, change and go, and whether it is certain. */
void chronicle_carry_out(struct chronicle *chronicle, const struct view_effect *effect);

/* Time may have passed unseen. */
void chronicle_tick(struct chronicle *chronicle);

/* The agent ends: what is known is kept. */
void chronicle_stop(struct chronicle *chronicle);

/* What the API may see, borrowed until the loop runs on; NULL: there is none. */
const struct history *chronicle_history(const struct chronicle *chronicle);
void chronicle_saves(const struct chronicle *chronicle, struct api_saves *ret_saves);

#endif
