#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/os/log.h"

#include "outrider/base/buf.h"
#include "outrider/os/clock.h"

#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

static struct buf last;
static unsigned lines;

static void sink(enum log_level level, struct str line, void *user)
{
    (void)level;
    (void)user;
    lines++;
    buf_clear(&last);
    buf_str(&last, line);
}

static int setup(void **state)
{
    (void)state;
    lines = 0;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, 2);
    log_set_sink(sink, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    buf_fini(&last);
    return 0;
}

/* The line without its time, which has a fixed form. */
static const char *line_after_time(void)
{
    assert_true(last.size > 29);
    assert_memory_equal(last.data, "ts=20", 5);
    assert_memory_equal(last.data + 26, "Z ", 2);
    return last.data + 28;
}

static void writes_typed_fields(void **state)
{
    (void)state;
    log_info("registry", "put done", LOG_TEXT("endpoint", "http://127.0.0.1:2379"), LOG_INT("tries", -3),
             LOG_STR("key", STR("/services/world/1")));
    assert_string_equal(line_after_time(), "level=info module=registry msg=\"put done\" "
                                           "endpoint=http://127.0.0.1:2379 tries=-3 key=/services/world/1");
}

static void writes_a_message_without_fields(void **state)
{
    (void)state;
    log_error("agent", "out");
    assert_string_equal(line_after_time(), "level=error module=agent msg=\"out\"");
}

static void quotes_and_escapes(void **state)
{
    (void)state;
    const struct {
        struct str value;
        const char *written;
    } rows[] = {
        {STR("two words"), "v=\"two words\""},
        {STR("a=b"), "v=\"a=b\""},
        {STR("say \"hi\""), "v=\"say \\\"hi\\\"\""},
        {STR("back\\slash"), "v=\"back\\\\slash\""},
        {STR("x\nlevel=error forged=1"), "v=\"x\\nlevel=error forged=1\""},
        {STR("\t\r\x1b[31m\x7f"), "v=\"\\t\\r\\u001b[31m\\u007f\""},
        {STR("nul\0inside"), "v=\"nul\\u0000inside\""},
        {STR("항구 ✓"), "v=\"항구 ✓\""},
        {STR("c1 \xc2\x9b"), "v=\"c1 \\u009b\""},
        {STR("line \xe2\x80\xa8 end"), "v=\"line \\u2028 end\""},
        {STR("turned \xe2\x80\xae round"), "v=\"turned \\u202e round\""},
        {STR("bad \xff\xc3"), "v=\"bad \\u00ff\\u00c3\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        log_info("m", "t", LOG_STR("v", rows[i].value));
        assert_string_equal(line_after_time() + strlen("level=info module=m msg=\"t\" "), rows[i].written);
    }
}

static void leaves_out_a_text_without_value(void **state)
{
    (void)state;
    log_info("m", "t", LOG_TEXT("cause", ""), LOG_INT("n", 0), LOG_STR("by", STR("")), LOG_TEXT("to", NULL),
             LOG_TEXT("last", "x"));
    assert_string_equal(line_after_time(), "level=info module=m msg=\"t\" n=0 last=x");
}

static void follows_the_level_and_does_not_evaluate(void **state)
{
    (void)state;
    int evaluated = 0;
    log_debug("m", "t", LOG_INT("n", ++evaluated));
    assert_int_equal(lines, 0);
    assert_int_equal(evaluated, 0);
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT, 2);
    log_warn("m", "t");
    assert_int_equal(lines, 0);
    log_error("m", "t", LOG_INT("n", ++evaluated));
    assert_int_equal(lines, 1);
    assert_int_equal(evaluated, 1);
}

static void json_reads_back(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, 2);
    struct str nasty = STR("q\" b\\ n\n e\x1b z\0 ✓ \xc2\x9b");
    log_warn("m", "a \"message\"", LOG_STR("v", nasty), LOG_INT("n", INT64_MIN), LOG_STR("bad", STR("\xff")));
    json_t *root = json_loadb(last.data, last.size, JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(root, "msg")), "a \"message\"");
    json_t *value = json_object_get(root, "v");
    assert_true(str_eq((struct str){json_string_value(value), json_string_length(value)}, nasty));
    assert_true(json_integer_value(json_object_get(root, "n")) == INT64_MIN);
    assert_string_equal(json_string_value(json_object_get(root, "bad")), "\xc3\xbf");
    json_decref(root);
}

/* For every length of a value the line is within the limit, well-formed, and marked as truncated. */
static void bounds_a_line(void **state)
{
    (void)state;
    static char text[3 * LOG_LINE_MAX];
    static const char *const units[] = {"x", "\n", "✓", "\""};
    for (size_t size = LOG_LINE_MAX - 200; size < LOG_LINE_MAX + 10; size++) {
        const char *unit = units[size % COUNT_OF(units)];
        size_t length = strlen(unit), count = size / length;
        for (size_t i = 0; i < count; i++) {
            memcpy(text + i * length, unit, length);
        }
        struct str value = {text, count * length};
        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, 2);
        log_info("m", "t", LOG_STR("v", value), LOG_INT("after", 1));
        log_release(INT64_MAX);
        bool whole = strstr(buf_text(&last), " after=1") != NULL;
        assert_true(last.size < LOG_LINE_MAX);
        assert_true(whole != (strstr(buf_text(&last), " truncated=true") != NULL));
        assert_true(str_is_utf8(buf_view(&last)));
        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, 2);
        log_info("m", "t", LOG_STR("v", value), LOG_INT("after", 1));
        log_release(INT64_MAX);
        json_t *root = json_loadb(last.data, last.size, 0, NULL);
        assert_non_null(root);
        whole = json_object_get(root, "after") != NULL;
        assert_true(last.size < LOG_LINE_MAX);
        assert_true(whole != (json_object_get(root, "truncated") != NULL));
        json_decref(root);
    }
}

