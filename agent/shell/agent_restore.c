/* Across a restart: reads state_dir and finds the facts that codec/state/restore.h decides by. */
#include "agent_internal.h"

#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"

#include <stdio.h>

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
        log_warn("state", "saved state unusable, starting without it", LOG_TEXT("error", err.text));
    }
    buf_fini(&bytes);
}

static void choose_id(struct agent *agent, const struct saved_state *saved)
{
    const char *id = restore_id(agent->config->server.id, saved);
    if (id != NULL) {
        snprintf(agent->id, sizeof(agent->id), "%s", id);
    } else {
        uint8_t entropy[10];
        entropy_fill(entropy, sizeof(entropy));
        ulid_format(clock_wall_ms(), entropy, agent->id);
    }
}

void agent_restore_load(struct agent *agent, struct restore *ret_restore)
{
    struct saved_state *saved = &agent->saved;
    struct error err;
    load_file(agent, saved);
    if (process_boot_id(&err, agent->boot_id) < 0) {
        agent->boot_id[0] = '\0';
        log_warn("state", "boot id unknown, no lease can be taken over", LOG_TEXT("error", err.text));
    }
    choose_id(agent, saved);
    struct buf key = {0};
    router_record_key(agent->config, agent->id, &key);
    struct restore_facts facts = {.key = buf_text(&key), .boot_id = agent->boot_id};
    facts.has_mainpid = saved->has_message && saved->message.has_mainpid &&
                        process_start_time(saved->message.mainpid, &err, &facts.mainpid_start) == 0;
    restore_decide(saved, &facts, ret_restore);
    buf_fini(&key);
}

/* What stands must have the same id after a restart, and nothing else names an observer. */
int agent_restore_possible(const struct agent *agent, struct error *err)
{
    if (agent->config->server.present || agent->config->candidacy_count == 0) {
        return 0;
    }
    return error_set(err, ERROR_INVALID,
                     "state_dir: an observer that stands for leadership keeps its id there: set it");
}

void agent_restore_id(struct agent *agent)
{
    load_file(agent, &agent->saved);
    choose_id(agent, &agent->saved);
}

void agent_fill_state(void *user, struct buf *out)
{
    struct agent *agent = user;
    if (agent->router == NULL) {
        state_file_encode(&(struct saved_state){.id = agent->id}, out);
        return;
    }
    router_save(agent->router, agent->boot_id, out);
}
