/* Agents that reserve seats of the same servers at one registry: answers are lost or late, clocks differ, servers go and come
 * back, players come and claim. At every step no server is sold beyond its capacity, no seat that was promised is lost, and no id
 * has two reservations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "market.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/seats_json.h"
#include "outrider/registry/registry.h"
#include "support/play_seeds.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 8, STEPS = 1200, QUIET_STEPS = 3000 };

/* ---- what happens ---- */

/* Before the registry carries it out, so that no promise outlasts it. */
static void void_promises(struct market *market, const char *id, const char *server)
{
    for (size_t i = 0; i < market->promise_count; i++) {
        struct promise *promise = &market->promises[i];
        bool fits = (id == NULL || strcmp(promise->id, id) == 0) &&
                    (server == NULL || strcmp(promise->server, server) == 0);
        promise->over = promise->over || fits;
    }
}

static void promise(struct market *market, const struct seats_owner *owner, const char *id,
                    const char *server, const struct reservation *reservation)
{
    bool is_gone = market->gone[server[1] - '0'];
    for (const struct wish *wish = market->releases; wish != NULL; wish = wish->next) {
        is_gone = is_gone || (strcmp(wish->id, id) == 0 && strcmp(wish->server, server) == 0);
    }
    assert_true(market->promise_count < PROMISES);
    struct promise *made = &market->promises[market->promise_count++];
    *made = (struct promise){
        .seats = reservation->seats, .until = reservation->until_wall, .skew = owner->skew, .over = is_gone};
    snprintf(made->id, sizeof(made->id), "%s", id);
    snprintf(made->server, sizeof(made->server), "%s", server);
}

static void on_allocated(const struct allocate *result, void *user)
{
    struct wish *wish = user;
    struct market *market = wish->market;
    switch (result->result) {
    case ALLOCATE_MADE:
    case ALLOCATE_EXISTED:
        assert_string_equal(result->reservation.id, wish->id);
        assert_int_equal(result->reservation.seats, wish->seats);
        if (result->result == ALLOCATE_MADE) {
            market->made++;
            promise(market, wish->owner, wish->id, result->server, &result->reservation);
        } else {
            market->existed++;
        }
        break;
    case ALLOCATE_ID_TAKEN: assert_int_not_equal(result->reservation.seats, wish->seats); break;
    case ALLOCATE_NONE: market->none++; break;
    case ALLOCATE_CONFLICT: market->conflicts++; break;
    case ALLOCATE_FAILED: market->failed++; break;
    case ALLOCATE_ID_FOREIGN:
    case ALLOCATE_RESULT_COUNT: fail_msg("result %d", (int)result->result);
    }
    market->wishes--;
    free(wish);
}

static void on_amended(const struct amend *result, void *user)
{
    struct wish *wish = user;
    struct market *market = wish->market;
    if (wish->op == AMEND_EXTEND && result->result == AMEND_OK) {
        promise(market, wish->owner, wish->id, wish->server, &result->reservation);
    }
    market->released += wish->op == AMEND_RELEASE && result->result == AMEND_OK;
    if (wish->op == AMEND_RELEASE) {
        struct wish **at = &market->releases;
        while (*at != wish) {
            at = &(*at)->next;
        }
        *at = wish->next;
    }
    market->wishes--;
    free(wish);
}

static struct wish *new_wish(struct market *market)
{
    struct wish *wish = mem_zalloc(sizeof(*wish));
    wish->market = market;
    wish->owner = &market->agents[market_below(market, AGENTS)];
    market->wishes++;
    return wish;
}

