/* What every registry backend must deliver to a watch. The argument names the backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server.h"
#include "watcher.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/registry/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *endpoints; /* NULL: memory */

struct world {
    struct subject subject;
    struct watcher watchers[3];
    struct str prefix; /* of keys that are not in use */
};

static int open_world(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    subject_open(&world->subject, endpoints);
    world->prefix = fresh_key();
    *state = world;
    return 0;
}

static int close_world(void **state)
{
    struct world *world = *state;
    subject_close(&world->subject);
    for (size_t i = 0; i < COUNT_OF(world->watchers); i++) {
        watcher_fini(&world->watchers[i]);
    }
    free(world);
    return 0;
}

/* The key "<prefix>/<name>", valid until the next but one. */
static struct str key_of(const struct world *world, const char *name)
{
    static char keys[2][128];
    static size_t next;
    char *key = keys[next++ % COUNT_OF(keys)];
    snprintf(key, sizeof(keys[0]), "%.*s/%s", STR_ARG(world->prefix), name);
    return str_of(key);
}

static int64_t put(struct world *world, const char *name, const char *value, struct registry_lease lease,
                   int64_t expect)
{
    const struct registry_reply *reply =
        subject_put(&world->subject, key_of(world, name), str_of(value), lease, expect);
    assert_true(reply->succeeded);
    return reply->revision;
}

static int64_t delete (struct world *world, const char *name, int64_t expect)
{
    struct registry_request request = {
        .op = REGISTRY_DELETE, .key = key_of(world, name), .expect_revision = expect};
    const struct registry_reply *reply = subject_do(&world->subject, request);
    assert_true(reply->succeeded);
    return reply->revision;
}

/* "+NAME=VALUE@REVISION" and "-NAME@REVISION" as the watcher writes them. */
static void expect_text(const struct world *world, const struct watcher *watcher, size_t count,
                        const char *const names[], const int64_t revisions[])
{
    struct buf expected = {0};
    for (size_t i = 0; i < count; i++) {
        const char *value = strchr(names[i], '=');
        const char *name = names[i] + 1;
        size_t size = value == NULL ? strlen(name) : (size_t)(value - name);
        buf_printf(&expected, "%c%.*s/%.*s%s@%" PRId64 "\n", names[i][0], STR_ARG(world->prefix), (int)size,
                   name, value == NULL ? "" : value, revisions[i]);
    }
    assert_string_equal(buf_text(&watcher->text), buf_text(&expected));
    buf_fini(&expected);
}

/* Two changes between two looks at a registry that delivers no history are one: here each is waited for. */
static void settle(struct watcher *watcher, size_t changes)
{
    if (watcher->opened && !subject_can(watcher->subject, REGISTRY_CAN_EVERY_CHANGE)) {
        watcher_wait_changes(watcher, changes);
    }
}

static void changes_are_delivered_in_their_order(void **state)
{
    struct world *world = *state;
    struct watcher *watcher = &world->watchers[0];
    put(world, "before", "0", NO_LEASE, 0);
    watcher_open(watcher, &world->subject, world->prefix, 0);
    assert_int_equal(watcher->opening.revision, world->subject.reply.revision);
    int64_t revisions[5];
    revisions[0] = put(world, "a", "1", NO_LEASE, 0);
    revisions[1] = put(world, "b", "2", NO_LEASE, 0);
    settle(watcher, 2);
    revisions[2] = put(world, "a", "", NO_LEASE, revisions[0]);
    settle(watcher, 3);
    revisions[3] = delete (world, "b", revisions[1]);
    settle(watcher, 4);
    subject_put(&world->subject, fresh_key(), STR("elsewhere"), NO_LEASE, 0);
    revisions[4] = put(world, "b", "3", NO_LEASE, 0);
    watcher_wait_changes(watcher, 5);
    expect_text(world, watcher, 5, (const char *const[]){"+a=1", "+b=2", "+a=", "-b", "+b=3"}, revisions);
    assert_int_equal(watcher->told, revisions[4]);
    assert_int_equal(watcher->opening.cluster, world->subject.reply.cluster);
}

