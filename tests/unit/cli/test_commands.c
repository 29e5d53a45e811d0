#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/base/str.h"
#include "outrider/base/version.h"
#include "outrider/os/file.h"
#include "said.h"
#include "support/temp_dir.h"

#include <stdlib.h>
#include <string.h>

static void help_names_every_command_and_no_other(void **state)
{
    (void)state;
    struct said said = {0};
    size_t count;
    const struct command *table = commands(&count);
    assert_int_equal(RUN(&said, "help"), EX_DONE);
    for (size_t i = 0; i < count; i++) {
        said_has(said.out, table[i].help);
        struct said about = {0};
        assert_int_equal(RUN(&about, "help", table[i].name), EX_DONE);
        said_has(about.out, table[i].help);
        assert_int_equal(RUN(&about, table[i].name, "--help"), EX_DONE);
        said_has(about.out, table[i].usage);
        said_fini(&about);
    }
    static const char *const later[] = {"route"};
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        assert_null(strstr(said.out, later[i]));
        assert_int_equal(RUN(&said, later[i]), EX_USAGE);
        assert_int_equal(RUN(&said, "help", later[i]), EX_USAGE);
        assert_int_equal(RUN(&said, "--help"), EX_DONE);
    }
    said_fini(&said);
}

static void usage_errors_name_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        const char *says;
    } cases[] = {
        {{"stauts"}, "unknown command `stauts`: did you mean `status`?"},
        {{"undrian"}, "did you mean `undrain`?"},
        {{"xyz"}, "unknown command `xyz`: see `outrider help`"},
        {{""}, "unknown command ``: see `outrider help`"},
        {{"help", "dran"}, "did you mean `drain`?"},
        {{"help", "drain", "now"}, "unexpected word `now`"},
        {{"help", "kv", "gte"}, "outrider kv: unknown command `gte`: did you mean `get`?"},
        {{"help", "kv", "lease", "grant", "30s"}, "unexpected word `30s`"},
        {{"kv", "lease", "revok"}, "outrider kv lease: unknown command `revok`: did you mean `revoke`?"},
        {{"kv", "xyz"}, "unknown command `xyz`\nusage: outrider kv get|put"},
        {{"kv"}, "what is to be done?"},
        {{"kv", "get"}, "something is missing"},
        {{"kv", "put", "k"}, "something is missing\nusage: outrider kv put [OPTIONS] KEY VALUE"},
        {{"kv", "put", "k", "v", "w"}, "unexpected word `w`"},
        {{"kv", "get", ""}, "a key is not empty"},
        {{"kv", "get", "a", "b", "--prefix"}, "one of --prefix, --from-key and END"},
        {{"kv", "get", "a", "--limit", "none"}, "--limit: `none` is not a number above 0"},
        {{"kv", "watch", "a", "--rev", "0"}, "--rev: `0` is not a number above 0"},
        {{"kv", "del", "--prefix", ""}, "an empty prefix is every key there is"},
        {{"kv", "lease", "grant", "30"}, "`30` is not a duration such as 30s"},
        {{"kv", "lease", "revoke", "0x1"}, "`0x1` is not a lease id: hexadecimal"},
        {{"services", "--type", "A"}, "--type: `A` is not a server type: a-z"},
        {{"services", "--status", "redy"}, "--status: `redy` is not one of initializing, ready"},
        {{"check", "--lve"}, "unknown option `--lve`: did you mean `--live`?"},
        {{"check", "outrider.yaml"}, "unexpected word `outrider.yaml`"},
        {{"check", "-c"}, "`-c` needs a value"},
        {{"status", "--jsn"}, "unknown option `--jsn`: did you mean `--json`?"},
        {{"status", "--json=yes"}, "`--json` takes no value"},
        {{"status", "--is", "redy"}, "`redy` is not a status: did you mean `ready`?"},
        {{"status", "--is", "well"}, "`well` is not a status"},
        {{"status", "--agent", "nowhere"}, "--agent: `nowhere` is not"},
        {{"drain", "--deadlin=5m"}, "unknown option `--deadlin`: did you mean `--deadline`?"},
        {{"drain", "--deadline", "5"}, "--deadline: `5` is not a duration"},
        {{"drain", "--expires="}, "--expires: `` is not a duration"},
        {{"drain", "--reason", "\xff"}, "--reason: not UTF-8"},
        {{"drain", "--id="}, "--id: empty; it is ID or TYPE/ID"},
        {{"undrain", "--id", ""}, "--id: empty; it is ID or TYPE/ID"},
        {{"drain", "world-1"}, "unexpected word `world-1`"},
        {{"undrain", "--wait"}, "unknown option `--wait`"},
        {{"send"}, "nothing to say"},
        {{"send", ""}, "nothing to say"},
        {{"send", "ready\nerror"}, "one line at a time"},
        {{"send", "attach"}, "`attach` needs a connection that stays"},
        {{"send", "ready", "watch"}, "`watch` needs a connection that stays"},
        {{"send", "ready", "--socket", "/x"}, "`--socket`: options go before the words"},
        {{"send", "ready", "-c=/x"}, "`-c`: options go before the words"},
        {{"send", "--sock", "/x", "ready"}, "did you mean `--socket`?"},
        {{"version", "-x"}, "unknown option `-x`"},
        {{"version", "now"}, "unexpected word `now`"},
        {{"agent", "--detach"}, "unknown option `--detach`"},
    };
    struct said said = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(said_run(&said, cases[i].words), EX_USAGE);
        said_has(said.err, cases[i].says);
        assert_string_equal(said.out, "");
    }
    said_fini(&said);
}

