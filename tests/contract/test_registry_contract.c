/* What every registry backend must do: `contract_registry memory`, `contract_registry etcd` with the
 * endpoints in $OUTRIDER_TEST_ETCD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "subject.h"

#include "outrider/base/attr.h"
#include "outrider/base/mem.h"
#include "outrider/registry/registry.h"

#include <stdio.h>
#include <stdlib.h>

static struct registry_request about_lease(enum registry_op op, struct registry_lease lease)
{
    return (struct registry_request){.op = op, .lease = lease};
}

static struct registry_request about_key(enum registry_op op, struct str key, int64_t expect_revision)
{
    return (struct registry_request){.op = op, .key = key, .expect_revision = expect_revision};
}

static const struct registry_kv *get(struct subject *subject, struct str key)
{
    return &subject_do(subject, about_key(REGISTRY_GET, key, 0))->kv;
}

/* Returns the revision of a put that must succeed. */
static int64_t put_ok(struct subject *subject, struct str key, struct str value, struct registry_lease lease,
                      int64_t expect_revision)
{
    const struct registry_reply *reply = subject_put(subject, key, value, lease, expect_revision);
    assert_int_equal(reply->failure, REGISTRY_OK);
    assert_true(reply->succeeded);
    assert_false(reply->kv.found);
    return reply->revision;
}

static void expect_failure(const struct registry_reply *reply, enum registry_failure failure)
{
    assert_string_equal(registry_failure_name(reply->failure), registry_failure_name(failure));
    assert_true(str_starts(reply->error, str_of(registry_op_name(reply->op))));
    assert_false(reply->succeeded);
    assert_false(reply->kv.found);
}

/* Returns the lease granted, which is the one asked for where the registry lets the client choose. */
static struct registry_lease grant(struct subject *subject, int64_t ttl_ms, int64_t granted_ms)
{
    struct registry_request request = about_lease(REGISTRY_GRANT, fresh_lease_id());
    request.ttl_ms = ttl_ms;
    const struct registry_reply *reply = subject_do(subject, request);
    assert_int_equal(reply->ttl_ms, granted_ms);
    assert_int_equal(registry_lease_eq(reply->lease, request.lease),
                     subject_can(subject, REGISTRY_CAN_CHOOSE_LEASE));
    return reply->lease;
}

static void a_lease_has_whole_seconds_and_at_least_the_limit(void **state)
{
    int64_t least = registry_limits(((const struct subject *)*state)->registry)->ttl_min_ms;
    grant(*state, 500, least);
    struct registry_lease lease = grant(*state, 9001, least > 10000 ? least : 10000);
    assert_int_equal(subject_do(*state, about_lease(REGISTRY_KEEPALIVE, lease))->ttl_ms,
                     least > 10000 ? least : 10000);
}

static void a_lease_id_is_granted_once(void **state)
{
    struct registry_request again = about_lease(REGISTRY_GRANT, subject_lease(*state));
    again.ttl_ms = 10000;
    if (subject_can(*state, REGISTRY_CAN_CHOOSE_LEASE)) {
        expect_failure(subject_ask(*state, again), REGISTRY_LEASE_EXISTS);
    } else {
        assert_false(registry_lease_eq(subject_do(*state, again)->lease, again.lease));
    }
    assert_int_equal(subject_do(*state, about_lease(REGISTRY_KEEPALIVE, again.lease))->ttl_ms, 60000);
}

static void a_lease_that_is_not_there_is_lost(void **state)
{
    struct registry_lease nobody = fresh_lease_id();
    expect_failure(subject_ask(*state, about_lease(REGISTRY_KEEPALIVE, nobody)), REGISTRY_LEASE_LOST);
    assert_true(subject_do(*state, about_lease(REGISTRY_LEASE_TTL, nobody))->ttl_ms < 0);
}

static void revoking_ends_the_lease_and_its_keys_in_one_revision(void **state)
{
    struct registry_lease lease = subject_lease(*state);
    struct str key = fresh_key();
    struct str other = fresh_key();
    put_ok(*state, key, STR("1"), lease, 0);
    int64_t revision = put_ok(*state, other, STR("2"), lease, 0);
    subject_do(*state, about_lease(REGISTRY_REVOKE, lease));
    assert_false(get(*state, key)->found);
    assert_false(get(*state, other)->found);
    subject_expect_next(*state, ((struct subject *)*state)->reply.revision, revision);
    expect_failure(subject_ask(*state, about_lease(REGISTRY_KEEPALIVE, lease)), REGISTRY_LEASE_LOST);
}