static void ranges_are_watched_together(void **state)
{
    struct world *world = *state;
    struct watcher *watcher = &world->watchers[0];
    char end[128];
    char one[128];
    snprintf(one, sizeof(one), "%.*s/one", STR_ARG(world->prefix));
    struct registry_range ranges[] = {range_under(key_of(world, "all/"), end), {.key = str_of(one)}};
    watcher_start(watcher, &world->subject, ranges, 2, 0);
    watcher_wait_opened(watcher);
    int64_t first = put(world, "one", "1", NO_LEASE, 0);
    put(world, "onemore", "1", NO_LEASE, 0);
    put(world, "on", "1", NO_LEASE, 0);
    int64_t second = put(world, "all/x", "2", NO_LEASE, 0);
    put(world, "all0", "1", NO_LEASE, 0);
    watcher_wait_changes(watcher, 2);
    bool turned = watcher->text.data[world->prefix.size + 2] == 'a'; /* each range has an order, not both */
    expect_text(world, watcher, 2,
                turned ? (const char *const[]){"+all/x=2", "+one=1"}
                       : (const char *const[]){"+one=1", "+all/x=2"},
                turned ? (const int64_t[]){second, first} : (const int64_t[]){first, second});
    assert_true(watcher->told <= second || world->subject.is_memory || world->subject.is_redis);
}

/* The request alone is more than a server reads at once. */
static void as_many_ranges_with_keys_as_long_as_may_be(void **state)
{
    enum { LONG = 250 };
    struct world *world = *state;
    struct watcher *watcher = &world->watchers[0];
    char keys[REGISTRY_RANGES_MAX][LONG];
    struct registry_range ranges[REGISTRY_RANGES_MAX];
    for (size_t i = 0; i < REGISTRY_RANGES_MAX; i++) {
        memset(keys[i], 'a' + (int)i, LONG);
        memcpy(keys[i], world->prefix.data, world->prefix.size);
        ranges[i] = (struct registry_range){.key = {keys[i], LONG}};
    }
    watcher_start(watcher, &world->subject, ranges, REGISTRY_RANGES_MAX, 0);
    watcher_wait_opened(watcher);
    for (size_t i = 0; i < REGISTRY_RANGES_MAX; i++) {
        assert_true(subject_put(&world->subject, ranges[i].key, STR("v"), NO_LEASE, 0)->succeeded);
    }
    watcher_wait_changes(watcher, REGISTRY_RANGES_MAX);
}

/* Without a history a watch cannot begin at a revision after which something changed. */
static void expect_read_anew(struct world *world, int64_t revision)
{
    char end[128];
    struct registry_range range = range_under(world->prefix, end);
    watcher_start(&world->watchers[0], &world->subject, &range, 1, revision);
    watcher_wait_ended(&world->watchers[0]);
    assert_true(world->watchers[0].ending.read_anew);
    assert_false(world->watchers[0].opened);
}

static void a_watch_goes_on_from_where_another_was(void **state)
{
    struct world *world = *state;
    int64_t first = put(world, "a", "1", NO_LEASE, 0);
    int64_t second = put(world, "a", "2", NO_LEASE, first);
    int64_t third = delete (world, "a", second);
    if (!subject_can(&world->subject, REGISTRY_CAN_HISTORY)) {
        expect_read_anew(world, second);
        watcher_open(&world->watchers[1], &world->subject, world->prefix, third + 1);
        return;
    }
    watcher_open(&world->watchers[0], &world->subject, world->prefix, second);
    watcher_open(&world->watchers[1], &world->subject, world->prefix, third + 1);
    int64_t fourth = put(world, "b", "3", NO_LEASE, 0);
    watcher_wait_changes(&world->watchers[0], 3);
    watcher_wait_changes(&world->watchers[1], 1);
    expect_text(world, &world->watchers[0], 3, (const char *const[]){"+a=2", "-a", "+b=3"},
                (const int64_t[]){second, third, fourth});
    expect_text(world, &world->watchers[1], 1, (const char *const[]){"+b=3"}, (const int64_t[]){fourth});
}

