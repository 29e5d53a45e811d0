#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/hook/hook.h"

#include <string.h>

static struct hook hook;
static struct queue effects;

static int setup(void **state)
{
    (void)state;
    hook = (struct hook){0};
    queue_init(&effects, sizeof(struct hook_effect));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    queue_fini(&effects);
    return 0;
}

static void tell(enum config_hook_event event)
{
    struct hook_news news = {.event = event, .status = "ready", .reason = "patch"};
    hook_step(&hook, &(struct hook_event){.type = HOOK_ON_NEWS, .news = &news}, &effects);
}

static void end(enum hook_result result)
{
    hook_step(&hook, &(struct hook_event){.type = HOOK_ON_ENDED, .result = result}, &effects);
}

static void assert_runs(enum config_hook_event event)
{
    struct hook_effect effect;
    assert_true(queue_take(&effects, &effect));
    assert_int_equal(effect.news.event, event);
    assert_string_equal(effect.news.reason, "patch");
    assert_false(queue_take(&effects, &effect));
}

static void assert_nothing(void)
{
    struct hook_effect effect;
    assert_false(queue_take(&effects, &effect));
}

static void it_runs_once_for_each_event(void **state)
{
    (void)state;
    tell(CONFIG_HOOK_DRAIN);
    assert_runs(CONFIG_HOOK_DRAIN);
    end(HOOK_OK);
    assert_nothing();
    assert_int_equal(hook.state, HOOK_IDLE);
    tell(CONFIG_HOOK_DRAIN);
    assert_runs(CONFIG_HOOK_DRAIN);
    end(HOOK_FAILED);
    assert_nothing();
    assert_int_equal(hook.runs[HOOK_OK], 1);
    assert_int_equal(hook.runs[HOOK_FAILED], 1);
}

static void the_newest_event_waits(void **state)
{
    (void)state;
    tell(CONFIG_HOOK_DRAIN);
    assert_runs(CONFIG_HOOK_DRAIN);
    tell(CONFIG_HOOK_UNDRAIN);
    tell(CONFIG_HOOK_DRAIN);
    tell(CONFIG_HOOK_ERROR);
    assert_nothing(); /* one at a time */
    assert_int_equal(hook.runs[HOOK_REPLACED], 2);
    end(HOOK_TIMED_OUT);
    assert_runs(CONFIG_HOOK_ERROR);
    tell(CONFIG_HOOK_READY);
    assert_nothing();
    assert_int_equal(hook.runs[HOOK_REPLACED], 2);
    end(HOOK_OK);
    assert_runs(CONFIG_HOOK_READY);
    end(HOOK_NOT_STARTED);
    assert_nothing();
    assert_int_equal(hook.state, HOOK_IDLE);
    assert_int_equal(hook.runs[HOOK_TIMED_OUT], 1);
    assert_int_equal(hook.runs[HOOK_NOT_STARTED], 1);
}

static void an_end_of_nothing_is_nothing(void **state)
{
    (void)state;
    end(HOOK_OK);
    assert_nothing();
    assert_int_equal(hook.runs[HOOK_OK], 0);
    assert_int_equal(hook.state, HOOK_IDLE);
}

static void it_wants_what_it_names(void **state)
{
    (void)state;
    char drain[] = "drain", lost[] = "leader_lost";
    struct config_hook config = {.on = {drain, lost}, .on_count = 2};
    for (enum config_hook_event event = 0; event < CONFIG_HOOK_EVENT_COUNT; event++) {
        assert_int_equal(hook_wants(&config, event),
                         event == CONFIG_HOOK_DRAIN || event == CONFIG_HOOK_LEADER_LOST);
    }
}

static void results_have_names(void **state)
{
    (void)state;
    assert_string_equal(hook_result_name(HOOK_OK), "ok");
    assert_string_equal(hook_result_name(HOOK_TIMED_OUT), "timed_out");
    assert_string_equal(hook_result_name(HOOK_REPLACED), "replaced");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_runs_once_for_each_event, setup, teardown),
        cmocka_unit_test_setup_teardown(the_newest_event_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(an_end_of_nothing_is_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(it_wants_what_it_names, setup, teardown),
        cmocka_unit_test_setup_teardown(results_have_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