static unsigned held;

static void on_held(void *user)
{
    (void)user;
    held++;
}

/* A peer that flips its state as fast as it can: the log has the beginning, the end, and how many there were. */
static void a_flood_is_held_back_and_its_last_line_written(void **state)
{
    (void)state;
    held = 0;
    log_on_held(on_held, NULL);
    int64_t before = clock_mono_ms();
    for (int i = 0; i < 100000; i++) {
        log_warn("server", "status flips", LOG_INT("n", i));
    }
    int64_t took = clock_mono_ms() - before;
    unsigned written = lines;
    print_message("100000 lines in %d ms: %u written\n", (int)took, written);
    assert_in_range(written, 20, 20 + took / 1000 + 1);
    assert_true(held >= 1);
    assert_in_range(log_due(), before, clock_mono_ms() + 1000);
    log_release(before);
    assert_int_equal(lines, written);
    log_release(INT64_MAX);
    assert_int_equal(lines, written + 1);
    assert_non_null(strstr(line_after_time(), " n=99999 suppressed="));
    if (written == 20) {
        assert_non_null(strstr(line_after_time(), " suppressed=99979"));
    }
    assert_true(log_due() == INT64_MAX);
    log_release(INT64_MAX);
    assert_int_equal(lines, written + 1);
    log_on_held(NULL, NULL);
}

static void one_kind_does_not_silence_another(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        log_warn("server", "noise", LOG_INT("n", i));
    }
    unsigned before = lines;
    log_warn("server", "signal");
    log_warn("agent", "noise");
    assert_int_equal(lines, before + 2);
    log_release(INT64_MAX);
}

static void a_line_may_say_how_often_it_is_written(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        log_warn("m", "mistake", LOG_RATE(LOG_SELDOM), LOG_INT("count", i));
    }
    assert_int_equal(lines, 1);
    assert_string_equal(line_after_time(), "level=warn module=m msg=\"mistake\" count=0");
    log_release(INT64_MAX);
    assert_string_equal(line_after_time(), "level=warn module=m msg=\"mistake\" count=999 suppressed=998");
    lines = 0;
    for (int i = 0; i < 200; i++) {
        log_info("m", "asked for", LOG_RATE(LOG_MANY));
    }
    assert_int_equal(lines, 200);
}

/* Also behind the longest line, and those of before a reload are in the format of before. */
static void the_number_of_suppressed_lines_is_a_field(void **state)
{
    (void)state;
    static char text[2 * LOG_LINE_MAX];
    memset(text, 'x', sizeof(text));
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, 2);
    for (int i = 0; i < 100; i++) {
        log_info("m", "long", LOG_RATE(LOG_SELDOM), LOG_STR("v", ((struct str){text, sizeof(text)})));
    }
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, 2);
    assert_int_equal(lines, 2);
    assert_true(last.size < LOG_LINE_MAX);
    json_t *root = json_loadb(last.data, last.size, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "suppressed")), 98);
    assert_true(json_is_true(json_object_get(root, "truncated")));
    json_decref(root);
}

static void one_line_is_one_write(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_DIRECT), 0);
    log_set_sink(NULL, NULL);
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, ends[1]);
    log_info("m", "first", LOG_TEXT("k", "v"));
    log_info("m", "second");
    char line[LOG_LINE_MAX];
    /* a packet pipe gives one write per read */
    ssize_t got = read(ends[0], line, sizeof(line));
    assert_true(got > 0 && line[got - 1] == '\n');
    assert_null(memmem(line, (size_t)got, "second", 6));
    assert_non_null(memmem(line, (size_t)got, "msg=\"first\" k=v", 15));
    close(ends[0]);
    close(ends[1]);
}

/* Fills the pipe so that not one more byte fits. */
static void fill(int fd)
{
    char bytes[4096] = {0};
    int flags = fcntl(fd, F_GETFL);
    assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(fd, bytes, sizeof(bytes)) > 0) {
    }
    assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
}

static void never_waits_for_the_reader(void **state)
{
    (void)state;
    int ends[2];
    char read_back[65536 * 2];
    assert_int_equal(pipe(ends), 0);
    log_set_sink(NULL, NULL);
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, ends[1]);
    fill(ends[1]);
    log_info("test", "one that is never written");
    log_info("test", "another one");
    assert_true(read(ends[0], read_back, sizeof(read_back)) > 0);
    log_info("test", "back");
    ssize_t size = read(ends[0], read_back, sizeof(read_back) - 1);
    assert_true(size > 0);
    read_back[size] = '\0';
    assert_non_null(strstr(read_back, "lines=2\n"));
    assert_non_null(strstr(read_back, "msg=\"back\""));
    assert_null(strstr(read_back, "is never written"));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_typed_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_a_message_without_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(quotes_and_escapes, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_out_a_text_without_value, setup, teardown),
        cmocka_unit_test_setup_teardown(follows_the_level_and_does_not_evaluate, setup, teardown),
        cmocka_unit_test_setup_teardown(json_reads_back, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_is_held_back_and_its_last_line_written, setup, teardown),
        cmocka_unit_test_setup_teardown(one_kind_does_not_silence_another, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_may_say_how_often_it_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(the_number_of_suppressed_lines_is_a_field, setup, teardown),
        cmocka_unit_test_setup_teardown(one_line_is_one_write, setup, teardown),
        cmocka_unit_test_setup_teardown(never_waits_for_the_reader, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
