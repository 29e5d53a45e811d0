/* What `outrider probe` prints of a try, hostile answers among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/probe/probe_internal.h"
#include "outrider/base/buf.h"
#include "outrider/cli/probe/probe_ask.h"
#include "outrider/codec/text/printable.h"
#include "outrider/core/config/settings.h"
#include "unit/cli/captured.h"

#include <stdio.h>
#include <string.h>

struct made {
    struct probe_line line;
    struct probe_ask ask;
    struct buf out;
};

static struct made *make(struct made *made, const char *word, const char *host, uint16_t port)
{
    *made = (struct made){.line = {.kind = probe_kind_of(word), .count = 1, .timeout_given = true}};
    settings_defaults(&settings_of_probe, &made->line.probe);
    made->line.probe.type = made->line.kind->type;
    made->line.probe.port = port;
    made->ask = (struct probe_ask){.probe = &made->line.probe, .host = host, .duration_us = 3210};
    return made;
}

static const char *text_of(struct made *made)
{
    buf_clear(&made->out);
    probe_text_answer(&made->ask, &made->out);
    probe_text_more(&made->line, &made->ask, &made->out);
    return buf_text(&made->out);
}

static void end(struct made *made)
{
    probe_line_fini(&made->line);
    buf_fini(&made->out);
}

static void test_passed(void **state)
{
    struct made made;
    (void)state;
    struct probe_ask *ask = &make(&made, "minecraft", "localhost", 25565)->ask;
    ask->has_players = ask->has_capacity = true;
    ask->players = 2;
    ask->capacity = 20;
    snprintf(ask->version, sizeof(ask->version), "1.20.4");
    assert_string_equal(text_of(&made),
                        "yes: minecraft localhost:25565 passed in 3.2 ms, players 2 of 20, version 1.20.4\n"
                        "  players   2\n"
                        "  capacity  20\n"
                        "  version   1.20.4\n"
                        "\nFor the configuration of its agent:\n\n"
                        "probes:\n  - {type: minecraft, port: 25565}\n");
    end(&made);
}

static void test_unknown_counts(void **state)
{
    struct made made;
    (void)state;
    make(&made, "a2s", "localhost", 27015)->ask.has_capacity = true;
    made.ask.capacity = 16;
    assert_contains(text_of(&made),
                    "passed in 3.2 ms, players unknown of 16\n  players   unknown\n  capacity  16\n");
    made.line.probe.facts_given = true; /* none is to be taken */
    made.ask.has_capacity = false;
    assert_contains(text_of(&made), "passed in 3.2 ms\n\nFor the");
    end(&made);
    make(&made, "http", "localhost", 80);
    assert_contains(text_of(&made), "--facts players=/online/count says where the players are in it.\n");
    end(&made);
    make(&made, "tcp", "localhost", 80);
    assert_null(strstr(text_of(&made), "players"));
    end(&made);
}

