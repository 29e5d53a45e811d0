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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* In `says`, % stands for the directory of the test. */
static void check(const struct config *config, bool wrong, const char *says)
{
    struct buf problems = {0};
    assert_true(check_access("f.yaml", config, &problems) == wrong);
    check_dir_says(&problems, says);
}

#define LONG_ENOUGH "0123456789abcdef\n"

static void good_secrets_are_not_mentioned(void **state)
{
    (void)state;
    char key[128], password[128], token[128];
    check_dir_write("key.pem", STR("-----BEGIN PRIVATE KEY-----\n"), 0600);
    check_dir_write("password", STR(LONG_ENOUGH), 0640);
    check_dir_write("token", STR(LONG_ENOUGH), 0400);
    struct config config = {.registry = {.password_file = check_dir_path("password", password),
                                         .tls.key_file = check_dir_path("key.pem", key)},
                            .http.token_file = check_dir_path("token", token)};
    check(&config, false, "");
    config.http.token_file = check_dir_path("absent", token); /* check_local() has it */
    check(&config, false, "");
}

static void what_the_agent_refuses_is_an_error(void **state)
{
    (void)state;
    char key[128], password[128], token[128], giant[5000];
    memset(giant, 'g', sizeof(giant));
    check_dir_write("giant", (struct str){giant, sizeof(giant)}, 0600);
    check_dir_write("blank", STR("  \n"), 0600);
    check_dir_write("one", STR("x\n"), 0600);
    assert_int_equal(mkfifo(temp_path(&check_dir, "fifo"), 0600), 0);
    struct config config = {.registry = {.password_file = check_dir_path("blank", password),
                                         .tls.key_file = check_dir_path("fifo", key)},
                            .http.token_file = check_dir_path("giant", token)};
    check(&config, true,
          "f.yaml: registry.password_file: %/blank is blank\n"
          "f.yaml: registry.tls.key_file: cannot read %/fifo: not a regular file\n"
          "f.yaml: http.token_file: cannot read %/giant: larger than 4096 bytes\n");
    config = (struct config){.http.token_file = check_dir_path("one", token)};
    check(&config, true,
          "f.yaml: http.token_file: %/one has only one byte, which can be guessed; `openssl rand -hex 32` "
          "makes a secret\n");
}

static void what_can_be_guessed_or_read_is_warned_of(void **state)
{
    (void)state;
    char password[128], token[128];
    check_dir_write("password", STR("0123456789abcde\n"), 0600);
    check_dir_write("token", STR(LONG_ENOUGH), 0644);
    struct config config = {.registry.password_file = check_dir_path("password", password),
                            .http.token_file = check_dir_path("token", token)};
    check(&config, false,
          "f.yaml: registry.password_file: warning: %/password has only 15 bytes, and one of fewer than 16 "
          "can be guessed; "
          "`openssl rand -hex 32` makes one\n"
          "f.yaml: http.token_file: warning: %/token has mode 0644: every user of this machine can read it; "
          "chmod 0640 "
          "%/token\n");
}

static void bind_at(const char *name, gid_t gid)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, temp_path(&check_dir, name));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(chmod(address.sun_path, 0660), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(address.sun_path, 0, gid), 0);
    }
    close(fd);
}

