/* Virtual time, and the dispatch of events. */
#include "sim.h"

#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t world_below(struct world *world, uint64_t below)
{
    return random_below(&world->random, below);
}

bool world_chance(struct world *world, unsigned per_mille)
{
    return per_mille > 0 && world_below(world, 1000) < per_mille;
}

int64_t world_span(struct world *world, int64_t mean)
{
    int64_t span = mean / 2 + (int64_t)world_below(world, (uint64_t)mean + 1);
    unsigned turn = (unsigned)world_below(world, 8);
    return turn < 3 ? span / 8 + 1 : turn < 6 ? span : span * 2;
}

void world_at(struct world *world, int64_t at, enum event_type type, const struct node *node,
              struct event more)
{
    more.at = at < world->now ? world->now : at;
    more.type = (int)type;
    more.node = node == NULL ? 0 : node->index;
    more.life = node == NULL ? 0 : node->life;
    heap_push(&world->heap, more);
}

/* ---- the narrative ---- */

enum { HEAD_SIZE = 48 };

static const char *head_of(const struct world *world, const struct node *node, char out[static HEAD_SIZE])
{
    int64_t now = world->now;
    int used = snprintf(out, HEAD_SIZE, "%02d:%02d:%02d.%03d ", (int)(now / 3600000), (int)(now / 60000 % 60),
                        (int)(now / 1000 % 60), (int)(now % 1000));
    if (node == NULL) {
        snprintf(out + used, HEAD_SIZE - (size_t)used, "world         ");
    } else {
        snprintf(out + used, HEAD_SIZE - (size_t)used, "agent %u life %-2" PRIu32, node->index, node->life);
    }
    return out;
}

void narrate(const struct world *world, const struct node *node, const char *format, ...)
{
    char head[HEAD_SIZE];
    va_list args;
    if (world->narrative == NULL) {
        return;
    }
    va_start(args, format);
    narrative_add(world->narrative, head_of(world, node, head), format, args);
    va_end(args);
}

void violated(struct world *world, const struct node *node, const char *format, ...)
{
    char head[HEAD_SIZE];
    va_list args;
    if (world->failed) {
        return;
    }
    world->failed = true;
    va_start(args, format);
    narrative_fail(world->narrative, head_of(world, node, head), format, args);
    va_end(args);
}

/* ---- a world ---- */

static void changed(void *user, unsigned key)
{
    streams_changed(user, key);
    observers_changed(user, key);
}

struct world *world_new(uint64_t seed, const struct memory_kind *kind, struct narrative *narrative)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->seed = seed;
    world->narrative = narrative;
    random_seed(&world->random, seed);
    world->count = 3 + (unsigned)world_below(world, 6);
    world->end = (int64_t)(20 + world_below(world, 41)) * 60000;
    world->calm = true;
    etcd_init(&world->etcd, kind, 2 * world->count); /* records, then control keys */
    world->etcd.on_change = changed;
    world->etcd.user = world;
    world->nodes = mem_zalloc(world->count * sizeof(world->nodes[0]));
    for (unsigned i = 0; i < world->count; i++) {
        node_init(&world->nodes[i], world, i);
        world_at(world, (int64_t)world_below(world, 3000), EVENT_START, &world->nodes[i], PLAIN);
    }
    faults_begin(world);
    observers_begin(world);
    return world;
}

static void drop(struct world *world, struct event *event)
{
    if (event->type == EVENT_REPLY || event->type == EVENT_ARRIVE) {
        network_release(world, event->packet);
    } else if (event->type == EVENT_WORDS || event->type == EVENT_SEND) {
        free(event->text);
    }
}

void world_free(struct world *world)
{
    if (world == NULL) {
        return;
    }
    struct event event;
    while (heap_pop(&world->heap, &event)) {
        drop(world, &event);
    }
    for (unsigned i = 0; i < world->count; i++) {
        node_fini(&world->nodes[i]);
    }
    observers_end(world);
    world->etcd.on_change = NULL;
    etcd_fini(&world->etcd);
    while (world->packets != NULL) {
        struct packet *packet = world->packets;
        world->packets = packet->next_free;
        free(packet);
    }
    free(world->heap.events);
    free(world->nodes);
    free(world);
}

/* The report of a server ends with its life. */
static void forget_words(struct game *game)
{
    game->heard_said = game->heard_said == REPORTED_SHUTTING_DOWN ? REPORTED_SHUTTING_DOWN : REPORTED_NOTHING;
}

