#include "outrider/codec/state/restore.h"

#include "outrider/base/ulid.h"
#include "outrider/codec/state/state_file.h"

#include <stdio.h>
#include <string.h>

const char *restore_id(const char *configured, const struct saved_state *saved)
{
    if (strcmp(configured, "auto") != 0) {
        return configured;
    }
    return saved->id != NULL && ulid_valid(str_of(saved->id)) ? saved->id : NULL;
}

static bool same(const char *saved, const char *now)
{
    return saved != NULL && now[0] != '\0' && strcmp(saved, now) == 0;
}

static bool lease_counts(const struct saved_state *saved, const struct restore_facts *facts)
{
    return !registry_lease_is_none(saved->lease) && same(saved->key, facts->key) &&
           same(saved->boot_id, facts->boot_id);
}

/* The start time tells the process that reported from another one with its number. */
static bool message_counts(const struct saved_state *saved, const struct restore_facts *facts)
{
    return saved->has_message && saved->message.has_mainpid && facts->has_mainpid &&
           saved->message.mainpid_start == facts->mainpid_start;
}

static bool was_attached(const struct saved_state *saved)
{
    return saved->has_message && saved->message.attach && !saved->message.has_mainpid;
}

void restore_decide(const struct saved_state *saved, const struct restore_facts *facts,
                    struct restore *ret_restore)
{
    struct restore restore = {.control_revision = saved->ops.revision,
                              .control_pending = saved->ops.pending,
                              .control_sent_wall = saved->ops.sent_wall,
                              .claimed = saved->claimed,
                              .claimed_count = saved->claimed_count};
    if (saved->ops.set) {
        hold_set(&restore.ops, saved->ops.reason, saved->ops.by, 0, 0, &(struct instant){0});
        if (saved->ops.operation != NULL) {
            snprintf(restore.ops.operation, sizeof(restore.ops.operation), "%s", saved->ops.operation);
        }
        restore.ops.since_wall = saved->ops.since_wall;
        restore.ops.deadline_wall = saved->ops.deadline_wall;
        restore.ops.expires_wall = saved->ops.expires_wall;
    }
    if (lease_counts(saved, facts)) {
        restore.lease = saved->lease;
        restore.ttl_ms = saved->ttl_ms;
        restore.passed = saved->probe_has_passed;
        restore.unproven = was_attached(saved);
        restore.message = restore.unproven || message_counts(saved, facts) ? &saved->message : NULL;
    }
    *ret_restore = restore;
}

/* Nothing was reported in a life that a passed probe began. */
static bool is_silent(const struct saved_state *state)
{
    const struct status_message *message = &state->message;
    return !state->has_message ||
           (message->reported == REPORTED_NOTHING && !message->has_text && !message->has_players &&
            !message->has_capacity && message->port_count == 0 && message->label_count == 0 &&
            !message->has_mainpid && !message->heartbeat);
}

void restore_keep_unconfirmed(const struct restore *restore, struct saved_state *state)
{
    if (restore->message != NULL && is_silent(state)) {
        state->has_message = true;
        state->message = *restore->message;
    }
    state->probe_has_passed = state->probe_has_passed || restore->passed;
}
