#include "outrider/core/server/shutdown.h"

#include <assert.h>

const char *shutdown_phase_name(enum shutdown_phase phase)
{
    static const char *const names[] = {
        [SHUTDOWN_RUNNING] = "running",     [SHUTDOWN_DRAINING] = "draining", [SHUTDOWN_SAYING] = "saying",
        [SHUTDOWN_LINGERING] = "lingering", [SHUTDOWN_LEAVING] = "leaving",   [SHUTDOWN_DONE] = "done"};
    return names[phase];
}

enum { LEAVING_AT_LEAST_MS = 500 };

static void effect(struct queue *effects, enum shutdown_effect_type type, int code)
{
    struct shutdown_effect *made = queue_push(effects);
    made->type = type;
    made->code = code;
}

/* The only place where the phase changes. */
static void enter(struct shutdown *shutdown, enum shutdown_phase phase, int64_t now, struct queue *effects)
{
    static const unsigned allowed[] = {
        [SHUTDOWN_RUNNING] = 1u << SHUTDOWN_DRAINING | 1u << SHUTDOWN_SAYING | 1u << SHUTDOWN_DONE,
        [SHUTDOWN_DRAINING] = 1u << SHUTDOWN_SAYING,
        [SHUTDOWN_SAYING] = 1u << SHUTDOWN_LINGERING | 1u << SHUTDOWN_LEAVING,
        [SHUTDOWN_LINGERING] = 1u << SHUTDOWN_LEAVING,
        [SHUTDOWN_LEAVING] = 1u << SHUTDOWN_DONE,
        [SHUTDOWN_DONE] = 0,
    };
    assert((allowed[shutdown->phase] & 1u << phase) != 0);
    if (shutdown->phase == SHUTDOWN_SAYING) {
        int64_t left = shutdown->timeout_ms - (now - shutdown->saying_since);
        /* After a late step there is still time for one request. */
        shutdown->left_ms = left > LEAVING_AT_LEAST_MS ? left : LEAVING_AT_LEAST_MS;
    }
    shutdown->phase = phase;
    switch (phase) {
    case SHUTDOWN_RUNNING: break;
    case SHUTDOWN_DRAINING:
        shutdown->until = NEVER_MS; /* the hold has the deadline */
        effect(effects, SHUTDOWN_DO_DRAIN, 0);
        break;
    case SHUTDOWN_SAYING:
        shutdown->saying_since = now;
        shutdown->until = now + shutdown->timeout_ms / 2;
        effect(effects, SHUTDOWN_DO_SAY, 0);
        break;
    case SHUTDOWN_LINGERING: shutdown->until = now + shutdown->linger_ms; break;
    case SHUTDOWN_LEAVING:
        shutdown->until = now + shutdown->left_ms;
        effect(effects, SHUTDOWN_DO_LEAVE, 0);
        break;
    case SHUTDOWN_DONE: shutdown->until = NEVER_MS; break;
    }
}

static void finish(struct shutdown *shutdown, int code, int64_t now, struct queue *effects)
{
    enter(shutdown, SHUTDOWN_DONE, now, effects);
    effect(effects, SHUTDOWN_DO_EXIT, code);
}

static void on_stop(struct shutdown *shutdown, bool drain, int64_t now, struct queue *effects)
{
    switch (shutdown->phase) {
    case SHUTDOWN_RUNNING:
        enter(shutdown, drain && shutdown->drain ? SHUTDOWN_DRAINING : SHUTDOWN_SAYING, now, effects);
        break;
    case SHUTDOWN_DRAINING:
        shutdown->hurry = true;
        enter(shutdown, SHUTDOWN_SAYING, now, effects);
        break;
    case SHUTDOWN_LINGERING: enter(shutdown, SHUTDOWN_LEAVING, now, effects); break;
    case SHUTDOWN_SAYING:
    case SHUTDOWN_LEAVING:
    case SHUTDOWN_DONE: shutdown->hurry = true; break;
    }
}

static void on_time(struct shutdown *shutdown, int64_t now, struct queue *effects)
{
    if (shutdown->phase == SHUTDOWN_RUNNING || now < shutdown->until) {
        return;
    }
    if (shutdown->phase == SHUTDOWN_SAYING || shutdown->phase == SHUTDOWN_LINGERING) {
        enter(shutdown, SHUTDOWN_LEAVING, now, effects);
    } else if (shutdown->phase == SHUTDOWN_LEAVING) {
        finish(shutdown, shutdown->gone ? 0 : 1, now, effects);
    }
}

void shutdown_step(struct shutdown *shutdown, const struct shutdown_event *event, struct queue *effects)
{
    int64_t now = event->now.mono;
    switch (event->type) {
    case SHUTDOWN_ON_TICK: break;
    case SHUTDOWN_ON_TERM: on_stop(shutdown, true, now, effects); break;
    case SHUTDOWN_ON_INT:
        shutdown->hurry = true;
        on_stop(shutdown, false, now, effects);
        break;
    case SHUTDOWN_ON_QUIT:
        /* Without its lease the next agent has nothing to continue, and without the state it does not know
         * the lease: then the record would only stand in its way for a TTL. */
        if (shutdown->phase == SHUTDOWN_RUNNING && event->leased && event->state_kept) {
            finish(shutdown, EXIT_HANDED_OVER, now, effects);
        } else {
            on_stop(shutdown, true, now, effects);
        }
        break;
    case SHUTDOWN_ON_DRAIN_OVER:
        if (shutdown->phase == SHUTDOWN_DRAINING) {
            enter(shutdown, SHUTDOWN_SAYING, now, effects);
        }
        break;
    case SHUTDOWN_ON_PUBLISHED:
        if (shutdown->phase == SHUTDOWN_SAYING) {
            bool linger = event->visible && !shutdown->hurry && shutdown->linger_ms > 0;
            enter(shutdown, linger ? SHUTDOWN_LINGERING : SHUTDOWN_LEAVING, now, effects);
        }
        break;
    case SHUTDOWN_ON_GONE:
    case SHUTDOWN_ON_CONTROL_DONE:
        if (shutdown->phase == SHUTDOWN_LEAVING) {
            shutdown->gone = shutdown->gone || event->type == SHUTDOWN_ON_GONE;
            shutdown->control_done = shutdown->control_done || event->type == SHUTDOWN_ON_CONTROL_DONE;
            if (shutdown->gone && shutdown->control_done) {
                finish(shutdown, 0, now, effects);
            }
        }
        break;
    }
    on_time(shutdown, now, effects);
}

struct window shutdown_deadline(const struct shutdown *shutdown)
{
    bool timed = shutdown->phase != SHUTDOWN_RUNNING && shutdown->phase != SHUTDOWN_DONE;
    return timed ? window_at(shutdown->until) : WINDOW_NEVER;
}
