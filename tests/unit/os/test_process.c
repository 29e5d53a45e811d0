#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct error err;

static void start_time_survives_any_name(void **state)
{
    (void)state;
    uint64_t before = 0, after = 0;
    assert_int_equal(process_start_time(getpid(), &err, &before), 0);
    assert_true(before > 0);
    assert_int_equal(prctl(PR_SET_NAME, ") S 1 (x) 9"), 0);
    assert_int_equal(process_start_time(getpid(), &err, &after), 0);
    assert_int_equal(prctl(PR_SET_NAME, "test"), 0);
    assert_true(before == after);
}

static void without_the_process_it_is_not_found(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    waitpid(child, NULL, 0);
    uint64_t ticks = 7;
    uid_t uid = 7;
    assert_int_equal(process_start_time(child, &err, &ticks), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(process_uid(child, &err, &uid), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_true(ticks == 7 && uid == 7);
}

static void returns_the_real_user(void **state)
{
    (void)state;
    uid_t uid = (uid_t)-2;
    assert_int_equal(process_uid(getpid(), &err, &uid), 0);
    assert_int_equal(uid, getuid());
}

static void boot_id_is_a_uuid(void **state)
{
    (void)state;
    char one[PROCESS_BOOT_ID_LENGTH + 1], two[PROCESS_BOOT_ID_LENGTH + 1];
    assert_int_equal(process_boot_id(&err, one), 0);
    assert_int_equal(process_boot_id(&err, two), 0);
    assert_string_equal(one, two);
    assert_int_equal(strlen(one), PROCESS_BOOT_ID_LENGTH);
    assert_int_equal(one[8], '-');
}

static void reaps_what_has_ended_and_no_more(void **state)
{
    (void)state;
    int hold[2];
    assert_int_equal(pipe(hold), 0);
    pid_t children[3];
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char byte;
            close(hold[1]);
            _exit(i == 2 && read(hold[0], &byte, 1) != 0);
        }
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)children[0], &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(waitid(P_PID, (id_t)children[1], &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_reap(), 2);
    assert_int_equal(process_reap(), 0);
    close(hold[1]);
    assert_int_equal(waitpid(children[2], NULL, 0), children[2]);
    assert_int_equal(process_reap(), 0);
    close(hold[0]);
}

static void raises_its_files_to_what_is_allowed(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max / 2;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(process_files_max() == limit.rlim_max / 2);
    assert_true(process_files_for_peers() == limit.rlim_max / 2 - 32);
    process_raise_files();
    assert_true(process_files_max() == limit.rlim_max);
}

static void memory_that_is_touched_shows(void **state)
{
    (void)state;
    size_t size = 64 << 20;
    int64_t before = process_usage().resident_bytes;
    assert_true(before > 100000);
    char *block = malloc(size);
    assert_non_null(block);
    memset(block, 1, size);
    int64_t after = process_usage().resident_bytes;
    /* Read, so that the compiler keeps the writes. */
    assert_int_equal(block[size / 2], 1);
    free(block);
    assert_true(after - before > (int64_t)(size / 2));
}

static void time_that_is_spent_shows(void **state)
{
    (void)state;
    int64_t before = process_usage().cpu_us;
    volatile unsigned sum = 0;
    while (process_usage().cpu_us < before + 2000) {
        sum += 1;
    }
    assert_true(process_usage().cpu_us >= before + 2000);
}

/* ---- other PID namespaces ---- */

/* A process that is 1 in a PID namespace of its own, and its child, which is 2 there. */
struct namespace
{
    pid_t maker, first; /* as we call them */
    int hold;           /* they end when it is closed */
};

static void live_in_it(int hold, int lives)
{
    char byte = 'y';
    bool is_second = fork() == 0;
    _exit((is_second && write(lives, &byte, 1) != 1) || read(hold, &byte, 1) != 0);
}

/* Skips the test where the kernel forbids a PID namespace. */
static struct namespace make_namespace(void)
{
    int hold[2], told[2], lives[2];
    pid_t first = 0;
    char byte;
    assert_int_equal(pipe(hold) + pipe(told) + pipe(lives), 0);
    pid_t maker = fork();
    if (maker == 0) {
        close(hold[1]);
        first = unshare(CLONE_NEWPID) < 0 ? -errno : fork();
        if (first == 0) {
            live_in_it(hold[0], lives[1]);
        }
        _exit(write(told[1], &first, sizeof(first)) != sizeof(first) || waitpid(first, NULL, 0) != first);
    }
    close(hold[0]);
    close(told[1]);
    close(lives[1]);
    assert_int_equal(read(told[0], &first, sizeof(first)), sizeof(first));
    close(told[0]);
    if (first < 0) {
        print_message("the kernel forbids a PID namespace here: %s\n", strerror(-first));
        waitpid(maker, NULL, 0);
        skip();
    }
    assert_int_equal(read(lives[0], &byte, 1), 1);
    close(lives[0]);
    return (struct namespace){.maker = maker, .first = first, .hold = hold[1]};
}

static void end_namespace(const struct namespace *namespace)
{
    close(namespace->hold);
    assert_int_equal(waitpid(namespace->maker, NULL, 0), namespace->maker);
}

static void in_one_namespace_a_pid_is_what_it_is(void **state)
{
    (void)state;
    pid_t pid = 0;
    assert_int_equal(process_translate(getpid(), getpid(), &err, &pid), 0);
    assert_int_equal(pid, getpid());
    assert_int_equal(process_translate(getpid(), 1, &err, &pid), 0);
    assert_int_equal(pid, 1);
}

static void a_pid_of_a_namespace_below_is_translated(void **state)
{
    (void)state;
    struct namespace namespace = make_namespace();
    pid_t pid = 0;
    assert_int_equal(process_translate(namespace.first, 1, &err, &pid), 0);
    assert_int_equal(pid, namespace.first);
    int rc = process_translate(namespace.first, 2, &err, &pid);
    if (rc < 0) { /* kernels before 6.11 */
        assert_int_equal(err.code, ERROR_DENIED);
        assert_non_null(strstr(err.text, "as process 1"));
        assert_int_equal(pid, namespace.first);
    } else {
        assert_true(pid != 2 && pid != namespace.first);
        assert_int_equal(kill(pid, 0), 0);
        assert_int_equal(process_translate(namespace.first, 77, &err, &pid), -1);
        assert_int_equal(err.code, ERROR_NOT_FOUND);
    }
    end_namespace(&namespace);
}

static void a_sender_that_is_not_visible_names_nobody(void **state)
{
    (void)state;
    pid_t pid = 7;
    assert_int_equal(process_translate(0, 1, &err, &pid), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    waitpid(child, NULL, 0);
    assert_int_equal(process_translate(child, getpid(), &err, &pid), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "has ended"));
    assert_int_equal(pid, 7);
}

/* Its numbers are those of other processes there: process 1 is not our process 1. */
static void the_proc_of_another_namespace_is_not_believed(void **state)
{
    (void)state;
    pid_t maker = fork();
    if (maker == 0) {
        if (unshare(CLONE_NEWPID) < 0) {
            _exit(2);
        }
        pid_t first = fork();
        if (first == 0) {
            uint64_t ticks = 0;
            uid_t uid = 0;
            _exit(process_start_time(getpid(), &err, &ticks) == -1 && err.code == ERROR_SYSTEM &&
                          strstr(err.text, "/proc") != NULL && process_uid(getpid(), &err, &uid) == -1
                      ? 0
                      : 1);
        }
        int status = 0;
        _exit(waitpid(first, &status, 0) == first && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(maker, &status, 0), maker);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) {
        print_message("the kernel forbids a PID namespace here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void users_without_a_number_are_not_known(void **state)
{
    (void)state;
    assert_true(process_user_is_known(0) && process_user_is_known(getuid()));
    assert_true(process_user_is_known(65534)); /* a user like any other outside of user namespaces */
    pid_t child = fork();
    if (child == 0) {
        char map[32];
        int size = snprintf(map, sizeof(map), "7 %u 1", (unsigned)getuid());
        if (unshare(CLONE_NEWUSER) < 0) {
            _exit(2);
        }
        int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
        bool mapped = fd >= 0 && write(fd, map, (size_t)size) == size;
        _exit(mapped && process_user_is_known(7) && !process_user_is_known(65534) ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) {
        print_message("the kernel forbids a user namespace here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool has_ended(int pidfd)
{
    struct pollfd ready = {.fd = pidfd, .events = POLLIN};
    return poll(&ready, 1, 0) == 1;
}

static void a_pidfd_shows_the_end_of_a_process(void **state)
{
    (void)state;
    int pair[2], hold[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) + pipe(hold), 0);
    int self = process_open_peer(pair[0], &err);
    assert_true(self >= 0 && !has_ended(self));
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(hold[1]);
        _exit(read(hold[0], &byte, 1) != 0);
    }
    int fd = process_open(child, &err);
    assert_true(fd >= 0 && !has_ended(fd));
    close(hold[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(has_ended(fd));
    assert_int_equal(process_open(child, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(process_open_peer(hold[0], &err), -1);
    close(fd);
    close(self);
    close(hold[0]);
    close(pair[0]);
    close(pair[1]);
}

/* The number tells processes apart that have no pid here. */
static void a_peer_has_the_number_of_its_process(void **state)
{
    (void)state;
    int mine[2], again[2], childs[2], hold[2];
    uint64_t one, same, other;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, mine), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, again), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, childs) + pipe(hold), 0);
    if (process_peer_number(mine[0], &one) < 0) {
        print_message("pidfds have no number here\n");
        skip();
    }
    assert_int_equal(process_peer_number(again[0], &same), 0);
    assert_true(one == same);
    pid_t child = fork();
    if (child == 0) {
        int pair[2];
        char byte;
        close(hold[1]);
        uint64_t number = 0;
        bool known =
            socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && process_peer_number(pair[0], &number) == 0;
        _exit(!known || send(childs[1], &number, sizeof(number), 0) != sizeof(number) ||
              read(hold[0], &byte, 1) != 0);
    }
    assert_int_equal(recv(childs[0], &other, sizeof(other), MSG_WAITALL), sizeof(other));
    assert_true(one != other);
    close(hold[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(process_peer_number(hold[0], &other), -1);
    close(hold[0]);
    for (int i = 0; i < 2; i++) {
        close(mine[i]);
        close(again[i]);
        close(childs[i]);
    }
}

/* Makes getsockopt(2) answer as a kernel before 6.5, for this process. */
static bool forget_so_peerpidfd(void)
{
    enum { SO_PEERPIDFD_NUMBER = 77 };
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsockopt, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SO_PEERPIDFD_NUMBER, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static void an_older_kernel_finds_the_peer_by_its_pid(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid_t watcher = fork();
    if (watcher == 0) {
        if (!forget_so_peerpidfd()) {
            _exit(2);
        }
        int fd = process_open_peer(pair[0], &err); /* the test, which made the pair */
        bool lives = fd >= 0 && !has_ended(fd);
        int other = process_open(getppid(), &err);
        struct stat one, two;
        bool same = fstat(fd, &one) == 0 && fstat(other, &two) == 0 && one.st_ino == two.st_ino;
        _exit(lives && same ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(watcher, &status, 0), watcher);
    close(pair[0]);
    close(pair[1]);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) {
        print_message("seccomp is not permitted here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_time_survives_any_name),
        cmocka_unit_test(without_the_process_it_is_not_found),
        cmocka_unit_test(returns_the_real_user),
        cmocka_unit_test(boot_id_is_a_uuid),
        cmocka_unit_test(reaps_what_has_ended_and_no_more),
        cmocka_unit_test(raises_its_files_to_what_is_allowed),
        cmocka_unit_test(memory_that_is_touched_shows),
        cmocka_unit_test(time_that_is_spent_shows),
        cmocka_unit_test(in_one_namespace_a_pid_is_what_it_is),
        cmocka_unit_test(a_pid_of_a_namespace_below_is_translated),
        cmocka_unit_test(a_sender_that_is_not_visible_names_nobody),
        cmocka_unit_test(the_proc_of_another_namespace_is_not_believed),
        cmocka_unit_test(users_without_a_number_are_not_known),
        cmocka_unit_test(an_older_kernel_finds_the_peer_by_its_pid),
        cmocka_unit_test(a_pidfd_shows_the_end_of_a_process),
        cmocka_unit_test(a_peer_has_the_number_of_its_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
