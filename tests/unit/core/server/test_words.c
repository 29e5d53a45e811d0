#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/server/words.h"

static void test_said_names(void **state)
{
    (void)state;
    static const char *const names[] = {"nothing", "initializing", "ready", "shutting_down", "error"};
    for (int said = SAID_NOTHING; said <= SAID_ERROR; said++) {
        assert_string_equal(said_name((enum said)said), names[said]);
    }
}

static void test_silent(void **state)
{
    (void)state;
    const struct words rows[] = {
        {0},
        {.get = true},
        {.watch = true},
        {.quit = true},
        {.barrier = true},
        {.has_errno = true, .errno_value = 110},
        {.unknown_keys = 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(words_speak(&rows[i]));
    }
}

static void test_speaking(void **state)
{
    (void)state;
    const struct words rows[] = {
        {.said = SAID_READY},
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
        assert_true(words_speak(&rows[i]));
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
