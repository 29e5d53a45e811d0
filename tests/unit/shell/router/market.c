#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "market.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/seats_json.h"
#include "outrider/registry/registry.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- chance and time ---- */

unsigned market_below(struct market *market, unsigned count)
{
    return (unsigned)random_below(&market->random, count);
}

struct instant market_now(const struct seats_owner *owner)
{
    struct instant now = owner->market->now;
    now.wall += owner->skew;
    return now;
}

/* ---- the world of an agent ---- */

void fleet_carry_out(struct fleet *fleet, const struct view_effect *effect)
{
    if (effect->type == VIEW_DO_REQUEST) {
        registry_submit(fleet->client, effect->request);
    } else if (effect->type == VIEW_DO_WATCH) {
        registry_watch(fleet->client, effect->watch);
    } else if (effect->type == VIEW_DO_UNWATCH) {
        registry_unwatch(fleet->client, effect->id);
    }
}

void seats_carry_out(struct seats_owner *owner, const struct mirror_effect *effect)
{
    if (effect->type == MIRROR_DO_REQUEST) {
        registry_submit(owner->followed, effect->request);
    } else if (effect->type == MIRROR_DO_WATCH) {
        registry_watch(owner->followed, effect->watch);
    } else if (effect->type == MIRROR_DO_UNWATCH) {
        registry_unwatch(owner->followed, effect->id);
    }
}

void seats_skipped(struct seats_owner *owner, struct str key, const char *why)
{
    assert_true(key.size > 0 && why[0] != '\0');
    owner->skipped++;
}

void seats_submit(struct seats_owner *owner, const struct registry_request *request)
{
    struct flight *flight = owner->market->flights;
    if (request->op == REGISTRY_LIST) {
        registry_submit(owner->changed, request);
        return;
    }
    assert_null(registry_txn_problem(request->txn));
    while (flight->txn != NULL) {
        flight++;
        assert_true(flight < owner->market->flights + FLIGHTS);
    }
    *flight = (struct flight){.owner = owner, .id = request->id, .txn = registry_txn_copy(request->txn)};
}

static void on_view_reply(const struct registry_reply *reply, void *user)
{
    struct fleet *fleet = user;
    struct instant now = market_now(fleet->owner);
    (void)fleet_router_replied(&fleet->router, reply, &now);
}

static void on_view_watch(const struct registry_watch_event *event, void *user)
{
    struct fleet *fleet = user;
    struct instant now = market_now(fleet->owner);
    (void)fleet_router_watched(&fleet->router, event, &now);
}

static void on_followed(const struct registry_reply *reply, void *user)
{
    struct seats_owner *owner = user;
    struct instant now = market_now(owner);
    seats_router_mirrored(owner->router, reply, &now);
}

static void on_followed_watch(const struct registry_watch_event *event, void *user)
{
    struct seats_owner *owner = user;
    struct instant now = market_now(owner);
    seats_router_watched(owner->router, event, &now);
}

static void on_changed(const struct registry_reply *reply, void *user)
{
    struct seats_owner *owner = user;
    struct instant now = market_now(owner);
    seats_router_replied(owner->router, reply, &now);
}

static void ignore(const struct registry_reply *reply, void *user)
{
    (void)reply;
    (void)user;
}

