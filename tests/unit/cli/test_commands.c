#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "captured.h"
#include "outrider/base/error.h"
#include "outrider/base/str.h"
#include "outrider/base/version.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void help_names_every_command_and_no_other(void **state)
{
    (void)state;
    static const char *const names[][4] = {
        {"agent"},
        {"check"},
        {"probe"},
        {"status"},
        {"drain"},
        {"undrain"},
        {"drains"},
        {"send"},
        {"services"},
        {"route"},
        {"tell"},
        {"allocate"},
        {"leader"},
        {"sessions"},
        {"audit"},
        {"hooks"},
        {"token"},
        {"kv"},
        {"version"},
        {"help"},
        {"hooks", "test"},
        {"token", "add"},
        {"kv", "get"},
        {"kv", "put"},
        {"kv", "del"},
        {"kv", "txn"},
        {"kv", "watch"},
        {"kv", "lock"},
        {"kv", "lease"},
        {"kv", "lease", "grant"},
        {"kv", "lease", "revoke"},
        {"kv", "lease", "timetolive"},
        {"kv", "lease", "keep-alive"},
        {"kv", "lease", "list"},
    };
    struct captured captured = {0}, about = {0};
    size_t listed = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *const *name = names[i];
        char usage[64];
        snprintf(usage, sizeof(usage), "\nusage: outrider %s%s%s%s%s", name[0], name[1] == NULL ? "" : " ",
                 name[1] == NULL ? "" : name[1], name[2] == NULL ? "" : " ", name[2] == NULL ? "" : name[2]);
        assert_int_equal(RUN(&about, "help", name[0], name[1], name[2]), EX_DONE);
        assert_contains(about.out, usage);
        const char *asked[5] = {name[0], name[1], name[2]};
        asked[name[1] == NULL ? 1 : name[2] == NULL ? 2 : 3] = "--help";
        assert_int_equal(captured_run(&captured, asked), EX_DONE);
        assert_string_equal(captured.out, about.out);
        if (name[1] == NULL) {
            snprintf(usage, sizeof(usage), "\n  %-9s ", name[0]);
            assert_int_equal(RUN(&captured, "help"), EX_DONE);
            assert_contains(captured.out, usage);
            listed++;
        }
    }
    assert_int_equal(RUN(&captured, "--help"), EX_DONE);
    for (const char *line = captured.out; (line = strstr(line, "\n  ")) != NULL; line++) {
        listed--;
    }
    assert_int_equal(listed, 0);
    assert_int_equal(RUN(&captured, "join"), EX_USAGE);
    assert_int_equal(RUN(&captured, "help", "join"), EX_USAGE);
    captured_fini(&captured);
    captured_fini(&about);
}

