/* What the memory backend has beyond the contract every backend is held to (tests/contract): a clock and
 * turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/registry/memory/memory.h"
#include "support/lease_number.h"

static struct registry *registry;
static struct registry_client *client;
static uint64_t applied[16];
static size_t heard_count;
static int resubmit, delete_in_callback;
static struct str value_seen;

static void submit(uint64_t id, enum registry_op op, int64_t lease, struct str key, const char *text)
{
    struct blob *value = text == NULL ? NULL : blob_new(str_of(text));
    registry_submit(
        client,
        &(struct registry_request){
            .id = id, .op = op, .lease = lease_of(lease), .ttl_ms = 5000, .key = key, .value = value});
    blob_unref(value);
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    assert_ptr_equal(user, &registry);
    applied[heard_count++] = reply->id;
    if (resubmit > 0) {
        resubmit--;
        submit(reply->id + 100, REGISTRY_GET, 0, STR("k"), NULL);
    }
    if (delete_in_callback > 0) {
        memory_advance(registry, delete_in_callback);
        assert_false(memory_read(registry, STR("k")).found);
        assert_true(str_eq(reply->kv.value, value_seen));
    }
}

static int start(void **state)
{
    (void)state;
    registry = memory_new(&memory_etcd);
    client = registry_attach(registry, on_reply, NULL, &registry);
    heard_count = 0;
    resubmit = delete_in_callback = 0;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    registry_free(registry);
    return 0;
}

static void answers_come_in_order_and_not_before_run(void **state)
{
    (void)state;
    resubmit = 2;
    submit(1, REGISTRY_GRANT, 9, STR(""), NULL);
    submit(2, REGISTRY_PUT, 9, STR("k"), "v");
    submit(3, REGISTRY_GET, 0, STR("k"), NULL);
    assert_int_equal(heard_count, 0);
    assert_int_equal(memory_run(registry), 3);
    assert_int_equal(heard_count, 3);
    assert_int_equal(memory_run(registry), 2); /* what the answers asked */
    assert_int_equal(memory_run(registry), 0);
    const uint64_t order[] = {1, 2, 3, 101, 102};
    assert_memory_equal(applied, order, sizeof(order));
    submit(4, REGISTRY_PUT, 0, STR("open"), "v"); /* freed unanswered */
}

static void time_moves_only_by_advance(void **state)
{
    (void)state;
    submit(1, REGISTRY_GRANT, 9, STR(""), NULL);
    submit(2, REGISTRY_PUT, 9, STR("k"), "v");
    memory_run(registry);
    memory_advance(registry, 4999);
    struct registry_kv kv = memory_read(registry, STR("k"));
    assert_true(kv.found);
    assert_true(str_eq(kv.value, STR("v")));
    assert_int_equal(kv.lease.lo, 9);
    submit(3, REGISTRY_KEEPALIVE, 9, STR(""), NULL);
    memory_run(registry);
    memory_advance(registry, 4999);
    assert_true(memory_read(registry, STR("k")).found);
    memory_advance(registry, 1);
    assert_false(memory_read(registry, STR("k")).found);
}

static void what_an_answer_shows_outlives_the_key(void **state)
{
    (void)state;
    submit(1, REGISTRY_GRANT, 9, STR(""), NULL);
    submit(2, REGISTRY_PUT, 9, STR("k"), "v");
    memory_run(registry);
    delete_in_callback = 5000;
    value_seen = STR("v");
    submit(3, REGISTRY_GET, 0, STR("k"), NULL);
    memory_run(registry);
    assert_int_equal(heard_count, 3);
}

static struct registry *watched;
static struct registry_client *watching;
static struct buf told;
static int disturb;

static void open_watch(uint64_t id, int64_t from_revision)
{
    struct registry_watch watch = {
        .id = id, .ranges = {{.key = STR("k")}}, .range_count = 1, .from_revision = from_revision};
    registry_watch(watching, &watch);
}

/* A callback may do anything: what it was given stays, and what it submits waits for the next run. */
static void on_watch(const struct registry_watch_event *event, void *user)
{
    (void)user;
    buf_printf(&told, "%d:%d", (int)event->id, (int)event->type);
    if (disturb > 0) {
        disturb--;
        memory_advance(watched, 5000); /* the lease runs out */
        memory_compact(watched, 100);
        open_watch(event->id + 1, 0);
        registry_unwatch(watching, event->id);
    }
    for (size_t i = 0; i < event->change_count; i++) {
        const struct registry_change *change = &event->changes[i];
        buf_printf(&told, " %s%.*s", change->deleted ? "-" : "+", STR_ARG(change->value));
    }
    buf_str(&told, STR("; "));
}

static void ignore(const struct registry_reply *reply, void *user)
{
    (void)reply;
    (void)user;
}

static void expect_delivered(const char *expected)
{
    memory_run(watched);
    assert_string_equal(buf_text(&told), expected);
    buf_clear(&told);
}

static void a_callback_may_do_anything(void **state)
{
    (void)state;
    watched = memory_new(&memory_etcd);
    watching = registry_attach(watched, ignore, on_watch, NULL);
    struct blob *value = blob_new(STR("v"));
    struct registry_request put = {
        .id = 2, .op = REGISTRY_PUT, .lease = lease_of(9), .key = STR("k"), .value = value};
    registry_submit(watching, &(struct registry_request){
                                  .id = 1, .op = REGISTRY_GRANT, .lease = lease_of(9), .ttl_ms = 5000});
    registry_submit(watching, &put);
    blob_unref(value);
    memory_run(watched);
    open_watch(1, 2);
    open_watch(5, 2);
    expect_delivered("5:0; 5:1 +v; 1:0; 1:1 +v; "); /* the newest first: no client may rely on an order */
    disturb = 1;
    open_watch(7, 2);
    expect_delivered("7:0; 5:1 -; 1:1 -; "); /* compacted under 7, which was closed */
    expect_delivered("8:0; ");
    open_watch(9, 2);
    expect_delivered("9:0; 9:2; ");
    open_watch(10, 100);
    memory_cut(watched);
    assert_string_equal(buf_text(&told), "10:2; 8:2; 5:2; 1:2; ");
    registry_free(watched);
    buf_fini(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_come_in_order_and_not_before_run, start, stop),
        cmocka_unit_test_setup_teardown(time_moves_only_by_advance, start, stop),
        cmocka_unit_test_setup_teardown(what_an_answer_shows_outlives_the_key, start, stop),
        cmocka_unit_test(a_callback_may_do_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