static void for_process(struct node *node, struct event *event)
{
    struct instant now = node_now(node);
    switch ((enum event_type)event->type) {
    case EVENT_TICK:
        if ((int64_t)event->id == node->armed_at) {
            node_tick(node); /* otherwise the timer was armed again for an earlier moment */
        }
        return;
    case EVENT_TRIED:
        if (node->tries[event->arg % SERVER_PROBES_MAX] == event->id &&
            event->arg / SERVER_PROBES_MAX == node->try_epoch) {
            unsigned index = (unsigned)(event->arg % SERVER_PROBES_MAX);
            bool open = node->game.ports[index % PORTS] == PORT_OPEN;
            bool closed = node->game.ports[index % PORTS] == PORT_CLOSED;
            node->tries[index] = 0;
            enum probe_outcome outcome = open ? PROBE_PASSED : closed ? PROBE_REFUSED : PROBE_TIMED_OUT;
            learned_tried(node, index, event->id, outcome);
        }
        break;
    case EVENT_REPLY: network_reply(node, event->packet); return;
    case EVENT_WATCHED: stream_deliver(node); return;
    case EVENT_WORDS: game_hear(node, event->text, (pid_t)event->arg, event->id); break;
    case EVENT_GONE:
        if (node->watched == (pid_t)event->arg) {
            narrate(node->world, node, "hears that process %d exited", (int)event->arg);
            router_server_event(
                node->router,
                &(struct server_event){.type = SERVER_ON_EXIT, .now = now, .pid = (pid_t)event->arg});
            forget_words(&node->game);
        }
        break;
    case EVENT_DETACHED:
        if (node->game.attached_life != 0) {
            narrate(node->world, node, "hears that its attached connection closed");
            router_server_event(node->router, &(struct server_event){.type = SERVER_ON_DETACH,
                                                                     .now = now,
                                                                     .life = node->game.attached_life,
                                                                     .by_us = false});
            node->game.attached_life = 0;
            forget_words(&node->game);
        }
        break;
    case EVENT_SIGNAL: node_signal(node, (enum shutdown_event_type)event->arg); return;
    case EVENT_SAVE: node_save_due(node, (int64_t)event->id); return;
    case EVENT_MUST_EXIT:
        if (node->world->now < node->must_exit_at) {
            world_at(node->world, node->must_exit_at, EVENT_MUST_EXIT, node, PLAIN);
        } else {
            violated(node->world, node, "it was asked to stop and has not exited in time");
        }
        return;
    default: return;
    }
    node_settle(node);
}

static void for_machine(struct node *node, struct event *event)
{
    if (event->type == EVENT_GAME) {
        game_act(node);
    } else if (event->type == EVENT_SCENE) {
        if (event->arg >> 8 == node->game.script) {
            game_scene(node, (enum scene)(event->arg & 255));
        }
    } else if (event->type == EVENT_SEND) {
        if (event->arg == node->game.script) {
            game_send(node, event->text);
        } else {
            drop(node->world, event);
        }
    } else if (!node->alive && !node->stays_dead && event->life == node->life) {
        node_start(node);
    }
}

static void for_world(struct world *world, struct node *node, struct event *event)
{
    switch ((enum event_type)event->type) {
    case EVENT_ARRIVE: network_arrive(world, event->packet); break;
    case EVENT_EXPIRE: network_expire(world, (int64_t)event->id); break;
    case EVENT_FAULT: faults_act(world); break;
    case EVENT_PHASE: faults_phase(world); break;
    case EVENT_ELECTED: faults_elected(world); break;
    case EVENT_HEAL_NODE: faults_heal_node(node); break;
    case EVENT_HEAL_ETCD: faults_heal_etcd(world); break;
    case EVENT_STREAM_DEAD:
    case EVENT_REPAIRED:
        if (event->life == node->life && event->type == EVENT_REPAIRED) {
            stream_repaired(node, event->id, event->arg);
        } else if (event->life == node->life) {
            stream_dead(node, event->id);
        }
        break;
    case EVENT_OBSERVER: observers_event(world, event); break;
    case EVENT_CHECK:
        if (world->calm && event->arg == world->calm_since) {
            oracle_check(node, "the storm is long over");
        }
        break;
    default: break;
    }
}

/* Events of a stopped process or suspended machine are delivered when it continues. */
static bool postpone(struct world *world, const struct node *node, struct event *event)
{
    int64_t until = node->suspended_until;
    if (event->type <= EVENT_MUST_EXIT && node->stopped_until > until) {
        until = node->stopped_until;
    }
    if (until <= world->now) {
        return false;
    }
    event->at = until;
    heap_push(&world->heap, *event);
    return true;
}

static void dispatch(struct world *world, struct event *event)
{
    struct node *node = &world->nodes[event->node];
    if (event->type > EVENT_START) {
        for_world(world, node, event);
    } else if (event->type <= EVENT_MUST_EXIT && (event->life != node->life || !node->alive)) {
        drop(world, event);
    } else if (postpone(world, node, event)) {
        return;
    } else if (event->type <= EVENT_MUST_EXIT) {
        world->stats.steps++;
        check_spin(node);
        for_process(node, event);
    } else {
        for_machine(node, event);
    }
}

void world_run(struct world *world)
{
    struct event event;
    while (!world->failed && heap_pop(&world->heap, &event)) {
        if (event.at >= world->end) {
            heap_push(&world->heap, event); /* a herd continues later */
            break;
        }
        world->now = event.at;
        dispatch(world, &event);
    }
    for (unsigned i = 0; i < world->count; i++) {
        const struct node *node = &world->nodes[i];
        world->stats.agent_ms += (uint64_t)(node->alive ? world->now - node->started_at : 0);
    }
}
