#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/audit/audit_page.h"

#include <stdio.h>
#include <string.h>

static const char *id_of(int number, char id[static ULID_LENGTH + 1])
{
    snprintf(id, ULID_LENGTH + 1, "01HGW2BBG0ZZZZZZZZZZZZ%04d", number);
    return id;
}

static void offer(struct audit_page *page, int number, const char *who)
{
    struct audit_entry entry = {.count = 1};
    id_of(number, entry.id);
    entry.texts[AUDIT_WHO] = str_of(who);
    audit_page_offer(page, &entry);
}

static struct audit_page *page_of(size_t limit, int before, const char *who)
{
    struct audit_query query = {.limit = limit, .filter = {.who = str_of(who)}};
    if (before > 0) {
        id_of(before, query.before);
    }
    return audit_page_new(&query);
}

static void assert_page(struct audit_page *page, const int *numbers, int next)
{
    struct audit_result result;
    char id[ULID_LENGTH + 1];
    audit_page_result(page, &result);
    size_t count = 0;
    for (; numbers[count] != 0; count++) {
        assert_true(count < result.count);
        assert_string_equal(audit_page_at(page, count)->id, id_of(numbers[count], id));
    }
    assert_int_equal(result.count, count);
    assert_string_equal(result.next, next == 0 ? "" : id_of(next, id));
    audit_page_free(page);
}

static void test_newest_first_and_each_once(void **state)
{
    (void)state;
    struct audit_page *page = page_of(10, 0, "");
    offer(page, 3, "a");
    offer(page, 7, "a");
    offer(page, 5, "b");
    offer(page, 7, "a");
    offer(page, 3, "a");
    audit_page_read(page, "");
    assert_page(page, (const int[]){7, 5, 3, 0}, 0);
}

static void test_the_newest_stay(void **state)
{
    (void)state;
    struct audit_page *page = page_of(2, 0, "");
    char id[ULID_LENGTH + 1];
    for (int i = 1; i <= 5; i++) {
        offer(page, i, "a");
    }
    offer(page, 3, "a");
    assert_true(audit_page_is_full(page, id_of(3, id)));
    assert_false(audit_page_is_full(page, id_of(4, id)));
    assert_page(page, (const int[]){5, 4, 0}, 4);
}

/* An exact fit has no next page, unless something was left out. */
static void test_a_full_page_may_be_the_last(void **state)
{
    (void)state;
    struct audit_page *page = page_of(2, 0, "");
    offer(page, 5, "a");
    offer(page, 4, "a");
    assert_page(page, (const int[]){5, 4, 0}, 0);
}

static void test_cursor_and_filter(void **state)
{
    (void)state;
    struct audit_page *page = page_of(10, 4, "a");
    offer(page, 5, "a");
    offer(page, 4, "a");
    offer(page, 3, "b");
    offer(page, 2, "a");
    assert_page(page, (const int[]){2, 0}, 0);
}

/* Behind the point that one source was read to, the other one's entries wait for the next page. */
static void test_the_page_ends_where_a_source_was_read_to(void **state)
{
    (void)state;
    struct audit_page *page = page_of(10, 0, "");
    char id[ULID_LENGTH + 1];
    offer(page, 9, "a");
    offer(page, 6, "a");
    audit_page_read(page, id_of(6, id));
    offer(page, 8, "a");
    offer(page, 2, "a");
    audit_page_read(page, "");
    assert_page(page, (const int[]){9, 8, 6, 0}, 6);
}

static void test_cut_and_read_in_part(void **state)
{
    (void)state;
    struct audit_page *page = page_of(3, 0, "");
    char id[ULID_LENGTH + 1];
    for (int i = 9; i > 3; i--) {
        offer(page, i, "a");
    }
    audit_page_read(page, id_of(8, id));
    assert_page(page, (const int[]){9, 8, 0}, 8);
}

static void test_what_is_missing_is_said(void **state)
{
    (void)state;
    struct audit_page *page = page_of(3, 0, "");
    struct audit_result result;
    audit_page_result(page, &result);
    assert_string_equal(result.missing, "");
    audit_page_miss(page, STR("registry away"));
    audit_page_miss(page, STR("another"));
    audit_page_result(page, &result);
    assert_string_equal(result.missing, "registry away");
    audit_page_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_first_and_each_once),
        cmocka_unit_test(test_the_newest_stay),
        cmocka_unit_test(test_a_full_page_may_be_the_last),
        cmocka_unit_test(test_cursor_and_filter),
        cmocka_unit_test(test_the_page_ends_where_a_source_was_read_to),
        cmocka_unit_test(test_cut_and_read_in_part),
        cmocka_unit_test(test_what_is_missing_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
