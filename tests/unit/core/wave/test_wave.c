#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/wave/wave.h"

#include <stdio.h>

static struct wave made(const char *by, const char *key, int64_t wall)
{
    static uint8_t bytes[10];
    struct wave wave = {.created_wall = wall};
    snprintf(wave.by, sizeof(wave.by), "%s", by);
    snprintf(wave.key, sizeof(wave.key), "%s", key);
    bytes[9]++;
    wave_identify(&wave, bytes);
    assert_true(ulid_valid(str_of(wave.id)));
    return wave;
}

static void a_key_makes_the_id(void **state)
{
    (void)state;
    const int64_t minute = 1795227240000;
    struct wave one = made("olga", "patch", minute);
    assert_string_equal(one.id, made("olga", "patch", minute + 59999).id);
    assert_string_not_equal(one.id, made("olga", "patch", minute + 60000).id);
    assert_string_not_equal(one.id, made("ivan", "patch", minute).id);
    assert_string_not_equal(one.id, made("olga", "patch2", minute).id);
    assert_string_not_equal(made("olga", "", minute).id, made("olga", "", minute).id);
}

static void twins_are_of_the_minutes_beside(void **state)
{
    (void)state;
    const int64_t minute = 1795227240000;
    char id[ULID_LENGTH + 1];
    struct wave one = made("olga", "patch", minute + 1);
    wave_twin(&one, 1, id);
    assert_string_equal(id, made("olga", "patch", minute + 60001).id);
    wave_twin(&one, -1, id);
    assert_string_equal(id, made("olga", "patch", minute - 1).id);
    wave_twin(&one, 0, id);
    assert_string_equal(id, one.id);
    one = made("olga", "patch", 0); /* a clock at its beginning */
    wave_twin(&one, -1, id);
    assert_true(ulid_valid(str_of(id)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_makes_the_id),
        cmocka_unit_test(twins_are_of_the_minutes_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
