#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/codec/consul/consul_catalog.h"

#define SERVICE(address, port, status, zone)                                                                 \
    "{\"Service\":{\"Verb\":\"set\",\"Node\":\"n\",\"Service\":{\"ID\":\"doom/1\",\"Service\":\"doom\","     \
    "\"Address\":\"" address "\",\"Port\":" port ",\"Meta\":{\"status\":\"" status "\",\"zone\":\"" zone     \
    "\",\"version\":\"\",\"session\":\"00000000-0000-0000-0000-000000000001\"}}}}"
#define CHECK(check, status)                                                                                 \
    ",{\"Check\":{\"Verb\":\"set\",\"Check\":{\"Node\":\"n\",\"CheckID\":\"doom/1\",\"Name\":\"outrider\","  \
    "\"Status\":\"" check "\",\"Output\":\"" status                                                          \
    "\",\"ServiceID\":\"doom/1\",\"ServiceName\":\"doom\"}}}"

static void a_record_is_a_service_that_passes_while_it_is_ready(void **state)
{
    (void)state;
    static const struct {
        const char *value, *ops; /* NULL: it is no record */
    } rows[] = {
        {"{\"status\":\"ready\",\"host\":\"10.0.0.5\",\"ports\":[8001,8002],\"zone\":\"kr\",\"labels\":{"
         "\"a\":[1]}}",
         SERVICE("10.0.0.5", "8001", "ready", "kr") CHECK("passing", "ready")},
        {"{\"status\":\"draining\",\"ports\":[]}",
         SERVICE("", "0", "draining", "") CHECK("critical", "draining")},
        {"{\"host\":null,\"status\":\"Ready\"}", SERVICE("", "0", "Ready", "") CHECK("critical", "Ready")},
        {"{}", SERVICE("", "0", "", "") CHECK("critical", "")},
        {"", NULL},
        {"[]", NULL},
        {"{\"ports\":[65536]}", NULL},
        {"{\"ports\":8001}", NULL},
        {"{\"status\":5}", NULL},
        {"{\"status\":\"\xff\"}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = {0};
        int rc = consul_service_encode(STR("n"), STR("doom"), STR("doom/1"), str_of(rows[i].value),
                                       (struct registry_lease){.lo = 1}, &out);
        assert_int_equal(rc, rows[i].ops == NULL ? -1 : 0);
        assert_string_equal(buf_text(&out), rows[i].ops == NULL ? "" : rows[i].ops);
        buf_fini(&out);
    }
}

static void a_service_is_removed_as_it_was_seen_or_in_any_case(void **state)
{
    (void)state;
    struct buf out = {0};
    consul_service_remove(STR("n"), STR("doom"), STR("doom/1"), 0, &out);
    consul_service_remove(STR("n"), STR("doom"), STR("doom/2"), 7, &out);
    assert_string_equal(buf_text(&out), "{\"Service\":{\"Verb\":\"delete\",\"Node\":\"n\",\"Service\":{"
                                        "\"ID\":\"doom/1\",\"Service\":\"doom\"}}},"
                                        "{\"Service\":{\"Verb\":\"delete-cas\",\"Node\":\"n\",\"Service\":{"
                                        "\"ID\":\"doom/2\",\"Service\":\"doom\","
                                        "\"ModifyIndex\":7}}}");
    buf_fini(&out);
}

static void only_keys_of_records_are_services(void **state)
{
    (void)state;
    struct str type, id;
    assert_true(consul_record_key(STR("services"), STR("services/doom/1"), &type, &id));
    assert_true(str_eq(type, STR("doom")));
    assert_true(str_eq(id, STR("doom/1")));
    static const char *const others[] = {"services",       "services/",      "services/doom",
                                         "services/doom/", "services//1",    "services/doom/1/x",
                                         "servicesdoom/1", "outrider/doom/1"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_false(consul_record_key(STR("services"), str_of(others[i]), &type, &id));
    }
}

static void a_node_has_services_of_ours_and_others(void **state)
{
    (void)state;
    struct consul_services services = {0};
    assert_int_equal(
        consul_services_decode(STR("{\"Node\":{},\"Services\":{"
                                   "\"b\":{\"ID\":\"b/1\",\"Service\":\"b\",\"ModifyIndex\":9},"
                                   "\"a\":{\"ID\":\"a/2\",\"Service\":\"a\",\"ModifyIndex\":8},"
                                   "\"web\":{\"ID\":\"web\",\"Service\":\"web\",\"ModifyIndex\":7},"
                                   "\"c/3\":{\"ID\":\"c/3\",\"Service\":\"d\",\"ModifyIndex\":7},"
                                   "\"e/3\":{\"ID\":\"e/3\",\"Service\":\"e\",\"ModifyIndex\":0}}}"),
                               &services),
        0);
    assert_int_equal(services.count, 2);
    assert_true(str_eq(services.list[0].id, STR("a/2")));
    assert_int_equal(services.list[1].mod, 9);
    static const char *const none[] = {"null", "{}", "{\"Services\":null}", "{\"Services\":{}}"};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        assert_int_equal(consul_services_decode(str_of(none[i]), &services), 0);
        assert_int_equal(services.count, 0);
    }
    static const char *const wrong[] = {"", "[]", "5", "{\"Services\":[]}"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(consul_services_decode(str_of(wrong[i]), &services), -1);
    }
    consul_services_fini(&services);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_a_service_that_passes_while_it_is_ready),
        cmocka_unit_test(a_service_is_removed_as_it_was_seen_or_in_any_case),
        cmocka_unit_test(only_keys_of_records_are_services),
        cmocka_unit_test(a_node_has_services_of_ours_and_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
