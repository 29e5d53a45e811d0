#include "outrider/core/probe/probe.h"

#include "outrider/base/brief.h"

#include <stdio.h>
#include <string.h>

void probe_init(struct probe *probe, unsigned index, const struct probe_rhythm *rhythm, int64_t first_due)
{
    *probe = (struct probe){
        .index = index, .interval_ms = rhythm->interval_ms, .fast_ms = rhythm->fast_ms, .due = first_due};
    health_init(&probe->health, rhythm->rise, rhythm->fall);
}

static void start_try(struct probe *probe, const struct instant *now, struct queue *effects)
{
    probe->trying = true;
    probe->by_contact = false;
    probe->try_id++;
    probe->last_try_mono = now->mono;
    /* The interval counts from when this attempt was due, so that a late loop does not delay every later one. */
    int64_t next = probe->due + probe->interval_ms;
    probe->due = next > now->mono && probe->due <= now->mono ? next : now->mono + probe->interval_ms;
    struct probe_effect *effect = queue_push(effects);
    effect->type = PROBE_DO_TRY;
    effect->index = probe->index;
    effect->try_id = probe->try_id;
}

/* A server that reports "ready" a thousand times a second must not be probed as often. */
enum { CONTACT_SPACING_MS = 5 };

static void try_soon(struct probe *probe, const struct instant *now, struct queue *effects)
{
    int64_t earliest = probe->last_try_mono + CONTACT_SPACING_MS;
    /* A server that reports ready every 16 ms must not restart an attempt that needs 20: no attempt would ever
     * end. */
    bool by_contact_already = probe->trying && probe->by_contact;
    if (by_contact_already || (probe->try_id > 0 && now->mono < earliest)) {
        probe->due = probe->due < earliest ? probe->due : earliest;
    } else {
        /* An attempt under way may have reached the old process: its result is dropped by its id. */
        start_try(probe, now, effects);
        probe->by_contact = true;
    }
}

static void hasten(struct probe *probe, int64_t due)
{
    probe->due = due < probe->due ? due : probe->due;
}

/* A process that ends closes its sockets one after the other: an attempt in the same moment may still be accepted. */
enum { HINT_DELAY_MS = 5 };

/* The attempt under way goes on: one that hangs must not be restarted by every hint. It may have reached the server
 * before the hint, so another follows. */
static void try_after_hint(struct probe *probe, int64_t now)
{
    int64_t spaced = probe->try_id == 0 ? now : probe->last_try_mono + probe->fast_ms;
    hasten(probe, spaced > now + HINT_DELAY_MS ? spaced : now + HINT_DELAY_MS);
}

static void remember(struct probe *probe, const struct probe_event *event)
{
    const struct probe_result *result = event->result;
    probe->tried = true;
    probe->last_outcome = result->outcome;
    probe->last_duration_us = result->duration_us;
    brief_copy(probe->last_detail, sizeof(probe->last_detail), str_of(result->detail));
    switch (probe_outcome_class(result->outcome)) {
    case PROBE_CLASS_PASSED:
        probe->last_passed_mono = event->now.mono;
        probe->failures = 0;
        break;
    case PROBE_CLASS_FAILED: probe->failures += probe->failures < probe->health.fall ? 1 : 0; break;
    case PROBE_CLASS_UNDECIDED: break;
    }
}

static void pass_on(struct probe *probe, const struct probe_facts *facts, struct queue *effects)
{
    bool any = facts->has_players || facts->has_capacity || facts->map.size > 0 || facts->version.size > 0 ||
               facts->name.size > 0;
    if (!any && !probe->learned) {
        return;
    }
    probe->learned = any;
    struct probe_facts copy = *facts;
    copy.map = queue_copy(effects, facts->map);
    copy.version = queue_copy(effects, facts->version);
    copy.name = queue_copy(effects, facts->name);
    struct probe_effect *effect = queue_push(effects);
    *effect = (struct probe_effect){.type = PROBE_DO_LEARNED, .index = probe->index, .facts = copy};
}

static void finish_try(struct probe *probe, const struct probe_event *event, struct queue *effects)
{
    if (!probe->trying || event->try_id != probe->try_id) {
        return;
    }
    probe->trying = false;
    enum probe_class class = probe_outcome_class(event->result->outcome);
    enum verdict before = health_verdict(&probe->health), after = before;
    bool undecided_before = probe->tried && probe_outcome_class(probe->last_outcome) == PROBE_CLASS_UNDECIDED;
    remember(probe, event);
    if (class == PROBE_CLASS_PASSED) {
        pass_on(probe, &event->result->facts, effects);
    }
    if (class != PROBE_CLASS_UNDECIDED) {
        after = health_count(&probe->health, class == PROBE_CLASS_PASSED);
    }
    /* Without a verdict the evidence is the reason of the server's status. A pass is followed by the next attempt at
     * once: the verdict replaces the reason. */
    bool reason_changed = after == VERDICT_UNKNOWN && class != PROBE_CLASS_PASSED &&
                          undecided_before != (class == PROBE_CLASS_UNDECIDED);
    if (after != before || reason_changed) {
        struct probe_effect *effect = queue_push(effects);
        *effect = (struct probe_effect){.type = PROBE_DO_VERDICT, .index = probe->index, .verdict = after};
    }
    /* A first pass is new contact: the next attempts follow at once, so that the server is ready sooner. */
    if (class == PROBE_CLASS_PASSED && after != VERDICT_PASSING) {
        start_try(probe, &event->now, effects);
    } else if (class != PROBE_CLASS_UNDECIDED && health_in_doubt(&probe->health)) {
        hasten(probe, probe->last_try_mono + probe->fast_ms);
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
    case PROBE_ON_HINT:
        if (health_verdict(&probe->health) != VERDICT_FAILING) {
            try_after_hint(probe, event->now.mono);
        }
        break;
    case PROBE_ON_RESET:
        health_reset(&probe->health);
        probe->trying = false;
        probe->failures = 0;
        probe->tried = false;
        probe->learned = false;
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
        if (probe_outcome_class(probe->last_outcome) == PROBE_CLASS_UNDECIDED) {
            snprintf(out, 128, "%s", why);
        } else {
            snprintf(out, 128, "%s (%u of %u)", why, probe->failures, probe->health.fall);
        }
    }
    return out;
}
