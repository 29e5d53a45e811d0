
#include "outrider/core/registry/registry_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_list_takes_no_more_than_fits(void **state)
{
    (void)state;
    struct registry_txn txn = {0};
    char keys[REGISTRY_TXN_MAX + 3][8];
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        registry_txn_then(&txn, (struct registry_action){.key = str_of(keys[i])});
        assert_int_equal(registry_txn_problem(&txn) == NULL, i < REGISTRY_TXN_MAX);
    }
    assert_true(str_eq(txn.then[REGISTRY_TXN_MAX - 1].key, str_of(keys[REGISTRY_TXN_MAX - 1])));
    assert_int_equal(txn.otherwise_count, 0);
    registry_txn_free(registry_txn_copy(&txn)); /* copies what is there */
}

static void a_branch_changes_each_key_once(void **state)
{
    (void)state;
    struct registry_txn txn = {0};
    struct registry_action write = {.kind = REGISTRY_WRITE, .key = STR("a")};
    struct registry_action read = {.kind = REGISTRY_READ, .key = STR("a")};
    registry_txn_then(&txn, write);
    registry_txn_then(&txn, read);
    registry_txn_otherwise(&txn, write); /* the other branch */
    assert_null(registry_txn_problem(&txn));
    registry_txn_then(&txn, (struct registry_action){.kind = REGISTRY_REMOVE, .key = STR("a")});
    assert_non_null(registry_txn_problem(&txn));
}

static void two_are_joined_where_both_can_be_done(void **state)
{
    (void)state;
    struct registry_txn txn = {0}, more = {0}, before;
    struct registry_action write = {.kind = REGISTRY_WRITE, .key = STR("a")};
    struct registry_action read = {.kind = REGISTRY_READ, .key = STR("a")};
    registry_txn_then(&txn, write);
    registry_txn_if(&more, (struct registry_compare){.key = STR("a"), .revision = 1});
    registry_txn_then(&more, read);
    registry_txn_otherwise(&more, read);
    assert_true(registry_txn_join(&txn, &more));
    assert_int_equal(txn.compare_count, 1);
    assert_int_equal(txn.then_count, 2);
    assert_int_equal(txn.otherwise_count, 0);
    registry_txn_then(&more, (struct registry_action){.kind = REGISTRY_REMOVE, .key = STR("a")});
    before = txn;
    assert_false(registry_txn_join(&txn, &more)); /* both change it */
    assert_memory_equal(&txn, &before, sizeof(txn));
    while (txn.compare_count < REGISTRY_TXN_MAX) {
        assert_true(registry_txn_join(
            &txn, &(struct registry_txn){.compares = {{.key = STR("b")}}, .compare_count = 1}));
    }
    before = txn;
    assert_false(
        registry_txn_join(&txn, &(struct registry_txn){.compares = {{.key = STR("b")}}, .compare_count = 1}));
    assert_memory_equal(&txn, &before, sizeof(txn));
}

static void every_key_has_a_name(void **state)
{
    (void)state;
    struct registry_txn compare = {0}, otherwise = {0};
    registry_txn_if(&compare, (struct registry_compare){.revision = 1});
    assert_string_equal(registry_txn_problem(&compare), "key is not provided");
    registry_txn_otherwise(&otherwise, (struct registry_action){0});
    assert_string_equal(registry_txn_problem(&otherwise), "key is not provided");
}

static void a_copy_stands_on_its_own(void **state)
{
    (void)state;
    char key[] = "key", value[] = "value";
    struct blob *blob = blob_new(STR("blob"));
    struct registry_txn txn = {0};
    registry_txn_if(&txn, (struct registry_compare){
                              .kind = REGISTRY_IF_VALUE, .key = str_of(key), .value = str_of(value)});
    registry_txn_then(&txn,
                      (struct registry_action){.kind = REGISTRY_WRITE, .key = str_of(key), .value = blob});
    struct registry_txn *copy = registry_txn_copy(&txn);
    memset(key, 'x', strlen(key));
    memset(value, 'x', strlen(value));
    blob_unref(blob);
    assert_true(str_eq(copy->compares[0].key, STR("key")));
    assert_true(str_eq(copy->compares[0].value, STR("value")));
    assert_true(str_eq(copy->then[0].key, STR("key")));
    assert_true(str_eq(blob_view(copy->then[0].value), STR("blob")));
    registry_txn_free(copy);
    registry_txn_free(NULL);
}

static void the_short_forms_are_transactions(void **state)
{
    (void)state;
    struct registry_request request = {
        .op = REGISTRY_PUT, .key = STR("a"), .expect_revision = 7, .lease = {.lo = 9}};
    struct registry_txn txn;
    registry_txn_of(&request, &txn);
    assert_true(txn.compare_count == 1 && txn.compares[0].revision == 7);
    assert_true(txn.then_count == 1 && txn.then[0].kind == REGISTRY_WRITE && txn.then[0].lease.lo == 9);
    assert_true(txn.otherwise_count == 1 && txn.otherwise[0].kind == REGISTRY_READ);
    request.op = REGISTRY_DELETE;
    registry_txn_of(&request, &txn);
    assert_true(txn.then[0].kind == REGISTRY_REMOVE && txn.then[0].value == NULL);
    request.op = REGISTRY_COMPARE;
    registry_txn_of(&request, &txn);
    assert_true(txn.compare_count == 1 && txn.then_count + txn.otherwise_count == 0);
    request.range_end = STR("b");
    request.at_revision = 8;
    registry_txn_of(&request, &txn);
    assert_true(txn.compare_count == 2 && txn.compares[1].revision == 8);
    request.op = REGISTRY_PROVE;
    registry_txn_of(&request, &txn);
    assert_true(txn.compare_count == 2 && txn.then_count == 1 && txn.otherwise_count == 0);
    request.op = REGISTRY_GET;
    registry_txn_of(&request, &txn);
    assert_true(txn.compare_count + txn.then_count + txn.otherwise_count == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_takes_no_more_than_fits),
        cmocka_unit_test(a_branch_changes_each_key_once),
        cmocka_unit_test(two_are_joined_where_both_can_be_done),
        cmocka_unit_test(every_key_has_a_name),
        cmocka_unit_test(a_copy_stands_on_its_own),
        cmocka_unit_test(the_short_forms_are_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
