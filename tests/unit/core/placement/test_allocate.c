/* One allocation, step by step. What becomes of many at once is the subject of shell/router/test_seats_router.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/fleet/view.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/placement/allocate.h"
#include "outrider/core/seats/seats.h"
#include "support/add_reservation.h"
#include "support/kept_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS = 3, CAPACITY = 10 };

struct world {
    struct view *view;
    struct view_entry *entries[SERVERS];
    struct seats *seats;
    struct placement *placement;
    struct turns turns;
    struct queue told;
    struct instant now;
    struct placement_query query;
    struct allocate allocate;
};

/* w0 has 8 players of 10, w1 6, w2 4; their records have the revisions 100, 101, 102. */
static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    world->now = (struct instant){.mono = 1000, .boot = 5000, .wall = 1000000};
    world->seats = seats_new();
    queue_init(&world->told, sizeof(struct seats_effect));
    for (uint32_t i = 0; i < SERVERS; i++) {
        char key[32];
        const struct view_entry_facts facts = {
            .status = STATUS_READY, .players = {true, 8 - 2 * i}, .capacity = {true, CAPACITY}};
        snprintf(key, sizeof(key), "/s/world/w%u", i);
        world->entries[i] = view_entry_new(
            &(struct view_place){.key = str_of(key), .prefix_size = 2, .mod_revision = 100 + i}, STR("{}"),
            &facts);
    }
    struct view_kept kept = {
        .revision = 110, .true_wall = 1, .entries = world->entries, .entry_count = SERVERS};
    world->view = kept_view(&(struct view_settings){.prefix = "/s", .mode = VIEW_NEVER}, &kept, &world->now);
    world->placement = placement_new(&(struct placement_settings){
        .virtual_nodes = 10, .balance_factor = 125, .seed = 1, .seats = world->seats});
    world->query =
        (struct placement_query){.type = STR("world"), .strategy = PLACEMENT_PACKED, .seats = 2, .count = 1};
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    allocate_fini(&world->allocate);
    placement_free(world->placement);
    seats_free(world->seats);
    turns_fini(&world->turns);
    queue_fini(&world->told);
    for (size_t i = 0; i < SERVERS; i++) {
        view_entry_unref(world->entries[i]);
    }
    view_free(world->view);
    free(world);
    return 0;
}

static struct allocate_world of(struct world *world)
{
    return (struct allocate_world){
        .placement = world->placement, .view = world->view, .seats = world->seats, .turns = &world->turns};
}

/* The agent learns what the list of a server is. */
static void learn(struct world *world, const char *server, const struct reservations *list, int64_t revision)
{
    char place[32];
    struct seats_effect effect;
    snprintf(place, sizeof(place), "world/%s", server);
    seats_step(world->seats,
               &(struct seats_event){.type = SEATS_ON_CHANGED,
                                     .now = world->now,
                                     .place = str_of(place),
                                     .list = list,
                                     .foreign = list == NULL,
                                     .revision = revision},
               &world->told);
    while (queue_take(&world->told, &effect)) {
        struct str id, type = str_split(effect.place, '/', &id);
        placement_reserved(world->placement, type, id, &world->now);
    }
}

static void go(struct world *world)
{
    const struct allocate_world at = of(world);
    allocate_go(&world->allocate, &at, &world->now);
}

static void begin(struct world *world, bool fresh)
{
    allocate_init(&world->allocate,
                  &(struct allocate_settings){.query = &world->query,
                                              .id = STR("p-7"),
                                              .by = STR("obs"),
                                              .fresh_id = fresh,
                                              .ttl_ms = 30000,
                                              .timeout_ms = 3000,
                                              .seed = 1},
                  &world->now);
    go(world);
}

static void answer(struct world *world, struct seats_reply reply)
{
    const struct allocate_world at = of(world);
    allocate_reply(&world->allocate, &at, &reply, &world->now);
    reservations_fini(&reply.list);
}

/* After its wait. */
static void wait(struct world *world)
{
    assert_int_equal(world->allocate.state, ALLOCATE_WAITING);
    assert_true(world->allocate.due > world->now.mono);
    world->now.mono = world->allocate.due;
    go(world);
}

static void writes(struct world *world, const char *server)
{
    assert_int_equal(world->allocate.state, ALLOCATE_WRITING);
    assert_false(world->allocate.change.reads);
    assert_string_equal(world->allocate.change.of.server, server);
}

static void ends(struct world *world, enum allocate_result result)
{
    assert_int_equal(world->allocate.state, ALLOCATE_DONE);
    assert_int_equal(world->allocate.result, result);
}