static void usage_errors_name_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        const char *says;
    } cases[] = {
        {{"stauts"}, "unknown command `stauts`: did you mean `status`?"},
        {{"lock", "nightly"}, "unknown command `lock`: did you mean `kv lock`?"},
        {{"undrian"}, "did you mean `undrain`?"},
        {{"xyz"}, "unknown command `xyz`: see `outrider help`"},
        {{""}, "unknown command ``: see `outrider help`"},
        {{"help", "dran"}, "did you mean `drain`?"},
        {{"help", "drain", "now"}, "unexpected word `now`"},
        {{"help", "kv", "gte"}, "outrider kv: unknown command `gte`: did you mean `get`?"},
        {{"help", "kv", "lease", "grant", "30s"}, "unexpected word `30s`"},
        {{"kv", "lease", "revok"}, "outrider kv lease: unknown command `revok`: did you mean `revoke`?"},
        {{"kv get", "k"}, "outrider: unknown command `kv get`"},
        {{"kv", "lease list"}, "outrider kv: unknown command `lease list`"},
        {{"kv", "xyz"}, "unknown command `xyz`\nusage: outrider kv get|put"},
        {{"kv"}, "what is to be done?"},
        {{"kv", "get"}, "an argument is missing"},
        {{"kv", "put", "k"}, "an argument is missing\nusage: outrider kv put [OPTIONS] KEY VALUE"},
        {{"kv", "put", "k", "v", "w"}, "unexpected word `w`"},
        {{"kv", "get", ""}, "a key is not empty"},
        {{"kv", "get", "a", "b", "--prefix"}, "one of --prefix, --from-key and END"},
        {{"kv", "get", "a", "--limit", "none"}, "--limit: `none` is not a number above 0"},
        {{"kv", "watch", "a", "--rev", "0"}, "--rev: `0` is not a number above 0"},
        {{"kv", "del", "--prefix", ""}, "an empty prefix matches every key"},
        {{"kv", "lease", "grant", "30"}, "`30` is not a duration such as 30s"},
        {{"kv", "lease", "revoke", "0x1"}, "`0x1` is not a lease id: hexadecimal"},
        {{"services", "--type", "A"}, "--type: `A` is not a server type: a-z"},
        {{"services", "--status", "redy"}, "--status: `redy` is not one of initializing, ready"},
        {{"services", "--region="}, "--region: empty"},
        {{"services", "--tag", "pvp", "--tag", ""}, "--tag: empty"},
        {{"services", "--label", "map"}, "--label: `map` is not NAME=VALUE"},
        {{"services", "--label", "=harbor"}, "--label: `=harbor` is not NAME=VALUE"},
        {{"services", "--include", "online"}, "--include: `online`: only `offline` can be included"},
        {{"services", "--offline", "--watch"}, "--offline: the stream has no offline servers"},
        {{"services", "--lable", "a=b"}, "unknown option `--lable`: did you mean `--label`?"},
        {{"status", "--tag", "pvp"}, "unknown option `--tag`"},
        {{"check", "--lve"}, "unknown option `--lve`: did you mean `--live`?"},
        {{"check", "a.yaml", "b.yaml"}, "unexpected word `b.yaml`: did you mean `-c b.yaml`?"},
        {{"check", "-c", "a.yaml", "b.yaml"}, "two files, `-c a.yaml` and `b.yaml`: want one"},
        {{"check", "-c", ""}, "`-c` names no file: its value is empty"},
        {{"agent", "--config="}, "`-c` names no file: its value is empty"},
        {{"agent", "world-1.yaml"}, "unexpected word `world-1.yaml`: did you mean `-c world-1.yaml`?"},
        {{"check", "-c"}, "`-c` needs a value"},
        {{"status", "--jsn"}, "unknown option `--jsn`: did you mean `--json`?"},
        {{"status", "--json=yes"}, "`--json` takes no value"},
        {{"status", "--is", "redy"}, "`redy` is not a status: did you mean `ready`?"},
        {{"status", "--is", "well"},
         "--is: `well` is not one of initializing, ready, draining, shutting_down, error, published"},
        {{"status", "--agent", "nowhere"}, "--agent: `nowhere` is not"},
        {{"drain", "--deadlin=5m"}, "unknown option `--deadlin`: did you mean `--deadline`?"},
        {{"drain", "--deadline", "5"}, "--deadline: `5` is not a duration"},
        {{"drain", "--expires="}, "--expires: `` is not a duration"},
        {{"drain", "--reason", "\xff"}, "--reason: not UTF-8"},
        {{"drain", "--id="}, "--id: empty; give ID or TYPE/ID"},
        {{"undrain", "--id", ""}, "--id: empty; give ID or TYPE/ID"},
        {{"drain", "world-1"}, "unexpected word `world-1`"},
        {{"undrain", "--wait"}, "unknown option `--wait`"},
        {{"send"}, "no words given"},
        {{"send", ""}, "no words given"},
        {{"send", "ready\nerror"}, "send one line at a time"},
        {{"send", "attach"}, "`attach` needs a connection that stays open"},
        {{"send", "ready", "watch"}, "`watch` needs a connection that stays open"},
        {{"send", "ready", "--socket", "/x"}, "`--socket`: options must come before the words"},
        {{"send", "ready", "-c=/x"}, "`-c`: options must come before the words"},
        {{"send", "--sock", "/x", "ready"}, "did you mean `--socket`?"},
        {{"version", "-x"}, "unknown option `-x`"},
        {{"version", "now"}, "unexpected word `now`"},
        {{"agent", "--detach"}, "unknown option `--detach`"},
    };
    struct captured captured = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(captured_run(&captured, cases[i].words), EX_USAGE);
        assert_contains(captured.err, cases[i].says);
        assert_string_equal(captured.out, "");
    }
    captured_fini(&captured);
}

