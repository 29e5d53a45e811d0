#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"

#include <stdlib.h>

static void texts_become_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *url, *unix_path; /* url NULL: refused */
    } cases[] = {
        {"unix:/run/outrider/http.sock", "http://localhost", "/run/outrider/http.sock"},
        {"unix:here.sock", "http://localhost", "here.sock"},
        {"unix:", NULL, NULL},
        {"http://game-1:7117", "http://game-1:7117", NULL},
        {"http://game-1:7117//", "http://game-1:7117", NULL},
        {"https://game-1", "https://game-1", NULL},
        {"127.0.0.1:7117", "http://127.0.0.1:7117", NULL},
        {"[::1]:7117", "http://[::1]:7117", NULL},
        {"game-1", NULL, NULL},
        {"http://", NULL, NULL},
        {"", NULL, NULL},
        {"ftp://game-1", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct client client = {0};
        struct error err;
        int rc = client_parse(cases[i].text, &err, &client);
        assert_int_equal(rc, cases[i].url == NULL ? -1 : 0);
        if (rc == 0) {
            assert_string_equal(client.url, cases[i].url);
            assert_int_equal(client.unix_path == NULL, cases[i].unix_path == NULL);
        }
        if (client.unix_path != NULL) {
            assert_string_equal(client.unix_path, cases[i].unix_path);
        }
        client_fini(&client);
    }
    client_fini(NULL);
}

static void a_wildcard_is_reached_through_loopback(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0.0.0.0:7117", "http://127.0.0.1:7117"}, {"[::]:7117", "http://[::1]:7117"},
        {"10.0.0.5:80", "http://10.0.0.5:80"},     {"localhost:7117", "http://localhost:7117"},
        {"unix:/x", "http://localhost"},           {"tls://10.0.0.5:80", "https://10.0.0.5:80"},
        {"tls://[::]:7118", "https://[::1]:7118"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct client client;
        struct error err;
        assert_int_equal(client_of_listen(cases[i][0], &err, &client), 0);
        assert_string_equal(client.url, cases[i][1]);
        client_fini(&client);
    }
}

struct files {
    struct temp_dir dir;
    char *config, *off, *bad;
};

static char *write_file(struct files *files, const char *name, struct str text)
{
    struct error err;
    assert_int_equal(file_replace(files->dir.path, name, text, 0600, true, &err), 0);
    return strdup(temp_path(&files->dir, name));
}

static int set_up(void **state)
{
    struct files *files = calloc(1, sizeof(*files));
    assert_non_null(files);
    assert_int_equal(temp_dir_init(&files->dir), 0);
    files->config = write_file(files, "outrider.yaml",
                               STR("server: {type: world, ports: [8001]}\n"
                                   "http: {listen: \"127.0.0.1:7999\", token_file: /etc/outrider/token}\n"));
    files->off =
        write_file(files, "off.yaml", STR("server: {type: world, ports: [8001]}\nhttp: {listen: null}\n"));
    files->bad = write_file(files, "bad.yaml", STR("server: 1\n"));
    unsetenv("OUTRIDER_AGENT");
    unsetenv("OUTRIDER_CONFIG");
    unsetenv("RUNTIME_DIRECTORY");
    *state = files;
    return 0;
}

static int tear_down(void **state)
{
    struct files *files = *state;
    assert_int_equal(temp_dir_fini(&files->dir), 0);
    free(files->config);
    free(files->off);
    free(files->bad);
    free(files);
    unsetenv("OUTRIDER_AGENT");
    unsetenv("OUTRIDER_CONFIG");
    return 0;
}

static void expect(const struct cli_given *options, const char *url, const char *token_file)
{
    struct client client = {0};
    assert_int_equal(client_find(options, &client), 0);
    assert_string_equal(client.url, url);
    if (token_file == NULL) {
        assert_null(client.token_file);
    } else {
        assert_string_equal(client.token_file, token_file);
    }
    client_fini(&client);
}

