#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/fleet/lists.h"
#include "outrider/base/blob.h"
#include "outrider/core/fleet/view_read.h"
#include "unit/api/fleet/small_fleet.h"

#include <stdio.h>
#include <string.h>

static const char ready[] =
    "{\"id\":\"w1\",\"type\":\"world\",\"host\":\"h\",\"ports\":[80],\"status\":\"ready\","
    "\"region\":\"kr\"}";
static const char drained[] = "{\"id\":\"w2\",\"type\":\"world\",\"host\":\"h\",\"ports\":[80],"
                              "\"status\":\"draining\",\"region\":\"us\"}";
static const char lobby[] =
    "{\"id\":\"w1\",\"type\":\"lobby\",\"host\":\"h\",\"ports\":[81],\"status\":\"ready\"}";

/* The view lists the three records, at `revision`. */
static void know_at(struct small_fleet *fleet, int64_t revision)
{
    static const char *const rows[][2] = {
        {"/services/lobby/w1", lobby}, {"/services/world/w1", ready}, {"/services/world/w2", drained}};
    struct registry_item listed[COUNT_OF(rows)];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        listed[i] = (struct registry_item){.key = str_of(rows[i][0]), .kv.value = str_of(rows[i][1])};
    }
    small_fleet_list(fleet, listed, COUNT_OF(rows), revision);
    assert_true(view_facts(fleet->view)->synced);
}

static void know(struct small_fleet *fleet)
{
    know_at(fleet, 10);
}

static void lose(struct small_fleet *fleet)
{
    struct registry_watch_event ended = {.id = fleet->watch,
                                         .type = REGISTRY_WATCH_ENDED,
                                         .failure = REGISTRY_RETRY,
                                         .error = STR("connection refused")};
    small_fleet_step(fleet, (struct view_event){.type = VIEW_ON_WATCH, .watch = &ended});
    assert_false(view_facts(fleet->view)->synced);
    struct api_reply reply = small_agent_get(&fleet->agent, "/api/services/world/w1", "");
    assert_true(reply.stale_ms > 0); /* in the same ms, too */
    assert_string_equal(reply.etag, "");
    buf_fini(&reply.body);
    blob_unref(reply.blob);
    fleet->agent.now.boot += 1500;
    fleet->agent.now.mono += 1500;
}

static void drop(struct api_reply *reply)
{
    api_reply_fini(reply);
    *reply = (struct api_reply){0};
}

static json_t *list(struct small_fleet *fleet, const char *query)
{
    struct api_reply reply = small_agent_get(&fleet->agent, "/api/services", query);
    assert_int_equal(reply.status, 200);
    struct str bytes = blob_view(reply.blob);
    json_t *root = json_loadb(bytes.data, bytes.size, 0, NULL);
    assert_non_null(root);
    drop(&reply);
    return root;
}

static void an_empty_fleet_is_never_guessed(void **state)
{
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    struct api_reply reply = small_agent_get(&fleet.agent, "/api/services", "");
    assert_int_equal(reply.turn, API_DEFERRED);
    assert_null(reply.deferral.begin);
    assert_int_equal(fleet.agent.wants, 1);
    drop(&reply);
    fleet.agent.context.impatient = true;
    reply = small_agent_get(&fleet.agent, "/api/services", "");
    assert_string_equal(reply.header, "Retry-After: 1");
    small_agent_refused(reply, 503, "not_known");
    fleet.agent.config.view.mode = CONFIG_VIEW_OFF;
    small_agent_refused(small_agent_get(&fleet.agent, "/api/services/world/w1", ""), 503, "view_off");
    small_fleet_end(&fleet);
}

static void filters_and_totals(void **state)
{
    static const struct {
        const char *query;
        int total, healthy;
    } cases[] = {{"", 3, 2},          {"type=world", 2, 1}, {"type=world&status=ready", 1, 1},
                 {"region=us", 1, 0}, {"region=", 3, 2},    {"type=nothing", 0, 0}};
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    know(&fleet);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *root = list(&fleet, cases[i].query);
        assert_int_equal(json_integer_value(json_object_get(root, "total")), cases[i].total);
        assert_int_equal(json_integer_value(json_object_get(root, "healthy")), cases[i].healthy);
        assert_int_equal(json_array_size(json_object_get(root, "services")), cases[i].total);
        assert_int_equal(json_integer_value(json_object_get(root, "revision")), 10);
        json_decref(root);
    }
    small_agent_refused(small_agent_get(&fleet.agent, "/api/services", "typ=world"), 400, "bad_parameter");
    small_agent_refused(small_agent_get(&fleet.agent, "/api/services", "type=%zz"), 400, "bad_query");
    small_agent_refused(small_agent_get(&fleet.agent, "/api/services/world/w1", "x=1"), 400,
                        "unknown_parameter");
    small_fleet_end(&fleet);
}