static void wish_seats(struct market *market)
{
    struct wish *wish = new_wish(market);
    struct instant now = market_now(wish->owner);
    bool is_fresh = market_below(market, 2) == 0;
    if (is_fresh) {
        snprintf(wish->id, sizeof(wish->id), "f%u", ++market->fresh);
    } else {
        snprintf(wish->id, sizeof(wish->id), "i%u", market_below(market, IDS));
    }
    snprintf(wish->key, sizeof(wish->key), "k%u", market_below(market, 5));
    wish->seats = 1 + market_below(market, 2);
    wish->query = (struct placement_query){
        .type = STR("world"),
        .strategy = (enum placement_strategy)market_below(market, PLACEMENT_STRATEGY_COUNT),
        .seats = wish->seats,
        .count = 1};
    if (wish->query.strategy == PLACEMENT_CONSISTENT_HASH) {
        wish->query.key = str_of(wish->key);
    }
    assert_true(seats_router_allocate(
        wish->owner->router,
        &(struct allocate_settings){.query = &wish->query,
                                    .id = str_of(wish->id),
                                    .by = str_of(wish->owner->by),
                                    .fresh_id = is_fresh,
                                    .ttl_ms = 1000 + (int64_t)market_below(market, 9000),
                                    .timeout_ms = 3000,
                                    .seed = random_next(&market->random)},
        &now, on_allocated, wish));
    seats_router_tick(wish->owner->router, &now);
}

static void wish_change(struct market *market)
{
    struct wish *wish = new_wish(market);
    struct instant now = market_now(wish->owner);
    const struct promise *of =
        market->promise_count == 0
            ? NULL
            : &market
                   ->promises[market->promise_count - 1 -
                              market_below(
                                  market, (unsigned)(market->promise_count < 8 ? market->promise_count : 8))];
    snprintf(wish->id, sizeof(wish->id), "%s", of == NULL ? "i1" : of->id);
    snprintf(wish->server, sizeof(wish->server), "%s", of == NULL ? "w1" : of->server);
    wish->op = (enum amend_op)market_below(market, 4);
    if (wish->op == AMEND_RELEASE) { /* its answer may be lost */
        void_promises(market, wish->id, wish->server);
        wish->next = market->releases;
        market->releases = wish;
    }
    assert_true(seats_router_amend(wish->owner->router, wish->op, STR("world"), str_of(wish->server),
                                   wish->op == AMEND_CLEAN ? STR("") : str_of(wish->id),
                                   1000 + (int64_t)market_below(market, 9000), &now, on_amended, wish));
    seats_router_tick(wish->owner->router, &now);
}

/* Seats of a server that are neither taken nor meant for a reservation. */
static unsigned room_of(struct market *market, unsigned server)
{
    char name[8];
    struct reservations list = {0};
    snprintf(name, sizeof(name), "w%u", server);
    market_read_list(market, name, &list);
    unsigned used = market->players[server];
    for (size_t i = 0; i < list.count; i++) {
        used += list.items[i].seats;
    }
    reservations_fini(&list);
    return used < CAPACITY ? CAPACITY - used : 0;
}

/* A server reports other players: some leave, or one comes who asked no agent. */
static void change_players(struct market *market)
{
    unsigned server = market_below(market, SERVERS);
    bool comes = market_below(market, 2) == 0;
    if (market->gone[server] || (comes ? room_of(market, server) == 0 : market->players[server] == 0)) {
        return;
    }
    market->players[server] =
        comes ? market->players[server] + 1
              : market->players[server] - 1 - market_below(market, market->players[server]);
    market_write_record(market, server);
    market_run(market);
}

/* Players arrive: their server takes the entry out as it counts them. */
static void claim(struct market *market)
{
    unsigned server = market_below(market, SERVERS);
    char name[8], key[32], record[32], id_key[96];
    struct reservations list = {0};
    snprintf(name, sizeof(name), "w%u", server);
    market_read_list(market, name, &list);
    if (!market->gone[server] && list.count > 0) {
        const struct reservation *entry = &list.items[market_below(market, (unsigned)list.count)];
        if (market->now.wall + market_skew(market, entry->by) < entry->until_wall) {
            struct registry_txn txn = {0};
            struct buf text = {0};
            snprintf(key, sizeof(key), "/o/seats/world/%s", name);
            snprintf(record, sizeof(record), "/s/world/%s", name);
            snprintf(id_key, sizeof(id_key), "/o/seat-ids/world/%s", entry->id);
            market->players[server] += entry->seats;
            void_promises(market, entry->id, name);
            reservations_remove(&list, entry);
            seats_encode(&list, &text);
            struct blob *value = blob_new(buf_view(&text)), *record_value = market_record(market, server);
            registry_txn_then(
                &txn, (struct registry_action){.kind = REGISTRY_WRITE, .key = str_of(key), .value = value});
            registry_txn_then(&txn, (struct registry_action){.kind = REGISTRY_WRITE,
                                                             .key = str_of(record),
                                                             .value = record_value});
            if (market_below(market, 2) == 0) { /* an agent without the right leaves it */
                registry_txn_then(&txn,
                                  (struct registry_action){.kind = REGISTRY_REMOVE, .key = str_of(id_key)});
            }
            market_write(market, &txn);
            market_run(market);
            blob_unref(value);
            blob_unref(record_value);
            buf_fini(&text);
        }
    }
    reservations_fini(&list);
}