static void test_failed(void **state)
{
    static const struct {
        const char *word;
        enum probe_outcome outcome;
        const char *detail, *says;
    } cases[] = {
        {"tcp", PROBE_REFUSED, "connection refused",
         "no: tcp game:7000: connection refused\n"
         "  Nothing listens on TCP port 7000 of game: does the server run, and is this its port?\n"},
        {"tcp", PROBE_REFUSED, "", "no: tcp game:7000: connection refused\n"},
        {"tcp", PROBE_TIMED_OUT, "timed out after 3s",
         "no: tcp game:7000: timed out after 3s\n"
         "  TCP port 7000 of game gave no answer: a firewall"},
        {"tcp", PROBE_UNREACHABLE, "unreachable", "There is no way to game from here"},
        {"tcp", PROBE_RESET, "connection reset", "Something listens there and hung up: does it speak tcp?"},
        {"tcp", PROBE_FAILED, "odd",
         "no: tcp game:7000: odd\n  There was an answer, and not one that passes"},
        {"tcp", PROBE_NOT_RESOLVED, "name not resolved: no such name", "Is the name game right"},
        {"unix", PROBE_NOT_FOUND, "no such socket", "There is no such file"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct made made;
        struct probe_ask *ask = &make(&made, cases[i].word, "game", 7000)->ask;
        ask->outcome = cases[i].outcome;
        snprintf(ask->detail, sizeof(ask->detail), "%s", cases[i].detail);
        assert_contains(text_of(&made), cases[i].says);
        assert_null(strstr(text_of(&made), "probes:"));
        end(&made);
    }
}

/* Advice in the words of each kind; an answer to UDP is not looked for with TCP. */
static void test_advice_of_kinds(void **state)
{
    static const struct {
        const char *word;
        enum probe_outcome outcome;
        const char *says;
    } cases[] = {{"a2s", PROBE_REFUSED, "Nothing listens on UDP port 7000 of game"},
                 {"a2s", PROBE_REFUSED, "Many games answer queries on another port"},
                 {"minecraft", PROBE_TIMED_OUT, "The type tcp finds out whether anything listens there."},
                 {"minecraft", PROBE_TIMED_OUT, "enable-status"},
                 {"exec", PROBE_TIMED_OUT, "The program did not end in time"},
                 {"exec", PROBE_FAILED, "A program passes with exit status 0."},
                 {"http", PROBE_FAILED, "a server of HTTPS is asked with `scheme: https`"},
                 {"minecraft", PROBE_FAILED, "is this the port, and is minecraft its protocol?"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct made made;
        make(&made, cases[i].word, "game", 7000)->ask.outcome = cases[i].outcome;
        probe_ask_advice(&made.ask, &made.out);
        assert_contains(buf_text(&made.out), cases[i].says);
        assert_null(strstr(buf_text(&made.out), "  "));
        end(&made);
    }
    struct made made;
    make(&made, "raknet", "game", 7000)->ask.outcome = PROBE_TIMED_OUT;
    probe_ask_advice(&made.ask, &made.out);
    assert_null(strstr(buf_text(&made.out), "The type tcp"));
    end(&made);
}

static void assert_clean(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        assert_true(*c == '\n' || (unsigned char)*c >= 0x20);
        assert_true(*c != 0x7f);
    }
    assert_true(str_is_utf8(str_of(text)));
    assert_null(strstr(text, "\xc2\x9b")); /* CSI of C1 */
}

/* As cli_print() does: what JSON leaves as it is, such as DEL, is escaped in the way of JSON. */
static const char *as_printed(struct made *made)
{
    struct buf shown = {0};
    printable_escape(&shown, buf_view(&made->out), true);
    buf_fini(&made->out);
    made->out = shown;
    return buf_text(&made->out);
}

/* A server cannot write to the terminal of the person, begin a line of its own, or break the JSON. */
static void test_hostile_texts(void **state)
{
    static const char hostile[] = "\x1b]0;owned\x07\r\nyes: fake\t\x7f\xc2\x9b"
                                  "31m\xff\xe2\x80\xae\"\\";
    struct made made;
    (void)state;
    struct probe_ask *ask = &make(&made, "minecraft", "localhost", 25565)->ask;
    char *const texts[] = {ask->map, ask->version, ask->name, ask->detail};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        snprintf(texts[i], PROBE_ASK_TEXT_MAX + 1, "%s", hostile);
    }
    assert_clean(text_of(&made));
    assert_null(strstr(text_of(&made), "\nyes: fake"));
    buf_clear(&made.out);
    probe_json(&made.line, ask, &made.out);
    assert_clean(as_printed(&made));
    assert_ptr_equal(strchr(buf_text(&made.out), '\n'), made.out.data + made.out.size - 1);
    ask->outcome = PROBE_FAILED;
    assert_clean(text_of(&made));
    buf_clear(&made.out);
    probe_json(&made.line, ask, &made.out);
    assert_clean(as_printed(&made));
    end(&made);
}

static void test_json(void **state)
{
    struct made made;
    (void)state;
    struct probe_ask *ask = &make(&made, "tcp", "localhost", 8001)->ask;
    probe_json(&made.line, ask, &made.out);
    assert_string_equal(
        buf_text(&made.out),
        "{\"passed\":true,\"type\":\"tcp\",\"target\":\"localhost:8001\",\"outcome\":\"passed\",\"detail\":"
        "null,"
        "\"durationMs\":3.210,\"facts\":{\"players\":null,\"capacity\":null,\"map\":null,\"version\":null,"
        "\"name\":null},\"advice\":null,\"configuration\":\"probes:\\n  - {type: tcp, port: 8001}\\n\"}\n");
    buf_clear(&made.out);
    ask->outcome = PROBE_REFUSED;
    snprintf(ask->detail, sizeof(ask->detail), "connection refused");
    probe_json(&made.line, ask, &made.out);
    assert_contains(buf_text(&made.out), "{\"passed\":false,");
    assert_contains(buf_text(&made.out),
                    "\"outcome\":\"connection refused\",\"detail\":\"connection refused\",");
    assert_contains(buf_text(&made.out), "\"advice\":\"Nothing listens on TCP port 8001 of localhost");
    assert_contains(buf_text(&made.out), "\"configuration\":null}");
    end(&made);
}

static void test_durations(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {{0, "0.00 ms"},   {80, "0.08 ms"},  {999, "0.99 ms"},
                 {1000, "1.0 ms"}, {9999, "9.9 ms"}, {1240000, "1240 ms"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = {0};
        probe_ask_duration(cases[i].us, &out);
        assert_string_equal(buf_text(&out), cases[i].text);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passed),        cmocka_unit_test(test_unknown_counts),
        cmocka_unit_test(test_failed),        cmocka_unit_test(test_advice_of_kinds),
        cmocka_unit_test(test_hostile_texts), cmocka_unit_test(test_json),
        cmocka_unit_test(test_durations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