static struct api_reply ask_with(struct small_fleet *fleet, const char *path, const char *etag)
{
    return small_agent_ask(&fleet->agent, &(struct api_request){.method = STR("GET"),
                                                                .path = str_of(path),
                                                                .host = STR("localhost"),
                                                                .if_none_match = str_of(etag)});
}

static void an_etag_lasts_until_the_next_revision(void **state)
{
    static const char *const paths[] = {"/api/services", "/api/services/world/w1"};
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    know(&fleet);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct api_reply reply = ask_with(&fleet, paths[i], "\"other\"");
        char etag[SERVICES_ETAG_MAX], several[SERVICES_ETAG_MAX + 16];
        assert_int_equal(reply.status, 200);
        memcpy(etag, reply.etag, sizeof(etag));
        assert_true(strlen(etag) > 4);
        drop(&reply);
        snprintf(several, sizeof(several), "\"x\", W/%s", etag);
        reply = ask_with(&fleet, paths[i], several);
        assert_int_equal(reply.status, 304);
        assert_null(reply.blob);
        assert_string_equal(reply.etag, etag);
        drop(&reply);
    }
    lose(&fleet);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct api_reply reply = ask_with(&fleet, paths[i], "*");
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.etag, "");
        assert_int_equal(reply.stale_ms, 1500);
        drop(&reply);
    }
    small_fleet_end(&fleet);
}

/* A registry that was set back gives revisions again, and they are of other records now. */
static void a_revision_that_was_given_before_is_no_etag(void **state)
{
    static const char *const paths[] = {"/api/services", "/api/services/world/w1"};
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    know(&fleet);
    struct registry_watch_event ended = {.id = fleet.watch,
                                         .type = REGISTRY_WATCH_ENDED,
                                         .failure = REGISTRY_REFUSED,
                                         .read_anew = true,
                                         .error = STR("compacted")};
    small_fleet_step(&fleet, (struct view_event){.type = VIEW_ON_WATCH, .watch = &ended});
    fleet.agent.now.boot += 10000;
    fleet.agent.now.mono += 10000;
    small_fleet_step(&fleet, (struct view_event){.type = VIEW_ON_TICK});
    know_at(&fleet, 8);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct api_reply reply = ask_with(&fleet, paths[i], "*");
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.etag, "");
        drop(&reply);
    }
    small_fleet_change(&fleet, STR("/services/world/w1"), str_of(ready), 11);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct api_reply reply = ask_with(&fleet, paths[i], "*");
        assert_true(strlen(reply.etag) > 4);
        drop(&reply);
    }
    small_fleet_end(&fleet);
}

static void a_list_is_joined_once(void **state)
{
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    know(&fleet);
    struct api_reply first = small_agent_get(&fleet.agent, "/api/services", "type=world");
    struct api_reply other = small_agent_get(&fleet.agent, "/api/services", "");
    struct api_reply again = small_agent_get(&fleet.agent, "/api/services", "type=world");
    assert_ptr_equal(first.blob, again.blob);
    assert_ptr_not_equal(first.blob, other.blob);
    drop(&other);
    drop(&again);
    /* A thousand filters evict one another. */
    for (int i = 0; i < 1000; i++) {
        char query[32];
        snprintf(query, sizeof(query), "tag=t%d", i);
        other = small_agent_get(&fleet.agent, "/api/services", query);
        drop(&other);
    }
    again = small_agent_get(&fleet.agent, "/api/services", "type=world");
    assert_true(blob_eq(first.blob, again.blob));
    drop(&first);
    drop(&again);
    small_fleet_end(&fleet);
}

