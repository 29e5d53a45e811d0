#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/mem.h"
#include "outrider/core/server/record.h"

#include <stdlib.h>

static struct record sample(void)
{
    struct record record = {
        .id = mem_strdup("01J"),
        .type = mem_strdup("world"),
        .host = mem_strdup("10.0.0.5"),
        .ports = {8001, 8002},
        .port_count = 2,
        .status = STATUS_READY,
        .updated_wall = 1000,
        .custom_state = mem_strdup("open"),
        .region = mem_strdup("kr"),
        .tags = {mem_strdup("pvp")},
        .tag_count = 1,
        .labels = {{mem_strdup("map"), mem_strdup("harbor")}},
        .label_count = 1,
        .has_players = true,
        .players = 12,
        .drain = {.set = true, .holds = mem_strdup("ops"), .by = mem_strdup("signal"), .since_wall = 5},
        .started_wall = 7,
    };
    return record;
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = mem_strdup(with);
}

/* One change each, and what it must mean. */
static void change_nothing(struct record *r)
{
    (void)r;
}
static void change_updated(struct record *r)
{
    r->updated_wall++;
}
static void change_players_unsaid(struct record *r)
{
    r->capacity = 9;
}
static void change_status(struct record *r)
{
    r->status = STATUS_ERROR;
}
static void change_id(struct record *r)
{
    replace(&r->id, "01K");
}
static void change_host(struct record *r)
{
    replace(&r->host, NULL);
}
static void change_port(struct record *r)
{
    r->ports[1]++;
}
static void change_port_count(struct record *r)
{
    r->port_count--;
}
static void change_undrain(struct record *r)
{
    r->drain.set = false;
}
static void change_holds(struct record *r)
{
    replace(&r->drain.holds, "ops,self");
}
static void change_deadline(struct record *r)
{
    r->drain.deadline_wall = 99;
}
static void change_since(struct record *r)
{
    r->drain.since_wall++;
}
static void change_by(struct record *r)
{
    replace(&r->drain.by, NULL);
}
static void change_drain_reason(struct record *r)
{
    replace(&r->drain.reason, "patch");
}
static void change_operation(struct record *r)
{
    replace(&r->drain.operation, "01JZZZZZZZ0000000000000001");
}
static void change_type(struct record *r)
{
    replace(&r->type, "lobby");
}
static void change_text(struct record *r)
{
    replace(&r->custom_state, "full");
}
static void change_reason(struct record *r)
{
    replace(&r->reason, "why");
}
static void change_region(struct record *r)
{
    replace(&r->region, "us");
}
static void change_zone(struct record *r)
{
    replace(&r->zone, "a");
}
static void change_group(struct record *r)
{
    replace(&r->group, "a");
}
static void change_version(struct record *r)
{
    replace(&r->version, "1");
}
static void change_tag(struct record *r)
{
    replace(&r->tags[0], "pve");
}
static void change_tag_count(struct record *r)
{
    r->tags[r->tag_count++] = mem_strdup("new");
}
static void change_label_name(struct record *r)
{
    replace(&r->labels[0].name, "mode");
}
static void change_label_value(struct record *r)
{
    replace(&r->labels[0].value, "x");
}
static void change_label_count(struct record *r)
{
    r->labels[r->label_count++] = (struct record_label){mem_strdup("n"), mem_strdup("v")};
}
static void change_players(struct record *r)
{
    r->players++;
}
static void change_players_gone(struct record *r)
{
    r->has_players = false;
}
static void change_weight(struct record *r)
{
    r->has_weight = true;
    r->weight = 7;
}

static void change_capacity(struct record *r)
{
    r->has_capacity = true;
}
static void change_started(struct record *r)
{
    r->started_wall++;
}

static void test_differences(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct record *record);
        bool equal, urgent;
    } rows[] = {
        {change_nothing, true, false},
        {change_updated, true, false},
        {change_players_unsaid, true, false},
        {change_status, false, true},
        {change_id, false, true},
        {change_host, false, true},
        {change_port, false, true},
        {change_port_count, false, true},
        {change_undrain, false, true},
        {change_holds, false, true},
        {change_deadline, false, true},
        {change_since, false, true},
        {change_by, false, true},
        {change_drain_reason, false, true},
        {change_operation, false, true},
        {change_type, false, false},
        {change_text, false, false},
        {change_reason, false, false},
        {change_region, false, false},
        {change_zone, false, false},
        {change_group, false, false},
        {change_version, false, false},
        {change_tag, false, false},
        {change_tag_count, false, false},
        {change_label_name, false, false},
        {change_label_value, false, false},
        {change_label_count, false, false},
        {change_players, false, false},
        {change_players_gone, false, false},
        {change_capacity, false, false},
        {change_weight, false, false},
        {change_started, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record a = sample(), b = sample();
        rows[i].change(&b);
        if (record_equal(&a, &b) != rows[i].equal || record_equal(&b, &a) != rows[i].equal) {
            fail_msg("row %zu: equal should be %d", i, rows[i].equal);
        }
        if (record_urgent(&a, &b) != rows[i].urgent || record_urgent(&b, &a) != rows[i].urgent) {
            fail_msg("row %zu: urgent should be %d", i, rows[i].urgent);
        }
        record_fini(&a);
        record_fini(&b);
    }
}

static void test_empty(void **state)
{
    (void)state;
    struct record a = {0}, b = {0};
    assert_true(record_equal(&a, &b));
    record_fini(&a);
    record_fini(NULL);
    struct record full = sample();
    assert_false(record_equal(&a, &full));
    record_fini(&full);
    assert_null(full.id);
    assert_int_equal(full.label_count, 0);
    record_fini(&full);
}

static void test_copy(void **state)
{
    (void)state;
    struct record record = sample(), copy;
    record_copy(&record, &copy);
    assert_true(record_equal(&record, &copy));
    assert_true(record.updated_wall == copy.updated_wall);
    assert_null(copy.reason);
    record_fini(&record); /* the copy owns its strings */
    assert_string_equal(copy.tags[0], "pvp");
    assert_string_equal(copy.labels[0].value, "harbor");
    assert_string_equal(copy.drain.holds, "ops");
    record_fini(&copy);
}

static void test_status_names(void **state)
{
    (void)state;
    static const char *const names[] = {"initializing", "ready", "draining", "shutting_down", "error"};
    for (int i = 0; i < STATUS_COUNT; i++) {
        enum status status = STATUS_COUNT;
        assert_string_equal(status_name((enum status)i), names[i]);
        assert_int_equal(status_parse(str_of(names[i]), &status), 0);
        assert_int_equal(status, i);
    }
    static const char *const unknown[] = {"", "Ready", "offline", "read", "readyy", "unknown"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        enum status status = STATUS_DRAINING;
        assert_int_equal(status_parse(str_of(unknown[i]), &status), -1);
        assert_int_equal(status, STATUS_DRAINING);
    }
    assert_string_equal(status_name(STATUS_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_status_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
