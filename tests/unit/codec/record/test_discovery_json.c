#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/codec/record/discovery_json.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/leader/leaders.h"
#include "outrider/core/registry/mirror.h"
#include "unit/codec/view_fleet.h"

#include <stdio.h>
#include <string.h>

static const struct fleet_row rows[] = {
    {"/services/map/1",
     "{\"id\":\"1\",\"type\":\"map\",\"status\":\"ready\",\"region\":\"kr\",\"host\":\"h\","
     "\"ports\":[7,8]}"},
    {"/services/world/2", "{\"id\":\"2\",\"type\":\"world\",\"status\":\"error\",\"region\":\"a\\\"b\"}"},
    {"/services/world/3", "{\"id\":\"3\",\"type\":\"world\",\"status\":\"asleep\",\"region\":\"kr\"}"},
    {"/services/world/4", "{\"id\":\"4\",\"type\":\"world\",\"status\":\"draining\"}"},
    {"/services/world/5", "{\"id\":\"5\",\"type\":\"world\",\"status\":\"initializing\"}"},
    {"/services/world/6", "{\"id\":\"6\",\"type\":\"world\",\"status\":\"shutting_down\"}"},
};

#define MAP1                                                                                                 \
    "{\"id\":\"1\",\"name\":\"map\",\"host\":\"h\",\"port\":7,\"status\":\"ready\",\"role\":\"member\","
#define WORLD2                                                                                               \
    "{\"id\":\"2\",\"name\":\"world\",\"host\":null,\"port\":null,\"status\":\"error\",\"role\":\"member\","
#define WORLD2_ALL                                                                                           \
    WORLD2 "\"health\":{\"status\":\"unhealthy\",\"responseTime\":null,\"lastCheck\":null},\"isHealthy\":"   \
           "false}"

static void expect(struct buf *out, const char *text)
{
    assert_string_equal(buf_text(out), text);
    buf_clear(out);
}

static void services(void **state)
{
    (void)state;
    struct fleet fleet;
    struct buf out = {0};
    struct discovery_local local = {.type = STR("map"),
                                    .id = STR("1"),
                                    .known = true,
                                    .response_ms = 3,
                                    .last_check_wall = 1795227240123};
    fleet_begin(&fleet, rows, 2);
    discovery_json_services(fleet.view, &local, &out);
    expect(
        &out,
        "{\"services\":[" MAP1
        "\"health\":{\"status\":\"healthy\",\"responseTime\":3,\"lastCheck\":\"2026-11-21T02:14:00.123Z\"},"
        "\"isHealthy\":true}," WORLD2_ALL "],\"total\":2,\"healthy\":1,\"unhealthy\":1}");
    local.response_ms = -1;
    discovery_json_service(view_facts(fleet.view)->entries[0], &local, &out);
    expect(&out, MAP1 "\"health\":{\"status\":\"healthy\",\"responseTime\":null,\"lastCheck\":"
                      "\"2026-11-21T02:14:00.123Z\"},\"isHealthy\":true}");
    local.known = false;
    discovery_json_service(view_facts(fleet.view)->entries[1], &local, &out);
    expect(&out, WORLD2_ALL);
    fleet_end(&fleet);
    buf_fini(&out);
}

static void topology(void **state)
{
    (void)state;
    struct fleet fleet;
    struct buf out = {0};
    fleet_begin(&fleet, rows, COUNT_OF(rows));
    discovery_json_topology(fleet.view, NULL, STR("world"), &out);
    expect(&out, "{\"totalServices\":6,\"healthyServices\":1,\"unhealthyServices\":5,\"servicesByRegion\":"
                 "{\"a\\\"b\":1,\"kr\":2,\"unknown\":3},\"servicesByStatus\":{\"healthy\":1,\"unhealthy\":2,"
                 "\"starting\":1,\"draining\":1,\"stopped\":1},\"leader\":null}");
    fleet_end(&fleet);
    fleet_begin(&fleet, rows, 0);
    discovery_json_topology(fleet.view, NULL, STR("world"), &out);
    assert_non_null(strstr(buf_text(&out), "\"servicesByRegion\":{},"));
    fleet_end(&fleet);
    buf_fini(&out);
}

/* One leads a scope of each name; of `named` no record. */
static struct leaders *with_leaders(const char *const (*led)[3], struct mirror_key *keys)
{
    static const struct instant now = {.wall = 1795227240123};
    const struct leaders_scope *scope;
    struct leaders *leaders = leaders_new("/l/");
    struct str value;
    for (size_t i = 0; led[i][0] != NULL; i++) {
        keys[i] = (struct mirror_key){
            .key = str_of(led[i][0]), .create_revision = 5 + (int64_t)i, .lease = {.lo = 7}};
        leaders_change(leaders, NULL, &keys[i], true);
        scope = leaders_next(leaders, &value);
        struct candidate who = {.host = "10.0.0.9"};
        snprintf(who.type, sizeof(who.type), "%s", led[i][1]);
        snprintf(who.id, sizeof(who.id), "%s", led[i][2]);
        leaders_settle(leaders, scope, who.id[0] == '\0' ? NULL : &who, &now, false);
    }
    return leaders;
}

