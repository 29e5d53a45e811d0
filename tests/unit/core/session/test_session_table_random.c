/* The table against a list of sessions that is searched from end to end: any sequence of requests has the same answers, and the
 * changes that were kept make the same table again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "outrider/base/mem.h"
#include "outrider/base/random.h"
#include "outrider/core/session/session_table.h"

enum { MODEL_MAX = 60, PLAYERS = 30, SERVERS = 6, IDS = 90 };

struct modelled {
    bool there;
    char id[8], player[8], server[16], data[16];
    bool orphaned;
    int64_t touched, expires, until;
};

struct world {
    struct session_table *table, *copy;
    struct modelled list[IDS];
    struct random random;
    struct instant now;
    struct queue events;
    size_t max;
};

static struct modelled *by_id(struct world *world, struct str id)
{
    for (size_t i = 0; i < IDS; i++) {
        if (world->list[i].there && str_eq(str_of(world->list[i].id), id)) {
            return &world->list[i];
        }
    }
    return NULL;
}

static struct modelled *by_player(struct world *world, struct str player, struct str type)
{
    for (size_t i = 0; i < IDS; i++) {
        const struct modelled *one = &world->list[i];
        if (one->there && str_eq(str_of(one->player), player) &&
            str_eq(session_type_of(str_of(one->server)), type)) {
            return &world->list[i];
        }
    }
    return NULL;
}

static int64_t ends(const struct modelled *one)
{
    return one->orphaned && one->until < one->expires ? one->until : one->expires;
}

static size_t count(const struct world *world, bool orphaned)
{
    size_t found = 0;
    for (size_t i = 0; i < IDS; i++) {
        found += world->list[i].there && (!orphaned || world->list[i].orphaned) ? 1 : 0;
    }
    return found;
}

static void expire(struct world *world)
{
    for (size_t i = 0; i < IDS; i++) {
        world->list[i].there = world->list[i].there && ends(&world->list[i]) > world->now.boot;
    }
}

static void compare(const struct session *session, const struct modelled *one)
{
    assert_true(str_eq(session->id, str_of(one->id)));
    assert_true(str_eq(session->player, str_of(one->player)));
    assert_true(str_eq(session->server, str_of(one->server)));
    assert_true(str_eq(session->data, str_of(one->data)));
    assert_int_equal(session->state, one->orphaned ? SESSION_ORPHANED : SESSION_ACTIVE);
    int64_t wall = 1700000000000 - 1000000;
    assert_int_equal(session->touched_ms - wall, one->touched);
    assert_int_equal(session->expires_ms - wall, ends(one));
}

static struct session_reply ask(struct world *world, const struct session_request *request)
{
    struct session_reply reply;
    struct session_change change;
    session_table_request(world->table, request, &world->now, &reply, &change, &world->events);
    session_table_apply(world->copy, &change, &world->now);
    return reply;
}

static void set(struct modelled *one, const struct session *session, const struct world *world, int64_t ttl)
{
    *one = (struct modelled){.there = true, .touched = world->now.boot, .expires = world->now.boot + ttl};
    snprintf(one->id, sizeof(one->id), "%.*s", STR_ARG(session->id));
    snprintf(one->player, sizeof(one->player), "%.*s", STR_ARG(session->player));
    snprintf(one->server, sizeof(one->server), "%.*s", STR_ARG(session->server));
    snprintf(one->data, sizeof(one->data), "%.*s", STR_ARG(session->data));
}

static void try_put(struct world *world, const struct session_request *request)
{
    struct session_reply reply = ask(world, request);
    const struct session *session = &request->session;
    struct modelled *holder = by_id(world, session->id);
    struct modelled *current = by_player(world, session->player, session_type_of(session->server));
    bool expected = request->expect == SESSION_EXPECT_ANY ||
                    (request->expect == SESSION_EXPECT_NONE && current == NULL) ||
                    (request->expect == SESSION_EXPECT_ID && current != NULL &&
                     str_eq(str_of(current->id), request->replaces));
    if (!expected || (holder != NULL && holder != current)) {
        assert_int_equal(reply.failure, SESSION_CONFLICT);
        struct modelled *other = expected ? holder : current;
        assert_int_equal(reply.found, other != NULL);
        if (other != NULL) {
            compare(&reply.session, other);
        }
        return;
    }
    /* A session that is over and not ended yet takes its room. */
    bool full = session_table_facts(world->table)->count >= world->max;
    if (current == NULL && (count(world, false) >= world->max || (full && reply.failure == SESSION_FULL))) {
        assert_int_equal(reply.failure, SESSION_FULL);
        return;
    }
    assert_int_equal(reply.failure, SESSION_OK);
    assert_int_equal(reply.found, holder != NULL);
    if (holder == NULL && current != NULL) {
        assert_true(str_eq(reply.replaced, str_of(current->id)));
        current->there = false;
    } else {
        assert_int_equal(reply.replaced.size, 0);
    }
    struct modelled *place = holder;
    for (size_t i = 0; place == NULL; i++) {
        place = world->list[i].there ? NULL : &world->list[i];
    }
    set(place, session, world, request->ttl_ms);
    compare(&reply.session, place);
}

