/* The command line of `outrider probe`: what each line makes, shown as the block that it prints, and what each wrong line is told.
 * Each block is read back as a file, and gives the same probe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/probe/probe_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/config/config_yaml.h"
#include "outrider/core/config/settings.h"
#include "unit/cli/captured.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct command command = {.name = "probe", .usage = "", .help = "", .more = ""};

static int read_words(const char *const *words, struct probe_line *ret_line)
{
    struct cli_args args = {.words = (char *[32]){0}};
    for (; words[args.count] != NULL; args.count++) {
        args.words[args.count] = (char *)(uintptr_t)words[args.count];
    }
    return probe_line_read(&command, args, ret_line);
}

static const char *no_variable(const char *name, void *user)
{
    (void)name;
    (void)user;
    return NULL;
}

/* As the file of an agent: the host is where the command connected. */
static void assert_reads_back(const struct probe_line *line, const char *block)
{
    struct buf file = {0};
    struct config *config = calloc(1, sizeof(*config));
    struct config_problems problems;
    buf_printf(
        &file,
        "server: {type: world, id: w1, ports: [8001]}\nregistry: {endpoints: [http://127.0.0.1:2379]}\n%s",
        block);
    int result = config_yaml_load(STR("file"), buf_view(&file), no_variable, NULL, config, &problems);
    if (result < 0) {
        struct buf said = {0};
        config_problems_print(&problems, &said);
        fail_msg("%s%s", buf_text(&file), buf_text(&said));
    }
    assert_int_equal(config->probe_count, 1);
    struct config_probe *probe = &config->probes[0];
    struct config_probe want = {0};
    settings_copy(&settings_of_probe, &line->probe, &want);
    want.timeout_ms = line->timeout_given ? want.timeout_ms : probe->timeout_ms;
    want.interval_ms = line->interval_given ? want.interval_ms : probe->interval_ms;
    if (probe->host == NULL && want.host != NULL) {
        assert_string_equal(want.host, "localhost");
        free(want.host);
        want.host = NULL;
    }
    if (!config_probe_equal(probe, &want)) {
        fail_msg("another probe: %s", block);
    }
    config_probe_fini(&want);
    config_problems_fini(&problems);
    config_fini(config);
    free(config);
    buf_fini(&file);
}

struct good {
    const char *words[16];
    const char *block; /* behind "probes:\n  - " */
};

static void assert_block(const struct good *good)
{
    struct probe_line line;
    struct buf block = {0};
    char want[512];
    assert_int_equal(read_words(good->words, &line), EX_DONE);
    probe_block(&line, 1000, &block);
    snprintf(want, sizeof(want), "probes:\n  - %s\n", good->block);
    assert_string_equal(buf_text(&block), want);
    assert_reads_back(&line, buf_text(&block));
    buf_fini(&block);
    probe_line_fini(&line);
}

static const struct good places[] = {
    {{"tcp", "localhost:8001"}, "{name: tcp, type: tcp, port: 8001}"},
    {{"tcp", "8001"}, "{name: tcp, type: tcp, port: 8001}"},
    {{"tcp", ":8001"}, "{name: tcp, type: tcp, port: 8001}"},
    {{"tcp", "127.0.0.1:8001"}, "{name: tcp, type: tcp, port: 8001, host: 127.0.0.1}"},
    {{"tcp", "[::1]:8001"}, "{name: tcp, type: tcp, port: 8001, host: \"::1\"}"},
    {{"tcp", "[2001:db8::7]", "--port", "8001"}, "{name: tcp, type: tcp, port: 8001, host: \"2001:db8::7\"}"},
    {{"tcp", "2001:db8::7", "--port=8001"}, "{name: tcp, type: tcp, port: 8001, host: \"2001:db8::7\"}"},
    {{"tcp", "--host", "game.example.net", "8001"},
     "{name: tcp, type: tcp, port: 8001, host: game.example.net}"},
    {{"--interval", "2s", "tcp", "8001"}, "{name: tcp, type: tcp, port: 8001, interval: 2s}"},
    {{"unix", "/run/game.sock"}, "{name: unix, type: unix, path: /run/game.sock}"},
    {{"unix", "/run/a $game/x: y.sock"}, "{name: unix, type: unix, path: \"/run/a $$game/x: y.sock\"}"},
    {{"unix", "--", "/run/game.sock"}, "{name: unix, type: unix, path: /run/game.sock}"},
};

