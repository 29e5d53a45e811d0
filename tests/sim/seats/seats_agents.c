/* The agent of a server: the real router, and its effects. A buffer stands for state_dir. */
#include "seats_sim.h"

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static struct world *world_of(const struct agent *agent)
{
    return agent->machine.world;
}

/* ---- effects ---- */

void effects_try(struct effects *effects, unsigned index, uint64_t try_id, const struct config_probe *probe)
{
    (void)index;
    (void)try_id;
    (void)probe;
    violated(world_of(effects->agent), "a probe is tried, and there is none");
}

void effects_cancel_tries(struct effects *effects)
{
    (void)effects;
}

void effects_request(struct effects *effects, enum router_client client,
                     const struct registry_request *request)
{
    net_send(&effects->agent->machine, (enum port)client, request);
}

void effects_watch(struct effects *effects, const struct registry_watch *watch)
{
    net_watch(&effects->agent->machine, PORT_KEYS, watch);
}

void effects_unwatch(struct effects *effects, uint64_t id)
{
    (void)id;
    net_unwatch(&effects->agent->machine, PORT_KEYS);
}

void effects_watch_pid(struct effects *effects, pid_t pid)
{
    (void)effects;
    (void)pid;
}

void effects_terminate(struct effects *effects, pid_t pid)
{
    (void)effects;
    (void)pid;
}

void effects_look_up_host(struct effects *effects)
{
    struct agent *agent = effects->agent;
    router_server_event(agent->router, &(struct server_event){.type = SERVER_ON_HOST,
                                                              .now = machine_now(&agent->machine),
                                                              .text = "10.0.0.1"});
}

void effects_emit_drain(struct effects *effects, bool on, int64_t left_ms, struct str reason)
{
    (void)effects;
    (void)on;
    (void)left_ms;
    (void)reason;
}

static const char *boot_id(const struct agent *agent, char out[static 24])
{
    snprintf(out, 24, "boot-%llu", (unsigned long long)agent->boot);
    return out;
}

void agent_save(struct agent *agent)
{
    char boot[24];
    if (agent->state_dir && agent->router != NULL) {
        buf_clear(&agent->kept);
        router_save(agent->router, boot_id(agent, boot), &agent->kept);
        agent->saved_at = world_of(agent)->now;
    }
    agent->dirty = false;
}

void effects_save(struct effects *effects, enum effects_save when)
{
    struct agent *agent = effects->agent;
    struct world *world = world_of(agent);
    bool due = agent->dirty && world->now - agent->saved_at >= 1000;
    if (agent->router == NULL) {
        return; /* router_new() has not returned */
    }
    if (when == EFFECTS_SAVE_NOW || when == EFFECTS_SAVE_BEFORE_GRANT ||
        (when == EFFECTS_SAVE_BEFORE_WRITE && due)) {
        agent_save(agent);
    } else if (when == EFFECTS_SAVE_SOON && !agent->dirty) {
        agent->dirty = true;
        plan(world, 1000, ON_SAVE, agent->machine.index, agent->machine.life);
    }
}

void effects_status_moved(struct effects *effects, enum status from, enum status to, struct str cause)
{
    tell(world_of(effects->agent), "%s: %s -> %s %.*s", effects->agent->id, status_name(from),
         status_name(to), STR_ARG(cause));
}

void effects_note(struct effects *effects, enum registrar_note note, struct str text)
{
    if (note != REGISTRAR_NOTE_LEASE_MOVED) {
        tell(world_of(effects->agent), "%s: note %d %.*s", effects->agent->id, (int)note, STR_ARG(text));
    }
}

void effects_intent_note(struct effects *effects, enum intent_note note, struct str text)
{
    (void)effects;
    (void)note;
    (void)text;
}

void effects_watch_note(struct effects *effects, enum follow_note note, struct str text)
{
    (void)effects;
    (void)note;
    (void)text;
}

void effects_drain_over(struct effects *effects, enum hold_kind kind, enum drain_outcome outcome)
{
    (void)effects;
    (void)kind;
    (void)outcome;
}

void effects_claimed(struct effects *effects, uint64_t ticket, enum registrar_claim_outcome outcome,
                     struct str id, struct str why)
{
    (void)ticket;
    tell(world_of(effects->agent), "%s: claim of %.*s: %d %.*s", effects->agent->id, STR_ARG(id),
         (int)outcome, STR_ARG(why));
    game_claimed(effects->agent, player_number(world_of(effects->agent), id), outcome);
}

void effects_exit(struct effects *effects, int code)
{
    (void)code;
    effects->agent->exiting = true;
}

/* ---- life ---- */

