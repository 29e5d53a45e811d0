#include "outrider/core/probe/probe.h"

#include <stdio.h>
#include <string.h>

void probe_init(struct probe *probe, unsigned index, int64_t interval_ms, int64_t timeout_ms, unsigned rise,
                unsigned fall, int64_t first_due)
{
    *probe = (struct probe){
        .index = index, .interval_ms = interval_ms, .timeout_ms = timeout_ms, .due = first_due};
    health_init(&probe->health, rise, fall);
}

static void start_try(struct probe *probe, const struct instant *now, struct queue *effects)
{
    probe->trying = true;
    probe->by_contact = false;
    probe->try_id++;
    probe->last_try_mono = now->mono;
    /* The rhythm is counted from when the try was due, so that a late loop does not shift every later one. */
    int64_t next = probe->due + probe->interval_ms;
    probe->due = next > now->mono && probe->due <= now->mono ? next : now->mono + probe->interval_ms;
    struct probe_effect *effect = queue_push(effects);
    effect->type = PROBE_DO_TRY;
    effect->index = probe->index;
    effect->try_id = probe->try_id;
    effect->timeout_ms = probe->timeout_ms;
}

/* A server that says "ready" a thousand times a second must not be probed as often. */
enum { CONTACT_SPACING_MS = 5 };

static void try_soon(struct probe *probe, const struct instant *now, struct queue *effects)
{
    int64_t earliest = probe->last_try_mono + CONTACT_SPACING_MS;
    /* A server that says ready every 16 ms must not restart a try that needs 20: it would never get a
     * verdict. */
    bool met_this_one = probe->trying && probe->by_contact;
    if (met_this_one || (probe->try_id > 0 && now->mono < earliest)) {
        probe->due = probe->due < earliest ? probe->due : earliest;
    } else {
        /* A try under way may have met the old process: its result is dropped by its id. */
        start_try(probe, now, effects);
        probe->by_contact = true;
    }
}

static void remember(struct probe *probe, const struct probe_event *event)
{
    bool passed = event->outcome == PROBE_PASSED;
    probe->tried = true;
    probe->last_outcome = event->outcome;
    probe->last_duration_us = event->duration_us;
    snprintf(probe->last_detail, sizeof(probe->last_detail), "%s",
             event->detail == NULL ? "" : event->detail);
    if (passed) {
        probe->last_passed_mono = event->now.mono;
        probe->failures = 0;
    } else if (probe->failures < probe->health.fall) {
        probe->failures++;
    }
}

static void finish_try(struct probe *probe, const struct probe_event *event, struct queue *effects)
{
    if (!probe->trying || event->try_id != probe->try_id) {
        return;
    }
    probe->trying = false;
    enum verdict before = health_verdict(&probe->health);
    bool passed = event->outcome == PROBE_PASSED;
    remember(probe, event);
    enum verdict after = health_count(&probe->health, passed);
    if (after != before) {
        struct probe_effect *effect = queue_push(effects);
        effect->type = PROBE_DO_VERDICT;
        effect->index = probe->index;
        effect->verdict = after;
    }
    /* A first success is new contact, too: the players are waiting for the second one. */
    if (passed && after != VERDICT_PASSING) {
        start_try(probe, &event->now, effects);
    }
}

void probe_step(struct probe *probe, const struct probe_event *event, struct queue *effects)
{
    switch (event->type) {
    case PROBE_ON_TICK:
        if (!probe->trying && event->now.mono >= probe->due) {
            start_try(probe, &event->now, effects);
        }
        break;
    case PROBE_ON_RESULT: finish_try(probe, event, effects); break;
    case PROBE_ON_CONTACT:
        if (health_verdict(&probe->health) != VERDICT_PASSING) {
            try_soon(probe, &event->now, effects);
        }
        break;
    case PROBE_ON_RESET:
        health_reset(&probe->health);
        probe->trying = false;
        probe->failures = 0;
        probe->tried = false;
        break;
    }
}

struct window probe_deadline(const struct probe *probe)
{
    return probe->trying ? WINDOW_NEVER : window_at(probe->due);
}

const char *probe_evidence(const struct probe *probe, char out[static 128])
{
    out[0] = '\0';
    if (probe->tried && probe->last_outcome != PROBE_PASSED) {
        const char *why =
            probe->last_detail[0] != '\0' ? probe->last_detail : probe_outcome_text(probe->last_outcome);
        snprintf(out, 128, "%s (%u of %u)", why, probe->failures, probe->health.fall);
    }
    return out;
}