static void revoking_what_is_gone_is_done(void **state)
{
    struct registry_lease lease = subject_lease(*state);
    subject_do(*state, about_lease(REGISTRY_REVOKE, lease));
    assert_int_equal(subject_ask(*state, about_lease(REGISTRY_REVOKE, lease))->failure, REGISTRY_OK);
    assert_int_equal(subject_ask(*state, about_lease(REGISTRY_REVOKE, fresh_lease_id()))->failure,
                     REGISTRY_OK);
}

static void time_to_live_counts_down_until_a_keepalive(void **state)
{
    struct registry_request left = about_lease(REGISTRY_LEASE_TTL, grant(*state, 10000, 10000));
    const struct registry_reply *reply = subject_do(*state, left);
    assert_int_equal(reply->ttl_known, subject_can(*state, REGISTRY_CAN_TELL_TTL));
    assert_true(reply->ttl_ms >= 0);
    subject_need(*state, REGISTRY_CAN_TELL_TTL);
    assert_in_range(reply->ttl_ms, 1000, 10000);
    while (subject_do(*state, left)->ttl_ms > 8000) {
        subject_pass_time(*state);
        subject_wake_leases(*state);
    }
    subject_do(*state, about_lease(REGISTRY_KEEPALIVE, left.lease));
    assert_in_range(subject_do(*state, left)->ttl_ms, 8001, 10000);
}

static void a_key_is_created_once(void **state)
{
    struct registry_lease lease = subject_lease(*state);
    struct str key = fresh_key();
    int64_t revision = put_ok(*state, key, STR("first"), lease, 0);
    const struct registry_kv *kv = get(*state, key);
    assert_true(kv->found);
    assert_true(str_eq(kv->value, STR("first")));
    assert_int_equal(kv->mod_revision, revision);
    assert_int_equal(kv->create_revision, revision);
    assert_true(registry_lease_eq(kv->lease, lease));

    const struct registry_reply *again = subject_put(*state, key, STR("second"), lease, 0);
    assert_int_equal(again->failure, REGISTRY_OK);
    assert_false(again->succeeded);
    assert_true(again->kv.found);
    assert_true(str_eq(again->kv.value, STR("first")));
    assert_int_equal(again->kv.mod_revision, revision);
    assert_true(registry_lease_eq(again->kv.lease, lease));
    assert_int_equal(again->revision, revision);
}

static void a_key_is_written_at_its_revision_only(void **state)
{
    struct str key = fresh_key();
    int64_t created = put_ok(*state, key, STR("1"), NO_LEASE, 0);
    int64_t changed = put_ok(*state, key, STR("2"), NO_LEASE, created);
    subject_expect_next(*state, changed, created);
    const struct registry_reply *stale = subject_put(*state, key, STR("3"), NO_LEASE, created);
    assert_int_equal(stale->failure, REGISTRY_OK);
    assert_false(stale->succeeded);
    assert_true(str_eq(stale->kv.value, STR("2")));
    assert_int_equal(stale->kv.mod_revision, changed);
    assert_int_equal(stale->kv.create_revision, created);
    assert_true(registry_lease_is_none(stale->kv.lease));
    const struct registry_reply *absent = subject_put(*state, fresh_key(), STR("3"), NO_LEASE, created);
    assert_int_equal(absent->failure, REGISTRY_OK);
    assert_false(absent->succeeded);
    assert_false(absent->kv.found);
}

static void a_put_moves_the_key_between_leases(void **state)
{
    struct registry_lease old = subject_lease(*state);
    struct registry_lease new = subject_lease(*state);
    struct str key = fresh_key();
    int64_t revision = put_ok(*state, key, STR("1"), old, 0);
    revision = put_ok(*state, key, STR("1"), new, revision);
    subject_do(*state, about_lease(REGISTRY_REVOKE, old));
    assert_true(registry_lease_eq(get(*state, key)->lease, new));
    put_ok(*state, key, STR("1"), NO_LEASE, revision);
    subject_do(*state, about_lease(REGISTRY_REVOKE, new));
    assert_true(get(*state, key)->found);
    assert_true(registry_lease_is_none(((struct subject *)*state)->reply.kv.lease));
}