void agent_init(struct agent *agent, struct world *world, unsigned index)
{
    struct config *config = mem_zalloc(sizeof(*config));
    agent->machine = (struct machine){.world = world, .index = OBSERVERS + index};
    agent->effects.agent = agent;
    agent->boot = 1;
    agent->capacity = 4 + (uint32_t)below(world, 28);
    agent->state_dir = chance(world, 800);
    snprintf(agent->id, sizeof(agent->id), "w%u", index);
    config->server.present = true;
    config->server.type = mem_strdup("world");
    config->server.id = mem_strdup(agent->id);
    config->server.host = mem_strdup("auto");
    config->server.ports[0] = 8000;
    config->server.port_count = 1;
    config->server.weight = CONFIG_WEIGHT;
    config->server.require_status = true;
    config->probes_given = true;
    config->registry.prefix = mem_strdup("/services");
    config->registry.control_prefix = mem_strdup("/outrider");
    config->registry.ttl_ms = TTL_MS;
    config->registry.request_timeout_ms = TIMEOUT_MS;
    config->status.min_publish_interval_ms = chance(world, 500) ? 1000 : 5000;
    config->shutdown.timeout_ms = 5000;
    agent->config = config;
}

void agent_fini(struct agent *agent)
{
    router_free(agent->router);
    saved_state_fini(&agent->saved);
    buf_fini(&agent->kept);
    config_fini(agent->config);
    free(agent->config);
}

static void restore(struct agent *agent, struct restore *ret_restore)
{
    struct error err;
    char boot[24];
    struct buf key = {0};
    *ret_restore = (struct restore){0};
    saved_state_fini(&agent->saved);
    if (!agent->state_dir || agent->kept.size == 0) {
        return;
    }
    if (state_file_decode(buf_view(&agent->kept), &agent->saved, &err) < 0) {
        violated(world_of(agent), "the state file cannot be read back: %s", err.text);
        return;
    }
    router_record_key(agent->config, agent->id, &key);
    struct restore_facts facts = {.key = buf_text(&key), .boot_id = boot_id(agent, boot)};
    facts.has_mainpid = agent->saved.message.mainpid == agent->pid;
    facts.mainpid_start = (uint64_t)agent->pid;
    restore_decide(&agent->saved, &facts, ret_restore);
    buf_fini(&key);
}

void agent_start(struct agent *agent)
{
    struct world *world = world_of(agent);
    struct machine *machine = &agent->machine;
    struct restore restored;
    if (machine_runs(machine)) {
        return;
    }
    machine->life++;
    machine->armed_at = INT64_MAX;
    machine->skew = (int64_t)below(world, 2 * SKEW_MS + 1) - SKEW_MS;
    agent->exiting = agent->leaving = agent->dirty = false;
    agent->started_at = world->now;
    world->totals.starts++;
    restore(agent, &restored);
    tell(world, "%s: its agent starts, its clock is %+d ms off%s", agent->id, (int)machine->skew,
         restored.message != NULL ? ", with a report" : "");
    struct instant now = machine_now(machine);
    agent->router = router_new(agent->config, agent->id, &restored, random_next(&world->random),
                               world->options.kind->can, &agent->effects, &now);
    router_start(agent->router, &now);
    agent_settle(agent);
    game_say(agent);
}

static void end(struct agent *agent)
{
    agent->machine.life++;
    router_free(agent->router);
    agent->router = NULL;
    net_forget(&agent->machine);
}

void agent_kill(struct agent *agent)
{
    if (machine_runs(&agent->machine)) {
        tell(world_of(agent), "%s: its agent is killed", agent->id);
        end(agent);
    }
}

void agent_stop(struct agent *agent)
{
    if (machine_runs(&agent->machine) && !agent->leaving) {
        struct instant now = machine_now(&agent->machine);
        tell(world_of(agent), "%s: its agent is asked to stop", agent->id);
        agent->leaving = true;
        router_stop(agent->router, SHUTDOWN_ON_TERM, agent->state_dir, &now);
        agent_settle(agent);
    }
}

void agent_settle(struct agent *agent)
{
    if (agent->router == NULL) {
        return;
    }
    if (agent->exiting) {
        struct world *world = world_of(agent);
        tell(world, "%s: its agent has stopped", agent->id);
        agent_save(agent);
        end(agent);
        plan(world, 500 + (int64_t)below(world, 4000), ON_START, agent->machine.index, 0);
        return;
    }
    machine_arm(&agent->machine, router_deadline(agent->router).latest);
}

void agent_tick(struct agent *agent)
{
    struct instant now = machine_now(&agent->machine);
    router_tick(agent->router, &now);
    agent_settle(agent);
}