/* More than etcd sends in one message. */
static void a_long_history_is_delivered_whole(void **state)
{
    enum { REVISIONS = 2500, AT_ONCE = 4 };
    struct world *world = *state;
    subject_need(&world->subject, REGISTRY_CAN_HISTORY);
    struct watcher *watcher = &world->watchers[0];
    struct blob *value = blob_new(STR("v"));
    int64_t before = put(world, "before", "0", NO_LEASE, 0);
    for (int i = 0; i < REVISIONS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%06d", i);
        subject_submit(&world->subject, (struct registry_request){
                                            .op = REGISTRY_PUT, .key = key_of(world, name), .value = value});
        if (i % AT_ONCE == AT_ONCE - 1) {
            subject_run_until(&world->subject, world->subject.answers + AT_ONCE);
        }
    }
    blob_unref(value);
    watcher->quiet = true;
    watcher_open(watcher, &world->subject, world->prefix, before + 1);
    watcher_wait_changes(watcher, REVISIONS);
    assert_int_equal(watcher->newest, before + REVISIONS);
    assert_int_equal(watcher->told, before + REVISIONS);
    assert_true(watcher->batches < 10);
}

static void what_is_compacted_must_be_read_anew(void **state)
{
    struct world *world = *state;
    subject_need(&world->subject, REGISTRY_CAN_HISTORY);
    int64_t first = put(world, "a", "1", NO_LEASE, 0);
    int64_t second = put(world, "a", "2", NO_LEASE, first);
    int64_t third = put(world, "a", "3", NO_LEASE, second);
    server_compact(&world->subject, third);
    watcher_open(&world->watchers[0], &world->subject, world->prefix, second);
    watcher_wait_ended(&world->watchers[0]);
    assert_int_equal(world->watchers[0].ending.failure, REGISTRY_RETRY);
    assert_true(world->watchers[0].ending.read_anew);
    assert_int_equal(world->watchers[0].ending.oldest, third);
    assert_int_equal(world->watchers[0].changes, 0);
    assert_non_null(strstr(buf_text(&world->watchers[0].error), "compacted"));
    watcher_open(&world->watchers[1], &world->subject, world->prefix, third + 1);
    int64_t fourth = put(world, "a", "4", NO_LEASE, third);
    watcher_wait_changes(&world->watchers[1], 1);
    expect_text(world, &world->watchers[1], 1, (const char *const[]){"+a=4"}, (const int64_t[]){fourth});
}

static void a_closed_watch_delivers_nothing(void **state)
{
    struct world *world = *state;
    char end[128];
    struct registry_range range = range_under(world->prefix, end);
    watcher_open(&world->watchers[0], &world->subject, world->prefix, 0);
    watcher_start(&world->watchers[1], &world->subject, &range, 1, 0);
    watcher_close(&world->watchers[1]);
    watcher_close(&world->watchers[0]);
    watcher_close(&world->watchers[0]);
    registry_unwatch(world->watchers[0].client, 999);
    watcher_open(&world->watchers[2], &world->subject, world->prefix, 0);
    put(world, "a", "1", NO_LEASE, 0);
    watcher_wait_changes(&world->watchers[2], 1);
    assert_int_equal(world->watchers[0].changes, 0);
    assert_false(world->watchers[1].opened);
}

static void close_itself(struct watcher *watcher)
{
    if (watcher->changes > 0) {
        watcher_close(watcher);
    }
}

