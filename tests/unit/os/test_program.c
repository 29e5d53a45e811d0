#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/error.h"
#include "outrider/os/privileges.h"
#include "outrider/os/program.h"
#include "support/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const own_environment[] = {"PATH=/usr/bin:/bin", "OUTRIDER_EVENT=drain", NULL};

/* Runs a script of the shell; returns its status and what it wrote. */
static int run(struct program program, const char *script, char out[static 1024])
{
    const char *words[] = {"/bin/sh", "-c", script, NULL};
    struct error err;
    pid_t pid;
    int ends[2], status;
    size_t size = 0;
    ssize_t got;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    program.words = (char *const *)(uintptr_t)words;
    program.environment = (char *const *)(uintptr_t)own_environment;
    program.output = ends[1];
    assert_int_equal(program_start(&program, &err, &pid), 0);
    close(ends[1]);
    while ((got = read(ends[0], out + size, 1023 - size)) > 0) {
        size += (size_t)got;
    }
    out[size] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void has_the_environment_the_directory_and_the_output_that_are_given(void **state)
{
    (void)state;
    char out[1024];
    assert_int_equal(
        run((struct program){.directory = "/"}, "pwd; echo \"$OUTRIDER_EVENT\" >&2; exit 3", out), 3);
    assert_string_equal(out, "/\ndrain\n");
    setenv("OUTRIDER_SECRET", "1", 1);
    assert_int_equal(run((struct program){0}, "echo \"<$OUTRIDER_SECRET>\"", out), 0);
    assert_string_equal(out, "<>\n");
}

static void has_no_file_of_this_process(void **state)
{
    (void)state;
    char out[1024], script[64];
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    snprintf(script, sizeof(script), "test -e /proc/self/fd/%d", fd);
    assert_int_equal(run((struct program){0}, script, out), 1);
    close(fd);
}

static void no_signal_is_blocked_or_ignored(void **state)
{
    (void)state;
    char out[1024];
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(run((struct program){0}, "grep -E 'Sig(Blk|Ign)' /proc/self/status", out), 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_string_equal(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    assert_int_equal(run((struct program){0}, "kill -TERM $$", out), 128 + SIGTERM);
}

static void leads_a_group_where_that_is_wanted(void **state)
{
    (void)state;
    char out[1024];
    static const char script[] = "set -- $(cat /proc/self/stat); test \"$5\" = $$ && echo own";
    assert_int_equal(run((struct program){.group = true}, script, out), 0);
    assert_string_equal(out, "own\n");
    assert_int_equal(run((struct program){0}, script, out), 1);
}

static void assert_fails(const char *word, enum error_code code, const char *text)
{
    const char *words[] = {word, NULL};
    struct error err;
    pid_t pid = -7;
    assert_int_equal(program_start(&(struct program){.words = (char *const *)(uintptr_t)words,
                                                     .environment = (char *const *)(uintptr_t)own_environment,
                                                     .output = -1},
                                   &err, &pid),
                     -1);
    assert_int_equal(pid, -7);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.text, text));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to wait for */
    assert_int_equal(errno, ECHILD);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void says_why_it_was_not_started(void **state)
{
    (void)state;
    struct temp_dir dir;
    assert_int_equal(temp_dir_init(&dir), 0);
    assert_fails("/nowhere/at-all", ERROR_NOT_FOUND, "cannot run /nowhere/at-all: No such file or directory");
    assert_fails("/etc/passwd/x", ERROR_NOT_FOUND, "Not a directory");
    assert_fails("/etc", ERROR_SYSTEM, "it is not executable for this user");
    write_file(temp_path(&dir, "plain"), "echo 1\n", 0644);
    assert_fails(temp_path(&dir, "plain"), ERROR_SYSTEM, "it is not executable for this user");
    write_file(temp_path(&dir, "text"), "echo 1\n", 0755);
    assert_fails(temp_path(&dir, "text"), ERROR_SYSTEM, "it is no program, a script begins with #!");
    write_file(temp_path(&dir, "script"), "#!/nowhere/shell\n", 0755);
    assert_fails(temp_path(&dir, "script"), ERROR_NOT_FOUND, "the interpreter that it names does not exist");
    assert_int_equal(temp_dir_fini(&dir), 0);
}

static void users_are_looked_up_by_name_and_number(void **state)
{
    (void)state;
    struct error err;
    struct program_user user, same;
    assert_int_equal(program_user_find("root", &err, &user), 0);
    assert_int_equal(user.uid, 0);
    assert_string_equal(user.name, "root");
    assert_int_equal(program_user_find("0", &err, &same), 0);
    assert_string_equal(same.name, "root");
    assert_int_equal(program_user_find(NULL, &err, &same), 0);
    assert_int_equal(same.uid, geteuid());
    assert_int_equal(program_user_find("no-such-user", &err, &user), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "there is no user no-such-user on this machine"));
}

/* As a service that gave up what it does not need. Exit status 0: as wanted. */
static int without_privileges(const struct program_user *user)
{
    const char *words[] = {"/bin/true", NULL};
    struct error err;
    pid_t pid;
    struct program program = {.words = (char *const *)(uintptr_t)words,
                              .environment = (char *const *)(uintptr_t)own_environment,
                              .output = -1,
                              .user = user};
    if (privileges_drop(0, &err) < 0) {
        return 1;
    }
    return program_start(&program, &err, &pid) < 0 &&
                   strstr(err.text, "cannot become user daemon: Operation not permitted; that needs root") !=
                       NULL
               ? 0
               : 2;
}

static void another_user_is_that_with_its_groups_and_nothing_else(void **state)
{
    (void)state;
    struct error err;
    struct program_user user;
    char out[1024], wanted[64];
    int status;
    if (geteuid() != 0 || program_user_find("daemon", &err, &user) < 0) {
        print_message("skipped: only root may become another user\n");
        return;
    }
    assert_int_equal(run((struct program){.user = &user}, "id -u; id -g; id -G", out), 0);
    snprintf(wanted, sizeof(wanted), "%u\n%u\n%u\n", (unsigned)user.uid, (unsigned)user.gid,
             (unsigned)user.gid);
    assert_string_equal(out, wanted);
    assert_int_equal(run((struct program){.user = &user}, "grep CapEff /proc/self/status", out), 0);
    assert_string_equal(out, "CapEff:\t0000000000000000\n");
    pid_t child = fork();
    if (child == 0) {
        _exit(without_privileges(&user));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_environment_the_directory_and_the_output_that_are_given),
        cmocka_unit_test(has_no_file_of_this_process),
        cmocka_unit_test(no_signal_is_blocked_or_ignored),
        cmocka_unit_test(leads_a_group_where_that_is_wanted),
        cmocka_unit_test(says_why_it_was_not_started),
        cmocka_unit_test(users_are_looked_up_by_name_and_number),
        cmocka_unit_test(another_user_is_that_with_its_groups_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
