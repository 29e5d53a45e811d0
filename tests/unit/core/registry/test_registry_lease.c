#include "outrider/core/registry/registry_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void an_id_is_written_without_leading_zeros(void **state)
{
    (void)state;
    char text[REGISTRY_LEASE_TEXT_SIZE];
    assert_string_equal(registry_lease_text((struct registry_lease){0}, text), "0");
    assert_string_equal(registry_lease_text((struct registry_lease){.lo = 0xfeed}, text), "feed");
    assert_string_equal(registry_lease_text((struct registry_lease){.hi = 1, .lo = 2}, text),
                        "10000000000000002");
    assert_string_equal(registry_lease_text((struct registry_lease){UINT64_MAX, UINT64_MAX}, text),
                        "ffffffffffffffffffffffffffffffff");
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    const struct registry_lease leases[] = {
        {0, 1}, {0, UINT64_MAX}, {1, 0}, {0x0123456789abcdef, 0xfedcba9876543210}, {UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < COUNT_OF(leases); i++) {
        char text[REGISTRY_LEASE_TEXT_SIZE];
        struct registry_lease back;
        registry_lease_text(leases[i], text);
        assert_int_equal(registry_lease_parse(str_of(text), &back), 0);
        assert_true(registry_lease_eq(back, leases[i]));
    }
}

static void leading_zeros_and_capitals_are_accepted(void **state)
{
    (void)state;
    struct registry_lease lease;
    assert_int_equal(registry_lease_parse(STR("000000000000FEED"), &lease), 0);
    assert_true(registry_lease_eq(lease, (struct registry_lease){.lo = 0xfeed}));
}

static void what_is_no_id_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    const struct str refused[] = {STR_INIT(""),
                                  STR_INIT("0"),
                                  STR_INIT("0000"),
                                  STR_INIT("x"),
                                  STR_INIT("12 "),
                                  STR_INIT("-1"),
                                  STR_INIT("000000000000000000000000000000001")};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct registry_lease lease = {7, 7};
        assert_int_equal(registry_lease_parse(refused[i], &lease), -1);
        assert_true(registry_lease_eq(lease, (struct registry_lease){7, 7}));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_written_without_leading_zeros),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(leading_zeros_and_capitals_are_accepted),
        cmocka_unit_test(what_is_no_id_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
