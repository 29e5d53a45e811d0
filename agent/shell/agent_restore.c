/* Across a restart (docs/design/protocol.md, "Restart"): which of the things kept in state_dir still count.
 *
 *     id            always, where server.id is auto
 *     ops hold      always; what has become of it meanwhile, the control key says
 *     lease         of the same boot and for the same key; whether it still lives, the registry says
 *     words         with the lease, and only while the process that said them lives: same pid, same start
 * time */
#include "agent_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/state/state_file.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/os/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct restore {
    struct saved_state saved;
    struct hold ops;
};

static void load_file(struct agent *agent, struct saved_state *ret_saved)
{
    struct buf bytes = {0};
    struct error err;
    if (agent->state == NULL) {
        return;
    }
    int result = state_store_load(agent->state, &err, &bytes);
    if (result == 0) {
        result = state_file_decode(buf_view(&bytes), ret_saved, &err);
    } else if (err.code == ERROR_NOT_FOUND) {
        result = 0; /* the first start */
    }
    if (result < 0) {
        log_warn("state", "what was kept cannot be used; starting without it", LOG_TEXT("error", err.text));
    }
    buf_fini(&bytes);
}

static void choose_id(struct agent *agent, const struct saved_state *saved)
{
    const char *configured = agent->config->server.id;
    if (strcmp(configured, "auto") != 0) {
        snprintf(agent->id, sizeof(agent->id), "%s", configured);
    } else if (saved->id != NULL && ulid_valid(str_of(saved->id))) {
        snprintf(agent->id, sizeof(agent->id), "%s", saved->id);
    } else {
        uint8_t entropy[10];
        entropy_fill(entropy, sizeof(entropy));
        ulid_format(clock_wall_ms(), entropy, agent->id);
    }
}

static bool lease_counts(const struct agent *agent, const struct saved_state *saved)
{
    struct buf key = {0};
    router_record_key(agent->config, agent->id, &key);
    bool same = saved->key != NULL && strcmp(saved->key, buf_text(&key)) == 0;
    buf_fini(&key);
    return same && !registry_lease_is_none(saved->lease) && saved->boot_id != NULL &&
           agent->boot_id[0] != '\0' && strcmp(saved->boot_id, agent->boot_id) == 0;
}

/* The words' witness: the process that said them, not just one with its number. */
static bool witness_lives(const struct saved_state *saved)
{
    uint64_t start;
    struct error err;
    return saved->has_message && saved->message.has_mainpid &&
           process_start_time(saved->message.mainpid, &err, &start) == 0 &&
           start == saved->message.mainpid_start;
}

struct restore *agent_restore_load(struct agent *agent, struct router_restore *ret_restore)
{
    struct restore *restore = mem_zalloc(sizeof(*restore));
    struct error err;
    load_file(agent, &restore->saved);
    if (process_boot_id(&err, agent->boot_id) < 0) {
        agent->boot_id[0] = '\0';
        log_warn("state", "the boot id is unknown, so no lease can be taken over",
                 LOG_TEXT("error", err.text));
    }
    choose_id(agent, &restore->saved);
    *ret_restore = (struct router_restore){0};
    const struct saved_hold *ops = &restore->saved.ops;
    if (ops->set) {
        struct instant now = agent_now();
        hold_set(&restore->ops, ops->reason, ops->by, 0, 0, &now);
        restore->ops.since_wall = ops->since_wall;
        restore->ops.deadline_wall = ops->deadline_wall;
        restore->ops.expires_wall = ops->expires_wall;
        ret_restore->ops = &restore->ops;
    }
    ret_restore->control_revision = ops->revision;
    ret_restore->control_pending = ops->pending;
    ret_restore->control_sent_wall = ops->sent_wall;
    if (lease_counts(agent, &restore->saved)) {
        ret_restore->lease = restore->saved.lease;
        ret_restore->ttl_ms = restore->saved.ttl_ms;
        ret_restore->passed = restore->saved.probe_has_passed;
        ret_restore->message = witness_lives(&restore->saved) ? &restore->saved.message : NULL;
    }
    return restore;
}

void agent_restore_free(struct restore *restore)
{
    if (restore != NULL) {
        saved_state_fini(&restore->saved);
        free(restore);
    }
}

/* A life that a passed probe began has said nothing yet. */
static bool is_silent(const struct status_message *message)
{
    return message->reported == REPORTED_NOTHING && !message->has_text && !message->has_players &&
           !message->has_capacity && message->port_count == 0 && message->label_count == 0 &&
           !message->has_mainpid && !message->heartbeat;
}

void agent_fill_state(void *user, struct buf *out)
{
    struct agent *agent = user;
    const struct server *server = router_server(agent->router);
    const struct registrar *registrar = router_registrar(agent->router);
    const struct intent *intent = router_intent(agent->router);
    const struct hold *ops = server_hold(server, HOLD_OPS);
    struct buf key = {0};
    router_record_key(agent->config, agent->id, &key);
    struct saved_state state = {
        .id = agent->id,
        .key = buf_text(&key),
        .boot_id = agent->boot_id,
        .lease = registrar_lease(registrar),
        .ttl_ms = registrar_ttl(registrar),
        .ops = {.set = ops->set,
                .reason = ops->reason,
                .by = ops->by,
                .since_wall = ops->since_wall,
                .deadline_wall = ops->deadline_wall,
                .expires_wall = ops->expires_wall,
                .revision = intent_seen(intent),
                .pending = intent_pending(intent),
                .sent_wall = intent_sent(intent)},
        .probe_has_passed = server_has_passed(server),
    };
    state.has_message = server_reported_message(server, &state.message);
    if (registrar_lease_state(registrar) == LEASE_TRYING) {
        /* Not decided yet whether they count: the next restart may still need them. */
        const struct saved_state *saved = &agent->restore->saved;
        if (saved->has_message && (!state.has_message || is_silent(&state.message))) {
            state.has_message = true;
            state.message = saved->message;
        }
        state.probe_has_passed = state.probe_has_passed || saved->probe_has_passed;
    }
    state_file_encode(&state, out);
    buf_fini(&key);
}