static void help_goes_as_deep_as_commands(void **state)
{
    (void)state;
    struct captured captured = {0};
    assert_int_equal(RUN(&captured, "help", "kv", "txn"), EX_DONE);
    assert_contains(captured.out, "outrider kv txn <<'END'");
    assert_int_equal(RUN(&captured, "help", "kv", "lease"), EX_DONE);
    assert_contains(captured.out, "keep-alive ID");
    assert_int_equal(RUN(&captured, "help", "kv", "lease", "grant"), EX_DONE);
    assert_contains(captured.out, "usage: outrider kv lease grant [--json] [-c FILE] TTL");
    captured_fini(&captured);
}

/* A word of the text that looks like an option is sent to the socket, which does not exist here. */
static void a_text_may_look_like_an_option(void **state)
{
    (void)state;
    struct captured captured = {0};
    assert_int_equal(RUN(&captured, "send", "--socket", "/nonexistent/s", "ready", "#", "--fast"),
                     EX_TEMPFAIL);
    assert_int_equal(RUN(&captured, "send", "--socket", "/nonexistent/s", "STATUS=a", "--fast"), EX_TEMPFAIL);
    assert_contains(captured.err, "/nonexistent/s");
    captured_fini(&captured);
}

static void a_drain_without_end_is_in_the_help(void **state)
{
    (void)state;
    struct captured captured = {0};
    assert_int_equal(RUN(&captured, "help", "drain"), EX_DONE);
    assert_contains(captured.out, "0s: never");
    captured_fini(&captured);
}

static void nothing_is_a_usage_error_that_shows_the_commands(void **state)
{
    (void)state;
    struct captured captured = {0};
    assert_int_equal(captured_run(&captured, (const char *const[]){NULL}), EX_USAGE);
    assert_contains(captured.err, "usage: outrider COMMAND");
    captured_fini(&captured);
}

static void version_is_one_line(void **state)
{
    (void)state;
    struct captured captured = {0};
    assert_int_equal(RUN(&captured, "version"), EX_DONE);
    assert_contains(captured.out, version_text());
    assert_int_equal(RUN(&captured, "--version"), EX_DONE);
    assert_string_equal(strchr(captured.out, '\n'), "\n");
    captured_fini(&captured);
}

static void check_tells_good_from_bad(void **state)
{
    (void)state;
    struct temp_dir dir;
    struct captured captured = {0};
    struct error err;
    assert_int_equal(temp_dir_init(&dir), 0);
    struct str good = STR("server: {type: world, ports: [8001]}\n"),
               bad = STR("server: {type: World, port: 8001}\n");
    assert_int_equal(file_replace(dir.path, "good.yaml", good, 0600, true, &err), 0);
    assert_int_equal(file_replace(dir.path, "bad.yaml", bad, 0600, true, &err), 0);
    assert_int_equal(RUN(&captured, "check", "-c", temp_path(&dir, "good.yaml")), EX_DONE);
    assert_contains(captured.out, "good.yaml: ok, sidecar of world, server.id auto\n");
    assert_string_equal(captured.err, "");
    assert_int_equal(RUN(&captured, "check", "-c", temp_path(&dir, "bad.yaml")), EX_CONFIG);
    assert_string_equal(captured.out, "");
    assert_contains(captured.err, "bad.yaml:1:");
    assert_contains(captured.err, "server.type");
    assert_contains(captured.err, "`ports`");
    assert_int_equal(RUN(&captured, "check", "-c", temp_path(&dir, "none.yaml")), EX_CONFIG);
    assert_contains(captured.err, "none.yaml");
    assert_null(strstr(captured.err, "name another file"));
    unsetenv("OUTRIDER_CONFIG");
    if (access("/etc/outrider/outrider.yaml", F_OK) < 0) {
        assert_int_equal(RUN(&captured, "check"), EX_CONFIG);
        assert_contains(captured.err, "; name another file with -c FILE or $OUTRIDER_CONFIG\n");
    }
    assert_int_equal(RUN(&captured, "check", temp_path(&dir, "good.yaml")), EX_DONE);
    assert_contains(captured.out, "good.yaml: ok, ");
    assert_int_equal(RUN(&captured, "check", temp_path(&dir, "bad.yaml")), EX_CONFIG);
    setenv("OUTRIDER_CONFIG", temp_path(&dir, "good.yaml"), 1);
    assert_int_equal(RUN(&captured, "check"), EX_DONE);
    unsetenv("OUTRIDER_CONFIG");
    captured_fini(&captured);
    assert_int_equal(temp_dir_fini(&dir), 0);
}

