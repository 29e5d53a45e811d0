#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/wave/wave_json.h"
#include "outrider/core/wave/wave.h"

#include <string.h>

static const char stored[] =
    "{\"id\":\"01JD00000000000000000000AA\",\"state\":\"stopped\",\"why\":\"world/w2: in "
    "error\",\"by\":\"olga\","
    "\"reason\":\"patch\",\"filter\":\"type=world\",\"wave\":{\"size\":\"50%\"},\"maxDraining\":2,"
    "\"freeSeats\":100,"
    "\"keepOne\":false,\"pause\":\"30s\",\"settle\":\"5s\",\"deadline\":\"20m\",\"onError\":{\"stopAfter\":0}"
    ","
    "\"then\":\"undrain\",\"planHash\":\"0123456789abcdef\",\"undone\":false,"
    "\"createdAt\":\"2026-11-30T07:00:00.000Z\",\"changedAt\":\"2026-11-30T07:01:00.000Z\",\"atWave\":1,"
    "\"pauseUntil\":\"2026-11-30T07:02:00.000Z\",\"forgiven\":1,\"key\":\"abc\",\"servers\":["
    "{\"server\":\"world/w1\",\"state\":\"empty\",\"held\":true,\"since\":\"2026-11-30T07:00:30.000Z\","
    "\"deadline\":\"2026-11-30T07:20:30.000Z\"},"
    "{\"server\":\"world/w2\",\"state\":\"failed\",\"held\":false,\"since\":\"2026-11-30T07:00:40.000Z\","
    "\"why\":\"in error\"}]}";

static void test_a_value_is_read_and_written(void **state)
{
    (void)state;
    struct wave wave;
    struct error err;
    struct buf out = {0};
    assert_int_equal(wave_decode(str_of(stored), &wave, &err), 0);
    assert_true(wave.spec.percent && wave.spec.undrain && !wave.spec.keep_one);
    assert_int_equal(wave.spec.pause_ms, 30000);
    assert_int_equal(wave.state, WAVE_STOPPED);
    assert_int_equal(wave.servers[1].state, WAVE_FAILED);
    wave_encode(&wave, WAVE_JSON_STORED, &out);
    assert_string_equal(buf_text(&out), stored);
    wave_fini(&wave);
    buf_fini(&out);
}

static void test_what_is_shown(void **state)
{
    (void)state;
    struct wave wave;
    struct error err;
    struct buf out = {0};
    assert_int_equal(wave_decode(str_of(stored), &wave, &err), 0);
    wave_encode(&wave, WAVE_JSON_SHOWN, &out);
    assert_non_null(strstr(buf_text(&out), "\"atWave\":2,"));
    assert_non_null(strstr(buf_text(&out), "\"waves\":2,"));
    assert_non_null(strstr(buf_text(&out), "\"empty\":1,"));
    assert_non_null(strstr(buf_text(&out), "\"holds\":1"));
    assert_null(strstr(buf_text(&out), "\"key\""));
    buf_clear(&out);
    wave_encode(&wave, WAVE_JSON_BRIEF, &out);
    assert_null(strstr(buf_text(&out), "\"servers\""));
    wave_fini(&wave);
    buf_fini(&out);
}

static void test_values_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *was, *is;
    } faults[] = {
        {"01JD00000000000000000000AA", "01JD"},
        {"\"stopped\"", "\"flying\""},
        {"world/w1", "world"},
        {"world/w1", "world/w1/x"},
        {"\"empty\"", "\"full\""},
        {"\"50%\"", "\"0%\""},
        {"\"50%\"", "\"101%\""},
        {"\"50%\"", "\"5%%\""},
        {"\"50%\"", "\"5\""},
        {"\"undrain\"", "\"leave\""},
        {"\"30s\"", "\"3000h\""},
        {"\"atWave\":1", "\"atWave\":2"},
        {"\"held\":true", "\"held\":1"},
        {"\"olga\"", "\"ol\\nga\""},
        {"\"freeSeats\":100", "\"freeSeats\":-1"},
        {"\"servers\":[", "\"servers\":[7,"},
    };
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct buf text = {0};
        struct wave wave;
        struct error err = {0};
        const char *at = strstr(stored, faults[i].was);
        buf_add(&text, stored, (size_t)(at - stored));
        buf_str(&text, str_of(faults[i].is));
        buf_str(&text, str_of(at + strlen(faults[i].was)));
        assert_int_equal(wave_decode(buf_view(&text), &wave, &err), -1);
        assert_true(err.text[0] != '\0');
        buf_fini(&text);
    }
}

static void test_too_many_servers(void **state)
{
    (void)state;
    struct wave wave = {.id = "01JD00000000000000000000AA", .spec = {.size = 1}}, read;
    struct error err;
    for (int i = 0; i <= WAVE_SERVERS_MAX; i++) {
        wave_add(&wave, STR("world/w"));
    }
    for (int more = 1; more >= 0; more--) {
        struct buf out = {0};
        wave.count = (size_t)WAVE_SERVERS_MAX + (size_t)more;
        wave_encode(&wave, WAVE_JSON_STORED, &out);
        assert_int_equal(wave_decode(buf_view(&out), &read, &err), more == 1 ? -1 : 0);
        buf_fini(&out);
    }
    wave_fini(&read);
    wave_fini(&wave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_is_read_and_written),
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_values_that_are_none),
        cmocka_unit_test(test_too_many_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