/* Not made: the record is at 100, the list at `seats`, and the id has none. */
static struct seats_reply not_made(int64_t seats)
{
    return (struct seats_reply){.revision = 200,
                                .seats = {.read = true, .found = seats > 0, .revision = seats},
                                .record = {.read = true, .found = true, .revision = 100},
                                .id = {.read = true}};
}

static void test_the_transaction(void **state)
{
    struct world *world = *state;
    struct reservations list = {0};
    add_reservation(&list, "live", 2, world->now.wall - 1999);
    add_reservation(&list, "lapsed", 8, world->now.wall - 2000);
    learn(world, "w1", &list, 90);
    begin(world, true);
    writes(world, "w0");
    world->query.exclude[world->query.exclude_count++] = STR("w0");
    allocate_fini(&world->allocate);
    begin(world, true);
    writes(world, "w1");
    const struct seats_change *change = &world->allocate.change;
    assert_int_equal(change->of.revision, 90);
    assert_int_equal(change->record_revision, 101);
    assert_int_equal(change->id_action, SEATS_ID_WRITE);
    assert_int_equal(change->id_revision, 0);
    assert_string_equal(change->place.server, "w1");
    assert_int_equal(change->place.seats, 2);
    assert_int_equal(change->dropped_count, 1);
    assert_string_equal(change->dropped[0], "lapsed");
    assert_int_equal(change->of.list.count, 2);
    assert_string_equal(change->of.list.items[1].id, "p-7");
    assert_string_equal(change->of.list.items[1].by, "obs");
    assert_int_equal(change->of.list.items[1].until_wall, world->now.wall + 30000);
    answer(world, (struct seats_reply){.made = true, .revision = 201});
    ends(world, ALLOCATE_MADE);
    assert_string_equal(world->allocate.server, "w1");
    assert_int_equal(world->allocate.reservation.seats, 2);
    reservations_fini(&list);
}

/* Players and live reservations together: never more than the capacity, whatever the placement thinks. */
static void test_never_more_than_the_capacity(void **state)
{
    struct world *world = *state;
    struct reservations list = {0};
    add_reservation(&list, "a", 1, world->now.wall + 1000);
    learn(world, "w0", &list, 90);
    begin(world, true);
    writes(world, "w1");
    allocate_fini(&world->allocate);
    add_reservation(&list, "b", 3, world->now.wall + 1000);
    learn(world, "w1", &list, 91);
    learn(world, "w2", &list, 92);
    begin(world, true);
    writes(world, "w2");
    allocate_fini(&world->allocate);
    add_reservation(&list, "c", 1, world->now.wall + 1000);
    learn(world, "w2", &list, 93);
    begin(world, true);
    ends(world, ALLOCATE_NONE);
    assert_int_equal(world->allocate.excluded[PLACEMENT_FULL], 3);
    reservations_fini(&list);
}

/* By packed the place is the point: the same server again while it has room. By least_connections another one first. */
static void test_who_comes_after_a_conflict(void **state)
{
    struct world *world = *state;
    struct reservations list = {0};
    begin(world, true);
    writes(world, "w0");
    learn(world, "w0", &list, 95);
    answer(world, not_made(95));
    wait(world);
    writes(world, "w0");
    assert_int_equal(world->allocate.change.of.revision, 95);
    add_reservation(&list, "other", 2, world->now.wall + 10000);
    learn(world, "w0", &list, 96);
    answer(world, not_made(96));
    wait(world);
    writes(world, "w1");
    allocate_fini(&world->allocate);
    world->query.strategy = PLACEMENT_LEAST_CONNECTIONS;
    begin(world, true);
    writes(world, "w2");
    answer(world, not_made(7));
    wait(world);
    writes(world, "w1");
    reservations_fini(&list);
}

/* The list is as it was known: the record is another one. Until the view has it, the server is not tried. */
static void test_a_record_that_the_view_has_not_yet(void **state)
{
    struct world *world = *state;
    struct seats_reply reply = not_made(0);
    begin(world, true);
    writes(world, "w0");
    reply.record.revision = 150;
    answer(world, reply);
    wait(world);
    writes(world, "w1");
}

