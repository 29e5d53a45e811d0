#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/server/status_message.h"

static void test_said_names(void **state)
{
    (void)state;
    static const char *const names[] = {"nothing", "initializing", "ready", "shutting_down", "error"};
    for (int reported = REPORTED_NOTHING; reported <= REPORTED_ERROR; reported++) {
        assert_string_equal(reported_status_name((enum reported_status)reported), names[reported]);
    }
}

static void test_silent(void **state)
{
    (void)state;
    const struct status_message rows[] = {
        {0},
        {.get = true},
        {.watch = true},
        {.quit = true},
        {.barrier = true},
        {.has_errno = true, .errno_value = 110},
        {.unknown_keys = 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(status_message_is_report(&rows[i]));
    }
}

static void test_speaking(void **state)
{
    (void)state;
    const struct status_message rows[] = {
        {.reported = REPORTED_READY},
        {.has_text = true},
        {.has_players = true},
        {.has_capacity = true},
        {.port_count = 1},
        {.label_count = 1},
        {.drain = true},
        {.undrain = true},
        {.heartbeat = true},
        {.has_watchdog = true},
        {.attach = true},
        {.reloading = true},
        {.watchdog_trigger = true},
        {.has_mainpid = true, .mainpid = 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(status_message_is_report(&rows[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_said_names),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_speaking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
