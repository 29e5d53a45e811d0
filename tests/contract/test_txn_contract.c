/* What every registry backend must do with a transaction of several keys: `contract_txn memory`, `contract_txn etcd` with
 * the endpoints in $OUTRIDER_TEST_ETCD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "subject.h"

#include "outrider/base/attr.h"

static struct registry_compare at(struct str key, int64_t revision)
{
    return (struct registry_compare){.kind = REGISTRY_IF_REVISION, .key = key, .revision = revision};
}

static struct registry_action reads(struct str key)
{
    return (struct registry_action){.kind = REGISTRY_READ, .key = key};
}

static struct registry_action removes(struct str key)
{
    return (struct registry_action){.kind = REGISTRY_REMOVE, .key = key};
}

/* The value belongs to the transaction until send(). */
static struct registry_action writes(struct str key, const char *value, struct registry_lease lease)
{
    return (struct registry_action){
        .kind = REGISTRY_WRITE, .key = key, .value = blob_new(str_of(value)), .lease = lease};
}

static void give_back(const struct registry_action *actions, size_t count)
{
    for (size_t i = 0; i < count && i < REGISTRY_TXN_MAX; i++) {
        blob_unref(actions[i].value);
    }
}

/* Sends it; then everything in it is the test's again, and gone. */
static const struct registry_reply *send(struct subject *subject, struct registry_txn *txn)
{
    subject_submit(subject, (struct registry_request){.op = REGISTRY_TXN, .txn = txn});
    give_back(txn->then, txn->then_count);
    give_back(txn->otherwise, txn->otherwise_count);
    memset(txn, 0x55, sizeof(*txn));
    subject_run_until(subject, subject->answers + 1);
    assert_int_equal(subject->reply.op, REGISTRY_TXN);
    return &subject->reply;
}

static int64_t put(struct subject *subject, struct str key, const char *value, struct registry_lease lease)
{
    const struct registry_reply *reply = subject_put(subject, key, str_of(value), lease, 0);
    assert_true(reply->succeeded);
    return reply->revision;
}

static const struct registry_kv *get(struct subject *subject, struct str key)
{
    return &subject_do(subject, (struct registry_request){.op = REGISTRY_GET, .key = key})->kv;
}

static void check_value(struct subject *subject, struct str key, const char *value)
{
    const struct registry_kv *kv = get(subject, key);
    assert_int_equal(kv->found, value != NULL);
    assert_true(str_eq(kv->value, str_of(value)));
}

static void several_keys_change_at_one_revision(void **state)
{
    struct subject *subject = *state;
    struct str a = fresh_key(), b = fresh_key(), c = fresh_key();
    int64_t old = put(subject, c, "old", NO_LEASE);
    struct registry_txn txn = {0};
    registry_txn_if(&txn, at(a, 0));
    registry_txn_if(&txn, at(c, old));
    registry_txn_then(&txn, writes(a, "1", NO_LEASE));
    registry_txn_then(&txn, writes(b, "2", NO_LEASE));
    registry_txn_then(&txn, removes(c));
    registry_txn_otherwise(&txn, reads(a));
    const struct registry_reply *reply = send(subject, &txn);
    assert_int_equal(reply->failure, REGISTRY_OK);
    assert_true(reply->succeeded);
    assert_int_equal(reply->item_count, 0);
    int64_t revision = reply->revision;
    assert_true(revision > old);
    assert_int_equal(get(subject, a)->mod_revision, revision);
    assert_int_equal(get(subject, b)->mod_revision, revision);
    check_value(subject, c, NULL);
}

/* A read before a change in one branch finds what was there. */
static void a_branch_reads_what_it_changes_behind(void **state)
{
    struct subject *subject = *state;
    struct str a = fresh_key(), b = fresh_key();
    put(subject, a, "1", NO_LEASE);
    put(subject, b, "2", NO_LEASE);
    struct registry_txn txn = {0};
    registry_txn_then(&txn, reads(a));
    registry_txn_then(&txn, removes(a));
    registry_txn_then(&txn, reads(b));
    registry_txn_then(&txn, writes(b, "changed", NO_LEASE));
    const struct registry_reply *reply = send(subject, &txn);
    assert_int_equal(reply->failure, REGISTRY_OK);
    assert_int_equal(reply->item_count, 2);
    assert_true(str_eq(reply->items[0].kv.value, STR("1")));
    assert_true(str_eq(reply->items[1].kv.value, STR("2")));
    check_value(subject, a, NULL);
    check_value(subject, b, "changed");
}

