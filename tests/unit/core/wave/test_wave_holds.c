#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/core/wave/wave_holds.h"

#include <stdio.h>

static const char own_id[] = "01JD00000000000000000000AA", other_id[] = "01JD00000000000000000000BB";

static struct wave_control control(const char *place, const char *operation)
{
    return (struct wave_control){.place = str_of(place),
                                 .held = operation != NULL,
                                 .operation = str_of(operation == NULL ? "" : operation),
                                 .by = STR("olga")};
}

/* Whose holds are left is undone, and what others hold is not touched. */
static void a_lost_operation_is_made_of_its_holds(void **state)
{
    (void)state;
    struct wave_control controls[] = {control("world/w1", own_id), control("world/w2", other_id),
                                      control("world/w3", NULL), control("world/w4", ""),
                                      control("world/w5", own_id)};
    struct wave wave;
    assert_true(wave_of_holds(str_of(own_id), controls, COUNT_OF(controls), 5000, &wave));
    assert_string_equal(wave.id, own_id);
    assert_string_equal(wave.by, "olga");
    assert_int_equal(wave.count, 2);
    assert_string_equal(wave.servers[0].place, "world/w1");
    assert_string_equal(wave.servers[1].place, "world/w5");
    assert_true(wave_is_over(&wave)); /* nothing more is held by itself */
    assert_int_equal(wave_obey(&wave, WAVE_UNDO, 6000), 1);
    struct wave_fleet fleet = {.controls = controls, .control_count = COUNT_OF(controls)};
    struct instant now = {.mono = 1000, .wall = 6000};
    struct wave_step step;
    wave_step(&wave, &fleet, &now, &step);
    assert_int_equal(step.action_count, 2);
    assert_true(step.actions[0].lift && step.actions[1].lift);
    wave_fini(&wave);
}

static void without_a_hold_there_is_none(void **state)
{
    (void)state;
    struct wave_control controls[] = {control("world/w2", other_id), control("world/w4", "")};
    struct wave wave;
    assert_false(wave_of_holds(str_of(own_id), controls, COUNT_OF(controls), 5000, &wave));
    assert_false(wave_of_holds(STR(""), controls, COUNT_OF(controls), 5000, &wave));
    assert_false(wave_of_holds(STR("nonsense"), controls, COUNT_OF(controls), 5000, &wave));
}

static void there_are_no_more_servers_than_an_operation_has(void **state)
{
    (void)state;
    static struct wave_control controls[WAVE_SERVERS_MAX + 3];
    static char places[COUNT_OF(controls)][16];
    struct wave wave;
    for (size_t i = 0; i < COUNT_OF(controls); i++) {
        snprintf(places[i], sizeof(places[i]), "world/w%zu", i);
        controls[i] = control(places[i], own_id);
    }
    assert_true(wave_of_holds(str_of(own_id), controls, COUNT_OF(controls), 5000, &wave));
    assert_int_equal(wave.count, WAVE_SERVERS_MAX);
    wave_fini(&wave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_operation_is_made_of_its_holds),
        cmocka_unit_test(without_a_hold_there_is_none),
        cmocka_unit_test(there_are_no_more_servers_than_an_operation_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
