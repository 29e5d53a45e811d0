/* The view of the fleet on registries that promise less than etcd: whatever is written, deleted, undone or cut, it has
 * what the registry has once everything is quiet. Random, by seed; a failing seed is printed, FLEET_SEED runs it alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/random.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/shell/router/fleet_router.h"
#include "support/play_seeds.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 150, ROUNDS = 12, STEPS = 25, KEYS = 9, QUIET_STEPS = 400 };

struct fleet {
    struct registry *registry;
    struct registry_client *reader, *writer;
    struct fleet_router router;
    struct random random;
    struct instant now;
    const struct memory_kind *kind;
    uint64_t last_write;
    int64_t revision;
    int64_t given_before; /* the highest revision before the last time that it lost writes */
};

/* ---- the wiring ---- */

void fleet_carry_out(struct fleet *fleet, const struct view_effect *effect)
{
    switch (effect->type) {
    case VIEW_DO_REQUEST: registry_submit(fleet->reader, effect->request); break;
    case VIEW_DO_WATCH: registry_watch(fleet->reader, effect->watch); break;
    case VIEW_DO_UNWATCH: registry_unwatch(fleet->reader, effect->id); break;
    case VIEW_DO_CHANGED:
    case VIEW_DO_REVISION:
    case VIEW_DO_SYNCED:
    case VIEW_DO_STALE:
    case VIEW_DO_SAVE:
    case VIEW_DO_NOTE: break;
    }
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct fleet *fleet = user;
    (void)fleet_router_replied(&fleet->router, reply, &fleet->now);
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct fleet *fleet = user;
    (void)fleet_router_watched(&fleet->router, event, &fleet->now);
}

static void on_written(const struct registry_reply *reply, void *user)
{
    struct fleet *fleet = user;
    assert_int_equal(reply->failure, REGISTRY_OK);
    fleet->revision = reply->revision;
}

/* ---- what happens ---- */

static unsigned below(struct fleet *fleet, unsigned limit)
{
    return (unsigned)random_below(&fleet->random, limit);
}

static void key_name(unsigned number, char out[40])
{
    snprintf(out, 40, "/services/world/w%u", number);
}

static void write_something(struct fleet *fleet)
{
    char key[40], value[160];
    unsigned number = below(fleet, KEYS);
    key_name(number, key);
    if (below(fleet, 6) == 0) {
        snprintf(key, sizeof(key), "/elsewhere/%u",
                 number); /* revisions of the store that are none of the fleet */
    }
    snprintf(value, sizeof(value),
             "{\"id\":\"w%u\",\"type\":\"world\",\"host\":\"10.0.0.1\",\"status\":\"ready\",\"players\":%u}",
             number, below(fleet, 1000));
    struct blob *blob = blob_new(str_of(below(fleet, 8) == 0 ? "no record" : value));
    struct registry_txn txn = {0};
    registry_txn_then(
        &txn, (struct registry_action){.kind = below(fleet, 3) == 0 ? REGISTRY_REMOVE : REGISTRY_WRITE,
                                       .key = str_of(key),
                                       .value = blob});
    registry_submit(fleet->writer,
                    &(struct registry_request){
                        .id = ++fleet->last_write, .op = REGISTRY_TXN, .txn = &txn, .timeout_ms = 1000});
    blob_unref(blob);
}

static void pass(struct fleet *fleet, int64_t ms)
{
    fleet->now.mono += ms;
    fleet->now.boot += ms;
    fleet->now.wall += ms;
    memory_advance(fleet->registry, ms);
    (void)fleet_router_step(&fleet->router, &(struct view_event){.type = VIEW_ON_TICK, .now = fleet->now});
}

static void fail_over(struct fleet *fleet)
{
    int64_t back = (int64_t)below(fleet, 4);
    if ((fleet->kind->can & REGISTRY_CAN_KEEP) == 0 && fleet->revision > back) {
        memory_fail_over(fleet->registry, fleet->revision - back);
        fleet->given_before = fleet->revision > fleet->given_before ? fleet->revision : fleet->given_before;
    }
}

