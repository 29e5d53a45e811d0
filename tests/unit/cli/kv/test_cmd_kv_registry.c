#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/kv/cmd_kv_internal.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/loop/timer.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/registry/registry.h"

/* What the last answer said. */
static struct {
    size_t results, kvs;
    int64_t count, revision;
    bool succeeded, more;
    char key[32], value[32];
} seen;

static void keep(char *out, size_t size, struct str text)
{
    snprintf(out, size, "%.*s", STR_ARG(text));
}

static int see(struct kv *kv, const struct etcd_response *answer)
{
    (void)kv;
    memset(&seen, 0, sizeof(seen));
    seen.results = answer->result_count;
    seen.kvs = answer->kv_count;
    seen.succeeded = answer->succeeded;
    seen.revision = answer->status.revision;
    for (size_t i = 0; i < answer->result_count; i++) {
        seen.count += answer->results[i].count;
        seen.more |= answer->results[i].more;
        assert_true(answer->results[i].first + answer->results[i].kv_count <= answer->kv_count);
    }
    if (answer->kv_count > 0) {
        keep(seen.key, sizeof(seen.key), answer->kvs[answer->kv_count - 1].key);
        keep(seen.value, sizeof(seen.value), answer->kvs[answer->kv_count - 1].value);
    }
    return 0;
}

static const struct kv_row row = {.print = see};

struct world {
    struct kv kv;
    struct timer *timer;
};

static void on_timer(void *user)
{
    struct world *world = user;
    (void)memory_run(world->kv.registry);
    timer_arm_ms(world->timer, 1);
}

static void open_world(struct world *world, const struct memory_kind *kind)
{
    struct error err;
    *world = (struct world){.kv = {.row = &row, .registry = memory_new(kind)}};
    world->kv.access.loop = loop_new(&err);
    world->timer = timer_new(world->kv.access.loop, on_timer, world);
    timer_arm_ms(world->timer, 1);
}

static void close_world(struct world *world)
{
    timer_free(world->timer);
    registry_free(world->kv.registry);
    loop_free(world->kv.access.loop);
}

static int ask(struct world *world, struct etcd_request request)
{
    world->kv.request = request;
    return kv_ask_registry(&world->kv, 1000);
}

static int ask_op(struct world *world, struct etcd_op op)
{
    return ask(world, (struct etcd_request){.kind = ETCD_REQUEST_OP, .op = op});
}

static int ask_txn(struct world *world, const char *text)
{
    struct error err;
    struct kv_script script = {0};
    assert_int_equal(kv_script_parse(&script, str_of(text), &err), 0);
    int status = ask(world, (struct etcd_request){.kind = ETCD_REQUEST_TXN, .txn = script.txn});
    kv_script_fini(&script);
    return status;
}

static void keys_are_written_read_and_deleted(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, &memory_redis);
    assert_int_equal(ask_op(&world, (struct etcd_op){.kind = ETCD_GET, .key = STR("a")}), 0);
    assert_true(seen.results == 1 && seen.kvs == 0 && seen.count == 0);
    assert_int_equal(ask_op(&world, (struct etcd_op){.kind = ETCD_PUT, .key = STR("a"), .value = STR("1")}),
                     0);
    assert_true(seen.results == 1 && seen.kvs == 0 && seen.revision > 0);
    assert_int_equal(
        ask_op(&world,
               (struct etcd_op){.kind = ETCD_PUT, .key = STR("a"), .value = STR("2"), .previous = true}),
        0);
    assert_true(seen.kvs == 1);
    assert_string_equal(seen.value, "1");
    assert_int_equal(ask_op(&world, (struct etcd_op){.kind = ETCD_GET, .key = STR("a")}), 0);
    assert_true(seen.count == 1);
    assert_string_equal(seen.value, "2");
    assert_int_equal(ask_op(&world, (struct etcd_op){.kind = ETCD_DELETE, .key = STR("a")}), 0);
    assert_true(seen.count == 1 && seen.kvs == 0);
    assert_int_equal(ask_op(&world, (struct etcd_op){.kind = ETCD_DELETE, .key = STR("a")}), 0);
    assert_int_equal(seen.count, 0);
    close_world(&world);
}

static void a_range_comes_in_pages_where_the_registry_has_pages(void **state)
{
    static const char *const keys[] = {"p/a", "p/b", "p/c"};
    const struct etcd_op two = {.kind = ETCD_GET, .key = STR("p/"), .end = STR("p0"), .limit = 2};
    struct world world;
    (void)state;
    for (int paged = 0; paged < 2; paged++) {
        open_world(&world, paged == 1 ? &memory_redis : &memory_consul);
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
            struct etcd_op put = {.kind = ETCD_PUT, .key = str_of(keys[i]), .value = STR("v")};
            assert_int_equal(ask_op(&world, put), 0);
        }
        assert_int_equal(ask_op(&world, two), 0);
        assert_int_equal(seen.kvs, paged == 1 ? 2 : 3);
        assert_true(seen.count == 3 && seen.more == (paged == 1));
        struct etcd_op counted = two;
        counted.count_only = true;
        assert_int_equal(ask_op(&world, counted), 0);
        assert_true(seen.count == 3 && seen.kvs == 0 && !seen.more);
        close_world(&world);
    }
}

static void a_transaction_is_done_or_not(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, &memory_consul);
    assert_int_equal(ask_txn(&world, "if missing t\nthen put t x\nelse get t\n"), 0);
    assert_true(seen.succeeded && seen.results == 1 && seen.kvs == 0);
    assert_int_equal(ask_txn(&world, "if missing t\nthen put t y\nelse get t\n"), 0);
    assert_true(!seen.succeeded && seen.kvs == 1);
    assert_string_equal(seen.value, "x");
    assert_int_equal(
        ask_txn(&world, "if value t = x\nif exists t\nthen put u z\nthen del t\nthen get u\nelse get t\n"),
        0);
    assert_true(seen.succeeded && seen.results == 3);
    assert_int_equal(ask_op(&world, (struct etcd_op){.kind = ETCD_GET, .key = STR("t")}), 0);
    assert_int_equal(seen.count, 0);
    close_world(&world);
}

static void what_only_etcd_can_is_refused(void **state)
{
    struct world world;
    (void)state;
    open_world(&world, &memory_redis);
    assert_int_equal(ask_op(&world, (struct etcd_op){.kind = ETCD_DELETE, .key = STR("a"), .end = STR("b")}),
                     EX_CONFIG);
    assert_int_equal(ask_op(&world, (struct etcd_op){.kind = ETCD_GET, .key = STR("a"), .revision = 3}),
                     EX_CONFIG);
    assert_int_equal(ask_op(&world, (struct etcd_op){.kind = ETCD_PUT, .key = STR("a"), .lease = 3}),
                     EX_CONFIG);
    assert_int_equal(ask(&world, (struct etcd_request){.kind = ETCD_REQUEST_GRANT}), EX_CONFIG);
    assert_int_equal(ask_txn(&world, "if version a > 3\nthen put a b\n"), EX_CONFIG);
    assert_int_equal(ask_txn(&world, "if mod a != 3\nthen put a b\n"), EX_CONFIG);
    assert_int_equal(ask_txn(&world, "then put a b\nthen del a\n"), EX_FAILED);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_written_read_and_deleted),
        cmocka_unit_test(a_range_comes_in_pages_where_the_registry_has_pages),
        cmocka_unit_test(a_transaction_is_done_or_not),
        cmocka_unit_test(what_only_etcd_can_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