static void nothing_is_written_under_a_dead_lease(void **state)
{
    struct str key = fresh_key();
    int64_t revision = put_ok(*state, key, STR("1"), NO_LEASE, 0);
    expect_failure(subject_put(*state, key, STR("2"), fresh_lease_id(), revision), REGISTRY_LEASE_LOST);
    expect_failure(subject_put(*state, fresh_key(), STR("2"), fresh_lease_id(), 0), REGISTRY_LEASE_LOST);
    assert_int_equal(get(*state, key)->mod_revision, revision);
    assert_int_equal(((struct subject *)*state)->reply.revision, revision);
    /* the comparison comes first: a put that would not have written reads the key */
    const struct registry_reply *stale = subject_put(*state, key, STR("2"), fresh_lease_id(), 0);
    assert_int_equal(stale->failure, REGISTRY_OK);
    assert_false(stale->succeeded);
    assert_int_equal(stale->kv.mod_revision, revision);
}

static void a_lease_that_runs_out_takes_its_keys_along(void **state)
{
    int64_t least = registry_limits(((const struct subject *)*state)->registry)->ttl_min_ms;
    struct registry_lease lease = grant(*state, least, least);
    struct str key = fresh_key();
    put_ok(*state, key, STR("1"), lease, 0);
    assert_true(get(*state, key)->found);
    while (get(*state, key)->found) {
        subject_pass_time(*state);
        subject_wake_leases(*state);
    }
    expect_failure(subject_ask(*state, about_lease(REGISTRY_KEEPALIVE, lease)), REGISTRY_LEASE_LOST);
    expect_failure(subject_put(*state, key, STR("2"), lease, 0), REGISTRY_LEASE_LOST);
    assert_true(subject_do(*state, about_lease(REGISTRY_LEASE_TTL, lease))->ttl_ms < 0);
    struct registry_request again = about_lease(REGISTRY_GRANT, lease);
    again.ttl_ms = least;
    put_ok(*state, key, STR("3"), subject_do(*state, again)->lease, 0);
}

static void keys_are_any_bytes_or_utf8(void **state)
{
    struct str odd = STR("/contract/\xff\xfe/absent");
    if (subject_can(*state, REGISTRY_CAN_ANY_BYTES)) {
        assert_false(get(*state, odd)->found);
    } else {
        expect_failure(subject_ask(*state, about_key(REGISTRY_GET, odd, 0)), REGISTRY_REFUSED);
        expect_failure(subject_put(*state, odd, STR("1"), NO_LEASE, 0), REGISTRY_REFUSED);
    }
}

static void values_are_any_bytes(void **state)
{
    struct str key = fresh_key();
    int64_t revision = put_ok(*state, key, STR("\0\xff\n\"\\{}"), NO_LEASE, 0);
    assert_true(str_eq(get(*state, key)->value, STR("\0\xff\n\"\\{}")));
    put_ok(*state, key, STR(""), NO_LEASE, revision);
    assert_true(get(*state, key)->found);
    assert_int_equal(((struct subject *)*state)->reply.kv.value.size, 0);
    expect_failure(subject_ask(*state, about_key(REGISTRY_GET, STR(""), 0)), REGISTRY_REFUSED);
}

static void a_key_is_deleted_at_its_revision_only(void **state)
{
    struct str key = fresh_key();
    int64_t revision = put_ok(*state, key, STR("1"), NO_LEASE, 0);
    const struct registry_reply *wrong = subject_do(*state, about_key(REGISTRY_DELETE, key, revision + 1));
    assert_false(wrong->succeeded);
    assert_int_equal(wrong->kv.mod_revision, revision);
    const struct registry_reply *right = subject_do(*state, about_key(REGISTRY_DELETE, key, revision));
    assert_true(right->succeeded);
    subject_expect_next(*state, right->revision, revision);
    revision = right->revision;
    assert_false(get(*state, key)->found);
    assert_true(subject_do(*state, about_key(REGISTRY_DELETE, key, 0))->succeeded);
    assert_int_equal(((struct subject *)*state)->reply.revision, revision);
}

/* Five keys "<prefix>1".."<prefix>5", the third changed last; returns the prefix. */
static struct str fill_range(struct subject *subject, struct str keys[static 5])
{
    struct str prefix = fresh_key();
    for (int i = 0; i < 5; i++) {
        char *key = mem_zalloc(prefix.size + 2);
        memcpy(key, prefix.data, prefix.size);
        key[prefix.size] = (char)('1' + i);
        keys[i] = str_of(key);
        put_ok(subject, keys[i], STR("x"), NO_LEASE, 0);
    }
    put_ok(subject, keys[2], STR("y"), NO_LEASE, get(subject, keys[2])->mod_revision);
    return prefix;
}

static void free_range(struct str keys[static 5])
{
    for (int i = 0; i < 5; i++) {
        free((char *)(uintptr_t)keys[i].data);
    }
}