static void test_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        assert_block(&places[i]);
    }
}

static const struct good keys[] = {
    {{"tcp", "8001", "--name", "game", "--timeout", "200ms", "--rise", "3", "--fall=5"},
     "{name: game, type: tcp, port: 8001, timeout: 200ms, fall: 5, rise: 3}"},
    {{"tcp", "8001", "--timeout", "2s"}, "{name: tcp, type: tcp, port: 8001, interval: 4s, timeout: 2s}"},
    {{"tcp", "8001", "--fast-interval", "100ms"}, "{name: tcp, type: tcp, port: 8001, fast_interval: 100ms}"},
    {{"tcp", "8001", "--fast_interval", "100ms", "--json", "--count", "3"},
     "{name: tcp, type: tcp, port: 8001, fast_interval: 100ms}"},
    {{"a2s", "game"}, "{name: a2s, type: a2s, port: 27015, host: game}"},
    {{"a2s", "--bots=exclude", "--facts", "players,map"},
     "{name: a2s, type: a2s, port: 27015, facts: [players, map], bots: exclude}"},
    {{"quake3", "--facts", "false"}, "{name: quake3, type: quake3, port: 27960, facts: false}"},
    {{"minecraft", "--facts", "players", "--facts", "capacity"},
     "{name: minecraft, type: minecraft, port: 25565, facts: [players, capacity]}"},
    {{"raknet", "[::1]"}, "{name: raknet, type: raknet, port: 19132, host: \"::1\"}"},
    {{"http"}, "{name: http, type: http, port: 80}"},
    {{"https", "game"}, "{name: https, type: http, port: 443, host: game, scheme: https}"},
    {{"http", "game", "--scheme", "https"}, "{name: http, type: http, port: 443, host: game, scheme: https}"},
    {{"https://game/status?full=1"},
     "{name: http, type: http, port: 443, path: \"/status?full=1\", host: game, scheme: https}"},
    {{"http", "8080/health", "--facts", "players=/online/count,capacity=/max", "--status", "200-299,404"},
     "{name: http, type: http, port: 8080, path: /health, facts: {players: /online/count, capacity: /max}, "
     "status: [200-299, 404]}"},
    {{"http", "8080", "--headers", "X-Token: a, b", "--headers", "X-B=c", "--status", "200", "--status",
      "204"},
     "{name: http, type: http, port: 8080, headers: {X-Token: \"a, b\", X-B: c}, status: [200, 204]}"},
    {{"exec", "--user", "game", "--", "/bin/check", "--fast", "a b"},
     "{name: exec, type: exec, command: [/bin/check, \"--fast\", \"a b\"], user: game}"},
    {{"exec", "/bin/check", "8001", "--timeout", "900ms"},
     "{name: exec, type: exec, timeout: 900ms, command: [/bin/check, 8001]}"},
    {{"https", "8443", "--tls.verify", "false", "--tls.server-name", "game.example.net"},
     "{name: https, type: http, port: 8443, scheme: https, tls: {verify: false, server_name: "
     "game.example.net}}"},
};

static void test_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_block(&keys[i]);
    }
}

/* Read without the rules, so that they hold before the driver of a type is built. */
static void test_parts(void **state)
{
    static const struct {
        enum probe_place place;
        const char *text, *host;
        unsigned port;
        const char *path;
        bool secure;
    } cases[] = {
        {PROBE_PLACE_HOST, "play.example.net", "play.example.net", 0, "", false},
        {PROBE_PLACE_HOST, "[::1]:27015", "::1", 27015, "", false},
        {PROBE_PLACE_HOST, "::1", "::1", 0, "", false},
        {PROBE_PLACE_HOST, "27016", "", 27016, "", false},
        {PROBE_PLACE_URL, "http://game:8080/health?full=1", "game", 8080, "/health?full=1", false},
        {PROBE_PLACE_URL, "https://[::1]/", "::1", 0, "/", true},
        {PROBE_PLACE_URL, "game/health", "game", 0, "/health", false},
        {PROBE_PLACE_URL, "8080/health", "", 8080, "/health", false},
        {PROBE_PLACE_URL, "/health", "", 0, "/health", false},
        {PROBE_PLACE_URL, "http://", "", 0, "", false},
        {PROBE_PLACE_PATH, "a b", "", 0, "a b", false},
        {PROBE_PLACE_COMMAND, "/bin/x", "", 0, "", false},
    };
    static const char *const wrong[] = {
        "",         "a b",   "game:0",    "game:65536", "game:",  "65536", "[::1",
        "[game]:1", "a@b:1", "[1.2.3.4]", "::1:99999",  "\xff:1", "-x:80", "fe80::1%eth0"};
    struct probe_place_parts parts;
    struct error err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(probe_place_read(cases[i].place, str_of(cases[i].text), &parts, &err), 0);
        assert_true(str_eq(parts.host, str_of(cases[i].host)) && str_eq(parts.path, str_of(cases[i].path)));
        assert_int_equal(parts.port, cases[i].port);
        assert_int_equal(parts.secure, cases[i].secure);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(probe_place_read(PROBE_PLACE_HOST, str_of(wrong[i]), &parts, &err), -1);
    }
}

