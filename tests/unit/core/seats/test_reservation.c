#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/seats/reservation.h"
#include "support/add_reservation.h"

static void test_ids(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "0", "party-7", "01JD8ZK4", "a.b_c:d~e"};
    static const char *const bad[] = {"",    ".",    "..",       "-a",  "a/b",  "a b",
                                      "a=b", "a%2F", "\xc3\xa9", "a\n", "a\"b", "_x"};
    char longest[RESERVATION_ID_MAX + 2];
    memset(longest, 'x', sizeof(longest));
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(reservation_is_id(str_of(good[i])));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(reservation_is_id(str_of(bad[i])));
    }
    assert_true(reservation_is_id((struct str){longest, RESERVATION_ID_MAX}));
    assert_false(reservation_is_id((struct str){longest, RESERVATION_ID_MAX + 1}));
    assert_false(reservation_is_id((struct str){"a\0b", 3}));
}

/* The clock of a reader that is 2 s ahead must not free a seat that its writer still means. */
static void test_live_two_seconds_longer(void **state)
{
    (void)state;
    const struct reservation entry = {.seats = 1, .until_wall = 10000};
    const struct reservation for_ever = {.seats = 1, .until_wall = INT64_MAX};
    assert_true(reservation_is_live(&entry, 10000));
    assert_true(reservation_is_live(&entry, 11999));
    assert_false(reservation_is_live(&entry, 12000));
    assert_true(reservation_is_live(&for_ever, 12000));
}

static void test_sums(void **state)
{
    (void)state;
    struct reservations list = {0};
    assert_int_equal(reservations_seats(&list, 0), 0);
    assert_true(reservations_next_lapse(&list, 0) == INT64_MAX);
    add_reservation(&list, "a", 4, 10000);
    add_reservation(&list, "b", 2, 20000);
    add_reservation(&list, "c", 1, 5000);
    assert_int_equal(reservations_seats(&list, 0), 7);
    assert_int_equal(reservations_next_lapse(&list, 0), 7000);
    assert_int_equal(reservations_seats(&list, 7000), 6);
    assert_int_equal(reservations_next_lapse(&list, 7000), 12000);
    assert_int_equal(reservations_seats(&list, 12000), 2);
    assert_int_equal(reservations_seats(&list, 22000), 0);
    assert_true(reservations_next_lapse(&list, 22000) == INT64_MAX);
    list.items[0].seats = list.items[1].seats = UINT32_MAX;
    assert_true(reservations_seats(&list, 0) == UINT32_MAX);
    reservations_fini(&list);
}

static void test_find_copy_and_remove(void **state)
{
    (void)state;
    struct reservations list = {0}, copy = {0};
    add_reservation(&copy, "old", 1, 1);
    add_reservation(&list, "a", 1, 1);
    add_reservation(&list, "b", 2, 2);
    add_reservation(&list, "c", 3, 3);
    reservations_copy(&copy, &list);
    reservations_remove(&list, reservations_find(&list, STR("b")));
    assert_int_equal(list.count, 2);
    assert_null(reservations_find(&list, STR("b")));
    assert_int_equal(list.items[1].seats, 3);
    assert_int_equal(copy.count, 3);
    assert_int_equal(reservations_find(&copy, STR("b"))->seats, 2);
    assert_null(reservations_find(&copy, STR("old")));
    assert_null(reservations_find(&copy, STR("")));
    reservations_fini(&list);
    reservations_copy(&copy, &list);
    assert_int_equal(copy.count, 0);
    reservations_fini(&copy);
}

static void test_no_more_than_the_most(void **state)
{
    (void)state;
    struct reservations list = {0};
    for (int i = 0; i < RESERVATIONS_MAX; i++) {
        add_reservation(&list, "x", 1, 1);
    }
    assert_null(reservations_add(&list));
    assert_int_equal(list.count, RESERVATIONS_MAX);
    reservations_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_live_two_seconds_longer),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_find_copy_and_remove),
        cmocka_unit_test(test_no_more_than_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
