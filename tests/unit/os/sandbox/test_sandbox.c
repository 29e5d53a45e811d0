/* Each attack is a child process: what code that is not the agent's would try once it runs in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "children.h"
#include "outrider/base/attr.h"
#include "outrider/base/error.h"
#include "outrider/os/sandbox/sandbox.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Numbers of calls that are the same on every architecture, for headers that lack them. */
enum {
    NR_IO_URING_SETUP = 425,
    NR_OPEN_TREE = 428,
    NR_CLONE3 = 435,
    NR_PIDFD_GETFD = 438,
    NR_NEXT_CENTURY = 1023
};

#define EXEC_ARGUMENTS                                                                                       \
    (long)(const char *[])                                                                                   \
    {                                                                                                        \
        "/bin/true", NULL                                                                                    \
    }

/* ---- hostile calls ---- */

struct attack {
    const char *name;
    long number, args[6];
    int outcome;
};

static int call(void *user)
{
    const struct attack *attack = user;
    const long *args = attack->args;
    long rc = syscall(attack->number, args[0], args[1], args[2], args[3], args[4], args[5]);
    return rc < 0 ? errno : 0;
}

static void expect(const struct attack *attacks, size_t count)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) {
        int outcome = child_try(0, call, (void *)(uintptr_t)&attacks[i]);
        if (outcome != attacks[i].outcome) {
            fprintf(stderr, "%s: %d, wanted %d\n", attacks[i].name, outcome, attacks[i].outcome);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    print_message("held: %zu calls\n", count);
}

/* The arguments are such that a call that is not refused does no harm. */
static void what_only_foreign_code_calls_ends_the_process(void **state)
{
    (void)state;
    long me = (long)getpid(), zeros[8] = {0};
    long file = memfd_create("attack", 0);
    const struct attack attacks[] = {
#define KILLED(name, ...) {#name, SYS_##name, {__VA_ARGS__}, CHILD_KILLED}
        KILLED(execve, (long)"/bin/true", EXEC_ARGUMENTS),
        KILLED(execveat, file, (long)"", EXEC_ARGUMENTS, 0, AT_EMPTY_PATH),
        KILLED(ptrace, 0),
        KILLED(process_vm_readv, me),
        KILLED(process_vm_writev, me),
        KILLED(kcmp, me, me),
        KILLED(perf_event_open, 0),
        {"pidfd_getfd", NR_PIDFD_GETFD, {-1}, CHILD_KILLED},
        KILLED(setuid, getuid()),
        KILLED(setgid, getgid()),
        KILLED(setresuid, -1, -1, -1),
        KILLED(setreuid, -1, -1),
        KILLED(setfsuid, -1),
        KILLED(setgroups, -1),
        KILLED(capset, 0),
        KILLED(mount, (long)"none", (long)"/nowhere", (long)"tmpfs"),
        KILLED(umount2, (long)"/nowhere"),
        {"open_tree", NR_OPEN_TREE, {-1, (long)""}, CHILD_KILLED},
        KILLED(pivot_root, (long)"/nowhere", (long)"/nowhere"),
        KILLED(chroot, (long)"/nowhere"),
        KILLED(unshare, CLONE_NEWUSER),
        KILLED(setns, -1),
        KILLED(open_by_handle_at, -1),
        KILLED(quotactl, -1),
        KILLED(acct, (long)"/nowhere"),
        KILLED(swapon, (long)"/nowhere"),
        KILLED(bpf, 0, (long)zeros, sizeof(zeros)),
        KILLED(userfaultfd, -1),
        KILLED(init_module, 0),
        KILLED(finit_module, -1),
        KILLED(delete_module, (long)""),
        KILLED(kexec_load, -1, -1),
        KILLED(reboot, 0),
        KILLED(syslog, -1),
        KILLED(settimeofday, 0),
        KILLED(clock_settime, -1),
        KILLED(sethostname, 0, -1),
#ifdef __x86_64__
        KILLED(iopl, 0),
        KILLED(modify_ldt, -1),
#endif
#undef KILLED
    };
    expect(attacks, COUNT_OF(attacks));
    close((int)file);
}

static void what_an_agent_does_not_need_is_as_if_the_kernel_had_it_not(void **state)
{
    (void)state;
    static const struct attack attacks[] = {
#define REFUSED(name, ...) {#name, SYS_##name, {__VA_ARGS__}, ENOSYS}
#define REFUSED_IN(what, name, ...)                                                                          \
    {                                                                                                        \
#name " " what, SYS_##name, {__VA_ARGS__ }, ENOSYS                                                   \
    }
        REFUSED_IN("AF_PACKET", socket, AF_PACKET, SOCK_DGRAM),
        REFUSED_IN("AF_ALG", socket, AF_ALG, SOCK_SEQPACKET),
        REFUSED_IN("AF_VSOCK", socket, AF_VSOCK, SOCK_STREAM),
        REFUSED_IN("AF_BLUETOOTH", socket, AF_BLUETOOTH, SOCK_RAW),
        REFUSED_IN("raw", socket, AF_INET, SOCK_RAW, IPPROTO_ICMP),
        REFUSED_IN("raw v6", socket, AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6),
        REFUSED_IN("netfilter", socket, AF_NETLINK, SOCK_RAW, 12),
        REFUSED_IN("audit", socket, AF_NETLINK, SOCK_RAW, 9),
        REFUSED_IN("fork", clone, SIGCHLD),
        REFUSED_IN("namespace", clone, CLONE_NEWUSER | SIGCHLD),
        REFUSED_IN("namespace of a thread", clone,
                   CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES | CLONE_NEWNS),
        {"clone3", NR_CLONE3, {0}, ENOSYS},
        {"io_uring_setup", NR_IO_URING_SETUP, {1}, ENOSYS},
        REFUSED(memfd_create, (long)"attack"),
        REFUSED(personality, 0xffffffff),
        REFUSED(keyctl, 0),
        REFUSED(add_key, 0),
        REFUSED(request_key, 0),
        REFUSED(seccomp, 0),
        REFUSED_IN("filter", prctl, PR_SET_SECCOMP, 2),
        REFUSED_IN("dumpable", prctl, PR_SET_DUMPABLE, 1),
        REFUSED_IN("memory map", prctl, PR_SET_MM),
        REFUSED_IN("ptracer", prctl, PR_SET_PTRACER, -1),
        REFUSED_IN("ambient", prctl, PR_CAP_AMBIENT),
        REFUSED_IN("input of a terminal", ioctl, 0, TIOCSTI),
        REFUSED_IN("terminal", ioctl, 0, TIOCSCTTY),
        REFUSED_IN("written and executed", mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1),
        REFUSED_IN("executed without a file", mmap, 0, 4096, PROT_READ | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1),
        REFUSED_IN("executed", mprotect, 0, 0, PROT_READ | PROT_EXEC),
        REFUSED_IN("executed", pkey_mprotect, 0, 0, PROT_EXEC, -1),
        REFUSED(shmat, -1),
        REFUSED(kill, 0, 0),
        REFUSED_IN("another signal", tgkill, 0, 0, SIGKILL),
        REFUSED(rt_sigqueueinfo, 0, 0),
        REFUSED(pidfd_send_signal, -1),
        REFUSED_IN("set", prlimit64, 0, 7, 1),
        REFUSED(setpriority, 0, 0, 0),
        REFUSED(sched_setscheduler, 0),
        REFUSED(mknodat, AT_FDCWD, (long)"/nowhere", S_IFCHR),
        REFUSED(symlinkat, (long)"", AT_FDCWD, (long)""),
        REFUSED(setxattr, (long)""),
        REFUSED(name_to_handle_at, -1),
        REFUSED(fanotify_init, 0),
        REFUSED(inotify_init1, 0),
        REFUSED(msgget, -1, 0),
        REFUSED(mq_unlink, (long)""),
        REFUSED(vmsplice, -1),
        REFUSED(chdir, (long)"/"),
        {"a call of the next century", NR_NEXT_CENTURY, {0}, ENOSYS},
#undef REFUSED
#undef REFUSED_IN
    };
    expect(attacks, COUNT_OF(attacks));
}

#ifdef __x86_64__
static int call_as_32_bits(void *user)
{
    (void)user;
    long number = 20; /* getpid there, writev here */
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory", "r8", "r9", "r10", "r11");
    return 0;
}

static int call_as_x32(void *user)
{
    (void)user;
    return syscall(0x40000000L | SYS_getpid) < 0 ? errno : 0;
}

static void other_tables_of_calls_are_no_way_around(void **state)
{
    (void)state;
    int outcome = child_try(0, call_as_32_bits, NULL);
    assert_true(outcome == CHILD_KILLED ||
                outcome == CHILD_OTHER_SIGNAL); /* another: the kernel has no such table */
    assert_int_not_equal(child_try(0, call_as_x32, NULL), 0);
}
#endif

static int enter_again(void *user)
{
    (void)user;
    return sandbox_enter(SANDBOX_EXEC, NULL) < 0 ? 0 : 1;
}

static int threads_too(void *user)
{
    int *pipes = user;
    /* A thread of before waits here; it was given the filter as well. */
    return write(pipes[1], "x", 1) == 1 && poll(NULL, 0, 10000) == 0 ? 0 : 1;
}

static void *attack_from_a_thread(void *user)
{
    const int *pipes = user;
    char byte;
    if (read(pipes[0], &byte, 1) == 1) {
        syscall(SYS_ptrace, 0);
    }
    return NULL;
}

static void there_is_no_way_out(void **state)
{
    (void)state;
    assert_int_equal(child_try(0, enter_again, NULL), 0);
    int pipes[2], status = 0;
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        bool began = pthread_create(&thread, NULL, attack_from_a_thread, pipes) == 0;
        _exit(!began || sandbox_enter(0, NULL) < 0 ? 2 : threads_too(pipes));
    }
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    close(pipes[0]);
    close(pipes[1]);
}