static void open_agent(struct market *market, size_t number)
{
    struct seats_owner *owner = &market->agents[number];
    struct instant now;
    owner->market = market;
    owner->skew = (int64_t)market_below(market, 2 * SKEW_MS + 1) - SKEW_MS;
    snprintf(owner->by, sizeof(owner->by), "a%zu", number);
    owner->fleet = (struct fleet){.market = market, .owner = owner};
    owner->fleet.client = registry_attach(market->registry, on_view_reply, on_view_watch, &owner->fleet);
    owner->followed = registry_attach(market->registry, on_followed, on_followed_watch, owner);
    owner->changed = registry_attach(market->registry, on_changed, NULL, owner);
    owner->router = seats_router_new(&(struct seats_router_settings){.prefix = "/s",
                                                                     .control_prefix = "/o",
                                                                     .timeout_ms = 1500,
                                                                     .check_ms = 5000,
                                                                     .seed = market->seed + number,
                                                                     .can = registry_can(market->registry),
                                                                     .sweeps = true},
                                     owner);
    fleet_router_init(&owner->fleet.router,
                      &(struct view_settings){.prefix = "/s",
                                              .mode = VIEW_ALWAYS,
                                              .check_ms = 5000,
                                              .request_timeout_ms = 1500,
                                              .seed = market->seed,
                                              .can = registry_can(market->registry)},
                      &(struct placement_settings){.virtual_nodes = 20,
                                                   .balance_factor = 125,
                                                   .seed = market->seed,
                                                   .seats = seats_router_seats(owner->router)},
                      &owner->fleet);
    seats_router_place(owner->router, owner->fleet.router.placement, owner->fleet.router.view);
    now = market_now(owner);
    (void)fleet_router_step(&owner->fleet.router, &(struct view_event){.type = VIEW_ON_START, .now = now});
    seats_router_follow(owner->router, true, &now);
}

/* ---- the registry ---- */

void market_write(struct market *market, const struct registry_txn *txn)
{
    registry_submit(market->writer,
                    &(struct registry_request){
                        .id = ++market->last_write, .op = REGISTRY_TXN, .txn = txn, .timeout_ms = 1500});
}

struct blob *market_record(const struct market *market, unsigned server)
{
    char text[200];
    int size =
        snprintf(text, sizeof(text),
                 "{\"id\":\"w%u\",\"type\":\"world\",\"status\":\"ready\",\"players\":%u,\"capacity\":%d}",
                 server, market->players[server], CAPACITY);
    return blob_new((struct str){text, (size_t)size});
}

void market_write_record(struct market *market, unsigned server)
{
    char key[32];
    struct registry_txn txn = {0};
    struct blob *value = market_record(market, server);
    snprintf(key, sizeof(key), "/s/world/w%u", server);
    registry_txn_then(
        &txn, (struct registry_action){.kind = market->gone[server] ? REGISTRY_REMOVE : REGISTRY_WRITE,
                                       .key = str_of(key),
                                       .value = market->gone[server] ? NULL : value});
    market_write(market, &txn);
    blob_unref(value);
}

void market_read_list(struct market *market, const char *server, struct reservations *ret_list)
{
    char key[32];
    struct error err;
    snprintf(key, sizeof(key), "/o/seats/world/%s", server);
    struct registry_kv kv = memory_read(market->registry, str_of(key));
    if (kv.found) {
        assert_int_equal(seats_decode(kv.value, ret_list, &err), 0);
    }
}

struct market *market_new(const struct memory_kind *kind, uint64_t seed)
{
    struct market *market = mem_zalloc(sizeof(*market));
    market->seed = seed;
    market->now = (struct instant){.mono = 10000, .boot = 20000, .wall = 1800000000000};
    market->faults = true;
    random_seed(&market->random, seed);
    market->registry = memory_new(kind);
    market->writer = registry_attach(market->registry, ignore, NULL, market);
    market->ghosts = registry_attach(market->registry, ignore, NULL, market);
    for (unsigned i = 0; i < SERVERS; i++) {
        market_write_record(market, i);
    }
    for (size_t i = 0; i < AGENTS; i++) {
        open_agent(market, i);
    }
    market_pass(market, 1);
    return market;
}

void market_free(struct market *market)
{
    for (size_t i = 0; i < AGENTS; i++) {
        seats_router_free(market->agents[i].router);
        fleet_router_fini(&market->agents[i].fleet.router);
    }
    for (size_t i = 0; i < FLIGHTS; i++) {
        registry_txn_free(market->flights[i].txn);
    }
    registry_free(market->registry);
    free(market);
}