static struct registry_request about_range(struct str prefix, char end[static 64])
{
    snprintf(end, 64, "%.*s~", STR_ARG(prefix));
    return (struct registry_request){.op = REGISTRY_LIST, .key = prefix, .range_end = str_of(end)};
}

static void a_range_is_listed_in_pages(void **state)
{
    struct str keys[5];
    char end[64];
    struct registry_request list = about_range(fill_range(*state, keys), end);
    const struct registry_reply *reply = subject_do(*state, list);
    assert_int_equal(reply->item_count, 5);
    assert_int_equal(reply->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(str_eq(reply->items[i].key, keys[i]));
        assert_true(reply->items[i].kv.found);
        assert_true(str_eq(reply->items[i].kv.value, i == 2 ? STR("y") : STR("x")));
    }
    assert_int_equal(reply->items[2].kv.mod_revision, reply->revision);
    assert_int_equal(reply->items[4].kv.mod_revision, reply->items[4].kv.create_revision);
    int64_t revision = reply->revision;

    list.limit = 2;
    list.at_revision = revision;
    list.key = keys[1];
    reply = subject_do(*state, list);
    assert_int_equal(reply->item_count, subject_can(*state, REGISTRY_CAN_PAGE) ? 2 : 4);
    assert_int_equal(reply->count, 4);
    assert_true(str_eq(reply->items[1].key, keys[2]));
    assert_int_equal(reply->revision, revision);
    list.key = keys[4];
    assert_int_equal(subject_do(*state, list)->item_count, 1);
    list.key = list.range_end;
    assert_int_equal(subject_do(*state, list)->item_count, 0);
    free_range(keys);
}

static void a_range_is_listed_newest_first(void **state)
{
    struct str keys[5];
    char end[64];
    struct registry_request list = about_range(fill_range(*state, keys), end);
    list.newest_first = true;
    list.limit = 2;
    const struct registry_reply *reply = subject_do(*state, list);
    bool newest_first = subject_can(*state, REGISTRY_CAN_NEWEST_FIRST);
    assert_true(str_eq(reply->items[0].key, newest_first ? keys[2] : keys[0]));
    assert_true(str_eq(reply->items[1].key, newest_first ? keys[4] : keys[1]));
    free_range(keys);
}

/* As it was, or refused; where listings are of now, as it is and newer. */
static void a_listing_of_another_revision_is_of_that_revision(void **state)
{
    struct str keys[5];
    char end[64];
    struct registry_request list = about_range(fill_range(*state, keys), end);
    int64_t revision = subject_do(*state, list)->revision;
    put_ok(*state, keys[2], STR("z"), NO_LEASE, revision); /* which changed that key last */
    list.at_revision = revision;
    const struct registry_reply *reply = subject_ask(*state, list);
    if (!subject_can(*state, REGISTRY_CAN_LIST_AT)) {
        assert_true(reply->failure == REGISTRY_OK && reply->revision > revision);
        assert_true(str_eq(reply->items[2].kv.value, STR("z")));
    } else if (reply->failure == REGISTRY_OK) {
        assert_true(str_eq(reply->items[2].kv.value, STR("y")));
    } else {
        expect_failure(reply, REGISTRY_REFUSED);
        assert_true(reply->revision_gone);
    }
    list.at_revision = revision + 1000000;
    expect_failure(subject_ask(*state, list), REGISTRY_REFUSED);
    assert_true(((struct subject *)*state)->reply.revision_gone);
    free_range(keys);
}

static void a_proof_changes_nothing(void **state)
{
    struct str key = fresh_key();
    struct registry_request prove = about_key(REGISTRY_PROVE, key, 0);
    int64_t revision = put_ok(*state, fresh_key(), STR("1"), NO_LEASE, 0);
    assert_false(subject_do(*state, prove)->succeeded);
    assert_false(get(*state, key)->found);
    assert_int_equal(((struct subject *)*state)->reply.revision, revision);
    revision = put_ok(*state, key, STR("2"), NO_LEASE, 0);
    assert_false(subject_do(*state, prove)->succeeded);
    assert_true(str_eq(get(*state, key)->value, STR("2")));
    assert_int_equal(((struct subject *)*state)->reply.revision, revision);
    expect_failure(subject_ask(*state, about_key(REGISTRY_PROVE, STR(""), 0)), REGISTRY_REFUSED);
}

static bool compares(void **state, struct str key, int64_t revision, struct str second,
                     int64_t second_revision)
{
    struct registry_request compare = about_key(REGISTRY_COMPARE, key, revision);
    compare.range_end = second;
    compare.at_revision = second_revision;
    return subject_do(*state, compare)->succeeded;
}