static void test_wrong_lines(void **state)
{
    static const struct {
        const char *words[8];
        const char *says;
    } cases[] = {
        {{"tpc", "8001"}, "unknown type `tpc`: did you mean `"},
        {{"ssh", "8001"}, "unknown type `ssh`"},
        {{"localhost:80"}, "`localhost:80` is no type, which comes first"},
        {{"--json"}, "a type is missing: `outrider probe` lists them"},
        {{"tcp"}, "a probe of type tcp needs a port: HOST:PORT"},
        {{"tcp", "localhost"}, "a probe of type tcp needs a port: HOST:PORT"},
        {{"unix"}, "a probe of type unix needs the path of the socket"},
        {{"exec"}, "a probe of type exec needs a command: `-- COMMAND ARG...`"},
        {{"tcp", "a@b:1"}, "`a@b:1` is no address: want HOST, HOST:PORT or [V6]:PORT"},
        {{"tcp", "8001", "8002"}, "unexpected word `8002`"},
        {{"unix", "game.sock"}, "`--path`: `game.sock` does not begin with /"},
        {{"tcp", "8001", "--port", "8002"}, "`--port`: is given twice, as the address has it as well"},
        {{"tcp", "game:8001", "--host", "x"}, "`--host`: is given twice, as the address has it as well"},
        {{"tcp", "8001", "--timeout", "1"}, "`--timeout`: `1` has no unit: write it as 500ms, 10s, 5m or 1h"},
        {{"tcp", "8001", "--timeout=1s", "--timeout=2s"}, "`--timeout`: is given twice"},
        {{"tcp", "8001", "--timeout"}, "`--timeout`: needs a value"},
        {{"tcp", "8001", "--timeout", "2s", "--interval", "1s"},
         "`--timeout`: 2s must be below the interval of 1s"},
        {{"tcp", "8001", "--timeout", "1h"}, "`--timeout`: 1h must be below the interval of"},
        {{"tcp", "8001", "--fast-interval", "1m"},
         "`--fast_interval`: 1m must not be above the interval of 1s"},
        {{"tcp", "8001", "--timout", "1s"}, "unknown option `--timout`: did you mean `--timeout`?"},
        {{"tcp", "8001", "--botz", "1s"}, "unknown option `--botz`"},
        {{"tcp", "8001", "-t", "1s"}, "unknown option `-t`"},
        {{"tcp", "8001", "--type", "http"}, "unknown option `--type`"},
        {{"tcp", "8001", "--command", "/bin/x"}, "`--command`: write the command at the end, behind `--`"},
        {{"tcp", "8001", "--path", "/x"}, "`--path`: is for probes of type unix, http: this one is tcp"},
        {{"tcp", "8001", "--bots", "include"}, "`--bots`: is for probes of type a2s: this one is tcp"},
        {{"tcp", "8001", "--json=yes"}, "`--json`: takes no value"},
        {{"tcp", "8001", "--count", "0"}, "`--count`: want a number of tries from 1 to 1000000"},
        {{"tcp", "8001", "--count", "2", "--count", "2"}, "`--count`: is given twice"},
        {{"tcp", "8001", "--rise", "0"}, "`--rise`: `0` is out of range"},
        {{"tcp", "8001", "--", "--timeout"}, "unexpected word `--timeout`"},
        {{"a2s", "1", "--facts", "score"}, "`--facts`: `score` is no fact"},
        {{"http", "1", "--facts", "players=count"}, "`--facts`: `count` is no JSON pointer"},
        {{"http", "1", "--facts", "players"}, "`--facts`: an http probe knows no fact by itself"},
        {{"http", "1/a", "--path", "/b"}, "`--path`: is given twice, as the address has it as well"},
        {{"http", "1", "--tls.verify", "false"}, "`--tls`: has no effect without scheme: https"},
        {{"http", "1", "--headers", "X"}, "`--headers`: `X` is not NAME=VALUE"},
        {{"exec", "/bin/check", "\n"}, "`command`: "},
        {{"exec", "check"}, "command: the program must be an absolute path"},
    };
    struct captured captured = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *words[10] = {"probe"};
        for (size_t j = 0; cases[i].words[j] != NULL; j++) {
            words[j + 1] = cases[i].words[j];
        }
        assert_int_equal(captured_run(&captured, words), EX_USAGE);
        assert_contains(captured.err, cases[i].says);
        assert_string_equal(captured.out, "");
        assert_ptr_equal(strstr(strstr(captured.err, "\nusage: ") + 1, "\nusage: "),
                         NULL); /* one error alone */
    }
    captured_fini(&captured);
}

