/* One agent process: how it starts, runs, dies and restarts. A buffer stands for state_dir. */
#include "sim.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MONO_BASE = 1000000, BOOT_BASE = 5000000 };
#define WALL_BASE INT64_C(1795227240000)

struct instant node_now(const struct node *node)
{
    int64_t now = node->world->now;
    return (struct instant){.mono = MONO_BASE + now - node->mono_lag,
                            .boot = BOOT_BASE + now,
                            .wall = WALL_BASE + now + node->wall_step};
}

const struct config *node_config(const struct node *node)
{
    return node->configs[node->config];
}

bool node_shares_key(const struct node *node)
{
    for (unsigned i = 0; i < node->world->count; i++) {
        if (i != node->index && node->world->nodes[i].key == node->key) {
            return true;
        }
    }
    return false;
}

bool node_ends_with_its_id(const struct node *node)
{
    return !node->state_dir && node->index % 2 == 1;
}

void node_init(struct node *node, struct world *world, unsigned index)
{
    node->world = world;
    node->index = node->key = index;
    node->effects.node = node;
    /* Now and then two are configured with one id. */
    if (index > 0 && !world->herd && world->nodes[index - 1].key == index - 1 && world_chance(world, 80)) {
        node->key = index - 1;
    }
    snprintf(node->id, sizeof(node->id), "w%u", node->key);
    node->armed_at = INT64_MAX;
    node->boot = 1;
    node->state_dir = world_chance(world, 700);
    stream_forget(node);
    game_init(node);
    node->configs[0] = setup_config(world, node, NULL);
    node->configs[1] = setup_config(world, node, node->configs[0]);
}

void node_fini(struct node *node)
{
    stream_forget(node);
    router_free(node->router);
    saved_state_fini(&node->saved);
    buf_fini(&node->kept);
    for (size_t i = 0; i < COUNT_OF(node->configs); i++) {
        config_fini(node->configs[i]);
        free(node->configs[i]);
    }
}

/* ---- state_dir ---- */

static const char *boot_id(const struct node *node, char out[static 24])
{
    snprintf(out, 24, "boot-%" PRIu64, node->boot);
    return out;
}

void node_save(struct node *node)
{
    char boot[24];
    if (!node->state_dir || !node->alive) {
        return;
    }
    buf_clear(&node->kept);
    router_save(node->router, boot_id(node, boot), &node->kept);
    save_done(&node->save, false, true, node_now(node).mono);
}

static void plan_save(struct node *node)
{
    int64_t due = node->save.due_mono;
    world_at(node->world, node->world->now + due - node_now(node).mono, EVENT_SAVE, node,
             (struct event){.id = (uint64_t)due});
}

void node_save_later(struct node *node)
{
    int64_t planned = node->save.due_mono;
    save_touch(&node->save, node_now(node).mono);
    if (node->save.due_mono != planned) {
        plan_save(node);
    }
}

void node_save_due(struct node *node, int64_t due_mono)
{
    if (node->save.due_mono != due_mono) {
        return; /* saved since, or planned for another moment */
    }
    if (node_now(node).mono < due_mono) {
        plan_save(node); /* the machine slept, and its timers with it */
    } else {
        node_save(node);
    }
}

static void restore(struct node *node, struct restore *ret_restore)
{
    struct error err;
    *ret_restore = (struct restore){0};
    node->restores_message = node->recalls = false;
    saved_state_fini(&node->saved);
    if (!node->state_dir || node->kept.size == 0) {
        return;
    }
    if (state_file_decode(buf_view(&node->kept), &node->saved, &err) < 0) {
        violated(node->world, node, "the state file cannot be read back: %s", err.text);
        return;
    }
    char boot[24];
    struct buf key = {0};
    router_record_key(node_config(node), node->id, &key);
    struct restore_facts facts = {.key = buf_text(&key), .boot_id = boot_id(node, boot)};
    facts.has_mainpid = node->game.up && node->saved.message.mainpid == node->game.pid;
    facts.mainpid_start = node->game.life;
    restore_decide(&node->saved, &facts, ret_restore);
    node->restores_message = ret_restore->message != NULL;
    const struct status_message *said = &node->saved.message;
    node->recalls = node->game.up && said->attach && !said->has_mainpid && said->has_players &&
                    !registry_lease_is_none(ret_restore->lease);
    node->recalled_life = node->game.life;
    buf_fini(&key);
}

/* ---- life ---- */

void node_start(struct node *node)
{
    struct world *world = node->world;
    struct restore restored;
    node->life++;
    node->alive = true;
    node->exiting = node->stopping = false;
    node->started_at = world->now;
    node->armed_at = INT64_MAX;
    save_init(&node->save, node_now(node).mono);
    node->watched = 0;
    node->inline_count = 0;
    memset(node->tries, 0, sizeof(node->tries));
    struct watch before = node->watch;
    node->flaps = (struct flaps){.synced_at = node->world->now};
    node->watch = (struct watch){.quiet = before.quiet, .quiet_until = before.quiet_until};
    if (world->now - node->died_at > node_config(node)->registry.ttl_ms / 2) {
        node->watch.quiet = false; /* too late to count on the lease */
    }
    restore(node, &restored);
    intents_started(node, node->state_dir && node->kept.size > 0);
    world->stats.starts++;
    narrate(world, node, "starts: lease %" PRIx64 "%s%s%s", restored.lease.lo,
            restored.message != NULL ? ", report" : "", restored.passed ? ", had passed" : "",
            restored.ops.set ? ", ops hold" : "");
    struct instant now = node_now(node);
    node->router = router_new(node_config(node), node->id, &restored, random_next(&world->random),
                              world->etcd.kind->can, &node->effects, &now);
    router_start(node->router, &now);
    node_settle(node);
    game_agent_started(node);
}

