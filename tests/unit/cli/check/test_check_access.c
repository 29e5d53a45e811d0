#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/check/check_internal.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/config/config.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct temp_dir dir;

static int setup(void **state)
{
    (void)state;
    return temp_dir_init(&dir);
}

static int teardown(void **state)
{
    (void)state;
    return temp_dir_fini(&dir);
}

/* In `says`, % stands for the directory of the test. */
static void check(const struct config *config, bool wrong, const char *says)
{
    struct buf problems = {0}, expected = {0};
    for (const char *at = says; *at != '\0'; at++) {
        buf_printf(&expected, "%.*s", *at == '%' ? (int)strlen(dir.path) : 1, *at == '%' ? dir.path : at);
    }
    assert_true(check_access("f.yaml", config, &problems) == wrong);
    assert_string_equal(buf_text(&problems), buf_text(&expected));
    buf_fini(&problems);
    buf_fini(&expected);
}

/* `name` inside the directory, to be kept. */
static char *in_dir(const char *name, char out[static 128])
{
    snprintf(out, 128, "%s/%s", dir.path, name);
    return out;
}

static void write_file(const char *name, struct str text, mode_t mode)
{
    struct error err;
    assert_int_equal(file_replace(dir.path, name, text, mode, false, &err), 0);
}

#define LONG_ENOUGH "0123456789abcdef\n"

static void good_secrets_are_not_mentioned(void **state)
{
    (void)state;
    char key[128], password[128], token[128];
    write_file("key.pem", STR("-----BEGIN PRIVATE KEY-----\n"), 0600);
    write_file("password", STR(LONG_ENOUGH), 0640);
    write_file("token", STR(LONG_ENOUGH), 0400);
    struct config config = {
        .registry = {.password_file = in_dir("password", password), .tls.key_file = in_dir("key.pem", key)},
        .http.token_file = in_dir("token", token)};
    check(&config, false, "");
    config.http.token_file = in_dir("absent", token); /* check_local() has it */
    check(&config, false, "");
}

static void what_the_agent_refuses_is_an_error(void **state)
{
    (void)state;
    char key[128], password[128], token[128], giant[5000];
    memset(giant, 'g', sizeof(giant));
    write_file("giant", (struct str){giant, sizeof(giant)}, 0600);
    write_file("blank", STR("  \n"), 0600);
    write_file("one", STR("x\n"), 0600);
    assert_int_equal(mkfifo(temp_path(&dir, "fifo"), 0600), 0);
    struct config config = {
        .registry = {.password_file = in_dir("blank", password), .tls.key_file = in_dir("fifo", key)},
        .http.token_file = in_dir("giant", token)};
    check(&config, true,
          "f.yaml: registry.password_file: %/blank is blank\n"
          "f.yaml: registry.tls.key_file: cannot read %/fifo: not a regular file\n"
          "f.yaml: http.token_file: cannot read %/giant: larger than 4096 bytes\n");
    config = (struct config){.http.token_file = in_dir("one", token)};
    check(&config, true,
          "f.yaml: http.token_file: %/one has only one byte, which can be guessed; `openssl rand -hex 32` "
          "makes a secret\n");
}

static void what_can_be_guessed_or_read_is_warned_of(void **state)
{
    (void)state;
    char password[128], token[128];
    write_file("password", STR("0123456789abcde\n"), 0600);
    write_file("token", STR(LONG_ENOUGH), 0644);
    struct config config = {.registry.password_file = in_dir("password", password),
                            .http.token_file = in_dir("token", token)};
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
    strcpy(address.sun_path, temp_path(&dir, name));
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
    snprintf(listen, sizeof(listen), "unix:%s/http.sock", dir.path);
    write_file("token", STR(LONG_ENOUGH), 0640);
    bind_at("s.sock", 4711);
    bind_at("http.sock", 4711);
    assert_int_equal(chown(temp_path(&dir, "token"), 0, 4711), 0);
    struct config config = {.server.present = true,
                            .status = {.socket = in_dir("s.sock", socket), .mode = 0660},
                            .http = {.listen = listen, .token_file = in_dir("token", token)}};
    static const char both[] =
        "f.yaml: http.token_file: warning: %/token can be read by group 4711, which opens the status sockets "
        "too, so that a game "
        "server can; chgrp it to a group of the agent\n"
        "f.yaml: http.listen: warning: %/http.sock can be opened by group 4711, which opens the status "
        "sockets too: a game server "
        "can drain any server with it; give the status sockets a group of their own (status.group)\n";
    check(&config, false, both);
    assert_int_equal(chown(temp_path(&dir, "s.sock"), 0, 4712), 0);
    check(&config, false, "");
    config.status.group = unknown; /* a name, not a number that it begins with */
    check(&config, false, "");
    config.status.group = group; /* not yet that of the file */
    check(&config, false, both);
    config.http.token_file = NULL;
    assert_int_equal(chmod(temp_path(&dir, "http.sock"), 0666), 0);
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
                            .status = {.socket = in_dir("s.sock", socket), .mode = 0666},
                            .state_dir = dir.path};
    assert_int_equal(chmod(dir.path, 0777), 0);
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
    assert_int_equal(chmod(dir.path, 01777), 0); /* as /tmp */
    config = (struct config){.server.present = true,
                             .status = {.notify_socket = in_dir("n.sock", notify), .mode = 0660}};
    check(&config, false, "");
    assert_int_equal(chmod(dir.path, 0700), 0);
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
        cmocka_unit_test_setup_teardown(good_secrets_are_not_mentioned, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_agent_refuses_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(what_can_be_guessed_or_read_is_warned_of, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_group_of_the_game_opens_is_warned_of, setup, teardown),
        cmocka_unit_test_setup_teardown(what_others_can_write_is_warned_of, setup, teardown),
        cmocka_unit_test(a_name_that_makes_no_user_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
