/* Who leads, in the streams: for those that ask, beside the fleet and without a place in its revisions. */
#include "events_world.h"

#include "outrider/core/leader/leaders.h"
#include "outrider/core/registry/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A "/services/world/a"
#define JSON(id, status)                                                                                     \
    "{\"id\":\"" id "\",\"type\":\"world\",\"host\":\"h\",\"ports\":[1],\"status\":\"" status "\"}"
#define INIT                                                                                                 \
    "event: init\ndata: " JSON("a", "ready") "\n\nevent: synced\ndata: {\"total\":1,\"revision\":801,"       \
                                             "\"stale\":false}\nid: 801-cafe\n\n"
#define LEADER(id, token)                                                                                    \
    "event: leader\ndata: {\"scope\":\"town\",\"leader\":{\"type\":\"world\",\"id\":\"" id                   \
    "\",\"host\":null},\"token\":" token ",\"since\":\"1970-01-01T00:00:05.000Z\",\"candidates\":1}\n\n"
#define NO_LEADER                                                                                            \
    "event: leader\ndata: {\"scope\":\"town\",\"leader\":null,\"token\":null,\"since\":null,"                \
    "\"candidates\":0}\n\n"

static struct mirror_key key;

static int set_up(void **state)
{
    static const struct row fleet[] = {{A, JSON("a", "ready")}};
    struct world *world = malloc(sizeof(*world));
    world_begin(world, 3, 8);
    world->leaders = leaders_new("/l/");
    world_list(world, 0xcafe, fleet, 1); /* at 801 */
    key = (struct mirror_key){.key = STR("/l/town/7"), .lease = {.lo = 7}};
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    world_end(world);
    leaders_free(world->leaders);
    free(world);
    return 0;
}

/* The scope `town` is led with that token by that server; by none: token 0. */
static void lead(struct world *world, int64_t token, const char *id, bool present)
{
    static const struct instant now = {.wall = 5000};
    struct candidate who = {.type = "world"};
    struct str value;
    if (key.create_revision != 0) {
        leaders_change(world->leaders, &key, NULL, false);
    }
    key.create_revision = key.mod_revision = token;
    if (token != 0) {
        leaders_change(world->leaders, NULL, &key, true);
    }
    const struct leaders_scope *scope = leaders_next(world->leaders, &value);
    snprintf(who.id, sizeof(who.id), "%s", id);
    leaders_settle(world->leaders, scope, token == 0 ? NULL : &who, &now, present);
    events_emit_leader(world->events, scope, present);
}

static void test_leader(void **state)
{
    struct world *world = *state;
    struct reader before = reader_dial(world, "/api/subscribe?include=leader", "");
    reader_expect(world, &before, INIT);
    lead(world, 5, "a", false);
    reader_expect(world, &before, LEADER("a", "5"));
    struct reader after = reader_dial(world, "/api/subscribe?include=leader", "");
    reader_expect(world, &after, INIT LEADER("a", "5"));
    lead(world, 9, "b", false);
    reader_expect(world, &before, LEADER("b", "9"));
    reader_expect(world, &after, LEADER("b", "9"));
    lead(world, 0, "", false);
    reader_expect(world, &before, NO_LEADER);
    /* The fleet goes on in between, and its ids are its own. */
    world_put(world, A, JSON("a", "error"));
    reader_expect(world, &before, "event: update\ndata: " JSON("a", "error") "\nid: 802-cafe\n\n");
    reader_hang_up(&before);
    reader_hang_up(&after);
}

/* Who stands behind the leader is no event, and part of what the next subscriber is told. */
static void test_candidates(void **state)
{
    struct world *world = *state;
    static const struct mirror_key behind = {
        .key = STR_INIT("/l/town/9"), .lease = {.lo = 9}, .create_revision = 8, .mod_revision = 8};
    lead(world, 5, "a", false);
    struct reader before = reader_dial(world, "/api/subscribe?include=leader", "");
    reader_expect(world, &before, INIT LEADER("a", "5"));
    leaders_change(world->leaders, NULL, &behind, true);
    events_forget_leaders(world->events);
    struct reader after = reader_dial(world, "/api/subscribe?include=leader", "");
    reader_hear(world, &after, "\"candidates\":2}");
    reader_hang_up(&before);
    reader_hang_up(&after);
}

/* One that resumes gets what it missed of the fleet, and who leads now. */
static void test_resume(void **state)
{
    struct world *world = *state;
    lead(world, 5, "a", true);
    world_put(world, A, JSON("a", "error"));
    struct reader reader = reader_dial(world, "/api/subscribe?include=leader", "Last-Event-ID: 801-cafe\r\n");
    reader_expect(world, &reader,
                  "event: update\ndata: " JSON("a", "error") "\nid: 802-cafe\n\n" LEADER("a", "5"));
    reader_hang_up(&reader);
}

/* One that did not ask hears nothing of it; with a filter, who leads all the same. */
static void test_others(void **state)
{
    struct world *world = *state;
    struct reader plain = reader_dial(world, "/api/subscribe", "");
    struct reader gates = reader_dial(world, "/api/subscribe?type=gate&include=leader", "");
    reader_expect(world, &plain, INIT);
    reader_expect(world, &gates,
                  "event: synced\ndata: {\"total\":0,\"revision\":801,\"stale\":false}\nid: "
                  "801-cafe\n\n");
    lead(world, 5, "a", false);
    reader_expect(world, &gates, LEADER("a", "5"));
    world_put(world, A, JSON("a", "error"));
    reader_expect(world, &plain, "event: update\ndata: " JSON("a", "error") "\nid: 802-cafe\n\n");
    reader_hang_up(&plain);
    reader_hang_up(&gates);
}

/* What existing clients know: only who was elected, with the record that it has. */
static void test_discovery(void **state)
{
    struct world *world = *state;
    struct reader reader = reader_dial(world, "/service-discovery/events", "");
    lead(world, 5, "x", true); /* it led before anyone looked */
    lead(world, 0, "", false);
    lead(world, 9, "a", false);
    reader_hear(world, &reader, "\"timestamp\"");
    const char *text = buf_text(&reader.in);
    assert_ptr_equal(
        strstr(
            text,
            "data: {\"type\":\"leaderElected\",\"service\":{\"id\":\"a\",\"name\":\"world\",\"host\":\"h\","),
        text);
    assert_non_null(strstr(text, "},\"serviceId\":\"a\",\"scope\":\"town\",\"timestamp\":"));
    reader_hang_up(&reader);
}

static void test_refused(void **state)
{
    struct world *world = *state;
    struct reader reader = reader_dial(world, "/api/subscribe?include=leaders", "");
    assert_non_null(strstr(buf_text(&reader.head), "400 "));
    reader_hang_up(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_leader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_candidates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resume, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_discovery, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