static void come_or_go(struct market *market)
{
    unsigned server = market_below(market, SERVERS);
    char name[8];
    snprintf(name, sizeof(name), "w%u", server);
    market->gone[server] = !market->gone[server];
    market->players[server] = 0;
    void_promises(market, NULL, name);
    market_write_record(market, server);
    market_run(market);
}

static void upset(struct market *market)
{
    unsigned what = market_below(market, 100);
    if (what < 30) {
        if (market->wishes < 40) {
            wish_seats(market);
        }
    } else if (what < 40) {
        if (market->wishes < 40) {
            wish_change(market);
        }
    } else if (what < 75) {
        market_land(market, 1 + market_below(market, 3));
    } else if (what < 90) {
        market_pass(market, 1 + market_below(market, market_below(market, 4) == 0 ? 3000 : 60));
    } else if (what < 94) {
        change_players(market);
    } else if (what < 97) {
        claim(market);
    } else if (what == 97 && market->faults) {
        come_or_go(market);
    } else if (what == 98 && market->faults) {
        memory_cut(market->registry);
    }
}

/* Those that agents began to clean up included. */
static size_t changes(const struct market *market)
{
    size_t count = 0;
    for (size_t i = 0; i < AGENTS; i++) {
        count += seats_router_counters(market->agents[i].router)->changes;
    }
    return count;
}

/* Every change ends, whatever became of its requests. */
static void settle(struct market *market)
{
    for (int i = 0; i < QUIET_STEPS && (market->wishes > 0 || changes(market) > 0); i++) {
        market_land(market, 1);
        market_pass(market, 20);
    }
    assert_int_equal(market->wishes, 0);
    assert_int_equal(changes(market), 0);
    for (size_t i = 0; i < AGENTS; i++) {
        assert_int_equal(market->agents[i].skipped, 0);
    }
}

/* Without faults, once all has lapsed, each server can be sold to the last seat. */
static void sell_out(struct market *market)
{
    market->faults = false;
    for (unsigned i = 0; i < SERVERS; i++) {
        market->gone[i] = false;
        market->players[i] = 0;
        market_write_record(market, i);
    }
    for (int i = 0; i < 40; i++) {
        market_pass(market, 500);
    }
    for (int i = 0; i < 400; i++) {
        wish_seats(market);
        market_land(market, 1);
        market_pass(market, 2);
    }
    settle(market);
    for (unsigned i = 0; i < SERVERS; i++) {
        char name[8];
        struct reservations list = {0};
        snprintf(name, sizeof(name), "w%u", i);
        market_read_list(market, name, &list);
        if (reservations_seats(&list, market->now.wall) < CAPACITY - 1) {
            fail_msg("seed %llu: %s has %u seats left", (unsigned long long)market->seed, name,
                     CAPACITY - reservations_seats(&list, market->now.wall));
        }
        reservations_fini(&list);
    }
}

static void check_gone(struct market *market, const char *before, unsigned number)
{
    char key[64];
    snprintf(key, sizeof(key), "%s%u", before, number);
    if (memory_read(market->registry, str_of(key)).found) {
        fail_msg("seed %llu: %s is left", (unsigned long long)market->seed, key);
    }
}