static void try_sweep(struct world *world, const struct session_request *request)
{
    struct session_reply reply = ask(world, request);
    size_t changed = 0;
    bool orphan = request->op == SESSION_ORPHAN;
    int64_t until = world->now.boot + request->ttl_ms;
    for (size_t i = 0; i < IDS; i++) {
        const struct modelled *one = &world->list[i];
        if (one->there && one->orphaned && str_eq(str_of(one->server), request->server)) {
            until = one->until < until ? one->until : until;
        }
    }
    for (size_t i = 0; i < IDS; i++) {
        struct modelled *one = &world->list[i];
        if (one->there && str_eq(str_of(one->server), request->server)) {
            changed += one->orphaned != orphan ? 1 : 0;
            one->orphaned = orphan;
            one->until = until;
        }
    }
    bool exact = session_table_facts(world->table)->count == count(world, false);
    assert_true(exact ? reply.count == changed : reply.count >= changed);
}

/* Whole lists, in pages of a few. */
static void try_list(struct world *world, struct session_request *request)
{
    bool seen[IDS] = {false};
    size_t found = 0, wanted = 0;
    char after[64] = "";
    request->limit = 1 + random_below(&world->random, 7);
    do {
        request->after = str_of(after);
        struct session_reply reply = ask(world, request);
        assert_int_equal(reply.failure, SESSION_OK);
        assert_true(reply.count <= request->limit);
        for (size_t i = 0; i < reply.count; i++) {
            struct modelled *one = by_id(world, reply.sessions[i].id);
            assert_non_null(one);
            assert_false(seen[one - world->list]);
            seen[one - world->list] = true;
            compare(&reply.sessions[i], one);
            found++;
        }
        snprintf(after, sizeof(after), "%.*s", STR_ARG(reply.next));
    } while (after[0] != '\0');
    for (size_t i = 0; i < IDS; i++) {
        const struct modelled *one = &world->list[i];
        wanted += one->there && (request->player.size == 0 || str_eq(str_of(one->player), request->player)) &&
                          (request->server.size == 0 || str_eq(str_of(one->server), request->server))
                      ? 1
                      : 0;
    }
    assert_int_equal(found, wanted);
}

static void try_one(struct world *world, const struct session_request *request)
{
    struct session_reply reply = ask(world, request);
    struct modelled *one = request->op == SESSION_FIND ? by_player(world, request->player, request->type)
                                                       : by_id(world, request->session_id);
    assert_int_equal(reply.found, one != NULL);
    if (one != NULL && request->op == SESSION_TOUCH) {
        one->touched = world->now.boot;
        one->expires = world->now.boot + request->ttl_ms;
    }
    if (one != NULL) {
        compare(&reply.session, one);
        one->there = request->op != SESSION_END;
    }
}

static void turn(struct world *world)
{
    char id[8], player[8], server[16], data[16], replaces[8];
    struct random *random = &world->random;
    static const enum session_op often[] = {SESSION_PUT,   SESSION_PUT,  SESSION_PUT,    SESSION_PUT,
                                            SESSION_GET,   SESSION_FIND, SESSION_END,    SESSION_TOUCH,
                                            SESSION_TOUCH, SESSION_LIST, SESSION_ORPHAN, SESSION_RESTORE};
    snprintf(id, sizeof(id), "s%d", (int)random_below(random, IDS));
    snprintf(replaces, sizeof(replaces), "s%d", (int)random_below(random, IDS));
    snprintf(player, sizeof(player), "p%d", (int)random_below(random, PLAYERS));
    snprintf(server, sizeof(server), "%s/w%d", random_below(random, 2) == 0 ? "world" : "lobby",
             (int)random_below(random, SERVERS));
    snprintf(data, sizeof(data), "%.*s", (int)random_below(random, 12), "{\"a\":12345}");
    struct session_request request = {
        .op = often[random_below(random, COUNT_OF(often))],
        .session_id = str_of(id),
        .player = str_of(player),
        .type = session_type_of(str_of(server)),
        .server = str_of(server),
        .session = {.id = str_of(id),
                    .player = str_of(player),
                    .server = str_of(server),
                    .data = str_of(data)},
        .expect = (enum session_expect)random_below(random, 3),
        .replaces = str_of(replaces),
        .ttl_ms = 1 + (int64_t)random_below(random, 1 << (random_below(random, 6) * 4)),
        .why = SESSION_DELETED};
    request.session.type = request.type;
    const struct modelled *current = by_player(world, request.player, request.type);
    if (current != NULL && random_below(random, 2) == 0) {
        request.replaces = str_of(current->id);
    }
    switch (request.op) {
    case SESSION_PUT: try_put(world, &request); break;
    case SESSION_ORPHAN:
    case SESSION_RESTORE: try_sweep(world, &request); break;
    case SESSION_LIST:
        request.player = random_below(random, 2) == 0 ? STR("") : request.player;
        request.server = random_below(random, 2) == 0 ? STR("") : request.server;
        try_list(world, &request);
        break;
    default: try_one(world, &request); break;
    }
}

