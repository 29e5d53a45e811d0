#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check_dir.h"
#include "cli/check/check_internal.h"
#include "outrider/base/buf.h"
#include "outrider/core/config/config.h"

#include <stdio.h>
#include <sys/stat.h>

/* In `says`, % stands for the directory of the test. */
static void check(const struct config *config, const char *says)
{
    struct buf problems = {0};
    check_local("f.yaml", config, &problems);
    check_dir_says(&problems, says);
}

static void what_the_agent_can_make_is_not_mentioned(void **state)
{
    (void)state;
    char socket[128], notify[128], made[128], slash[128], group[] = "4711", listen[160];
    snprintf(listen, sizeof(listen), "unix:%s/http.sock", check_dir.path);
    struct config config = {.server.present = true,
                            .status = {.socket = check_dir_path("s.sock", socket),
                                       .notify_socket = check_dir_path("n.sock", notify),
                                       .group = group},
                            .http.listen = {listen},
                            .http.listen_count = 1,
                            .state_dir = check_dir_path("state", made)};
    check(&config, "");
    config.state_dir = check_dir_path("state//", slash);
    check(&config, "");
    config.state_dir = check_dir.path;
    check(&config, "");
    check(&(struct config){.server.present = true}, "");
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    char socket[128], notify[128], none[128], file[128], group[] = "outrider-none", listen[160];
    snprintf(listen, sizeof(listen), "unix:%s/h/http.sock", check_dir.path);
    check_dir_write("file", STR("x"), 0600);
    struct config config = {.server.present = true,
                            .status = {.socket = check_dir_path("s/s.sock", socket),
                                       .notify_socket = check_dir_path("n/n.sock", notify),
                                       .group = group},
                            .http.listen = {listen},
                            .http.listen_count = 1,
                            .state_dir = check_dir_path("none/state", none)};
    check(&config, "f.yaml: http.listen: warning: the directory %/h does not exist on this machine, and "
                   "without it the agent does not "
                   "start; make it, or let RuntimeDirectory= of the unit make it\n"
                   "f.yaml: status.socket: warning: the directory %/s does not exist on this machine, and "
                   "without it the agent does "
                   "not start; make it, or let RuntimeDirectory= of the unit make it\n"
                   "f.yaml: status.notify_socket: warning: the directory %/n does not exist on this machine, "
                   "and without it the agent "
                   "does not start; make it, or let RuntimeDirectory= of the unit make it\n"
                   "f.yaml: status.group: warning: no group outrider-none on this machine, and without it "
                   "the agent does not start\n"
                   "f.yaml: state_dir: warning: the directory %/none does not exist on this machine, and "
                   "without it the agent does "
                   "not start; make it; the agent makes only the last directory of the path\n");
    config = (struct config){.server.present = true,
                             .status.socket = check_dir_path("file", socket),
                             .state_dir = check_dir_path("file", file)};
    check(&config,
          "f.yaml: status.socket: warning: %/file is a file that is not a socket, and the agent does not "
          "replace "
          "it; remove it\n"
          "f.yaml: state_dir: warning: %/file is not a directory; the agent needs it, as the user that it "
          "runs as\n");
}

static void an_address_of_another_machine_is_named(void **state)
{
    static const struct {
        const char *listen, *expected;
    } rows[] = {
        {"127.0.0.1:7117", ""},
        {"localhost:7117", ""},
        {"0.0.0.0:7117", ""},
        {"203.0.113.5:7117", "f.yaml: http.listen: warning: 203.0.113.5 is no address of this machine, and "
                             "without it the agent does not "
                             "start\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char listen[64];
        snprintf(listen, sizeof(listen), "%s", rows[i].listen);
        check(&(struct config){.http.listen = {listen}, .http.listen_count = 1}, rows[i].expected);
    }
}

/* It opens no status socket. */
static void an_observer_needs_no_status_socket(void **state)
{
    (void)state;
    char socket[128], group[] = "outrider-none";
    struct config config = {.status = {.socket = check_dir_path("s/s.sock", socket), .group = group}};
    check(&config, "");
}

static void what_cannot_be_written_is_named(void **state)
{
    (void)state;
    char made[128];
    if (geteuid() == 0) {
        skip(); /* root may write everywhere */
    }
    assert_int_equal(chmod(check_dir.path, 0500), 0);
    check(&(struct config){.state_dir = check_dir_path("state", made)},
          "f.yaml: state_dir: warning: cannot write to the directory %: Permission denied; the agent needs "
          "it, as the "
          "user that it runs as\n");
    assert_int_equal(chmod(check_dir.path, 0700), 0);
}

static void files_of_the_registry_are_there(void **state)
{
    (void)state;
    char ca[128], cert[128], key[128], password[128], token[128];
    check_dir_write("key.pem", STR("x"), 0600);
    struct config config = {.registry = {.password_file = check_dir_path("password", password),
                                         .tls = {.ca_file = check_dir_path("ca.pem", ca),
                                                 .cert_file = check_dir_path("cert.pem", cert),
                                                 .key_file = check_dir_path("key.pem", key)}},
                            .http.token_file = check_dir_path("token", token)};
    check(
        &config,
        "f.yaml: registry.password_file: warning: %/password does not exist on this machine; the "
        "agent needs it on the machine where it runs\n"
        "f.yaml: registry.tls.ca_file: warning: %/ca.pem does not exist on this machine; the "
        "agent needs it on the machine "
        "where it runs\n"
        "f.yaml: registry.tls.cert_file: warning: %/cert.pem does not exist on this machine; the "
        "agent needs it on the "
        "machine where it runs\n"
        "f.yaml: http.token_file: warning: %/token does not exist on this machine; the agent needs it on the "
        "machine where it runs\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_agent_can_make_is_not_mentioned, check_dir_setup,
                                        check_dir_teardown),
        cmocka_unit_test_setup_teardown(what_is_missing_is_named, check_dir_setup, check_dir_teardown),
        cmocka_unit_test_setup_teardown(an_address_of_another_machine_is_named, check_dir_setup,
                                        check_dir_teardown),
        cmocka_unit_test_setup_teardown(an_observer_needs_no_status_socket, check_dir_setup,
                                        check_dir_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_is_named, check_dir_setup, check_dir_teardown),
        cmocka_unit_test_setup_teardown(files_of_the_registry_are_there, check_dir_setup, check_dir_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
