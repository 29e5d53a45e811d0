/* GET /api/route/{type}: parameters and answers. Who is chosen is the subject of core/placement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/placement/placement.h"
#include "support/kept_view.h"
#include "unit/api/small_agent.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { RECORDS = 4 };

struct fleet {
    struct small_agent agent;
    struct view_entry *entries[RECORDS];
};

static const char *const records[RECORDS][2] = {
    {"/s/lobby/w1", "{\"id\":\"w1\",\"type\":\"lobby\",\"status\":\"ready\"}"},
    {"/s/world/w1",
     "{\"id\":\"w1\",\"type\":\"world\",\"status\":\"ready\",\"region\":\"kr\",\"zone\":\"kr-a\","
     "\"players\":3,\"capacity\":10,\"x\":[1]}"},
    {"/s/world/w2",
     "{\"id\":\"w2\",\"type\":\"world\",\"status\":\"ready\",\"region\":\"kr\",\"zone\":\"kr-b\","
     "\"players\":9,\"capacity\":10,\"tags\":[\"pvp\"]}"},
    {"/s/world/w3",
     "{\"id\":\"w3\",\"type\":\"world\",\"status\":\"draining\",\"players\":1,\"capacity\":10}"},
};

static int set_up(void **state)
{
    struct fleet *fleet = calloc(1, sizeof(*fleet));
    small_agent_init(&fleet->agent);
    for (size_t i = 0; i < RECORDS; i++) {
        struct view_place place = {.key = str_of(records[i][0]), .mod_revision = 7};
        struct error err;
        assert_int_equal(
            view_record_decode(STR("/s"), &place, str_of(records[i][1]), &fleet->entries[i], &err), 0);
    }
    struct view_kept kept = {.revision = 812,
                             .true_wall = fleet->agent.now.wall - 5000,
                             .entries = fleet->entries,
                             .entry_count = RECORDS};
    fleet->agent.fleet =
        kept_view(&(struct view_settings){.prefix = "/s", .mode = VIEW_ALWAYS}, &kept, &fleet->agent.now);
    fleet->agent.placement =
        placement_new(&(struct placement_settings){.virtual_nodes = 150, .balance_factor = 125, .seed = 1});
    *state = fleet;
    return 0;
}

static int tear_down(void **state)
{
    struct fleet *fleet = *state;
    placement_free(fleet->agent.placement);
    view_free((struct view *)(uintptr_t)fleet->agent.fleet);
    for (size_t i = 0; i < RECORDS; i++) {
        view_entry_unref(fleet->entries[i]);
    }
    small_agent_fini(&fleet->agent);
    free(fleet);
    return 0;
}

static json_t *ask(struct fleet *fleet, const char *path, const char *query, int status)
{
    struct api_reply reply = small_agent_get(&fleet->agent, path, query);
    assert_int_equal(reply.status, status);
    json_t *root = json_loadb(reply.body.data, reply.body.size, 0, NULL);
    assert_non_null(root);
    api_reply_fini(&reply);
    return root;
}

static const char *text_at(json_t *root, const char *name, const char *member)
{
    json_t *at =
        member == NULL ? json_object_get(root, name) : json_object_get(json_object_get(root, name), member);
    assert_non_null(json_string_value(at));
    return json_string_value(at);
}

static void test_answer(void **state)
{
    struct fleet *fleet = *state;
    json_t *root = ask(fleet, "/api/route/world", "", 200);
    assert_string_equal(text_at(root, "service", "id"), "w1");
    assert_string_equal(text_at(root, "strategy", NULL), "least_connections");
    assert_string_equal(text_at(root, "reason", NULL), "least used of type world");
    assert_int_equal(json_integer_value(json_object_get(root, "candidates")), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "revision")), 812);
    assert_int_equal(json_array_size(json_object_get(root, "alternatives")), 0);
    /* The view was read from its file, and nothing has confirmed it. */
    assert_true(json_is_true(json_object_get(root, "stale")));
    assert_true(json_integer_value(json_object_get(root, "ageMs")) >= 5000);
    /* The record as it is, with members that this version does not know. */
    assert_int_equal(json_array_size(json_object_get(json_object_get(root, "service"), "x")), 1);
    json_decref(root);
}