/* ---- what an agent does ---- */

#define TRY(condition)                                                                                       \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s: %s\n", #condition, strerror(errno));                                        \
            return 1;                                                                                        \
        }                                                                                                    \
    } while (0)

static int use_sockets(void *user)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[8], control[CMSG_SPACE(sizeof(int))];
    struct iovec bytes = {text, sizeof(text)};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    int on = 1, pair[2], waiting;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", (const char *)user);
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
        client = socket(AF_UNIX, SOCK_STREAM, 0);
    TRY(bind(server, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(server, 1) == 0);
    TRY(chmod(address.sun_path, 0660) == 0 && lchown(address.sun_path, (uid_t)-1, (gid_t)-1) == 0);
    TRY(connect(client, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        accept4(server, NULL, NULL, 0) >= 0);
    TRY(unlink(address.sun_path) == 0 && shutdown(client, SHUT_RDWR) == 0);
    TRY(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0);
    TRY(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
    TRY(sendto(pair[1], "x", 1, MSG_NOSIGNAL, NULL, 0) == 1 && ioctl(pair[0], FIONREAD, &waiting) == 0);
    TRY(recvmsg(pair[0], &message, MSG_DONTWAIT) == 1);
    TRY(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0 &&
        socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP) >= 0);
    TRY(socket(AF_INET6, SOCK_STREAM, 0) >= 0 || errno == EAFNOSUPPORT);
    TRY(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) >= 0);
    return 0;
}