static void test_list_and_help(void **state)
{
    struct captured captured = {0};
    (void)state;
    assert_int_equal(RUN(&captured, "probe"), EX_DONE);
    for (size_t i = 0; i < probe_kind_count; i++) {
        char line[32];
        snprintf(line, sizeof(line), "\n  %s ", probe_kinds[i].word);
        assert_contains(captured.out, line);
    }
    assert_contains(captured.out, "UDP port 27015\n");
    assert_contains(captured.out, "the same with TLS; TCP port 443\n");
    assert_int_equal(RUN(&captured, "probe", "tcp", "-h"), EX_DONE);
    assert_contains(captured.out, "usage: outrider probe TYPE");
    captured_fini(&captured);
}

/* Every type of the configuration has a word. */
static void test_kinds(void **state)
{
    (void)state;
    for (enum config_probe_type type = CONFIG_PROBE_TCP; type <= CONFIG_PROBE_EXEC; type++) {
        assert_string_equal(probe_kind_of_type(type)->word, config_probe_type_name(type));
    }
    assert_null(probe_kind_of("tcpp"));
}

/* A timeout that was not given follows from the time that the try took: twice that, and never the patience of a person. */
static void test_timeout_of_the_block(void **state)
{
    static const struct {
        int64_t took_us;
        const char *want;
    } cases[] = {{250000, "port: 8001}"},
                 {251000, "port: 8001, timeout: 600ms}"},
                 {1400000, "port: 8001, interval: 5800ms, timeout: 2900ms}"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct probe_line line;
        struct buf block = {0};
        assert_int_equal(read_words((const char *const[]){"tcp", "8001", NULL}, &line), EX_DONE);
        assert_int_equal(line.probe.timeout_ms, 3000);
        probe_block(&line, cases[i].took_us, &block);
        assert_contains(buf_text(&block), cases[i].want);
        assert_reads_back(&line, buf_text(&block));
        buf_fini(&block);
        probe_line_fini(&line);
    }
}

static void test_text_of_the_block(void **state)
{
    static const char *const cases[][2] = {{"harbor", "harbor"},
                                           {"null", "\"null\""},
                                           {"", "\"\""},
                                           {"a b", "\"a b\""},
                                           {"--fast", "\"--fast\""},
                                           {"a: b", "\"a: b\""},
                                           {"#x", "\"#x\""},
                                           {"x,y", "\"x,y\""},
                                           {"$5", "\"$$5\""},
                                           {"say \"hi\"", "\"say \\\"hi\\\"\""},
                                           {"back\\slash", "\"back\\\\slash\""},
                                           {"200-299", "200-299"},
                                           {"é", "\"é\""}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out = {0};
        probe_block_text(str_of(cases[i][0]), &out);
        assert_string_equal(buf_text(&out), cases[i][1]);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places),
                                       cmocka_unit_test(test_keys),
                                       cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_wrong_lines),
                                       cmocka_unit_test(test_list_and_help),
                                       cmocka_unit_test(test_kinds),
                                       cmocka_unit_test(test_timeout_of_the_block),
                                       cmocka_unit_test(test_text_of_the_block)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
