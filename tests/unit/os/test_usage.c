#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/os/usage.h"

#include <stdlib.h>
#include <string.h>

static void memory_that_is_touched_shows(void **state)
{
    (void)state;
    size_t size = 64 << 20;
    int64_t before = usage_now().resident_bytes;
    assert_true(before > 100000);
    char *block = malloc(size);
    assert_non_null(block);
    memset(block, 1, size);
    int64_t after = usage_now().resident_bytes;
    /* Read, so that the compiler keeps the writes. */
    assert_int_equal(block[size / 2], 1);
    free(block);
    assert_true(after - before > (int64_t)(size / 2));
}

static void time_that_is_spent_shows(void **state)
{
    (void)state;
    int64_t before = usage_now().cpu_us;
    volatile unsigned sum = 0;
    while (usage_now().cpu_us < before + 2000) {
        sum += 1;
    }
    assert_true(usage_now().cpu_us >= before + 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_is_touched_shows),
        cmocka_unit_test(time_that_is_spent_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
