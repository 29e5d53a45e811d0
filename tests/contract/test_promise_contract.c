/* Promises that differ between registries: kept where the registry says so, and the weaker one where it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server.h"
#include "watcher.h"

#include "outrider/base/attr.h"
#include "outrider/base/blob.h"
#include "outrider/registry/memory/memory.h"

static int64_t put(struct subject *subject, struct str key, const char *value, struct registry_lease lease,
                   int64_t expect)
{
    const struct registry_reply *reply = subject_put(subject, key, str_of(value), lease, expect);
    assert_true(reply->succeeded);
    return reply->revision;
}

static const struct registry_kv *get(struct subject *subject, struct str key)
{
    return &subject_do(subject, (struct registry_request){.op = REGISTRY_GET, .key = key})->kv;
}

static void the_same_value_is_a_new_revision_or_the_old_one(void **state)
{
    struct registry_lease lease = subject_lease(*state);
    struct str key = fresh_key();
    int64_t first = put(*state, key, "1", lease, 0);
    put(*state, fresh_key(), "elsewhere", NO_LEASE, 0);
    int64_t second = put(*state, key, "1", lease, first);
    assert_int_equal(second > first, subject_can(*state, REGISTRY_CAN_REVISE_SAME));
    assert_int_equal(get(*state, key)->mod_revision, second);
    int64_t third = put(*state, key, "1", NO_LEASE, second); /* another lease is a change to every registry */
    assert_true(third > second);
}

/* What is delivered of some changes depends on the timing; that the key is delivered as it is last does not. */
static void the_last_change_of_a_key_is_delivered(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    struct str key = fresh_key();
    watcher_open(&watcher, subject, key, 0);
    int64_t revision = 0;
    for (int i = 0; i < 5; i++) {
        revision = put(subject, key, (const char[]){(char)('0' + i), '\0'}, NO_LEASE, revision);
    }
    while (watcher.newest < revision) {
        if (subject->is_memory) {
            subject_pass_time(subject);
        }
        subject_turn(subject);
    }
    bool every = subject_can(subject, REGISTRY_CAN_EVERY_CHANGE);
    assert_true(every ? watcher.changes == 5 : watcher.changes >= 1 && watcher.changes <= 5);
    assert_int_equal(watcher.coalesced, !every);
    const char *last = strrchr(watcher.text.data, '=');
    assert_non_null(last);
    assert_int_equal(last[1], '4');
    watcher_close(&watcher);
    watcher_fini(&watcher);
}

/* Three changes of one key between two deliveries. */
static void changes_are_delivered_each_or_coalesced(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    struct str key = fresh_key(), gone = fresh_key();
    struct blob *value = blob_new(STR("v"));
    if (!subject->is_memory && !subject->is_redis) {
        blob_unref(value);
        skip(); /* what a server delivers at once depends on its timing: see the test above */
    }
    watcher_open(&watcher, subject, STR("/contract/"), 0);
    size_t before = subject->answers;
    int64_t revision = watcher.opening.revision;
    subject_submit(subject, (struct registry_request){.op = REGISTRY_PUT, .key = key, .value = value});
    subject_submit(subject, (struct registry_request){.op = REGISTRY_PUT, .key = gone, .value = value});
    subject_submit(subject, (struct registry_request){
                                .op = REGISTRY_DELETE, .key = gone, .expect_revision = revision + 2});
    subject_submit(subject, (struct registry_request){
                                .op = REGISTRY_DELETE, .key = key, .expect_revision = revision + 1});
    subject_submit(subject, (struct registry_request){.op = REGISTRY_PUT, .key = key, .value = value});
    blob_unref(value);
    subject_run_until(subject, before + 5);
    bool every = subject_can(subject, REGISTRY_CAN_EVERY_CHANGE);
    watcher_wait_changes(&watcher, every ? 5 : 1);
    assert_int_equal(watcher.newest, revision + 5);
    assert_int_equal(watcher.coalesced, !every);
    watcher_close(&watcher);
    watcher_fini(&watcher);
}