/* Nothing is left of reservations that are over and of servers that are gone. */
static void clean_up(struct market *market)
{
    for (unsigned i = 0; i < SERVERS; i++) {
        market->gone[i] = true;
        market_write_record(market, i);
    }
    for (int i = 0; i < 300; i++) {
        market_pass(market, 1000);
        market_land(market, 1);
    }
    for (unsigned i = 0; i < SERVERS; i++) {
        check_gone(market, "/o/seats/world/w", i);
    }
    for (unsigned i = 0; i < IDS; i++) {
        check_gone(market, "/o/seat-ids/world/i", i);
    }
    for (unsigned i = 1; i <= market->fresh; i++) {
        check_gone(market, "/o/seat-ids/world/f", i);
    }
    settle(market);
}

static void play(const struct memory_kind *kind, uint64_t seed)
{
    struct market *market = market_new(kind, seed);
    for (int i = 0; i < STEPS; i++) {
        upset(market);
    }
    settle(market);
    sell_out(market);
    clean_up(market);
    assert_true(market->made > 20 && market->none > 0 && market->existed > 0 && market->released > 0);
    market_free(market);
}

static void as_etcd(void **state)
{
    (void)state;
    play_seeds(&memory_etcd, "MARKET_SEED", SEEDS, play);
}

static void as_consul(void **state)
{
    (void)state;
    play_seeds(&memory_consul, "MARKET_SEED", SEEDS, play);
}

static void as_redis(void **state)
{
    (void)state;
    play_seeds(&memory_redis, "MARKET_SEED", SEEDS, play);
}

static void note_failure(const struct amend *result, void *user)
{
    enum registry_failure *ret_failure = user;
    assert_int_equal(result->result, AMEND_FAILED);
    assert_true(result->error[0] != '\0');
    *ret_failure = result->failure;
}

/* While the registry says nothing, a change and another one that waits for its turn take two request timeouts and a little. */
static void a_change_has_the_time_of_two_requests(void **state)
{
    (void)state;
    struct market *market = market_new(&memory_etcd, 1);
    struct seats_owner *owner = &market->agents[0];
    enum registry_failure first = REGISTRY_FAILURE_COUNT, second = REGISTRY_FAILURE_COUNT;
    struct instant now = market_now(owner);
    market->silent = true;
    assert_true(seats_router_amend(owner->router, AMEND_RELEASE, STR("world"), STR("w1"), STR("a"), 0, &now,
                                   note_failure, &first));
    assert_true(seats_router_amend(owner->router, AMEND_RELEASE, STR("world"), STR("w1"), STR("b"), 0, &now,
                                   note_failure, &second));
    market_pass(market, 1);
    market_pass(market, 1500);
    market_land(market, 1);
    assert_int_equal(first, REGISTRY_FAILURE_COUNT); /* tried again */
    market_pass(market, 1500);
    market_land(market, 1);
    assert_int_equal(first, REGISTRY_RETRY);  /* it only read */
    assert_int_equal(second, REGISTRY_RETRY); /* it was never begun */
    market_free(market);
}

/* A registry whose administrator allows less in a transaction than others: no change fails for that. */
static void play_small(const struct memory_kind *kind, uint64_t seed)
{
    enum { OF_ONE_CHANGE = 4 };
    struct market *market = market_new(kind, seed);
    market->faults = false;
    market->compares_max = OF_ONE_CHANGE;
    for (int i = 0; i < STEPS; i++) {
        upset(market);
    }
    settle(market);
    assert_true(market->made > 20 && market->refused > 0);
    assert_int_equal(market->failed, 0);
    market_free(market);
}

static void what_is_refused_as_too_large_goes_one_by_one(void **state)
{
    (void)state;
    play_seeds(&memory_etcd, "MARKET_SEED", 2, play_small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_etcd), cmocka_unit_test(as_consul),
                                       cmocka_unit_test(as_redis),
                                       cmocka_unit_test(a_change_has_the_time_of_two_requests),
                                       cmocka_unit_test(what_is_refused_as_too_large_goes_one_by_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
