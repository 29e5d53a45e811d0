/* Operators who drain and undrain. */
#include "sim.h"

static void drain(struct node *node)
{
    static const char *const reasons[] = {"", "patch", "moving this one away"};
    struct instant now = node_now(node);
    struct world *world = node->world;
    int64_t deadline = world_chance(world, 300) ? 0 : 1000 + (int64_t)world_below(world, 60000);
    int64_t expires = world_chance(world, 100) ? 1000 + (int64_t)world_below(world, 60000) : 0;
    narrate(world, node, "an operator drains%s", expires > 0 ? " for a while" : "");
    intents_drained(node, expires > 0);
    router_server_event(node->router, &(struct server_event){.type = SERVER_ON_HOLD,
                                                             .now = now,
                                                             .kind = HOLD_OPS,
                                                             .reason = reasons[world_below(world, 3)],
                                                             .by = "api",
                                                             .deadline_ms = deadline,
                                                             .expires_ms = expires});
    node_settle(node);
}

static void undrain(struct node *node)
{
    struct instant now = node_now(node);
    narrate(node->world, node, "an operator undrains");
    intents_undrained(node);
    router_server_event(node->router,
                        &(struct server_event){.type = SERVER_ON_UNHOLD, .now = now, .kind = HOLD_OPS});
    node_settle(node);
}

void operators_act(struct node *node)
{
    unsigned turns = world_chance(node->world, 100) ? 1 + (unsigned)world_below(node->world, 20) : 1;
    node->watch.quiet = false;
    for (unsigned i = 0; i < turns && node->alive; i++) {
        if (world_chance(node->world, 500)) {
            drain(node);
        } else {
            undrain(node);
        }
    }
}