/* A watch ends because of it, or with its connection; then the next one cannot go on from there. */
static void expect_other_history(struct subject *subject, struct watcher *watcher, int64_t known)
{
    struct watcher next = {0};
    char end[128];
    struct registry_range range = range_under(STR("/contract/"), end);
    watcher_wait_ended(watcher);
    if (!watcher->ending.read_anew) {
        watcher_start(&next, subject, &range, 1, known + 1);
        watcher_wait_ended(&next);
        assert_true(next.ending.read_anew);
        assert_int_equal(next.changes, 0);
    }
    watcher_fini(&next);
}

static void what_was_acknowledged_is_kept_or_another_epoch_begins(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    struct str kept = fresh_key(), lost = fresh_key();
    struct registry_lease lease = subject_lease(subject);
    int64_t revision = put(subject, kept, "1", lease, 0);
    uint64_t cluster = subject->reply.cluster, epoch = subject->reply.epoch;
    if (subject_can(subject, REGISTRY_CAN_KEEP)) {
        assert_int_equal(epoch, 0);
        return;
    }
    watcher_open(&watcher, subject, STR("/contract/"), 0);
    assert_int_equal(watcher.opening.epoch, epoch);
    server_mark(subject);
    int64_t changed = put(subject, kept, "2", lease, revision);
    put(subject, lost, "1", NO_LEASE, 0);
    server_fork(subject, revision);
    expect_other_history(subject, &watcher, changed);
    assert_false(get(subject, lost)->found);
    assert_true(str_eq(get(subject, kept)->value, STR("1")));
    assert_int_equal(subject->reply.kv.mod_revision, revision);
    assert_int_equal(subject->reply.cluster, cluster);
    assert_int_not_equal(subject->reply.epoch, epoch);
    assert_true(subject->reply.revision > changed + 1); /* no revision is used twice */
    subject_do(subject, (struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = lease});
    watcher_fini(&watcher);
}

static void a_lease_ends_within_the_limit(void **state)
{
    enum { STEP_MS = 1000 };
    struct subject *subject = *state;
    if (!subject->is_memory) {
        skip(); /* measured in tests/faults: here it would be a test of this machine */
    }
    struct str key = fresh_key();
    struct registry_request grant = {.op = REGISTRY_GRANT, .lease = fresh_lease_id(), .ttl_ms = 10000};
    const struct registry_reply *reply = subject_do(subject, grant);
    int64_t ttl_ms = reply->ttl_ms, passed_ms = 0;
    put(subject, key, "1", reply->lease, 0);
    for (; get(subject, key)->found; passed_ms += STEP_MS) {
        memory_advance(subject->registry, STEP_MS);
        subject_wake_leases(subject);
    }
    assert_in_range(passed_ms, ttl_ms, registry_ends_within_ms(registry_limits(subject->registry), ttl_ms));
}

/* A store that stood still ends no lease for the time in which no client could renew it. */
static void a_clock_may_stand_between_requests(void **state)
{
    enum { REAL_TTL_MS = 3000, REAL_PAUSE_MS = 3500 };
    struct subject *subject = *state;
    if (subject_can(subject, REGISTRY_CAN_END_LEASES)) {
        skip();
    }
    struct str key = fresh_key();
    struct registry_request grant = {
        .op = REGISTRY_GRANT, .lease = fresh_lease_id(), .ttl_ms = subject->is_memory ? 10000 : REAL_TTL_MS};
    put(subject, key, "1", subject_do(subject, grant)->lease, 0);
    server_pause(subject, subject->is_memory ? 3600000 : REAL_PAUSE_MS);
    subject_wake_leases(subject);
    assert_true(get(subject, key)->found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, subject_set_up, subject_tear_down)

int main(int argc, char **argv)
{
    if (!subject_chosen(argc, argv, NULL)) {
        return 64;
    }
    const struct CMUnitTest tests[] = {
        TEST(the_same_value_is_a_new_revision_or_the_old_one),
        TEST(the_last_change_of_a_key_is_delivered),
        TEST(changes_are_delivered_each_or_coalesced),
        TEST(what_was_acknowledged_is_kept_or_another_epoch_begins),
        TEST(a_lease_ends_within_the_limit),
        TEST(a_clock_may_stand_between_requests),
    };
    return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
}