static void end(struct node *node)
{
    node->alive = false;
    node->died_at = node->world->now;
    node->world->stats.agent_ms += (uint64_t)(node->died_at - node->started_at);
    node->stopped_until = 0;
    intents_ended(node);
    router_free(node->router);
    node->router = NULL;
    stream_forget(node);
    game_lost_agent(node);
}

void node_restart_later(struct node *node, int64_t after)
{
    world_at(node->world, node->world->now + after, EVENT_START, node, PLAIN);
}

void node_kill(struct node *node)
{
    narrate(node->world, node, "is killed");
    node->watch.quiet = false;
    end(node);
}

static void leave(struct node *node)
{
    narrate(node->world, node, "exits with %d", node->exit_code);
    check_exit(node, node->exit_code);
    intents_left(node, node->exit_code);
    node_save(node);
    check_handed_over(node);
    end(node);
    if (!node->world->calm) {
        node_restart_later(node, world_span(node->world, 3000));
    }
}

/* ---- running ---- */

static void rearm(struct node *node)
{
    int64_t latest = router_deadline(node->router).latest;
    if (latest == NEVER_MS) {
        return;
    }
    int64_t at = latest - MONO_BASE + node->mono_lag;
    at = at < node->world->now ? node->world->now : at;
    if (at < node->armed_at) {
        node->armed_at = at;
        world_at(node->world, at, EVENT_TICK, node, (struct event){.id = (uint64_t)at});
    }
}

/* Most tries end within the same ms; these do not go through the heap. */
static void finish_tries(struct node *node)
{
    unsigned turns = 0;
    while (node->inline_count > 0 && !node->exiting) {
        struct inline_try done = node->inline_tries[0];
        node->inline_count--;
        memmove(node->inline_tries, node->inline_tries + 1, node->inline_count * sizeof(done));
        if (node->tries[done.index] != done.id) {
            continue;
        }
        node->tries[done.index] = 0;
        bool open = node->game.ports[done.index % PORTS] == PORT_OPEN;
        learned_tried(node, done.index, done.id, open ? PROBE_PASSED : PROBE_REFUSED);
        if (++turns > 1000) {
            violated(node->world, node, "tries follow each other without end");
            return;
        }
    }
}

/* A report is restored with the lease that it was made under, and shows nowhere else where its process is watched already. */
static void note_restored(struct node *node)
{
    struct game *game = &node->game;
    const struct registrar *registrar = node->router == NULL ? NULL : node->router->registrar;
    if (registrar == NULL || !node->restores_message || game->heard_said != REPORTED_NOTHING) {
        return;
    }
    enum reported_status saved = node->saved.message.reported;
    bool ours = registry_lease_eq(registrar_facts(registrar).lease, node->saved.lease);
    if (ours && saved != REPORTED_NOTHING && server_facts(node->router->server).reported->status == saved) {
        game->heard_said = saved;
        game->heard_said_at = node_now(node).mono;
    }
}

void node_settle(struct node *node)
{
    note_restored(node);
    finish_tries(node);
    flaps_settle(node);
    if (node->exiting) {
        leave(node);
    } else {
        rearm(node);
    }
}

void node_tick(struct node *node)
{
    struct instant now = node_now(node);
    node->armed_at = INT64_MAX;
    if (router_deadline(node->router).latest <= now.mono) {
        router_tick(node->router, &now);
    }
    node_settle(node);
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void node_signal(struct node *node, enum shutdown_event_type how)
{
    static const char *const names[] = {
        [SHUTDOWN_ON_TERM] = "TERM", [SHUTDOWN_ON_INT] = "INT", [SHUTDOWN_ON_QUIT] = "QUIT"};
    const struct config *config = node_config(node);
    struct instant now = node_now(node);
    narrate(node->world, node, "gets %s", names[how]);
    node->watch.quiet = false;
    if (!node->stopping) {
        node->stopping = true;
        node->stop_at = node->world->now;
        /* A reload may change the timeouts to those of the other configuration. */
        const struct config *other = node->configs[1 - node->config];
        int64_t patience = longer(config->shutdown.linger_ms, other->shutdown.linger_ms) + 1000;
        patience += longer(config->shutdown.timeout_ms, other->shutdown.timeout_ms);
        patience += how == SHUTDOWN_ON_INT ? 0 : longer(config->drain.deadline_ms, other->drain.deadline_ms);
        node->must_exit_at = node->world->now + patience;
        world_at(node->world, node->must_exit_at, EVENT_MUST_EXIT, node, PLAIN);
    }
    router_stop(node->router, how, node->state_dir, &now);
    node_settle(node);
}

void node_reload(struct node *node)
{
    struct instant now = node_now(node);
    node->config = 1 - node->config;
    node->watch.quiet = false;
    narrate(node->world, node, "reloads its configuration");
    router_reload(node->router, node_config(node), &now);
    node_settle(node);
}