/* Whatever is large, or depends on more than the revision, is there once for all that read it at the same time. */
static void what_many_read_is_there_once(void **state)
{
    static const char *const queries[][2] = {{"/api/services", "include=offline"},
                                             {"/api/services", "limit=1&after=world/w1"},
                                             {"/service-discovery/services", ""}};
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    know(&fleet);
    for (int stale = 0; stale < 2; stale++) {
        struct api_reply before[COUNT_OF(queries)];
        for (size_t i = 0; i < COUNT_OF(queries); i++) {
            before[i] = small_agent_get(&fleet.agent, queries[i][0], queries[i][1]);
            struct api_reply again = small_agent_get(&fleet.agent, queries[i][0], queries[i][1]);
            assert_int_equal(before[i].status, 200);
            assert_non_null(before[i].blob);
            assert_ptr_equal(before[i].blob, again.blob);
            drop(&again);
        }
        for (size_t i = 0; i < COUNT_OF(queries); i++) {
            drop(&before[i]);
        }
        if (stale == 0) {
            lose(&fleet);
        }
    }
    /* The age of a stale list is a second old at most. */
    struct api_reply first = small_agent_get(&fleet.agent, "/api/services", "include=offline");
    fleet.agent.now.boot += 1000;
    fleet.agent.now.mono += 1000;
    struct api_reply later = small_agent_get(&fleet.agent, "/api/services", "include=offline");
    assert_ptr_not_equal(first.blob, later.blob);
    api_lists_clear(fleet.agent.context.lists); /* the fleet has changed: those that read go on */
    assert_true(blob_view(first.blob).size > 0);
    drop(&first);
    drop(&later);
    small_fleet_end(&fleet);
}

static void one_record_is_the_bytes_in_the_registry(void **state)
{
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    know(&fleet);
    struct api_reply reply = small_agent_get(&fleet.agent, "/api/services/world/w1", "");
    assert_true(str_eq(blob_view(reply.blob), str_of(ready)));
    drop(&reply);
    small_agent_refused(small_agent_get(&fleet.agent, "/api/services/world/w9", ""), 404, "no_such_service");
    small_fleet_end(&fleet);
}

static void names_are_decoded_once(void **state)
{
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    know(&fleet);
    static const struct {
        const char *path;
        int status;
    } cases[] = {{"/api/services/world/w1", 200},
                 {"/api/services/%77orld/%771", 200},
                 {"/api/services/world/w%2531", 404},
                 {"/api/services/world%2Fw1/x", 404},
                 {"/api/services/world/%2F..%2F", 404}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_reply reply = small_agent_get(&fleet.agent, cases[i].path, "");
        if (reply.status != cases[i].status) {
            fail_msg("%s: %d", cases[i].path, reply.status);
        }
        api_reply_fini(&reply);
    }
    small_fleet_end(&fleet);
}

static void any_server_can_be_drained(void **state)
{
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    know(&fleet);
    struct api_reply reply =
        small_agent_post(&fleet.agent, "/api/services/world/w1/drain", "{\"reason\":\"patch\"}");
    assert_int_equal(reply.turn, API_DEFERRED);
    assert_non_null(reply.deferral.begin);
    drop(&reply);
    reply = small_agent_post(&fleet.agent, "/service-discovery/services/w2/enable", "");
    assert_int_equal(reply.turn, API_DEFERRED);
    drop(&reply);
    small_agent_refused(small_agent_post(&fleet.agent, "/service-discovery/services/w1/disable", "{}"), 409,
                        "ambiguous_id");
    small_agent_refused(small_agent_post(&fleet.agent, "/api/services/world/w9/drain", "{}"), 404,
                        "no_such_service");
    small_agent_refused(small_agent_post(&fleet.agent, "/api/services/world/w1/drain", "{\"x\":1}"), 400,
                        "bad_body");
    small_agent_refused(small_agent_post(&fleet.agent, "/api/services/world/w1/undrain", "{\"x\":1}"), 400,
                        "bad_body");
    small_agent_refused(
        small_agent_ask(&fleet.agent, &(struct api_request){.method = STR("POST"),
                                                            .path = STR("/api/services/world/w1/drain"),
                                                            .host = STR("evil.example"),
                                                            .content_type = STR("application/json")}),
        403, "foreign_host");
    small_fleet_end(&fleet);
}

