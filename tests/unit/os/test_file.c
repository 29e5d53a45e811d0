#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct temp_dir dir;
static struct error err;

static int setup(void **state)
{
    (void)state;
    err = (struct error){0};
    return temp_dir_init(&dir);
}

static int teardown(void **state)
{
    (void)state;
    return temp_dir_fini(&dir);
}

static void writes_and_reads_back(void **state)
{
    (void)state;
    struct buf bytes = {0};
    buf_str(&bytes, STR("kept:"));
    assert_int_equal(file_replace(dir.path, "id", STR("one\0two"), 0600, true, &err), 0);
    assert_int_equal(file_replace(dir.path, "id", STR("three\0four"), 0640, false, &err), 0);
    assert_int_equal(file_read(temp_path(&dir, "id"), 10, &err, &bytes), 0);
    assert_true(str_eq(buf_view(&bytes), STR("kept:three\0four")));
    struct stat st;
    assert_int_equal(stat(temp_path(&dir, "id"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(access(temp_path(&dir, ".id.new"), F_OK), -1);
    buf_fini(&bytes);
}

static void replaces_what_a_crash_left(void **state)
{
    (void)state;
    int fd = open(temp_path(&dir, ".id.new"), O_CREAT | O_WRONLY, 0400);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_replace(dir.path, "id", STR("x"), 0600, true, &err), 0);
    assert_int_equal(access(temp_path(&dir, ".id.new"), F_OK), -1);
}

static void writes_in_pieces(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct file_draft *draft = file_draft_open(dir.path, "id", &err);
    assert_int_equal(file_draft_add(draft, STR("one"), &err), 0);
    assert_int_equal(file_draft_place(draft, 0640, false, &err), 0);
    draft = file_draft_open(dir.path, "id", &err);
    assert_int_equal(file_draft_add(draft, STR("tw"), &err), 0);
    assert_int_equal(file_read(temp_path(&dir, "id"), 10, &err, &bytes), 0);
    file_draft_drop(draft); /* the old file stands, and nothing is left */
    assert_int_equal(access(temp_path(&dir, ".id.new"), F_OK), -1);
    draft = file_draft_open(dir.path, "id", &err);
    assert_int_equal(file_draft_add(draft, STR("tw"), &err), 0);
    assert_int_equal(file_draft_add(draft, STR("o"), &err), 0);
    assert_int_equal(file_draft_place(draft, 0600, true, &err), 0);
    assert_int_equal(file_read(temp_path(&dir, "id"), 10, &err, &bytes), 0);
    assert_true(str_eq(buf_view(&bytes), STR("onetwo")));
    assert_null(file_draft_open(temp_path(&dir, "absent"), "id", &err));
    buf_fini(&bytes);
}

static void refuses_what_it_cannot_read(void **state)
{
    (void)state;
    struct buf bytes = {0};
    buf_str(&bytes, STR("kept"));
    assert_int_equal(file_replace(dir.path, "big", STR("12345678901"), 0600, true, &err), 0);
    assert_int_equal(mkfifo(temp_path(&dir, "fifo"), 0600), 0);
    static const struct {
        const char *name;
        enum error_code code;
    } rows[] = {
        {"big", ERROR_LIMIT}, {"absent", ERROR_NOT_FOUND}, {"fifo", ERROR_INVALID}, {".", ERROR_INVALID}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = temp_path(&dir, rows[i].name);
        assert_int_equal(file_read(path, 10, &err, &bytes), -1);
        assert_int_equal(err.code, rows[i].code);
        assert_non_null(strstr(err.text, path));
        assert_string_equal(buf_text(&bytes), "kept");
    }
    buf_fini(&bytes);
}

static void a_failed_write_keeps_the_old_file(void **state)
{
    (void)state;
    assert_int_equal(file_replace(temp_path(&dir, "absent"), "id", STR("x"), 0600, true, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(mkdir(temp_path(&dir, "id"), 0700), 0);
    assert_int_equal(file_replace(dir.path, "id", STR("x"), 0600, true, &err), -1);
    assert_int_equal(access(temp_path(&dir, ".id.new"), F_OK), -1);
    rmdir(temp_path(&dir, "id"));
}

static void a_lock_names_its_holder(void **state)
{
    (void)state;
    const char *path = temp_path(&dir, "lock");
    int ready[2], quit[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(quit), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = -1;
        pid_t nobody = 0;
        char byte = file_lock(path, &err, &fd, &nobody) == 0 ? 'y' : 'n';
        close(quit[1]);
        _exit(write(ready[1], &byte, 1) != 1 || read(quit[0], &byte, 1) != 0);
    }
    close(quit[0]);
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    int fd = -1;
    pid_t holder = 0;
    assert_int_equal(file_lock(path, &err, &fd, &holder), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_equal(holder, child);
    assert_int_equal(fd, -1);
    close(quit[1]);
    waitpid(child, NULL, 0);
    /* the holder was killed: the lock is free at once */
    assert_int_equal(file_lock(path, &err, &fd, &holder), 0);
    int second = -1;
    assert_int_equal(file_lock(path, &err, &second, &holder), -1);
    assert_int_equal(holder, getpid());
    file_unlock(fd);
    file_unlock(-1);
    assert_int_equal(file_lock(path, &err, &fd, &holder), 0);
    /* A pid means nothing in another PID namespace. */
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, "1\n77\n", 5, 0), 5);
    assert_int_equal(file_lock(path, &err, &second, &holder), -1);
    assert_int_equal(holder, 1);
    assert_non_null(strstr(err.text, "process 1 of another PID namespace"));
    file_unlock(fd);
    close(ready[0]);
    close(ready[1]);
}

static int lock(const char *path)
{
    int fd = -1;
    pid_t holder = 0;
    err = (struct error){0};
    return file_lock(path, &err, &fd, &holder) < 0 ? -1 : fd;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
    close(fd);
}

static void assert_content(const char *path, const char *text)
{
    struct buf bytes = {0};
    assert_int_equal(file_read(path, 64, &err, &bytes), 0);
    assert_string_equal(buf_text(&bytes), text);
    buf_fini(&bytes);
}

/* A user that could write state_dir had the agent truncate any file of its own. */
static void a_lock_is_no_way_to_another_file(void **state)
{
    (void)state;
    const char *path = temp_path(&dir, "lock"), *victim = temp_path(&dir, "victim");
    write_file(victim, "precious", 0600);
    assert_int_equal(link(victim, path), 0);
    assert_int_equal(lock(path), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    assert_non_null(strstr(err.text, "has 2 names"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(victim, path), 0);
    assert_int_equal(lock(path), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    assert_non_null(strstr(err.text, "it is a link"));
    assert_content(victim, "precious");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(lock(path), -1);
    assert_int_equal(err.code, ERROR_INVALID);
}

/* A process that has the file open can lock it at any time, whatever its mode is then. */
static void a_lock_of_somebody_else_is_not_waited_for(void **state)
{
    (void)state;
    struct stat before, after;
    char text[32];
    const char *path = temp_path(&dir, "lock");
    write_file(path, "", 0644); /* as former agents made it */
    int theirs = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(theirs, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(stat(path, &before), 0);
    int fd = lock(path);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino != after.st_ino && after.st_size > 0);
    assert_int_equal(after.st_mode & 07777, 0600);
    assert_true(file_lock_stands(path, fd));
    assert_int_equal(lock(path), -1);
    assert_int_equal(err.code, ERROR_BUSY); /* an agent has it now */
    file_unlock(fd);
    fd = lock(path);
    assert_true(fd >= 0);
    file_unlock(fd);
    /* A former agent that runs still is waited for: it names itself. */
    snprintf(text, sizeof(text), "%d\n", (int)getpid());
    write_file(path, text, 0644);
    int former = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(former, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(lock(path), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    close(former);
    /* Once it has ended, its file goes, because others may have it open. */
    assert_int_equal(stat(path, &before), 0);
    fd = lock(path);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino != after.st_ino);
    file_unlock(fd);
    close(theirs);
}

/* A process that tries once and keeps the lock until `quit` is closed. */
static void contend(const char *path, int start, int done, int quit)
{
    char byte;
    bool told = read(start, &byte, 1) == 0;
    byte = lock(path) >= 0 ? 'y' : 'n';
    told = told && write(done, &byte, 1) == 1;
    _exit(!told || read(quit, &byte, 1) != 0);
}

/* As an upgrade leaves it to two agents that start together. */
static unsigned count_holders(const char *path)
{
    enum { AGENTS = 4 };
    int start[2], done[2], quit[2];
    unsigned holders = 0;
    write_file(path, "", 0644);
    assert_true(pipe(start) == 0 && pipe(done) == 0 && pipe(quit) == 0);
    for (int i = 0; i < AGENTS; i++) {
        if (fork() == 0) {
            close(start[1]);
            close(quit[1]);
            contend(path, start[0], done[1], quit[0]);
        }
    }
    close(start[0]);
    close(quit[0]);
    close(start[1]);
    for (int i = 0; i < AGENTS; i++) {
        char byte = 0;
        assert_int_equal(read(done[0], &byte, 1), 1);
        holders += byte == 'y';
    }
    close(quit[1]);
    for (int i = 0; i < AGENTS; i++) {
        wait(NULL);
    }
    close(done[0]);
    close(done[1]);
    return holders;
}

static void a_former_lock_is_replaced_by_one_agent_alone(void **state)
{
    (void)state;
    const char *path = temp_path(&dir, "lock");
    for (int round = 0; round < 200; round++) {
        assert_true(count_holders(path) <= 1);
        assert_int_equal(unlink(path), 0);
    }
    /* What a crash left of a replacement is used by the next one. */
    write_file(path, "", 0644);
    write_file(temp_path(&dir, "lock.new"), "", 0600);
    int fd = lock(path);
    assert_true(fd >= 0 && file_lock_stands(path, fd));
    assert_true(access(temp_path(&dir, "lock.new"), F_OK) < 0);
    file_unlock(fd);
}

static void checks_a_directory(void **state)
{
    (void)state;
    assert_int_equal(file_check_dir(dir.path, &err), 0);
    assert_int_equal(file_check_dir(temp_path(&dir, "absent"), &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(file_replace(dir.path, "file", STR(""), 0600, true, &err), 0);
    assert_int_equal(file_check_dir(temp_path(&dir, "file"), &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    if (geteuid() != 0) {
        assert_int_equal(chmod(dir.path, 0500), 0);
        assert_int_equal(file_check_dir(dir.path, &err), -1);
        assert_int_equal(err.code, ERROR_DENIED);
        assert_int_equal(chmod(dir.path, 0700), 0);
    }
}

static void makes_a_directory(void **state)
{
    (void)state;
    bool made;
    struct stat st;
    const char *path = temp_path(&dir, "state");
    mode_t mask = umask(022);
    assert_int_equal(file_make_dir(path, 0700, &err, &made), 0);
    umask(mask);
    assert_true(made);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(chmod(path, 0750), 0);
    assert_int_equal(file_make_dir(path, 0700, &err, &made), 0);
    assert_false(made);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(file_make_dir(temp_path(&dir, "absent/state"), 0700, &err, &made), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "the directory above it does not exist"));
    assert_int_equal(file_replace(dir.path, "file", STR(""), 0600, true, &err), 0);
    assert_int_equal(file_make_dir(temp_path(&dir, "file/state"), 0700, &err, &made), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(file_make_dir(temp_path(&dir, "file"), 0700, &err, &made), 0);
    assert_false(made);
    assert_int_equal(file_make_dir("/proc/outrider", 0700, &err, &made), -1);
}

/* As in /tmp, where any user can make a directory. */
static void a_directory_that_another_user_has_put_there_is_refused(void **state)
{
    (void)state;
    bool made;
    const char *path = temp_path(&dir, "state"), *link = temp_path(&dir, "link");
    assert_int_equal(chmod(dir.path, 01777), 0);
    assert_int_equal(file_check_owner(path, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(file_make_dir(path, 0700, &err, &made), 0);
    assert_int_equal(file_check_owner(path, &err), 0);
    if (geteuid() == 0 && chown(path, 65534, 65534) == 0) {
        assert_int_equal(file_check_owner(path, &err), -1);
        assert_int_equal(err.code, ERROR_DENIED);
        assert_non_null(strstr(err.text, "belongs to user 65534"));
        assert_int_equal(chmod(dir.path, 0755), 0); /* no other user can have put it there */
        assert_int_equal(file_check_owner(path, &err), 0);
        assert_int_equal(chmod(dir.path, 01777), 0);
        assert_int_equal(chown(path, 0, 0), 0);
        assert_int_equal(symlink("state", link), 0);
        assert_int_equal(lchown(link, 65534, 65534), 0);
        assert_int_equal(file_check_owner(link, &err), -1);
        assert_int_equal(unlink(link), 0);
    }
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(chmod(dir.path, 0700), 0);
}

static int check_as_a_usual_user(const char *path)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        _exit(setgid(65534) == 0 && setuid(65534) == 0 ? file_check_owner(path, &err) < 0 : 9);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 9;
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        int rc;
        bool group;
    } rows[] = {{0700, 0, false}, {0755, 0, false},  {0770, 0, true},
                {0777, -1, true}, {0702, -1, false}, {01777, -1, true}};
    const char *path = temp_path(&dir, "state");
    bool made;
    assert_int_equal(file_make_dir(path, 0700, &err, &made), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(chmod(path, rows[i].mode), 0);
        assert_int_equal(file_check_owner(path, &err), rows[i].rc);
        assert_true(file_group_may_write(path) == rows[i].group);
        if (rows[i].rc < 0) {
            assert_int_equal(err.code, ERROR_DENIED);
            assert_non_null(strstr(err.text, "every user can change what is in it; chmod o-w it"));
        }
    }
    assert_false(file_group_may_write(temp_path(&dir, "absent")));
    if (geteuid() == 0) {
        assert_int_equal(chmod(path, 0777) + chmod(dir.path, 0755), 0);
        assert_int_equal(chmod(path, 0755) + chown(path, 65533, 65533), 0);
        assert_int_equal(check_as_a_usual_user(path), 1); /* its owner decides what is in it */
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(check_as_a_usual_user(path), 0);
        assert_int_equal(chown(path, 0, 65534), 0); /* a volume of root that the agent's group may write */
        assert_int_equal(check_as_a_usual_user(path), 0);
        assert_int_equal(chmod(dir.path, 0700), 0);
    }
    assert_int_equal(rmdir(path), 0);
}

static void the_parent_is_where_a_path_stands(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"/run/a/b.sock", "/run/a"},
                                          {"/b", "/"},
                                          {"/", "/"},
                                          {"/run/a/", "/run"},
                                          {"a", "."},
                                          {"a/b", "a"},
                                          {"a//", "."},
                                          {"//b", "/"},
                                          {"/run//b", "/run/"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char parent[PATH_MAX];
        file_parent(rows[i][0], parent);
        assert_string_equal(parent, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_and_reads_back, setup, teardown),
        cmocka_unit_test_setup_teardown(replaces_what_a_crash_left, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_it_cannot_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_write_keeps_the_old_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lock_names_its_holder, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lock_is_no_way_to_another_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lock_of_somebody_else_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_former_lock_is_replaced_by_one_agent_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(checks_a_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_others_may_write_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(makes_a_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_another_user_has_put_there_is_refused, setup,
                                        teardown),
        cmocka_unit_test(the_parent_is_where_a_path_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
