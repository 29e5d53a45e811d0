#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"

#include <string.h>

static void clocks_agree_on_the_unit(void **state)
{
    (void)state;
    int64_t ms = clock_mono_ms();
    int64_t us = clock_mono_us();
    assert_true(us / 1000 >= ms);
    assert_true(clock_mono_ms() >= us / 1000);
    /* the machine has slept for 0 or more */
    assert_true(clock_boot_ms() >= ms);
    /* 2020-01-01 and 2100-01-01 */
    assert_true(clock_wall_ms() > 1577836800000 && clock_wall_ms() < 4102444800000);
}

static void entropy_fills_every_byte(void **state)
{
    (void)state;
    unsigned char seen[256] = {0}; /* the most that one call gives */
    for (int round = 0; round < 20; round++) {
        unsigned char bytes[sizeof(seen) + 1];
        bytes[sizeof(seen)] = 0xa5;
        entropy_fill(bytes, sizeof(seen));
        for (size_t i = 0; i < sizeof(seen); i++) {
            seen[i] |= bytes[i];
        }
        assert_int_equal(bytes[sizeof(seen)], 0xa5);
    }
    assert_null(memchr(seen, 0, sizeof(seen)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_agree_on_the_unit),
        cmocka_unit_test(entropy_fills_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