static void test_parameters(void **state)
{
    struct fleet *fleet = *state;
    static const struct {
        const char *query, *id, *reason;
    } rows[] = {
        {"key=party-7&count=2", NULL, "ring of type world"},
        {"player=p1&zone=kr-b", "w2", "ring of type world"},
        {"player=p1&near=kr-b", "w2", "ring of zone kr-b"},
        {"key=a&player=p1&near=region%3Akr", NULL, "ring of region kr"},
        {"strategy=packed", "w2", "fullest with room of type world"},
        {"strategy=packed&seats=2", "w1", "fullest with room of type world"},
        {"strategy=round_robin&exclude=w1&_=1", "w2", "next in turn of type world"},
        {"strategy=least_connections&tag=pvp&near=kr-a", "w2", "least used of region kr"},
        {"key=%E2%82%AC&exclude=w1&exclude=w3", "w2", "ring of type world"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fleet->agent.now.boot += 60000;
        json_t *root = ask(fleet, "/api/route/world", rows[i].query, 200);
        assert_string_equal(text_at(root, "reason", NULL), rows[i].reason);
        if (rows[i].id != NULL) {
            assert_string_equal(text_at(root, "service", "id"), rows[i].id);
        }
        json_decref(root);
    }
    json_t *root = ask(fleet, "/api/route/world", "key=party-7&count=16", 200);
    assert_int_equal(json_array_size(json_object_get(root, "alternatives")), 1);
    json_decref(root);
}

/* An answer without a server explains itself. */
static void test_no_candidate(void **state)
{
    struct fleet *fleet = *state;
    json_t *root = ask(fleet, "/api/route/world", "seats=8&exclude=w2", 503);
    json_t *excluded = json_object_get(root, "excluded");
    assert_string_equal(text_at(root, "error", "code"), "no_candidate");
    assert_string_equal(text_at(root, "error", "message"), "no server of type world can take 8 more");
    assert_int_equal(json_integer_value(json_object_get(root, "retryAfterMs")), 1000);
    assert_int_equal(json_integer_value(json_object_get(excluded, "filtered")), 1);
    assert_int_equal(json_integer_value(json_object_get(excluded, "draining")), 1);
    assert_int_equal(json_integer_value(json_object_get(excluded, "full")), 1);
    assert_int_equal(json_integer_value(json_object_get(excluded, "error")), 0);
    json_decref(root);
    root = ask(fleet, "/api/route/nowhere", "seats=8", 503);
    assert_string_equal(text_at(root, "error", "message"), "there is no server of type nowhere");
    json_decref(root);
    root = ask(fleet, "/api/route/none", "", 503);
    assert_int_equal(json_object_size(json_object_get(root, "excluded")), PLACEMENT_EXCLUDED_COUNT);
    json_decref(root);
}

static const char *code_of(const char *message)
{
    bool unknown = message != NULL && strncmp(message, "unknown parameter", 17) == 0;
    bool malformed = message != NULL && strncmp(message, "the query is malformed", 22) == 0;
    return unknown ? "unknown_parameter" : malformed ? "bad_query" : "bad_parameter";
}

static void test_bad_parameters(void **state)
{
    struct fleet *fleet = *state;
    static char long_key[1100] = "key=";
    memset(long_key + 4, 'k', 1025);
    const struct {
        const char *query, *message;
    } rows[] = {
        {"strategy=random", "`strategy` is consistent_hash, least_connections, round_robin or packed"},
        {"strategy=consistent_hash", "strategy consistent_hash needs `key` or `player`"},
        {"seats=0", "`seats` is a number from 1 to 1000000"},
        {"seats=-1", "`seats` is a number from 1 to 1000000"},
        {"seats=99999999999999999999", "`seats` is a number from 1 to 1000000"},
        {"seats=", "`seats` is a number from 1 to 1000000"},
        {"count=17", "`count` is a number from 1 to 16"},
        {"key=", "`key` has 1 to 1024 bytes"},
        {long_key, "`key` has 1 to 1024 bytes"},
        {"key=a&key=b", "`key` is given twice"},
        {"near=region%3A", "`near` is a zone, or region:NAME"},
        {"near=a&near=b", "`near` is given twice"},
        {"status=ready", "unknown parameter `status`"},
        {"type=world", "unknown parameter `type`"},
        {"include=offline", "unknown parameter `include`"},
        {"limit=3", "unknown parameter `limit`"},
        {"after=world/w1", "unknown parameter `after`"},
        {"colour=red", NULL},
        {"key=%ff", "the query is malformed: %XX must be two hex digits of UTF-8"},
        {"key=%", "the query is malformed: %XX must be two hex digits of UTF-8"},
        {"exclude=1&exclude=2&exclude=3&exclude=4&exclude=5&exclude=6&exclude=7&exclude=8&exclude=9&exclude="
         "10"
         "&exclude=11&exclude=12&exclude=13&exclude=14&exclude=15&exclude=16&exclude=17",
         "`exclude` is given more than 16 times"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *root = ask(fleet, "/api/route/world", rows[i].query, 400);
        assert_string_equal(text_at(root, "error", "code"), code_of(rows[i].message));
        if (rows[i].message != NULL) {
            assert_string_equal(text_at(root, "error", "message"), rows[i].message);
        }
        json_decref(root);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_answer),
        T(test_parameters),
        T(test_no_candidate),
        T(test_bad_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