static void a_comparison_that_fails_leaves_every_key_and_reads_otherwise(void **state)
{
    struct subject *subject = *state;
    struct str a = fresh_key(), b = fresh_key(), absent = fresh_key();
    int64_t first = put(subject, a, "1", NO_LEASE);
    put(subject, b, "2", NO_LEASE);
    struct registry_txn txn = {0};
    registry_txn_if(&txn, at(a, first));
    registry_txn_if(&txn, at(b, first)); /* it is not */
    registry_txn_then(&txn, writes(a, "changed", NO_LEASE));
    registry_txn_then(&txn, removes(b));
    registry_txn_otherwise(&txn, reads(b));
    registry_txn_otherwise(&txn, reads(absent));
    registry_txn_otherwise(&txn, reads(a));
    const struct registry_reply *reply = send(subject, &txn);
    assert_int_equal(reply->failure, REGISTRY_OK);
    assert_false(reply->succeeded);
    assert_int_equal(reply->item_count, 3);
    assert_true(str_eq(reply->items[0].key, b));
    assert_true(str_eq(reply->items[0].kv.value, STR("2")));
    assert_false(reply->items[1].kv.found);
    assert_int_equal(reply->items[2].kv.mod_revision, first);
    check_value(subject, a, "1");
    check_value(subject, b, "2");
}

static void the_branch_otherwise_may_write(void **state)
{
    struct subject *subject = *state;
    struct str a = fresh_key(), b = fresh_key();
    put(subject, a, "1", NO_LEASE);
    struct registry_txn txn = {0};
    registry_txn_if(&txn, at(a, 0));
    registry_txn_then(&txn, removes(a));
    registry_txn_otherwise(&txn, writes(b, "2", NO_LEASE));
    registry_txn_otherwise(&txn, reads(b)); /* as written just before */
    const struct registry_reply *reply = send(subject, &txn);
    assert_int_equal(reply->failure, REGISTRY_OK);
    assert_false(reply->succeeded);
    assert_int_equal(reply->item_count, 1);
    assert_true(str_eq(reply->items[0].kv.value, STR("2")));
    check_value(subject, a, "1");
}

/* Sends a transaction that only compares. */
static bool holds(struct subject *subject, struct registry_compare compare)
{
    struct registry_txn txn = {0};
    registry_txn_if(&txn, compare);
    const struct registry_reply *reply = send(subject, &txn);
    assert_int_equal(reply->failure, REGISTRY_OK);
    return reply->succeeded;
}

static void each_kind_of_comparison_holds_or_fails(void **state)
{
    struct subject *subject = *state;
    struct registry_lease lease = subject_lease(subject), other = subject_lease(subject);
    struct str key = fresh_key(), absent = fresh_key();
    int64_t revision = put(subject, key, "v", lease);
    assert_true(holds(subject, at(key, revision)));
    assert_false(holds(subject, at(key, revision - 1)));
    assert_false(holds(subject, at(key, 0)));
    assert_true(holds(subject, at(absent, 0)));
    assert_true(holds(subject, (struct registry_compare){.kind = REGISTRY_IF_PRESENT, .key = key}));
    assert_false(holds(subject, (struct registry_compare){.kind = REGISTRY_IF_PRESENT, .key = absent}));
    struct registry_compare value = {.kind = REGISTRY_IF_VALUE, .key = key, .value = STR("v")};
    assert_true(holds(subject, value));
    value.value = STR("");
    assert_false(holds(subject, value));
    value.key = absent; /* which has no value, not an empty one */
    assert_false(holds(subject, value));
    struct registry_compare under = {.kind = REGISTRY_IF_LEASE, .key = key, .lease = lease};
    assert_true(holds(subject, under));
    under.lease = other;
    assert_false(holds(subject, under));
    under.lease = NO_LEASE;
    assert_false(holds(subject, under));
    under.key = absent;
    assert_true(holds(subject, under));
}