/* What was kept makes the same again: from each change, and from the whole table. */
static void compare_copies(struct world *world, struct session_table *copy)
{
    session_table_run(copy, &world->now, SIZE_MAX, &world->events);
    /* Ends are rounded up to a tick of the wheel. */
    assert_true(session_table_facts(copy)->count >= count(world, false));
    struct session_reply reply;
    struct session_change change;
    for (size_t i = 0; i < IDS; i++) {
        const struct modelled *one = &world->list[i];
        struct session_request request = {.op = SESSION_GET, .session_id = str_of(one->id)};
        if (one->there) {
            session_table_request(copy, &request, &world->now, &reply, &change, &world->events);
            assert_true(reply.found);
            compare(&reply.session, one);
        }
    }
}

static void compare_whole(struct world *world)
{
    struct session_table *copy = session_table_new(&(struct session_table_settings){.max = 1, .seed = 3});
    struct session_change change;
    uint32_t cursor = 0;
    size_t budget = SIZE_MAX;
    while (session_table_next(world->table, &world->now, &cursor, &budget, &change)) {
        session_table_apply(copy, &change, &world->now);
    }
    compare_copies(world, copy);
    session_table_free(copy);
}

static void pass(struct world *world)
{
    static const int64_t spans[] = {0, 1, 10, 127, 500, 4000, 60000, 3000000};
    int64_t span = (int64_t)random_below(&world->random, 8);
    span = random_below(&world->random, 4) == 0 ? spans[span] : 0;
    world->now.mono += span;
    world->now.boot += span;
    world->now.wall += span;
    expire(world);
    if (random_below(&world->random, 3) != 0) {
        session_table_run(world->table, &world->now, 1 + random_below(&world->random, 9), &world->events);
    }
    if (random_below(&world->random, 20) == 0) {
        while (session_table_due(world->table, &world->now) <= world->now.mono) {
            session_table_run(world->table, &world->now, 3, &world->events);
        }
        session_table_run(world->table, &world->now, SIZE_MAX, &world->events);
        const struct session_table_facts *facts = session_table_facts(world->table);
        /* Ends are rounded up to a tick of the wheel. */
        assert_true(facts->count >= count(world, false));
        assert_true(facts->orphaned >= count(world, true));
    }
    struct session_event event;
    while (queue_take(&world->events, &event)) {
        assert_true(event.session.id.size > 0);
    }
}

static void play(uint64_t seed)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->max = MODEL_MAX;
    world->now = (struct instant){1000000, 1000000, 1700000000000};
    const struct session_table_settings settings = {.max = world->max, .seed = seed};
    world->table = session_table_new(&settings);
    world->copy = session_table_new(&settings);
    random_seed(&world->random, seed);
    queue_init(&world->events, sizeof(struct session_event));
    session_table_listen(world->table, seed % 2 == 0);
    for (int i = 0; i < 3000; i++) {
        turn(world);
        pass(world);
    }
    compare_copies(world, world->copy);
    compare_whole(world);
    /* In the end all are over, and nothing is left. */
    world->now.mono += SESSION_TTL_MAX_MS;
    world->now.boot += SESSION_TTL_MAX_MS;
    session_table_run(world->table, &world->now, SIZE_MAX, &world->events);
    assert_int_equal(session_table_facts(world->table)->count, 0);
    assert_int_equal(session_table_facts(world->table)->orphaned, 0);
    assert_int_equal(session_table_facts(world->table)->text_bytes, 0);
    assert_int_equal(session_table_due(world->table, &world->now), NEVER_MS);
    session_table_free(world->table);
    session_table_free(world->copy);
    queue_fini(&world->events);
    free(world);
}

static void test_any_sequence_is_as_by_a_plain_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        play(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_sequence_is_as_by_a_plain_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