static int use_files(void *user)
{
    char name[4096], other[4096];
    struct stat st;
    snprintf(name, sizeof(name), "%s/state.new", (const char *)user);
    snprintf(other, sizeof(other), "%s/state", (const char *)user);
    FILE *file = fopen(name, "we");
    TRY(file != NULL && fputs("state\n", file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0 &&
        fclose(file) == 0);
    TRY(rename(name, other) == 0 && stat(other, &st) == 0 && access(other, R_OK) == 0 && unlink(other) == 0);
    TRY(mkdir(name, 0700) == 0 && rmdir(name) == 0 && isatty(2) >= 0);
    TRY(open("/proc/self/status", O_RDONLY | O_CLOEXEC) >= 0);
    return 0;
}

static void *end_at_once(void *user)
{
    return user;
}

static int use_the_loop(void *user)
{
    (void)user;
    pthread_t thread;
    sigset_t none;
    char byte;
    sigemptyset(&none);
    TRY(epoll_create1(EPOLL_CLOEXEC) >= 0 && timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) >= 0);
    TRY(signalfd(-1, &none, SFD_NONBLOCK | SFD_CLOEXEC) >= 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    TRY(getrandom(&byte, 1, 0) == 1 && usleep(1) == 0);
    TRY((errno = pthread_create(&thread, NULL, end_at_once, NULL)) == 0 && pthread_join(thread, NULL) == 0);
    TRY(syscall(SYS_pidfd_open, getpid(), 0) >= 0);
    TRY(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    void *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRY(memory != MAP_FAILED && mprotect(memory, 4096, PROT_READ) == 0 && munmap(memory, 1 << 20) == 0);
    return 0;
}

/* As the C library does for the name of a host, and OpenSSL for a module of its configuration. */
static int load_a_library(void *user)
{
    (void)user;
    TRY(dlopen("libnss_dns.so.2", RTLD_NOW) != NULL || dlopen("libresolv.so.2", RTLD_NOW) != NULL);
    return 0;
}

static int fail_an_assertion(void *user)
{
    (void)user;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void an_agent_has_what_it_needs(void **state)
{
    (void)state;
    char folder[] = "/tmp/outrider-sandbox-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(child_try(0, use_sockets, folder), 0);
    assert_int_equal(child_try(0, use_files, folder), 0);
    assert_int_equal(child_try(0, use_the_loop, NULL), 0);
    assert_int_equal(child_try(0, load_a_library, NULL), 0);
    assert_int_equal(child_try(0, fail_an_assertion, NULL), CHILD_OTHER_SIGNAL); /* and so says what failed */
    assert_int_equal(rmdir(folder), 0);
}

/* ---- programs ---- */

static int run_a_shell(void *user)
{
    char name[] = "sh", option[] = "-c", *words[] = {name, option, user, NULL};
    int status = 0;
    pid_t child;
    TRY((errno = posix_spawn(&child, "/bin/sh", NULL, NULL, words, NULL)) == 0);
    TRY(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_EXEC_FAILED;
}

static int fork_and_exec(void *user)
{
    (void)user;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setsid();
        dup2(0, 1);
        execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
        _exit(CHILD_EXEC_FAILED);
    }
    TRY(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_EXEC_FAILED;
}

static int call_traced(void *user)
{
    (void)user;
    syscall(SYS_ptrace, 0);
    return 0;
}

static void a_configuration_may_need_programs(void **state)
{
    (void)state;
    char script[] = "x=$(echo 5 | cat) && cd / && kill -0 $$ && exit $x";
    char plain[] = "exit 0";
    assert_int_equal(child_try(SANDBOX_EXEC, run_a_shell, script), 5);
    assert_int_equal(child_try(SANDBOX_EXEC, fork_and_exec, NULL), 7);
    assert_int_equal(child_try(SANDBOX_EXEC, call_traced, NULL), CHILD_KILLED);
    assert_int_not_equal(child_try(0, run_a_shell, plain), 0);
}

/* ---- where it cannot be entered ---- */

static void in_a_child(int (*act)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit(act());
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int refused_one_way(void)
{
    struct error err;
    TRY(child_refuse_filters(false) && sandbox_check(&err) == 0 && sandbox_enter(0, &err) == 0);
    return call(&(struct attack){.number = SYS_personality}) == ENOSYS ? 0 : 1;
}

static int refused(void)
{
    struct error err;
    TRY(child_refuse_filters(true));
    TRY(sandbox_check(&err) == -1 && err.code == ERROR_SYSTEM);
    TRY(strstr(err.text, "lets no process filter system calls: Operation not permitted") != NULL);
    TRY(sandbox_enter(0, &err) == -1 && err.code == ERROR_SYSTEM);
    return strcmp(err.text, "cannot filter system calls: Operation not permitted") == 0 ? 0 : 1;
}

static void another_filter_may_be_around_it(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(sandbox_check(&err), 0);
    in_a_child(refused_one_way);
    in_a_child(refused);
}

static int under_valgrind(void)
{
    setenv("LD_PRELOAD", "/usr/libexec/valgrind/vgpreload_core-amd64-linux.so", 1);
    return sandbox_hindrance() != NULL ? 0 : 1;
}

static void what_makes_calls_of_its_own_is_known(void **state)
{
    (void)state;
    in_a_child(under_valgrind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_only_foreign_code_calls_ends_the_process),
        cmocka_unit_test(what_an_agent_does_not_need_is_as_if_the_kernel_had_it_not),
#ifdef __x86_64__
        cmocka_unit_test(other_tables_of_calls_are_no_way_around),
#endif
        cmocka_unit_test(there_is_no_way_out),
        cmocka_unit_test(an_agent_has_what_it_needs),
        cmocka_unit_test(a_configuration_may_need_programs),
        cmocka_unit_test(another_filter_may_be_around_it),
        cmocka_unit_test(what_makes_calls_of_its_own_is_known),
    };
    struct error err;
    const char *hindrance = sandbox_hindrance();
    if (sandbox_check(&err) < 0 && err.code == ERROR_NOT_FOUND) {
        printf("skipped: %s\n", err.text);
        return 0;
    }
    if (hindrance != NULL && strstr(hindrance, "valgrind") != NULL) {
        printf("skipped: %s\n", hindrance);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
