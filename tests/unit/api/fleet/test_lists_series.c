#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/api/fleet/lists.h"
#include "outrider/base/buf.h"
#include "support/past.h"

/* The series are built once for each minute, not once for each request, and do not go with a change of the fleet. */
static void series_of_a_minute_are_built_once(void **state)
{
    struct past *past = *state;
    struct api_lists *lists = api_lists_new();
    past_minutes(past, 1);
    struct str first = api_lists_series(lists, past->history);
    assert_true(str_starts(first, STR("{\"minutes\":1,")));
    char *built = (char *)(uintptr_t)first.data;
    char before = built[0];
    built[0] = '!'; /* what is built again is without it */
    past_put(past, "a/1", STATUS_ERROR, (struct past_record){.players = 7});
    past_put(past, "b/1", STATUS_READY, (struct past_record){.players = 7});
    api_lists_clear(lists);
    assert_true(str_starts(api_lists_series(lists, past->history), STR("!\"minutes\":1,")));
    built[0] = before;
    past_minutes(past, 1);
    struct str second = api_lists_series(lists, past->history);
    assert_true(str_starts(second, STR("{\"minutes\":2,")));
    past_pass(past, -3600000); /* the clock is set back: another minute, though its number is lower */
    past_on(past, HISTORY_ON_TICK);
    assert_true(str_starts(api_lists_series(lists, past->history), STR("{\"minutes\":1,")));
    past_pass(past, 60000);
    past_on(past, HISTORY_ON_TICK);
    assert_true(str_starts(api_lists_series(lists, past->history), STR("{\"minutes\":2,")));
    api_lists_free(lists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(series_of_a_minute_are_built_once, past_set_up, past_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
