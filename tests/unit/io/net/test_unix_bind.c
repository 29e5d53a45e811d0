#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The socket file: its permissions, what it replaces, and its removal. */
#include "outrider/io/net/unix_bind.h"
#include "unit/io/line_world.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static void mode_and_group_do_not_depend_on_the_umask(void **state)
{
    struct line_world *world = *state;
    static const mode_t modes[] = {0660, 0600, 0666};
    static const mode_t masks[] = {0, 077, 0777};
    for (size_t i = 0; i < COUNT_OF(modes) * COUNT_OF(masks); i++) {
        mode_t old = umask(masks[i % 3]);
        world->options.place.mode = modes[i / 3];
        world->options.place.gid = getegid();
        bool opened = line_world_open(world);
        umask(old);
        assert_true(opened);
        struct stat st;
        assert_int_equal(stat(temp_path(&world->dir, "sock"), &st), 0);
        assert_int_equal(st.st_mode & 07777, modes[i / 3]);
        assert_int_equal(st.st_gid, getegid());
        line_socket_free(world->socket);
        world->socket = NULL;
    }
}

static void a_group_that_is_not_ours_is_an_error(void **state)
{
    struct line_world *world = *state;
    if (geteuid() == 0) {
        skip(); /* root can set any group */
    }
    world->options.place.gid = 0;
    assert_false(line_world_open(world));
    assert_int_equal(world->err.code, ERROR_DENIED);
    assert_int_equal(access(temp_path(&world->dir, "sock"), F_OK), -1);
}

static int bind_at(const char *path, int type)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void a_stale_socket_is_replaced(void **state)
{
    struct line_world *world = *state;
    close(bind_at(temp_path(&world->dir, "sock"), SOCK_STREAM));
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    line_world_send(fd, "hello\n");
    line_world_expect(world, "[hello]");
    close(fd);
}