static void a_callback_may_close_its_watch(void **state)
{
    struct world *world = *state;
    world->watchers[0].on_event = close_itself;
    watcher_open(&world->watchers[0], &world->subject, world->prefix, 0);
    watcher_open(&world->watchers[1], &world->subject, world->prefix, 0);
    int64_t revision = put(world, "a", "1", NO_LEASE, 0);
    put(world, "a", "2", NO_LEASE, revision);
    watcher_wait_changes(&world->watchers[1], 2);
    assert_true(world->watchers[0].changes > 0);
}

static void what_a_lease_takes_along_goes_in_one_revision(void **state)
{
    struct world *world = *state;
    struct watcher *watcher = &world->watchers[0];
    struct registry_lease lease = subject_lease(&world->subject);
    put(world, "a", "1", lease, 0);
    put(world, "b", "2", lease, 0);
    watcher_open(watcher, &world->subject, world->prefix, 0);
    subject_do(&world->subject, (struct registry_request){.op = REGISTRY_REVOKE, .lease = lease});
    watcher_wait_changes(watcher, 2);
    assert_int_equal(watcher->batches, 1);
    bool turned = watcher->text.data[world->prefix.size + 2] == 'b';
    int64_t revision = watcher->newest;
    subject_expect_next(&world->subject, revision, watcher->opening.revision);
    expect_text(world, watcher, 2,
                turned ? (const char *const[]){"-b", "-a"} : (const char *const[]){"-a", "-b"},
                (const int64_t[]){revision, revision});
}

static void a_lease_that_runs_out_is_a_deletion(void **state)
{
    struct world *world = *state;
    struct registry_request grant = {.op = REGISTRY_GRANT, .lease = fresh_lease_id(), .ttl_ms = 2000};
    struct registry_lease lease = subject_do(&world->subject, grant)->lease;
    watcher_open(&world->watchers[0], &world->subject, world->prefix, 0);
    int64_t revision = put(world, "a", "1", lease, 0);
    settle(&world->watchers[0], 1);
    while (world->watchers[0].changes < 2) {
        if (world->subject.is_memory) {
            subject_pass_time(&world->subject);
        }
        subject_turn(&world->subject);
    }
    subject_expect_next(&world->subject, world->watchers[0].newest, revision);
    expect_text(world, &world->watchers[0], 2, (const char *const[]){"+a=1", "-a"},
                (const int64_t[]){revision, world->watchers[0].newest});
}

/* Together they are more than etcd puts into one message. */
static void large_values_are_delivered_whole(void **state)
{
    enum { SIZE = 1400 * 1000, COUNT = 4 };
    struct world *world = *state;
    size_t most = registry_limits(world->subject.registry)->value_max, size = most < SIZE ? most : SIZE;
    bool history = subject_can(&world->subject, REGISTRY_CAN_HISTORY);
    struct watcher *watcher = &world->watchers[0];
    char *value = mem_zalloc(SIZE + 1);
    int64_t revisions[COUNT];
    const char *names[COUNT];
    if (!history) {
        watcher_open(watcher, &world->subject, world->prefix, 0);
    }
    for (int i = 0; i < COUNT; i++) {
        memset(value, 'a' + i, size);
        revisions[i] = put(world, "large", value, NO_LEASE, i == 0 ? 0 : revisions[i - 1]);
        settle(watcher, (size_t)i + 1);
    }
    if (history) {
        watcher_open(watcher, &world->subject, world->prefix, revisions[0]);
    }
    watcher_wait_changes(watcher, COUNT);
    struct buf expected[COUNT] = {0};
    for (int i = 0; i < COUNT; i++) {
        memset(value, 'a' + i, size);
        buf_printf(&expected[i], "+large=%s", value);
        names[i] = buf_text(&expected[i]);
    }
    expect_text(world, watcher, COUNT, names, revisions);
    for (int i = 0; i < COUNT; i++) {
        buf_fini(&expected[i]);
    }
    free(value);
}