static void leading(void **state)
{
    (void)state;
    static const char *const leads[][3] = {
        {"/l/a/7", "map", ""}, {"/l/b/7", "observer", "o1"}, {"/l/map/7", "map", "1"}, {NULL, NULL, NULL}};
    struct mirror_key keys[3];
    struct fleet fleet;
    struct buf out = {0};
    struct leaders *leaders = with_leaders(leads, keys);
    struct discovery_local local = {.leaders = leaders, .response_ms = -1};
    fleet_begin(&fleet, rows, COUNT_OF(rows));
    const struct view_entry *const *entries =
        (const struct view_entry *const *)view_facts(fleet.view)->entries;
    discovery_json_service(entries[0], &local, &out);
    assert_non_null(strstr(buf_text(&out), "\"role\":\"leader\""));
    buf_clear(&out);
    discovery_json_service(entries[1], &local, &out);
    assert_non_null(strstr(buf_text(&out), "\"role\":\"member\""));
    buf_clear(&out);
    /* The scope of that name, else the first that has a leader who is known. */
    discovery_json_topology(fleet.view, leaders, STR("map"), &out);
    assert_non_null(strstr(buf_text(&out),
                           "\"leader\":{\"id\":\"1\",\"name\":\"map\",\"host\":\"h\",\"port\":7,"
                           "\"status\":\"ready\",\"role\":\"leader\"}}"));
    buf_clear(&out);
    discovery_json_topology(fleet.view, leaders, STR("world"), &out);
    assert_non_null(strstr(buf_text(&out),
                           "\"leader\":{\"id\":\"o1\",\"name\":\"observer\",\"host\":"
                           "\"10.0.0.9\",\"port\":null,\"status\":null,\"role\":\"leader\"}}"));
    buf_clear(&out);
    discovery_json_elected(leaders_find(leaders, STR("b")), NULL, &local, 1234, &out);
    expect(
        &out,
        "{\"type\":\"leaderElected\",\"service\":{\"id\":\"o1\",\"name\":\"observer\",\"host\":\"10.0.0.9\","
        "\"port\":null,\"status\":null,\"role\":\"leader\"},\"serviceId\":\"o1\",\"scope\":\"b\","
        "\"timestamp\":1234}");
    discovery_json_elected(leaders_find(leaders, STR("map")), entries[0], &local, 1234, &out);
    assert_non_null(strstr(buf_text(&out), "\"role\":\"leader\",\"health\":{"));
    buf_clear(&out);
    discovery_json_status(entries[0], true, true, &out);
    assert_non_null(strstr(buf_text(&out), "\"role\":\"leader\"},\"isLeader\":true"));
    leaders_free(leaders);
    fleet_end(&fleet);
    buf_fini(&out);
}

static void status(void **state)
{
    (void)state;
    struct fleet fleet;
    struct buf out = {0};
    fleet_begin(&fleet, rows, 1);
    discovery_json_status(view_facts(fleet.view)->entries[0], false, true, &out);
    expect(&out,
           "{\"enabled\":true,\"currentService\":{\"id\":\"1\",\"name\":\"map\",\"host\":\"h\",\"port\":7,"
           "\"status\":\"ready\",\"role\":\"member\"},\"isLeader\":false,\"status\":\"registered\"}");
    discovery_json_status(NULL, false, false, &out);
    expect(&out, "{\"enabled\":true,\"currentService\":null,\"isLeader\":false,\"status\":\"unregistered\"}");
    fleet_end(&fleet);
    buf_fini(&out);
}

static void events(void **state)
{
    (void)state;
    struct fleet fleet;
    struct buf out = {0};
    fleet_begin(&fleet, rows, 2);
    const struct view_entry *map = view_facts(fleet.view)->entries[0],
                            *world = view_facts(fleet.view)->entries[1];
    assert_true(discovery_json_event(NULL, world, 1234, NULL, &out));
    expect(&out,
           "{\"type\":\"serviceJoined\",\"service\":" WORLD2_ALL ",\"serviceId\":\"2\",\"timestamp\":1234}");
    assert_true(discovery_json_event(world, NULL, 1234, NULL, &out));
    expect(&out,
           "{\"type\":\"serviceLeft\",\"service\":" WORLD2_ALL ",\"serviceId\":\"2\",\"timestamp\":1234}");
    assert_true(discovery_json_event(map, world, 1234, NULL, &out));
    expect(&out, "{\"type\":\"serviceHealthChanged\",\"service\":" WORLD2_ALL
                 ",\"serviceId\":\"2\",\"timestamp\":1234}");
    assert_false(discovery_json_event(world, world, 1234, NULL, &out));
    assert_false(discovery_json_event(NULL, NULL, 1234, NULL, &out));
    assert_int_equal(out.size, 0);
    fleet_end(&fleet);
    buf_fini(&out);
}

static void healths(void **state)
{
    (void)state;
    assert_string_equal(discovery_health(STATUS_READY), "healthy");
    assert_string_equal(discovery_health(STATUS_UNKNOWN), "unhealthy");
    assert_string_equal(discovery_health(1000), "unhealthy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services), cmocka_unit_test(topology), cmocka_unit_test(status),
        cmocka_unit_test(leading),  cmocka_unit_test(events),   cmocka_unit_test(healths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