/* A file that was cut off must not pass for that of an observer. */
static void check_says_what_the_file_makes(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *expected;
    } rows[] = {
        {"server: {type: world, id: world-1, ports: [8001]}\n", EX_DONE, ": ok, sidecar of world/world-1\n"},
        {"server: {type: world, ports: [8001]}\n", EX_DONE, ": ok, sidecar of world, server.id auto\n"},
        {"registry: {prefix: /game}\n", EX_DONE, ": ok, observer of /game\n"},
        {"", EX_CONFIG, ":1:1: yaml: the file is empty"},
        {"log: {level: info}\n", EX_CONFIG, ":1:1: registry: required"},
    };
    (void)state;
    struct temp_dir dir;
    struct captured captured = {0};
    struct error err;
    assert_int_equal(temp_dir_init(&dir), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(file_replace(dir.path, "w.yaml", str_of(rows[i].text), 0600, false, &err), 0);
        assert_int_equal(RUN(&captured, "check", "-c", temp_path(&dir, "w.yaml")), rows[i].status);
        assert_contains(rows[i].status == EX_DONE ? captured.out : captured.err, rows[i].expected);
    }
    captured_fini(&captured);
    assert_int_equal(temp_dir_fini(&dir), 0);
}

static void options_of_kv_stand_anywhere(void **state)
{
    (void)state;
    static const char *const lines[][8] = {
        {"kv", "-c", "/none", "get", "k"},
        {"kv", "get", "-c/none", "k"},
        {"kv", "get", "k", "--config=/none"},
        {"kv", "--prefix", "--json", "get", "-c", "/none", "k"},
        {"kv", "-c", "/none", "lease", "grant", "5s"},
        {"kv", "lease", "-c", "/none", "grant", "5s"},
        {"kv", "lease", "grant", "-c", "/none", "--", "5s"},
        {"kv", "lease", "--once", "keep-alive", "1f", "-c", "/none"},
    };
    struct captured captured = {0};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        assert_int_equal(captured_run(&captured, lines[i]), EX_CONFIG);
        assert_contains(captured.err, "cannot read /none");
    }
    assert_int_equal(RUN(&captured, "kv", "--json", "get", "--help"), EX_DONE);
    assert_contains(captured.out, "outrider kv get: ");
    captured_fini(&captured);
}

static void options_of_another_kv_command_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        const char *says;
    } cases[] = {
        {{"kv", "--limit", "3", "put", "a", "b"}, "outrider kv put: unknown option `--limit`"},
        {{"kv", "put", "--limit", "3", "a", "b"}, "outrider kv put: unknown option `--limit`"},
        {{"kv", "--prev-kv", "get", "a"}, "outrider kv get: unknown option `--prev-kv`"},
        {{"kv", "lease", "--once", "grant", "5s"}, "outrider kv lease grant: unknown option `--once`"},
        {{"kv", "--prefix", "lease", "list"}, "outrider kv lease list: unknown option `--prefix`"},
        {{"kv", "--jsn", "get", "a"}, "outrider kv: unknown option `--jsn`: did you mean `--json`?"},
        {{"kv", "--json"}, "outrider kv: what is to be done?"},
        {{"kv", "lease", "-c", "/none"}, "outrider kv lease: what is to be done?"},
        {{"kv", "get", "--", "--json", "a", "b"}, "outrider kv get: unexpected word `b`"},
    };
    struct captured captured = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(captured_run(&captured, cases[i].words), EX_USAGE);
        assert_contains(captured.err, cases[i].says);
    }
    captured_fini(&captured);
}

static void a_file_that_cannot_be_read_is_an_error_of_outrider(void **state)
{
    (void)state;
    static const char *const lines[][6] = {
        {"agent", "-c", "/none"},    {"check", "-c", "/none"},          {"status", "-c", "/none"},
        {"drain", "-c", "/none"},    {"undrain", "-c", "/none"},        {"send", "-c", "/none", "ready"},
        {"services", "-c", "/none"}, {"kv", "get", "-c", "/none", "k"}, {"kv", "watch", "-c", "/none", "k"},
    };
    struct captured captured = {0};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        assert_int_equal(captured_run(&captured, lines[i]), EX_CONFIG);
        assert_string_equal(captured.err, "outrider: cannot read /none: No such file or directory\n");
    }
    captured_fini(&captured);
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
        cmocka_unit_test(check_says_what_the_file_makes),
        cmocka_unit_test(options_of_kv_stand_anywhere),
        cmocka_unit_test(options_of_another_kv_command_are_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error_of_outrider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
