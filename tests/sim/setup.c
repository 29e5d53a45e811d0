/* Configurations: the defaults, and variations of them. */
#include "sim.h"

#include "outrider/base/mem.h"

#include <stdio.h>

static int64_t pick(struct world *world, const int64_t *of, size_t count)
{
    return of[world_below(world, count)];
}

#define PICK(world, ...)                                                                                     \
    pick(world, (const int64_t[]){__VA_ARGS__}, COUNT_OF(((const int64_t[]){__VA_ARGS__})))

static void add_probe(struct world *world, struct config *config)
{
    size_t index = config->probe_count;
    char name[16];
    snprintf(name, sizeof(name), "tcp-%zu", 8000 + index);
    struct config_probe *probe = config_probe_add(config);
    probe->name = mem_strdup(name);
    probe->port = (uint16_t)(8000 + index);
    probe->interval_ms = PICK(world, 500, 1000, 1000, 2000, 5000);
    probe->timeout_ms = probe->interval_ms / 2;
    probe->fall = (unsigned)PICK(world, 1, 2, 3, 3, 5);
    probe->rise = (unsigned)PICK(world, 1, 2, 2, 3);
}

static void setup_server(struct world *world, const struct node *node, struct config *config)
{
    bool silent = node->game.style == GAME_SILENT;
    config->server.present = true;
    config->server.type = mem_strdup("world");
    /* Without a state_dir the id may end with the agent; here the next agent has the same id, and finds the
     * key gone. */
    config->server.id = mem_strdup(node_ends_with_its_id(node) ? "auto" : node->id);
    config->server.host = mem_strdup("auto");
    config->server.ports[0] = 8000;
    config->server.ports[1] = 8001;
    config->server.port_count = 2;
    config->server.initializing_max_ms = PICK(world, 0, 20000, 60000, 900000);
    config->server.deregister_after_ms = PICK(world, 0, 15000, 40000, 600000);
    config->server.flapping.changes = world->herd ? 0 : (uint32_t)PICK(world, 0, 2, 4, 6);
    config->server.flapping.within_ms = PICK(world, 5000, 60000, 300000);
    config->server.flapping.hold_ms = PICK(world, 1000, 5000, 20000);
    config->server.watchdog_ms = node->game.style == GAME_TALKS ? PICK(world, 0, 0, 8000, 30000) : 0;
    config->probes_given = true;
    unsigned probes = (unsigned)PICK(world, 1, 1, 2);
    if ((node->game.style == GAME_ATTACHED || node->game.style == GAME_NOTIFIES) &&
        world_chance(world, 250)) {
        probes = 0;
    }
    config->server.require_status = probes == 0 || (!silent && world_chance(world, 300));
    for (unsigned i = 0; i < probes; i++) {
        add_probe(world, config);
    }
    config->grace_period_ms = PICK(world, 3000, 5000, 10000);
}

/* The defaults. */
static void make_plain(struct config *config)
{
    config->server.require_status = false;
    config->server.watchdog_ms = 0;
    while (config->probe_count > 1) {
        config_probe_fini(&config->probes[--config->probe_count]);
    }
    config->probes[0].interval_ms = 1000;
    config->probes[0].timeout_ms = 500;
    config->registry.ttl_ms = 10000;
}

struct config *setup_config(struct world *world, const struct node *node, const struct config *like)
{
    struct config *config = mem_zalloc(sizeof(*config));
    setup_server(world, node, config);
    config->registry.prefix = mem_strdup("/services");
    config->registry.control_prefix = mem_strdup("/outrider/services");
    config->registry.ttl_ms =
        like != NULL ? like->registry.ttl_ms : PICK(world, 5000, 10000, 10000, 15000, 30000);
    if (config->registry.ttl_ms < world->etcd.kind->limits.ttl_min_ms) {
        config->registry.ttl_ms = world->etcd.kind->limits.ttl_min_ms; /* as is granted then */
    }
    if (world->herd) {
        make_plain(config);
    }
    config->registry.request_timeout_ms = config_request_timeout(&config->registry);
    config->status.min_publish_interval_ms = PICK(world, 1, 200, 1000, 5000);
    config->drain.deadline_ms = PICK(world, 2000, 10000, 60000);
    config->drain.settle_ms = PICK(world, 0, 1000, 5000);
    config->shutdown.drain = world_chance(world, 300);
    config->shutdown.linger_ms = PICK(world, 0, 500, 2000);
    config->shutdown.timeout_ms = 5000;
    if (like != NULL) {
        /* What only a restart may change, and what the oracle relies on. */
        config->server.require_status = like->server.require_status;
        config->server.watchdog_ms = like->server.watchdog_ms;
        while (config->probe_count > like->probe_count) {
            config_probe_fini(&config->probes[--config->probe_count]);
        }
        while (config->probe_count < like->probe_count) {
            add_probe(world, config);
        }
    }
    return config;
}