static void upset(struct fleet *fleet)
{
    switch (below(fleet, 12)) {
    case 0: memory_cut(fleet->registry); break;
    case 1: memory_compact(fleet->registry, fleet->revision); break;
    case 2: fail_over(fleet); break;
    case 3: pass(fleet, 1 + below(fleet, 3000)); break;
    case 4:
    case 5:
    case 6: (void)memory_run(fleet->registry); break;
    default: write_something(fleet); break;
    }
}

/* ---- what must come of it ---- */

static bool is_equal(struct fleet *fleet, char why[static 200])
{
    for (unsigned i = 0; i < KEYS; i++) {
        char key[40], id[16];
        key_name(i, key);
        snprintf(id, sizeof(id), "w%u", i);
        struct registry_kv kv = memory_read(fleet->registry, str_of(key));
        const struct view_entry *entry = view_find(fleet->router.view, STR("world"), str_of(id));
        bool is_record = kv.found && kv.value.data[0] == '{';
        if (is_record != (entry != NULL) || (is_record && entry->mod_revision != kv.mod_revision)) {
            snprintf(why, 200, "%s: there=%d listed=%d", key, is_record, entry != NULL);
            return false;
        }
    }
    return true;
}

/* Where the view is in sync, a subscriber that has received it can resume there. Not where the registry lost writes:
 * there it gives the same revisions once more. */
static void check_resume(const struct fleet *fleet)
{
    const struct view_facts *facts = view_facts(fleet->router.view);
    uint64_t cursor;
    if (facts->revision > fleet->given_before) {
        assert_int_equal(view_resume(fleet->router.view, facts->revision, facts->cluster, &cursor), 0);
    }
}

static void settle(struct fleet *fleet)
{
    char why[200] = "not in sync";
    for (int i = 0; i < QUIET_STEPS; i++) {
        while (memory_run(fleet->registry) > 0) {
        }
        if (view_facts(fleet->router.view)->synced && is_equal(fleet, why)) {
            check_resume(fleet);
            return;
        }
        struct window next = view_deadline(fleet->router.view);
        pass(fleet,
             next.latest == NEVER_MS || next.latest <= fleet->now.mono ? 100 : next.latest - fleet->now.mono);
    }
    fail_msg("%s: never quiet: %s", fleet->kind->name, why);
}

static void play(const struct memory_kind *kind, uint64_t seed)
{
    struct fleet fleet = {.kind = kind, .now = {.mono = 10000, .boot = 20000, .wall = 9000000}};
    random_seed(&fleet.random, seed);
    fleet.registry = memory_new(kind);
    fleet.reader = registry_attach(fleet.registry, on_reply, on_watch, &fleet);
    fleet.writer = registry_attach(fleet.registry, on_written, NULL, &fleet);
    fleet_router_init(&fleet.router,
                      &(struct view_settings){.prefix = "/services",
                                              .mode = VIEW_ALWAYS,
                                              .check_ms = 5000,
                                              .request_timeout_ms = 1500,
                                              .page = 1 + below(&fleet, 4),
                                              .seed = seed,
                                              .can = registry_can(fleet.registry)},
                      &(struct placement_settings){.virtual_nodes = 3, .balance_factor = 125, .seed = 1},
                      &fleet);
    (void)fleet_router_step(&fleet.router, &(struct view_event){.type = VIEW_ON_START, .now = fleet.now});
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < STEPS; i++) {
            upset(&fleet);
        }
        settle(&fleet);
    }
    fleet_router_fini(&fleet.router);
    registry_free(fleet.registry);
}

static void as_etcd(void **state)
{
    (void)state;
    play_seeds(&memory_etcd, "FLEET_SEED", SEEDS, play);
}

static void as_redis(void **state)
{
    (void)state;
    play_seeds(&memory_redis, "FLEET_SEED", SEEDS, play);
}

static void as_consul(void **state)
{
    (void)state;
    play_seeds(&memory_consul, "FLEET_SEED", SEEDS, play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_etcd),
        cmocka_unit_test(as_redis),
        cmocka_unit_test(as_consul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