static void keys_are_under_the_lease_they_are_written_with(void **state)
{
    struct subject *subject = *state;
    struct registry_lease lease = subject_lease(subject);
    struct str a = fresh_key(), b = fresh_key(), c = fresh_key();
    struct registry_txn txn = {0};
    registry_txn_then(&txn, writes(a, "1", lease));
    registry_txn_then(&txn, writes(b, "2", lease));
    registry_txn_then(&txn, writes(c, "3", NO_LEASE));
    assert_true(send(subject, &txn)->succeeded);
    assert_true(registry_lease_eq(get(subject, a)->lease, lease));
    subject_do(subject, (struct registry_request){.op = REGISTRY_REVOKE, .lease = lease});
    check_value(subject, a, NULL);
    check_value(subject, b, NULL);
    check_value(subject, c, "3");
}

static void a_lease_that_is_not_there_stops_the_whole_branch(void **state)
{
    struct subject *subject = *state;
    struct str a = fresh_key(), b = fresh_key();
    struct registry_txn txn = {0};
    registry_txn_then(&txn, writes(a, "1", NO_LEASE));
    registry_txn_then(&txn, writes(b, "2", fresh_lease_id()));
    const struct registry_reply *reply = send(subject, &txn);
    assert_int_equal(reply->failure, REGISTRY_LEASE_LOST);
    assert_false(reply->succeeded);
    check_value(subject, a, NULL);
    check_value(subject, b, NULL);
}

static void expect_refused(struct subject *subject, struct registry_txn *txn)
{
    const struct registry_reply *reply = send(subject, txn);
    assert_int_equal(reply->failure, REGISTRY_REFUSED);
    assert_true(str_starts(reply->error, STR("txn")));
    assert_false(reply->succeeded);
    assert_int_equal(reply->item_count, 0);
}

static void what_is_no_transaction_is_refused(void **state)
{
    struct subject *subject = *state;
    struct str a = fresh_key();
    struct registry_txn txn = {0};
    for (size_t i = 0; i <= REGISTRY_TXN_MAX; i++) {
        registry_txn_then(&txn, reads(a));
    }
    expect_refused(subject, &txn);
    txn = (struct registry_txn){0};
    for (size_t i = 0; i <= REGISTRY_TXN_MAX; i++) {
        registry_txn_if(&txn, at(a, 0));
    }
    registry_txn_then(&txn, writes(a, "1", NO_LEASE));
    expect_refused(subject, &txn);
    txn = (struct registry_txn){0};
    registry_txn_then(&txn, writes(a, "1", NO_LEASE));
    registry_txn_then(&txn, removes(a));
    expect_refused(subject, &txn);
    txn = (struct registry_txn){0};
    registry_txn_otherwise(&txn, reads(STR("")));
    expect_refused(subject, &txn);
    check_value(subject, a, NULL);
}

static void as_many_as_fit_are_done(void **state)
{
    struct subject *subject = *state;
    struct registry_txn txn = {0};
    struct str keys[REGISTRY_TXN_MAX];
    for (size_t i = 0; i < REGISTRY_TXN_MAX; i++) {
        keys[i] = fresh_key();
        registry_txn_if(&txn, at(keys[i], 0));
        registry_txn_then(&txn, writes(keys[i], "v", NO_LEASE));
        registry_txn_otherwise(&txn, reads(keys[i]));
    }
    assert_true(send(subject, &txn)->succeeded);
    check_value(subject, keys[REGISTRY_TXN_MAX - 1], "v");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, subject_set_up, subject_tear_down)

int main(int argc, char **argv)
{
    if (!subject_chosen(argc, argv, NULL)) {
        return 2;
    }
    const struct CMUnitTest tests[] = {
        TEST(several_keys_change_at_one_revision),
        TEST(a_comparison_that_fails_leaves_every_key_and_reads_otherwise),
        TEST(a_branch_reads_what_it_changes_behind),
        TEST(the_branch_otherwise_may_write),
        TEST(each_kind_of_comparison_holds_or_fails),
        TEST(keys_are_under_the_lease_they_are_written_with),
        TEST(a_lease_that_is_not_there_stops_the_whole_branch),
        TEST(what_is_no_transaction_is_refused),
        TEST(as_many_as_fit_are_done),
    };
    return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
}