static void what_is_nearer_wins(void **state)
{
    struct files *files = *state;
    struct cli_given none = {0};
    setenv("OUTRIDER_CONFIG", "/nonexistent/outrider.yaml", 1);
    expect(&none, "http://127.0.0.1:7117", NULL);
    struct client client;
    assert_int_equal(client_find(&none, &client), EX_DONE);
    assert_true(client.guessed);
    client_fini(&client);
    setenv("OUTRIDER_CONFIG", files->config, 1);
    expect(&none, "http://127.0.0.1:7999", "/etc/outrider/token");
    setenv("OUTRIDER_AGENT", "http://env:1", 1);
    expect(&none, "http://env:1", NULL);
    expect(&(struct cli_given){.config = files->config}, "http://127.0.0.1:7999", "/etc/outrider/token");
    expect(&(struct cli_given){.agent = "http://arg:1"}, "http://arg:1", NULL);
    expect(&(struct cli_given){.agent = "http://arg:1", .config = files->config}, "http://arg:1",
           "/etc/outrider/token");
    expect(&(struct cli_given){.agent = "http://arg:1", .token_file = "/my/token"}, "http://arg:1",
           "/my/token");
    expect(&(struct cli_given){.config = files->config, .token_file = "/my/token"}, "http://127.0.0.1:7999",
           "/my/token");
    setenv("OUTRIDER_AGENT", "", 1);
    expect(&none, "http://127.0.0.1:7999", "/etc/outrider/token");
}

static void a_file_says_who_is_meant(void **state)
{
    struct files *files = *state;
    struct client client = {0};
    char *named =
        write_file(files, "unit-of-a-test.yaml", STR("server: {type: world, id: w1, ports: [8001]}\n"));
    assert_int_equal(client_find(&(struct cli_given){.config = files->config}, &client), 0);
    assert_string_equal(client.config, files->config);
    assert_string_equal(client.type, "world");
    assert_null(client.id);
    assert_null(client.unit_socket);
    client_fini(&client);
    assert_int_equal(client_find(&(struct cli_given){.config = named}, &client), 0);
    assert_string_equal(client.id, "w1");
    assert_string_equal(client.unit_socket, "/run/outrider/unit-of-a-test/http.sock");
    client_fini(&client);
    assert_int_equal(client_find(&(struct cli_given){.config = named, .agent = "x:1"}, &client), 0);
    assert_null(client.type);
    assert_null(client.unit_socket);
    client_fini(&client);
    free(named);
}

static void only_yaml_files_are_instances(void **state)
{
    (void)state;
    assert_true(str_eq(cli_instance_name("/etc/outrider/world-1.yaml"), STR("world-1")));
    assert_true(str_eq(cli_instance_name("a.b.yaml"), STR("a.b")));
    assert_true(str_eq(cli_instance_name("/etc/outrider/.yaml"), STR("")));
    assert_true(str_eq(cli_instance_name("world-1.yml"), STR("")));
    assert_true(str_eq(cli_instance_name(""), STR("")));
}

static void what_cannot_be_used_ends_with_its_status(void **state)
{
    struct files *files = *state;
    struct client client = {0};
    assert_int_equal(client_find(&(struct cli_given){.config = files->bad}, &client), EX_CONFIG);
    assert_int_equal(client_find(&(struct cli_given){.config = files->off}, &client), EX_TEMPFAIL);
    assert_int_equal(client_find(&(struct cli_given){.config = "/nonexistent"}, &client), EX_CONFIG);
    assert_int_equal(client_find(&(struct cli_given){.agent = "nowhere"}, &client), EX_USAGE);
    assert_int_equal(client_find(&(struct cli_given){.agent = "http://x", .config = files->bad}, &client),
                     EX_CONFIG);
    setenv("OUTRIDER_AGENT", "nowhere", 1);
    assert_int_equal(client_find(&(struct cli_given){0}, &client), EX_USAGE);
    assert_null(client.url);
}

/* The token goes to an agent for reading only where it is known to ask for it. */
static void reading_takes_the_token_where_it_is_asked_for(void **state)
{
    struct files *files = *state;
    struct client client;
    char *login =
        write_file(files, "login.yaml",
                   STR("server: {type: world, ports: [8001]}\n"
                       "http: {listen: \"127.0.0.1:7999\", token_file: /etc/outrider/token, read: login}\n"));
    const struct {
        struct cli_given given;
        bool reads;
    } cases[] = {
        {{.config = files->config}, false},
        {{.config = login}, true},
        {{.agent = "http://arg:1", .config = files->config}, false},
        {{.agent = "http://arg:1", .config = login}, true},
        {{.agent = "http://arg:1"}, false},
        {{.agent = "http://arg:1", .token_file = "/my/token"}, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(client_find(&cases[i].given, &client), 0);
        assert_int_equal(client.reads_with_token, cases[i].reads);
        client_fini(&client);
    }
    free(login);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_addresses),
        cmocka_unit_test(a_wildcard_is_reached_through_loopback),
        cmocka_unit_test_setup_teardown(what_is_nearer_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_says_who_is_meant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reading_takes_the_token_where_it_is_asked_for, set_up, tear_down),
        cmocka_unit_test(only_yaml_files_are_instances),
        cmocka_unit_test_setup_teardown(what_cannot_be_used_ends_with_its_status, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