static void test_the_same_id_again(void **state)
{
    struct world *world = *state;
    struct seats_reply reply = not_made(95);
    begin(world, false);
    writes(world, "w0");
    reply.id = (struct seats_key){.read = true, .found = true, .revision = 120};
    reply.place = (struct reservation_place){.server = "w2", .seats = 2};
    answer(world, reply);
    assert_int_equal(world->allocate.state, ALLOCATE_READING);
    assert_string_equal(world->allocate.change.of.server, "w2");
    reply.made = true;
    add_reservation(&reply.list, "p-7", 2, world->now.wall + 7);
    answer(world, reply);
    ends(world, ALLOCATE_EXISTED);
    assert_string_equal(world->allocate.server, "w2");
    assert_int_equal(world->allocate.reservation.until_wall, world->now.wall + 7);
}

static void test_other_seats_are_another_wish(void **state)
{
    struct world *world = *state;
    struct seats_reply reply = not_made(95);
    begin(world, false);
    reply.id = (struct seats_key){.read = true, .found = true, .revision = 120};
    reply.place = (struct reservation_place){.server = "w0", .seats = 3};
    add_reservation(&reply.list, "p-7", 3, world->now.wall + 7);
    answer(world, reply);
    ends(world, ALLOCATE_ID_TAKEN);
    assert_int_equal(world->allocate.reservation.seats, 3);
}

static void test_a_foreign_id(void **state)
{
    struct world *world = *state;
    struct seats_reply reply = not_made(95);
    begin(world, false);
    reply.id = (struct seats_key){.read = true, .found = true, .foreign = true, .revision = 120};
    answer(world, reply);
    ends(world, ALLOCATE_ID_FOREIGN);
}

/* An id whose reservation has lapsed on another server: the entry there goes in the same transaction. */
static void test_a_lapsed_id_is_taken_over(void **state)
{
    struct world *world = *state;
    struct seats_reply reply = not_made(95);
    begin(world, false);
    reply.id = (struct seats_key){.read = true, .found = true, .revision = 120};
    reply.place = (struct reservation_place){.server = "w2", .seats = 2};
    answer(world, reply);
    reply.made = true;
    add_reservation(&reply.list, "other", 1, world->now.wall + 100);
    add_reservation(&reply.list, "p-7", 2, world->now.wall - 5000);
    reply.seats.revision = 97;
    answer(world, reply);
    wait(world);
    writes(world, "w0");
    const struct seats_change *change = &world->allocate.change;
    assert_int_equal(change->id_revision, 120);
    assert_string_equal(change->former.server, "w2");
    assert_int_equal(change->former.revision, 97);
    assert_int_equal(change->former.list.count, 1);
    assert_string_equal(change->former.list.items[0].id, "other");
}

/* What takes the last room may be the reservation of this very id. */
static void test_full_because_of_itself(void **state)
{
    struct world *world = *state;
    world->query.seats = 9;
    begin(world, false);
    assert_int_equal(world->allocate.state, ALLOCATE_READING);
    assert_string_equal(world->allocate.change.of.server, "");
    answer(world, (struct seats_reply){.made = true, .id = {.read = true}});
    wait(world);
    ends(world, ALLOCATE_NONE);
}

static void test_without_an_answer(void **state)
{
    struct world *world = *state;
    begin(world, true);
    answer(world, (struct seats_reply){.failure = REGISTRY_UNKNOWN, .error = STR("timeout")});
    assert_int_equal(world->allocate.state, ALLOCATE_READING);
    assert_string_equal(world->allocate.change.of.server, "w0");
    struct seats_reply reply = {.made = true,
                                .seats = {.read = true, .found = true, .revision = 121},
                                .id = {.read = true, .found = true, .revision = 121},
                                .place = {.server = "w0", .seats = 2}};
    add_reservation(&reply.list, "p-7", 2, world->now.wall + 30000);
    answer(world, reply);
    ends(world, ALLOCATE_MADE);
    allocate_fini(&world->allocate);
    begin(world, true);
    answer(world, (struct seats_reply){.failure = REGISTRY_UNKNOWN, .error = STR("timeout")});
    answer(world, (struct seats_reply){.made = true, .id = {.read = true}});
    world->now.mono += 5000; /* too late for another try: it may still be carried out */
    go(world);
    ends(world, ALLOCATE_FAILED);
    assert_int_equal(world->allocate.failure, REGISTRY_UNKNOWN);
}

static void test_denied(void **state)
{
    struct world *world = *state;
    begin(world, true);
    answer(world, (struct seats_reply){.failure = REGISTRY_DENIED, .error = STR("permission denied")});
    ends(world, ALLOCATE_FAILED);
    assert_int_equal(world->allocate.failure, REGISTRY_DENIED);
    assert_string_equal(world->allocate.error, "permission denied");
}