static void services_that_share_an_id_are_all_listed(void **state)
{
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    know(&fleet);
    struct api_reply reply = small_agent_get(&fleet.agent, "/service-discovery/services/w1/health", "");
    json_t *root = small_agent_json(&reply);
    assert_int_equal(json_integer_value(json_object_get(root, "total")), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "healthy")), 2);
    json_decref(root);
    small_agent_refused(small_agent_get(&fleet.agent, "/service-discovery/services/w9/health", ""), 404,
                        "no_such_service");
    small_fleet_end(&fleet);
}

static void an_observer_has_no_server(void **state)
{
    struct small_fleet fleet;
    (void)state;
    small_fleet_begin(&fleet);
    fleet.agent.config.server.present = false;
    small_agent_refused(small_agent_get(&fleet.agent, "/readyz", ""), 503, "not_known");
    know(&fleet);
    struct api_reply reply = small_agent_get(&fleet.agent, "/readyz", "");
    assert_int_equal(reply.status, 200);
    drop(&reply);
    reply = small_agent_get(&fleet.agent, "/api/agent", "");
    json_t *root = small_agent_json(&reply);
    assert_true(json_is_true(json_object_get(root, "observer")));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "view"), "services")), 3);
    json_decref(root);
    reply = small_agent_get(&fleet.agent, "/metrics", "");
    assert_int_equal(reply.status, 200);
    assert_non_null(
        strstr(buf_text(&reply.body), "outrider_services{type=\"world\",status=\"draining\"} 1\n"));
    assert_null(strstr(buf_text(&reply.body), "outrider_lease_remaining_seconds"));
    drop(&reply);
    small_agent_refused(small_agent_post(&fleet.agent, "/api/agent/drain", "{}"), 409, "observer");
    small_agent_refused(small_agent_post(&fleet.agent, "/api/agent/undrain", "{}"), 409, "observer");
    small_fleet_end(&fleet);
}

/* Monitoring polls it on each sidecar: it must start no watch of the fleet, and need no registry. */
static void the_own_service_needs_no_fleet(void **state)
{
    (void)state;
    struct small_fleet fleet;
    small_fleet_begin(&fleet);
    struct api_reply reply = small_agent_get(&fleet.agent, "/service-discovery/status", "");
    json_t *root = small_agent_json(&reply);
    assert_true(json_is_null(json_object_get(root, "currentService")));
    assert_string_equal(json_string_value(json_object_get(root, "status")), "unregistered");
    json_decref(root);
    small_agent_start(&fleet.agent);
    small_agent_say(&fleet.agent, "ready");
    small_agent_try(&fleet.agent, PROBE_PASSED);
    small_agent_try(&fleet.agent, PROBE_PASSED);
    fleet.agent.config.view.mode = CONFIG_VIEW_OFF;
    reply = small_agent_get(&fleet.agent, "/service-discovery/status", "");
    root = small_agent_json(&reply);
    const json_t *own = json_object_get(root, "currentService");
    assert_string_equal(json_string_value(json_object_get(own, "id")), "01TEST");
    assert_string_equal(json_string_value(json_object_get(own, "name")), "world");
    assert_string_equal(json_string_value(json_object_get(own, "status")), "ready");
    assert_int_equal(json_integer_value(json_object_get(own, "port")), 8001);
    assert_string_equal(json_string_value(json_object_get(root, "status")), "registered");
    json_decref(root);
    assert_int_equal(fleet.agent.wants, 0);
    small_fleet_end(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_own_service_needs_no_fleet),
        cmocka_unit_test(an_empty_fleet_is_never_guessed),
        cmocka_unit_test(filters_and_totals),
        cmocka_unit_test(an_etag_lasts_until_the_next_revision),
        cmocka_unit_test(a_revision_that_was_given_before_is_no_etag),
        cmocka_unit_test(a_list_is_joined_once),
        cmocka_unit_test(what_many_read_is_there_once),
        cmocka_unit_test(one_record_is_the_bytes_in_the_registry),
        cmocka_unit_test(names_are_decoded_once),
        cmocka_unit_test(any_server_can_be_drained),
        cmocka_unit_test(services_that_share_an_id_are_all_listed),
        cmocka_unit_test(an_observer_has_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
