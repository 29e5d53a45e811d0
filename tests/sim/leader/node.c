/* One candidate: its clocks, its life, and its effects. */
#include "leader.h"

#include <inttypes.h>

struct instant node_now(const struct node *node)
{
    int64_t boot = node->boot_base + node->world->now * node->parts / 1000000;
    return (struct instant){.mono = boot - node->slept, .boot = boot, .wall = boot};
}

bool node_leads(const struct node *node, int64_t *ret_token)
{
    struct instant now = node_now(node);
    return election_leads(&node->election, &now, ret_token);
}

/* ---- effects ---- */

/* Tokens of a store that is gone mean nothing in the present one. */
static void check_token(struct node *node, int64_t token)
{
    struct world *world = node->world;
    bool own = world->last_leader == node->index && world->last_leader_life == node->life;
    bool lower = token < world->last_token || (token == world->last_token && !own);
    if (node->election.lease.cluster.id != world->cluster) {
        return;
    }
    if (lower && world->now >= world->excused_until) {
        break_rule(world, "node %u leads with token %" PRId64 " after %" PRId64, node->index, token,
                   world->last_token);
    }
    world->last_token = token;
    world->last_leader = node->index;
    world->last_leader_life = node->life;
}

static void on_gained(struct node *node, int64_t token)
{
    tell(node->world, "node %u leads with token %" PRId64, node->index, token);
    check_token(node, token);
    if (node->believes) {
        break_rule(node->world, "node %u gained twice", node->index);
    }
    node->believes = true;
    node->token = token;
    node->world->stats.gained++;
}

static void on_lost(struct node *node, const struct election_effect *effect)
{
    struct world *world = node->world;
    tell(world, "node %u lost: %s", node->index, election_reason_name(effect->reason));
    if (!node->believes || effect->token != node->token) {
        break_rule(world, "node %u lost what it had not gained", node->index);
    }
    node->believes = false;
    world->stats.lost[effect->reason]++;
}

static void on_gone(struct node *node)
{
    tell(node->world, "node %u is gone", node->index);
    if (node->leaving) {
        node_kill(node);
        plan(node->world, between(node->world, 100, 5000), EVENT_START, node, NULL, 0);
    }
}

static void carry_out(struct node *node, const struct election_effect *effect)
{
    struct world *world = node->world;
    switch (effect->type) {
    case ELECTION_DO_REQUEST:
        if (effect->request.op == REGISTRY_REVOKE && node->believes) {
            break_rule(world, "node %u lets others lead and has not said that it lost", node->index);
        }
        net_request(node, &effect->request);
        break;
    case ELECTION_DO_WATCH: net_watch(node, &effect->watch); break;
    case ELECTION_DO_UNWATCH: net_unwatch(node, effect->id); break;
    case ELECTION_DO_GAINED: on_gained(node, effect->token); break;
    case ELECTION_DO_LOST: on_lost(node, effect); break;
    case ELECTION_DO_QUEUED:
        tell(world, "node %u queues behind %.*s", node->index, STR_ARG(effect->text));
        break;
    case ELECTION_DO_GONE: on_gone(node); break;
    case ELECTION_DO_FAILED:
    case ELECTION_DO_RECOVERED:
    case ELECTION_DO_NOTE: break;
    }
}

/* Its clock is slower or faster than the world's. */
static void rearm(struct node *node)
{
    struct instant now = node_now(node);
    struct window window = election_deadline(&node->election);
    if (window.latest == NEVER_MS) {
        return;
    }
    int64_t at = between(node->world, window.earliest, window.latest);
    int64_t left = at > now.mono ? (at - now.mono) * 1000000 / node->parts + 1 : 0;
    if (node->world->now + left < node->tick_at) {
        node->tick_at = node->world->now + left;
        plan(node->world, left, EVENT_TICK, node, NULL, 0);
    }
}

void node_event(struct node *node, enum election_event_type type, const struct registry_reply *reply,
                const struct registry_watch_event *watch)
{
    struct election_event event = {.type = type, .now = node_now(node), .reply = reply, .watch = watch};
    election_step(&node->election, &event, &node->effects);
    struct election_effect effect;
    uint32_t life = node->life;
    while (queue_take(&node->effects, &effect)) {
        if (node->life == life && node->alive) {
            carry_out(node, &effect);
        }
    }
    if (node->alive) {
        rearm(node);
    }
}

/* ---- life ---- */

void node_start(struct node *node)
{
    struct world *world = node->world;
    node->life++;
    node->alive = true;
    node->stopped = node->asleep = node->leaving = node->believes = false;
    node->tick_at = INT64_MAX;
    node->opened = node->silenced = 0;
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        node->open[i] = 0;
    }
    tell(world, "node %u starts", node->index);
    election_init(&node->election, &(struct election_settings){.prefix = STR("/control/leader/world/"),
                                                               .ttl_ms = world->ttl_ms,
                                                               .renew_ms = world->renew_ms,
                                                               .request_timeout_ms = world->ttl_ms / 6,
                                                               .can = world->kind->can,
                                                               .seed = random_next(&world->random)});
    if (node->ready) {
        node_event(node, ELECTION_ON_STAND, NULL, NULL);
    }
}

void node_kill(struct node *node)
{
    tell(node->world, "node %u ends", node->index);
    node->alive = node->stopped = node->believes = false;
    net_end_watches(node->world, node);
    node->life++;
    election_fini(&node->election);
}

void node_resume(struct node *node)
{
    struct world *world = node->world;
    if (!node->stopped || world->now < node->stopped_until) {
        return;
    }
    tell(world, "node %u runs again", node->index);
    node->stopped = false;
    node->slept += node->asleep ? (world->now - node->stopped_from) * node->parts / 1000000 : 0;
    ask_all(world);     /* before it hears of anything */
    if (node->asleep) { /* the kernel says so */
        node_event(node, ELECTION_ON_TICK, NULL, NULL);
    }
}

void node_tell(struct node *node, bool ready)
{
    tell(node->world, "node %u is %s", node->index, ready ? "ready" : "not ready");
    node->ready = ready;
    if (node->alive && !node->leaving) {
        node_event(node, ready ? ELECTION_ON_STAND : ELECTION_ON_RESIGN, NULL, NULL);
    }
}
