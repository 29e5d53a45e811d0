/* Across a restart (contract section 4): which of the things kept in state_dir still count.
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

struct past {
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
    return same && saved->lease != 0 && saved->boot_id != NULL && agent->boot_id[0] != '\0' &&
           strcmp(saved->boot_id, agent->boot_id) == 0;
}

/* The words' witness: the process that said them, not just one with its number. */
static bool witness_lives(const struct saved_state *saved)
{
    uint64_t start;
    struct error err;
    return saved->has_words && saved->words.has_mainpid &&
           process_start_time(saved->words.mainpid, &err, &start) == 0 && start == saved->words.mainpid_start;
}

struct past *agent_past_load(struct agent *agent, struct router_past *ret_past)
{
    struct past *past = mem_zalloc(sizeof(*past));
    struct error err;
    load_file(agent, &past->saved);
    if (process_boot_id(&err, agent->boot_id) < 0) {
        agent->boot_id[0] = '\0';
        log_warn("state", "the boot id is unknown, so no lease can be taken over", LOG_TEXT("error", err.text));
    }
    choose_id(agent, &past->saved);
    *ret_past = (struct router_past){0};
    const struct saved_hold *ops = &past->saved.ops;
    if (ops->set) {
        struct instant now = agent_now();
        hold_set(&past->ops, ops->reason, ops->by, 0, 0, &now);
        past->ops.since_wall = ops->since_wall;
        past->ops.deadline_wall = ops->deadline_wall;
        past->ops.expires_wall = ops->expires_wall;
        ret_past->ops = &past->ops;
    }
    ret_past->control_revision = ops->revision;
    ret_past->control_pending = ops->pending;
    ret_past->control_sent_wall = ops->sent_wall;
    if (lease_counts(agent, &past->saved)) {
        ret_past->lease = past->saved.lease;
        ret_past->ttl_ms = past->saved.ttl_ms;
        ret_past->passed = past->saved.probe_has_passed;
        ret_past->words = witness_lives(&past->saved) ? &past->saved.words : NULL;
    }
    return past;
}

void agent_past_free(struct past *past)
{
    if (past != NULL) {
        saved_state_fini(&past->saved);
        free(past);
    }
}

/* A life that a passed probe began has said nothing yet. */
static bool is_silent(const struct words *words)
{
    return words->said == SAID_NOTHING && !words->has_text && !words->has_players && !words->has_capacity &&
           words->port_count == 0 && words->label_count == 0 && !words->has_mainpid && !words->heartbeat;
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
    state.has_words = server_words(server, &state.words);
    if (registrar_lease_state(registrar) == LEASE_TRYING) {
        /* Not decided yet whether they count: the next restart may still need them. */
        const struct saved_state *saved = &agent->past->saved;
        if (saved->has_words && (!state.has_words || is_silent(&state.words))) {
            state.has_words = true;
            state.words = saved->words;
        }
        state.probe_has_passed = state.probe_has_passed || saved->probe_has_passed;
    }
    state_file_encode(&state, out);
    buf_fini(&key);
}