/* The group of a game server drained its neighbours by http.sock, and read the token. */
static void what_the_group_of_the_game_opens_is_warned_of(void **state)
{
    (void)state;
    char socket[128], token[128], listen[160], group[] = "4711", unknown[] = "4711-games";
    if (geteuid() != 0) {
        skip(); /* needs a second group */
    }
    snprintf(listen, sizeof(listen), "unix:%s/http.sock", check_dir.path);
    check_dir_write("token", STR(LONG_ENOUGH), 0640);
    bind_at("s.sock", 4711);
    bind_at("http.sock", 4711);
    assert_int_equal(chown(temp_path(&check_dir, "token"), 0, 4711), 0);
    struct config config = {
        .server.present = true,
        .status = {.socket = check_dir_path("s.sock", socket), .mode = 0660},
        .http = {.listen = {listen}, .listen_count = 1, .token_file = check_dir_path("token", token)}};
    static const char both[] =
        "f.yaml: http.token_file: warning: %/token can be read by group 4711, which opens the status sockets "
        "too, so that a game "
        "server can; chgrp it to a group of the agent\n"
        "f.yaml: http.listen: warning: %/http.sock can be opened by group 4711, which opens the status "
        "sockets too: a game server "
        "can drain any server with it; give the status sockets a group of their own (status.group)\n";
    check(&config, false, both);
    assert_int_equal(chown(temp_path(&check_dir, "s.sock"), 0, 4712), 0);
    check(&config, false, "");
    config.status.group = unknown; /* a name, not a number that it begins with */
    check(&config, false, "");
    config.status.group = group; /* not yet that of the file */
    check(&config, false, both);
    config.http.token_file = NULL;
    assert_int_equal(chmod(temp_path(&check_dir, "http.sock"), 0666), 0);
    check(&config, false,
          "f.yaml: http.listen: warning: %/http.sock has mode 0666: every user of this machine can drain any "
          "server with it; make "
          "it 0660\n");
}

static void what_others_can_write_is_warned_of(void **state)
{
    (void)state;
    char socket[128], notify[128];
    struct config config = {.server.present = true,
                            .status = {.socket = check_dir_path("s.sock", socket), .mode = 0666},
                            .state_dir = check_dir.path};
    assert_int_equal(chmod(check_dir.path, 0777), 0);
    check(&config, false,
          "f.yaml: status.mode: warning: 0666 lets every user that reaches the sockets speak for the server, "
          "and end it; use "
          "0660 and status.group\n"
          "f.yaml: status.socket: warning: every user of this machine can put another socket in its place: % "
          "has mode 0777; "
          "chmod o-w %\n"
          "f.yaml: state_dir: warning: % can be written by its group, which decides with it what a restart "
          "takes over; chmod "
          "g-w it\n");
    assert_int_equal(chmod(check_dir.path, 01777), 0); /* as /tmp */
    config = (struct config){.server.present = true,
                             .status = {.notify_socket = check_dir_path("n.sock", notify), .mode = 0660}};
    check(&config, false, "");
    assert_int_equal(chmod(check_dir.path, 0700), 0);
}

static void a_name_that_makes_no_user_is_warned_of(void **state)
{
    static const struct {
        const char *file;
        bool warned;
    } rows[] = {
        {"/etc/outrider/world-1.yaml", false},
        {"/etc/outrider/abcdefghijklmnopqrstuvwxyz.yaml", false},
        {"/etc/outrider/abcdefghijklmnopqrstuvwxyz1.yaml", true},
        {"/etc/outrider/eu.world-1.yaml", true},
        {"/srv/eu.world-1.yaml", false}, /* not started by that unit */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf problems = {0};
        struct config config = {.server.present = true, .status.mode = 0660};
        assert_false(check_access(rows[i].file, &config, &problems));
        assert_true((strstr(buf_text(&problems), "set another User= with systemctl edit") != NULL) ==
                    rows[i].warned);
        config.server.present = false;
        buf_clear(&problems);
        assert_false(check_access(rows[i].file, &config, &problems));
        assert_string_equal(buf_text(&problems), "");
        buf_fini(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_secrets_are_not_mentioned, check_dir_setup, check_dir_teardown),
        cmocka_unit_test_setup_teardown(what_the_agent_refuses_is_an_error, check_dir_setup,
                                        check_dir_teardown),
        cmocka_unit_test_setup_teardown(what_can_be_guessed_or_read_is_warned_of, check_dir_setup,
                                        check_dir_teardown),
        cmocka_unit_test_setup_teardown(what_the_group_of_the_game_opens_is_warned_of, check_dir_setup,
                                        check_dir_teardown),
        cmocka_unit_test_setup_teardown(what_others_can_write_is_warned_of, check_dir_setup,
                                        check_dir_teardown),
        cmocka_unit_test(a_name_that_makes_no_user_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