static void help_goes_as_deep_as_commands(void **state)
{
    (void)state;
    struct said said = {0};
    assert_int_equal(RUN(&said, "help", "kv", "txn"), EX_DONE);
    said_has(said.out, "outrider kv txn <<'END'");
    assert_int_equal(RUN(&said, "help", "kv", "lease"), EX_DONE);
    said_has(said.out, "keep-alive ID");
    assert_int_equal(RUN(&said, "help", "kv", "lease", "grant"), EX_DONE);
    said_has(said.out, "usage: outrider kv lease grant [--json] [-c FILE] TTL");
    said_fini(&said);
}

/* What looks like an option is none in a text, where it goes on to the socket, here missing. */
static void a_text_may_look_like_an_option(void **state)
{
    (void)state;
    struct said said = {0};
    assert_int_equal(RUN(&said, "send", "--socket", "/nonexistent/s", "ready", "#", "--fast"), EX_TEMPFAIL);
    assert_int_equal(RUN(&said, "send", "--socket", "/nonexistent/s", "STATUS=a", "--fast"), EX_TEMPFAIL);
    said_has(said.err, "/nonexistent/s");
    said_fini(&said);
}

static void a_drain_without_end_is_in_the_help(void **state)
{
    (void)state;
    struct said said = {0};
    assert_int_equal(RUN(&said, "help", "drain"), EX_DONE);
    said_has(said.out, "0s: never");
    said_fini(&said);
}

static void nothing_is_a_usage_error_that_shows_the_commands(void **state)
{
    (void)state;
    struct said said = {0};
    assert_int_equal(said_run(&said, (const char *const[]){NULL}), EX_USAGE);
    said_has(said.err, "usage: outrider COMMAND");
    said_fini(&said);
}

static void version_is_one_line(void **state)
{
    (void)state;
    struct said said = {0};
    assert_int_equal(RUN(&said, "version"), EX_DONE);
    said_has(said.out, version_text());
    assert_int_equal(RUN(&said, "--version"), EX_DONE);
    assert_string_equal(strchr(said.out, '\n'), "\n");
    said_fini(&said);
}

static void check_tells_good_from_bad(void **state)
{
    (void)state;
    struct temp_dir dir;
    struct said said = {0};
    struct error err;
    assert_int_equal(temp_dir_init(&dir), 0);
    struct str good = STR("server: {type: world, ports: [8001]}\n"),
               bad = STR("server: {type: World, port: 8001}\n");
    assert_int_equal(file_write_atomic(dir.path, "good.yaml", good, 0600, &err), 0);
    assert_int_equal(file_write_atomic(dir.path, "bad.yaml", bad, 0600, &err), 0);
    assert_int_equal(RUN(&said, "check", "-c", temp_path(&dir, "good.yaml")), EX_DONE);
    said_has(said.out, "good.yaml: ok\n");
    assert_string_equal(said.err, "");
    assert_int_equal(RUN(&said, "check", "-c", temp_path(&dir, "bad.yaml")), EX_CONFIG);
    assert_string_equal(said.out, "");
    said_has(said.err, "bad.yaml:1:");
    said_has(said.err, "server.type");
    said_has(said.err, "`ports`");
    assert_int_equal(RUN(&said, "check", "-c", temp_path(&dir, "none.yaml")), EX_CONFIG);
    said_has(said.err, "none.yaml");
    setenv("OUTRIDER_CONFIG", temp_path(&dir, "good.yaml"), 1);
    assert_int_equal(RUN(&said, "check"), EX_DONE);
    unsetenv("OUTRIDER_CONFIG");
    said_fini(&said);
    assert_int_equal(temp_dir_fini(&dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_every_command_and_no_other),
        cmocka_unit_test(help_goes_as_deep_as_commands),
        cmocka_unit_test(usage_errors_name_what_was_meant),
        cmocka_unit_test(a_text_may_look_like_an_option),
        cmocka_unit_test(a_drain_without_end_is_in_the_help),
        cmocka_unit_test(nothing_is_a_usage_error_that_shows_the_commands),
        cmocka_unit_test(version_is_one_line),
        cmocka_unit_test(check_tells_good_from_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