static void test_a_turn_is_waited_for(void **state)
{
    struct world *world = *state;
    turns_take(&world->turns, STR("world/w0"));
    begin(world, true);
    assert_int_equal(world->allocate.state, ALLOCATE_WAITING);
    assert_string_equal(world->allocate.place, "world/w0");
    go(world);
    assert_int_equal(world->allocate.state, ALLOCATE_WAITING);
    turns_give_back(&world->turns, STR("world/w0"));
    go(world);
    writes(world, "w0");
    allocate_fini(&world->allocate);
    turns_take(&world->turns, STR("world/w2"));
    world->query.strategy = PLACEMENT_LEAST_CONNECTIONS;
    begin(world, true);
    writes(world, "w1");
    allocate_fini(&world->allocate);
    turns_take(&world->turns, STR("world/w0"));
    turns_take(&world->turns, STR("world/w1"));
    begin(world, true);
    world->now.mono += 3000;
    go(world);
    ends(world, ALLOCATE_CONFLICT);
}

static void test_a_foreign_list_is_passed_over(void **state)
{
    struct world *world = *state;
    learn(world, "w0", NULL, 95);
    begin(world, true);
    writes(world, "w1");
    allocate_fini(&world->allocate);
    learn(world, "w1", NULL, 95);
    learn(world, "w2", NULL, 95);
    begin(world, true);
    ends(world, ALLOCATE_NONE);
    assert_int_equal(world->allocate.excluded[PLACEMENT_FILTERED], 3);
}

/* What was given while a transaction was under way is not pending once it is answered. */
static void test_nothing_stays_pending(void **state)
{
    struct world *world = *state;
    struct placement_answer left;
    world->query.strategy = PLACEMENT_LEAST_CONNECTIONS;
    begin(world, true);
    writes(world, "w2");
    answer(world, (struct seats_reply){.made = true, .revision = 201});
    struct placement_query query = {
        .type = STR("world"), .strategy = PLACEMENT_LEAST_CONNECTIONS, .seats = 6, .count = 1};
    placement_choose(world->placement, world->view, &query, &world->now, &left);
    assert_int_equal(left.count, 1);
}

/* By consistent hash a key goes where it has a live reservation, as long as there is room for more. */
static void test_a_key_stays_where_it_is(void **state)
{
    struct world *world = *state;
    struct reservations list = {0};
    world->query.strategy = PLACEMENT_CONSISTENT_HASH;
    for (int number = 0; number < SERVERS; number++) {
        char server[16];
        snprintf(server, sizeof(server), "w%d", number);
        world->query.key = STR("party-7");
        add_reservation(&list, "a", 1, world->now.wall + 1000);
        list.items[0].key = str_xxh3(world->query.key);
        learn(world, server, &list, 90);
        world->query.seats = 1;
        begin(world, true);
        writes(world, server);
        assert_true(world->allocate.change.of.list.items[1].key == list.items[0].key);
        allocate_fini(&world->allocate);
        list.count = 0;
        learn(world, server, &list, 91);
    }
    reservations_fini(&list);
}

static void test_moves_and_names(void **state)
{
    (void)state;
    assert_true(allocate_may_move(ALLOCATE_WAITING, ALLOCATE_WRITING));
    assert_false(allocate_may_move(ALLOCATE_WRITING, ALLOCATE_WRITING));
    assert_false(allocate_may_move(ALLOCATE_DONE, ALLOCATE_WAITING));
    assert_string_equal(allocate_result_name(ALLOCATE_ID_TAKEN), "id_taken");
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_the_transaction),
        WITH_WORLD(test_never_more_than_the_capacity),
        WITH_WORLD(test_who_comes_after_a_conflict),
        WITH_WORLD(test_a_record_that_the_view_has_not_yet),
        WITH_WORLD(test_the_same_id_again),
        WITH_WORLD(test_other_seats_are_another_wish),
        WITH_WORLD(test_a_foreign_id),
        WITH_WORLD(test_a_lapsed_id_is_taken_over),
        WITH_WORLD(test_full_because_of_itself),
        WITH_WORLD(test_without_an_answer),
        WITH_WORLD(test_denied),
        WITH_WORLD(test_a_turn_is_waited_for),
        WITH_WORLD(test_a_foreign_list_is_passed_over),
        WITH_WORLD(test_nothing_stays_pending),
        WITH_WORLD(test_a_key_stays_where_it_is),
        cmocka_unit_test(test_moves_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