/* How many of the keys 0, 1, ... and "last" were put after `revision`. */
static size_t changed_after(struct world *world, int puts, int64_t revision)
{
    size_t count = 0;
    for (int i = 0; i <= puts; i++) {
        char name[16] = "last";
        if (i < puts) {
            snprintf(name, sizeof(name), "%d", i);
        }
        struct registry_request get = {.op = REGISTRY_GET, .key = key_of(world, name)};
        count += subject_do(&world->subject, get)->kv.mod_revision > revision;
    }
    return count;
}

/* A client that reads at the revision of OPENED and gets what comes after misses nothing, also where two
 * ranges began at two revisions. */
static void nothing_is_missed_while_it_opens(void **state)
{
    enum { PUTS = 100 };
    struct world *world = *state;
    struct watcher *watcher = &world->watchers[0];
    char end[128], middle[128];
    snprintf(middle, sizeof(middle), "%.*s/5", STR_ARG(world->prefix));
    struct registry_range all = range_under(world->prefix, end);
    struct registry_range ranges[] = {{.key = all.key, .end = str_of(middle)},
                                      {.key = str_of(middle), .end = all.end}};
    struct blob *value = blob_new(STR("v"));
    for (int i = 0; i < PUTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        subject_submit(&world->subject, (struct registry_request){
                                            .op = REGISTRY_PUT, .key = key_of(world, name), .value = value});
        if (i == PUTS / 2) {
            watcher_start(watcher, &world->subject, ranges, 2, 0);
        }
    }
    blob_unref(value);
    subject_run_until(&world->subject, PUTS);
    int64_t newest = put(world, "last", "v", NO_LEASE, 0);
    watcher_wait_opened(watcher);
    watcher_wait_changes(watcher, world->subject.shares_revisions
                                      ? changed_after(world, PUTS, watcher->opening.revision)
                                      : (size_t)(newest - watcher->opening.revision));
    assert_true(watcher->changes == 0 || watcher->newest == newest);
}

static void when_the_server_goes_the_watch_ends(void **state)
{
    struct world *world = *state;
    watcher_open(&world->watchers[0], &world->subject, world->prefix, 0);
    watcher_open(&world->watchers[1], &world->subject, world->prefix, 0);
    server_lose(&world->subject);
    watcher_wait_ended(&world->watchers[0]);
    watcher_wait_ended(&world->watchers[1]);
    assert_int_equal(world->watchers[0].ending.failure, REGISTRY_RETRY);
    assert_false(world->watchers[0].ending.read_anew);
    assert_memory_equal(buf_text(&world->watchers[0].error), "watch on ", 9);
    server_find(&world->subject);
    watcher_open(&world->watchers[2], &world->subject, world->prefix, 0);
}

static void watches_open_when_the_registry_is_freed_get_no_end(void **state)
{
    struct world *world = *state;
    char end[128];
    struct registry_range range = range_under(world->prefix, end);
    watcher_open(&world->watchers[0], &world->subject, world->prefix, 0);
    watcher_start(&world->watchers[1], &world->subject, &range, 1, 0);
    watcher_start(&world->watchers[2], &world->subject, &range, 1, 0);
    watcher_close(&world->watchers[2]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(int argc, char **argv)
{
    if (!subject_chosen(argc, argv, &endpoints)) {
        return 64;
    }
    const struct CMUnitTest tests[] = {
        TEST(changes_are_delivered_in_their_order),
        TEST(ranges_are_watched_together),
        TEST(as_many_ranges_with_keys_as_long_as_may_be),
        TEST(a_watch_goes_on_from_where_another_was),
        TEST(a_long_history_is_delivered_whole),
        TEST(what_is_compacted_must_be_read_anew),
        TEST(a_closed_watch_delivers_nothing),
        TEST(a_callback_may_close_its_watch),
        TEST(what_a_lease_takes_along_goes_in_one_revision),
        TEST(a_lease_that_runs_out_is_a_deletion),
        TEST(large_values_are_delivered_whole),
        TEST(nothing_is_missed_while_it_opens),
        TEST(when_the_server_goes_the_watch_ends),
        TEST(watches_open_when_the_registry_is_freed_get_no_end),
    };
    return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
}
