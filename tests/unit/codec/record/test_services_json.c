#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/services_json.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view_read.h"
#include "unit/codec/view_fleet.h"

#define M1 "{\"id\":\"1\",\"type\":\"map\",\"status\":\"ready\",\"region\":\"kr\"}"
#define W1 "{ \"type\": \"world\", \"id\": \"1\",\n \"status\": \"error\", \"region\": \"jp\" }"
#define W2                                                                                                   \
    "{\"id\":\"2\",\"type\":\"world\",\"status\":\"ready\",\"region\":\"kr\",\"host\":\"h\",\"ports\":[7]}"

static const struct fleet_row rows[] = {
    {"/services/map/1", M1}, {"/services/world/1", W1}, {"/services/world/2", W2}};

static void expect(const struct fleet *fleet, const struct filter *filter, const char *text)
{
    struct buf out = {0};
    services_json_list(fleet->view, filter, &fleet->now, &out);
    assert_string_equal(buf_text(&out), text);
    buf_fini(&out);
}

/* From where a stream goes on, and when the list was made. */
#define AT(revision) ",\"cursor\":\"" revision "-cafe\",\"now\":\"2026-11-21T02:14:00.123Z\""

static struct filter *filter_of(const char *name, const char *value)
{
    struct filter *filter = filter_new();
    struct error err;
    assert_int_equal(filter_add(filter, str_of(name), str_of(value), &err), 0);
    return filter;
}

static void bytes_are_joined_as_they_are(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_begin(&fleet, rows, 3);
    expect(&fleet, NULL,
           "{\"services\":[" M1 "," W1 "," W2
           "],\"total\":3,\"healthy\":2,\"unhealthy\":1,\"revision\":812,\"stale\":false,\"ageMs\":0" AT(
               "812") "}");
    struct filter *filter = filter_of("region", "kr");
    expect(&fleet, filter,
           "{\"services\":[" M1 "," W2
           "],\"total\":2,\"healthy\":2,\"unhealthy\":0,\"revision\":812,\"stale\":false,\"ageMs\":0" AT(
               "812") "}");
    filter_free(filter);
    filter = filter_of("type", "none");
    expect(&fleet, filter,
           "{\"services\":[],\"total\":0,\"healthy\":0,\"unhealthy\":0,\"revision\":812,\"stale\":false,"
           "\"ageMs\":0" AT("812") "}");
    filter_free(filter);
    fleet_end(&fleet);
}

static void a_stale_view_says_so(void **state)
{
    (void)state;
    struct fleet fleet;
    char etag[SERVICES_ETAG_MAX];
    fleet_begin(&fleet, rows, 1);
    assert_string_equal(services_json_etag(fleet.view, NULL, etag), "\"cafe-812-cbf29ce484222325\"");
    struct filter *filter = filter_of("region", "kr");
    assert_string_not_equal(services_json_etag(fleet.view, filter, etag), "\"cafe-812-cbf29ce484222325\"");
    filter_free(filter);
    fleet_cut(&fleet);
    fleet.now.boot += 4200;
    expect(&fleet, NULL,
           "{\"services\":[" M1
           "],\"total\":1,\"healthy\":1,\"unhealthy\":0,\"revision\":812,\"stale\":true,\"ageMs\":4200" AT(
               "812") "}");
    assert_string_equal(services_json_etag(fleet.view, NULL, etag), "");
    fleet_end(&fleet);
}

static void the_offline_come_only_when_asked_for(void **state)
{
    (void)state;
    struct fleet fleet;
    char etag[SERVICES_ETAG_MAX];
    fleet_begin(&fleet, rows, 3);
    fleet_change(&fleet, "/services/world/1", NULL);
    fleet_change(&fleet, "/services/world/2", NULL);
    expect(&fleet, NULL,
           "{\"services\":[" M1
           "],\"total\":1,\"healthy\":1,\"unhealthy\":0,\"revision\":814,\"stale\":false,\"ageMs\":0" AT(
               "814") "}");
    struct filter *filter = filter_of("include", "offline");
    expect(&fleet, filter,
           "{\"services\":[" M1 "],\"total\":1,\"healthy\":1,\"unhealthy\":0,\"revision\":814,\"stale\":"
           "false,\"ageMs\":0" AT("814") ",\"offline\":["
                                         "{\"goneAt\":\"2026-11-21T02:14:00.123Z\",\"record\":" W1
                                         "},{\"goneAt\":\"2026-11-21T02:14:00.123Z\",\"record\":" W2 "}]}");
    assert_string_equal(services_json_etag(fleet.view, filter, etag), "");
    filter_free(filter);
    fleet_end(&fleet);
}

static void expect_page(const struct fleet *fleet, const char *after, const char *text)
{
    struct filter *filter = filter_of("limit", "2");
    struct error err;
    assert_int_equal(filter_add(filter, STR("include"), STR("offline"), &err), 0);
    assert_int_equal(filter_add(filter, STR("after"), str_of(after), &err), 0);
    expect(fleet, filter, text);
    filter_free(filter);
}

#define TOTALS(total)                                                                                        \
    "],\"total\":" total ",\"healthy\":" total ",\"unhealthy\":0,\"revision\":813,\"stale\":false,"          \
    "\"ageMs\":0" AT("813")
#define GONE(record) "{\"goneAt\":\"2026-11-21T02:14:00.123Z\",\"record\":" record "}"

/* Records and those that are offline have one order, so that one cursor goes through both. */
static void pages(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_begin(&fleet, rows, 3);
    fleet_change(&fleet, "/services/world/1", NULL);
    expect_page(&fleet, "",
                "{\"services\":[" M1 TOTALS("2") ",\"offline\":[" GONE(W1) "],\"next\":\"world/1\"}");
    expect_page(&fleet, "world/1", "{\"services\":[" W2 TOTALS("2") ",\"offline\":[],\"next\":null}");
    /* One that is gone is as good. */
    expect_page(&fleet, "map/7",
                "{\"services\":[" W2 TOTALS("2") ",\"offline\":[" GONE(W1) "],\"next\":null}");
    expect_page(&fleet, "x", "{\"services\":[" TOTALS("2") ",\"offline\":[],\"next\":null}");
    struct filter *filter = filter_of("limit", "1"), *after = filter_of("after", "map/1");
    char etag[SERVICES_ETAG_MAX], other[SERVICES_ETAG_MAX];
    expect(&fleet, filter, "{\"services\":[" M1 TOTALS("2") ",\"next\":\"map/1\"}");
    expect(&fleet, after, "{\"services\":[" W2 TOTALS("2") ",\"next\":null}");
    assert_string_not_equal(services_json_etag(fleet.view, filter, etag),
                            services_json_etag(fleet.view, after, other));
    filter_free(filter);
    filter_free(after);
    fleet_end(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_joined_as_they_are),
        cmocka_unit_test(a_stale_view_says_so),
        cmocka_unit_test(the_offline_come_only_when_asked_for),
        cmocka_unit_test(pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