static void keys_are_compared_with_what_is_expected(void **state)
{
    struct str first = fresh_key(), second = fresh_key(), absent = fresh_key();
    int64_t old = put_ok(*state, first, STR("1"), NO_LEASE, 0);
    int64_t revision = put_ok(*state, first, STR("2"), NO_LEASE, old);
    int64_t other = put_ok(*state, second, STR("3"), NO_LEASE, 0);
    assert_true(compares(state, first, revision, STR(""), 0));
    assert_false(compares(state, first, old, STR(""), 0));
    assert_false(compares(state, first, 0, STR(""), 0));
    assert_true(compares(state, absent, 0, STR(""), 0));
    assert_false(compares(state, absent, revision, STR(""), 0));
    assert_true(compares(state, first, revision, second, other));
    assert_false(compares(state, first, revision, second, revision));
    assert_false(compares(state, first, old, second, other));
    assert_true(compares(state, first, revision, absent, 0));
    assert_int_equal(((struct subject *)*state)->reply.revision, other);
    expect_failure(subject_ask(*state, about_key(REGISTRY_COMPARE, STR(""), 0)), REGISTRY_REFUSED);
}

static void values_have_a_limit(void **state)
{
    char *text = mem_zalloc(2 * 1024 * 1024);
    memset(text, 'x', 2 * 1024 * 1024);
    struct str key = fresh_key();
    size_t most = registry_limits(((const struct subject *)*state)->registry)->value_max;
    size_t fits = most < 1024 * 1024 ? most : 1024 * 1024;
    int64_t revision = put_ok(*state, key, (struct str){text, fits}, NO_LEASE, 0);
    assert_true(str_eq(get(*state, key)->value, (struct str){text, fits}));
    expect_failure(subject_put(*state, key, (struct str){text, most + 164 * 1024}, NO_LEASE, revision),
                   REGISTRY_REFUSED);
    expect_failure(subject_put(*state, key, (struct str){text, 2 * 1024 * 1024}, NO_LEASE, revision),
                   REGISTRY_REFUSED);
    put_ok(*state, key, STR("small again"), NO_LEASE, revision);
    free(text);
}

static void many_at_once_are_each_answered_once(void **state)
{
    struct subject *subject = *state;
    size_t before = subject->answers;
    struct str key = fresh_key();
    put_ok(subject, key, STR("x"), NO_LEASE, 0);
    for (int i = 0; i < 50; i++) {
        subject_submit(subject, about_key(REGISTRY_GET, key, 0));
    }
    subject_run_until(subject, before + 51);
    subject_do(subject, about_key(REGISTRY_GET, key, 0));
    assert_int_equal(subject->answers, before + 52);
}

static void requests_open_when_the_registry_is_freed_get_no_reply(void **state)
{
    struct subject *subject = *state;
    subject_do(subject, about_key(REGISTRY_GET, STR("k"), 0));
    subject_submit(subject, about_key(REGISTRY_GET, STR("k"), 0));
    subject_submit(subject, about_key(REGISTRY_DELETE, STR("k"), 1));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, subject_set_up, subject_tear_down)

int main(int argc, char **argv)
{
    if (!subject_chosen(argc, argv, NULL)) {
        return 64;
    }
    const struct CMUnitTest tests[] = {
        TEST(a_lease_has_whole_seconds_and_at_least_the_limit),
        TEST(a_lease_id_is_granted_once),
        TEST(a_lease_that_is_not_there_is_lost),
        TEST(revoking_ends_the_lease_and_its_keys_in_one_revision),
        TEST(revoking_what_is_gone_is_done),
        TEST(time_to_live_counts_down_until_a_keepalive),
        TEST(a_key_is_created_once),
        TEST(a_key_is_written_at_its_revision_only),
        TEST(a_put_moves_the_key_between_leases),
        TEST(nothing_is_written_under_a_dead_lease),
        TEST(a_lease_that_runs_out_takes_its_keys_along),
        TEST(keys_are_any_bytes_or_utf8),
        TEST(values_are_any_bytes),
        TEST(a_key_is_deleted_at_its_revision_only),
        TEST(a_range_is_listed_in_pages),
        TEST(a_range_is_listed_newest_first),
        TEST(a_listing_of_another_revision_is_of_that_revision),
        TEST(a_proof_changes_nothing),
        TEST(keys_are_compared_with_what_is_expected),
        TEST(values_have_a_limit),
        TEST(many_at_once_are_each_answered_once),
        TEST(requests_open_when_the_registry_is_freed_get_no_reply),
    };
    return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
}