static void assert_refused(struct line_world *world, enum error_code code, const char *word)
{
    struct stat before, after;
    assert_int_equal(lstat(temp_path(&world->dir, "sock"), &before), 0);
    assert_false(line_world_open(world));
    assert_int_equal(world->err.code, code);
    assert_non_null(strstr(world->err.text, temp_path(&world->dir, "sock")));
    assert_non_null(strstr(world->err.text, word));
    assert_int_equal(lstat(temp_path(&world->dir, "sock"), &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_mode == after.st_mode);
}

static void a_socket_in_use_is_kept(void **state)
{
    struct line_world *world = *state;
    int fd = bind_at(temp_path(&world->dir, "sock"), SOCK_STREAM);
    assert_int_equal(listen(fd, 0), 0);
    char pid[32];
    snprintf(pid, sizeof(pid), "process %d answers", (int)getpid());
    assert_refused(world, ERROR_BUSY, pid);
    assert_refused(world, ERROR_BUSY, "answers"); /* a full queue is still in use */
    close(fd);
    assert_int_equal(unlink(temp_path(&world->dir, "sock")), 0);
    fd = bind_at(temp_path(&world->dir, "sock"), SOCK_DGRAM);
    assert_refused(world, ERROR_BUSY, "answers");
    close(fd);
}

static void a_file_that_is_no_socket_is_kept(void **state)
{
    struct line_world *world = *state;
    int fd = open(temp_path(&world->dir, "sock"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    assert_refused(world, ERROR_INVALID, "not a socket");
    assert_int_equal(unlink(temp_path(&world->dir, "sock")), 0);
    assert_int_equal(symlink("/dev/null", temp_path(&world->dir, "sock")), 0);
    assert_refused(world, ERROR_INVALID, "not a socket");
}

static void paths_that_do_not_fit_are_explained(void **state)
{
    struct line_world *world = *state;
    char path[160];
    memset(path, 'p', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    world->options.place.path = path;
    assert_false(line_world_open(world));
    assert_int_equal(world->err.code, ERROR_INVALID);
    assert_non_null(strstr(world->err.text, "159 bytes"));
    world->options.place.path = "";
    assert_false(line_world_open(world));
    assert_int_equal(world->err.code, ERROR_INVALID);
    world->options.place.path = temp_path(&world->dir, "absent/sock");
    assert_false(line_world_open(world));
    assert_int_equal(world->err.code, ERROR_NOT_FOUND);
}

static void the_file_is_removed_unless_it_was_replaced(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    line_socket_free(world->socket);
    assert_int_equal(access(temp_path(&world->dir, "sock"), F_OK), -1);
    assert_true(line_world_open(world));
    assert_int_equal(unlink(temp_path(&world->dir, "sock")), 0);
    int fd = bind_at(temp_path(&world->dir, "sock"), SOCK_STREAM);
    line_socket_free(world->socket);
    world->socket = NULL;
    assert_int_equal(access(temp_path(&world->dir, "sock"), F_OK), 0);
    close(fd);
}

static void an_inherited_socket_is_served_and_left(void **state)
{
    struct line_world *world = *state;
    int fd = bind_at(temp_path(&world->dir, "sock"), SOCK_STREAM);
    assert_int_equal(listen(fd, 4), 0);
    /* lines are queued in it while the agent restarts */
    int client = line_world_connect(world);
    line_world_send(client, "waited\n");
    world->options.place.inherited_fd = fd;
    world->options.place.path = "/not/used";
    assert_true(line_world_open(world));
    line_world_expect(world, "[waited]");
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    line_socket_free(world->socket);
    world->socket = NULL;
    assert_int_equal(access(temp_path(&world->dir, "sock"), F_OK), 0);
    close(client);
}

/* ---- a file that goes away later ---- */

static void check_file(struct line_world *world, int rc, const char *word)
{
    world->err.text[0] = '\0';
    assert_int_equal(line_socket_check(world->socket, &world->err), rc);
    assert_non_null(strstr(world->err.text, word));
}

static void expect_reachable(struct line_world *world)
{
    int fd = line_world_connect(world);
    line_world_send(fd, "hello\n");
    line_world_expect(world, "[hello]");
    close(fd);
    line_world_expect(world, "x");
}

static void a_file_that_was_removed_is_made_again(void **state)
{
    struct line_world *world = *state;
    struct stat st;
    mode_t old = umask(077);
    world->options.place.mode = 0640;
    assert_true(line_world_open(world));
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", temp_path(&world->dir, "sock"));
    int peer = line_world_connect(world), waiting = line_world_connect(world);
    line_world_send(peer, "one\n");
    line_world_expect(world, "[one]");
    check_file(world, 0, "");
    line_world_send(waiting, "waited\n");
    assert_int_equal(unlink(path), 0);
    check_file(world, 1, "");
    check_file(world, 0, "");
    umask(old);
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    line_world_send(peer, "two\n"); /* its connection has no file */
    line_world_turn(world);
    assert_non_null(strstr(buf_text(&world->received), "[two]"));
    assert_non_null(strstr(buf_text(&world->received), "[waited]"));
    buf_clear(&world->received);
    expect_reachable(world);
    assert_int_equal(rename(path, temp_path(&world->dir, "moved")), 0);
    check_file(world, 1, "");
    expect_reachable(world);
    close(peer);
    close(waiting);
}

static void what_has_taken_its_place_is_left_alone(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    assert_int_equal(unlink(temp_path(&world->dir, "sock")), 0);
    close(open(temp_path(&world->dir, "sock"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    check_file(world, -1, "not a socket");
    assert_int_equal(world->err.code, ERROR_INVALID);
    assert_int_equal(unlink(temp_path(&world->dir, "sock")), 0);
    int fd = bind_at(temp_path(&world->dir, "sock"), SOCK_STREAM);
    assert_int_equal(listen(fd, 1), 0);
    check_file(world, -1, "answers on it");
    assert_int_equal(world->err.code, ERROR_BUSY);
    close(fd);
    check_file(world, 1, ""); /* a stale one */
    expect_reachable(world);
}

static void without_its_folder_it_is_made_again_later(void **state)
{
    struct line_world *world = *state;
    char folder[PATH_MAX];
    assert_int_equal(mkdir(temp_path(&world->dir, "run"), 0700), 0);
    snprintf(folder, sizeof(folder), "%s", temp_path(&world->dir, "run"));
    world->options.place.path = temp_path(&world->dir, "run/sock");
    assert_true(line_world_open(world));
    assert_int_equal(unlink(temp_path(&world->dir, "run/sock")) + rmdir(folder), 0);
    check_file(world, -1, "the directory above it does not exist; make it");
    assert_int_equal(world->err.code, ERROR_NOT_FOUND);
    assert_int_equal(mkdir(folder, 0700), 0);
    check_file(world, 1, "");
    line_socket_free(world->socket);
    world->socket = NULL;
    assert_int_equal(rmdir(folder), 0); /* the new file was removed with the socket */
}

static void the_file_of_an_inherited_socket_is_only_reported(void **state)
{
    struct line_world *world = *state;
    int fd = bind_at(temp_path(&world->dir, "sock"), SOCK_STREAM);
    assert_int_equal(listen(fd, 4), 0);
    world->options.place.inherited_fd = fd;
    assert_true(line_world_open(world));
    assert_true(line_socket_bound(world->socket)->inherited);
    check_file(world, 0, "");
    assert_int_equal(unlink(temp_path(&world->dir, "sock")), 0);
    check_file(world, -1, "restart the socket unit");
    assert_int_equal(access(temp_path(&world->dir, "sock"), F_OK), -1);
    close(bind_at(temp_path(&world->dir, "sock"), SOCK_STREAM));
    check_file(world, -1, "another file");
    line_socket_free(world->socket);
    /* Gone before the start: the next agent says so, too. */
    fd = bind_at(temp_path(&world->dir, "other"), SOCK_STREAM);
    assert_int_equal(listen(fd, 4) + unlink(temp_path(&world->dir, "other")), 0);
    world->options.place.inherited_fd = fd;
    assert_true(line_world_open(world));
    check_file(world, -1, "is gone");
}

/* Starts a process that waits for `go` to close, binds and listens, reports the result, and keeps its socket
 * until `hold` closes. */
static void start_rival(const char *path, const int go[2], const int hold[2], int reported)
{
    if (fork() != 0) {
        return;
    }
    char byte = 0;
    struct error err;
    struct unix_bound bound;
    struct unix_place place = {.path = path, .mode = 0600, .gid = (gid_t)-1, .inherited_fd = -1};
    close(go[1]);
    close(hold[1]);
    bool started = read(go[0], &byte, 1) == 0;
    bool bound_it = started && unix_bind(&place, SOCK_STREAM, &err, &bound) == 0;
    byte = bound_it && listen(bound.fd, 4) == 0 ? 'b' : !bound_it && err.code == ERROR_BUSY ? 'r' : '?';
    _exit(write(reported, &byte, 1) != 1 || read(hold[0], &byte, 1) != 0);
}

static void of_two_at_once_on_a_stale_socket_one_is_refused(void **state)
{
    struct line_world *world = *state;
    for (int round = 0; round < 300; round++) {
        const char *path = temp_path(&world->dir, "sock");
        int go[2], hold[2], reported[2];
        char words[2] = "";
        close(bind_at(path, SOCK_STREAM));
        assert_int_equal(pipe(go) + pipe(hold) + pipe(reported), 0);
        start_rival(path, go, hold, reported[1]);
        start_rival(path, go, hold, reported[1]);
        close(go[0]);
        close(go[1]);
        close(hold[0]);
        close(reported[1]);
        assert_int_equal(read(reported[0], words, 1), 1);
        assert_int_equal(read(reported[0], words + 1, 1), 1);
        close(hold[1]);
        close(reported[0]);
        assert_true(wait(NULL) > 0 && wait(NULL) > 0);
        assert_true((words[0] == 'b' && words[1] == 'r') || (words[0] == 'r' && words[1] == 'b'));
        assert_int_equal(unlink(temp_path(&world->dir, "sock")), 0);
    }
}

/* Every process that can read the directory can lock it, which must not prevent the start. */
static void a_directory_locked_for_ever_does_not_prevent_the_bind(void **state)
{
    struct line_world *world = *state;
    int fd = open(world->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_true(line_world_open(world));
    close(fd);
}

/* The mode keeps another user out from the first moment. */
static void others_are_kept_out(void **state)
{
    struct line_world *world = *state;
    if (geteuid() != 0) {
        skip(); /* needs a second user */
    }
    assert_int_equal(chmod(world->dir.path, 0755), 0);
    assert_true(line_world_open(world));
    pid_t child = fork();
    if (child == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        strcpy(address.sun_path, temp_path(&world->dir, "sock"));
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        _exit(setgid(65534) == 0 && setuid(65534) == 0 &&
                      connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0
                  ? 0
                  : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* As fast as it can, puts a link to `victim` in the place of each socket that appears at `path`. */
static void replace_sockets(const char *path, const char *victim)
{
    alarm(10); /* a test that fails does not end it */
    for (;;) {
        if (unlink(path) == 0) {
            (void)!symlink(victim, path);
        }
    }
}

/* Who may write the folder of a socket had the agent open any file of its user to others: chmod(2) follows links. */
static void a_link_in_its_place_leads_nowhere(void **state)
{
    struct line_world *world = *state;
    char path[PATH_MAX], victim[PATH_MAX];
    struct stat st;
    snprintf(path, sizeof(path), "%s", temp_path(&world->dir, "sock"));
    snprintf(victim, sizeof(victim), "%s", temp_path(&world->dir, "victim"));
    close(open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    unsigned replaced = 0;
    pid_t child = fork();
    if (child == 0) {
        replace_sockets(path, victim);
    }
    for (int round = 0; round < 500; round++) {
        struct error err;
        struct unix_bound bound;
        struct unix_place place = {.path = path, .mode = 0666, .gid = getegid(), .inherited_fd = -1};
        if (unix_bind(&place, SOCK_STREAM, &err, &bound) == 0) {
            unix_unbind(&bound);
        } else {
            replaced++;
        }
        unlink(path);
        assert_int_equal(stat(victim, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    print_message("replaced in time in %u of 500 rounds, the victim has mode %04o\n", replaced,
                  (unsigned)(st.st_mode & 07777));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_link_in_its_place_leads_nowhere, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(mode_and_group_do_not_depend_on_the_umask, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(a_group_that_is_not_ours_is_an_error, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(a_stale_socket_is_replaced, line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(a_socket_in_use_is_kept, line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_socket_is_kept, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(paths_that_do_not_fit_are_explained, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(the_file_is_removed_unless_it_was_replaced, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(an_inherited_socket_is_served_and_left, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_removed_is_made_again, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(what_has_taken_its_place_is_left_alone, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(without_its_folder_it_is_made_again_later, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(the_file_of_an_inherited_socket_is_only_reported, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(of_two_at_once_on_a_stale_socket_one_is_refused, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(a_directory_locked_for_ever_does_not_prevent_the_bind,
                                        line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(others_are_kept_out, line_world_setup, line_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
