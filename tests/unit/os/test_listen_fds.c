#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/os/listen_fds.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The protocol starts at descriptor 3, so each case runs in a child process that arranges its own. */
static void in_child(bool (*good)(void))
{
    pid_t child = fork();
    if (child == 0) {
        _exit(good() ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void set_environment(pid_t pid, const char *count, const char *names)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", (int)pid);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

static void place(int fd, int wanted)
{
    if (fd != wanted) {
        dup2(fd, wanted);
        close(fd);
    }
}

/* 3: listening unix stream, 4: unix datagram, 5: a file, 6: unix stream that does not listen */
static void arrange(void)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    closefrom(3);
    place(socket(AF_UNIX, SOCK_STREAM, 0), 3);
    bind(3, (const struct sockaddr *)&any, sizeof(sa_family_t));
    listen(3, 1);
    place(socket(AF_UNIX, SOCK_DGRAM, 0), 4);
    place(open("/dev/null", O_RDONLY), 5);
    place(socket(AF_UNIX, SOCK_STREAM, 0), 6);
}

static bool is_prepared(int fd)
{
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

static bool takes_them_with_kind_and_name(void)
{
    arrange();
    set_environment(getpid(), "4", "status:notify");
    struct listen_fd fds[8];
    size_t count = listen_fds_take(fds, COUNT_OF(fds));
    return count == 4 && fds[0].fd == 3 && fds[0].kind == LISTEN_FD_UNIX_STREAM &&
           strcmp(fds[0].name, "status") == 0 && fds[1].kind == LISTEN_FD_UNIX_DATAGRAM &&
           strcmp(fds[1].name, "notify") == 0 && fds[2].kind == LISTEN_FD_OTHER && fds[2].name[0] == '\0' &&
           fds[3].kind == LISTEN_FD_OTHER && is_prepared(3) && is_prepared(4) &&
           getenv("LISTEN_FDS") == NULL && getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDNAMES") == NULL &&
           listen_fds_take(fds, COUNT_OF(fds)) == 0;
}

static bool closes_those_beyond(void)
{
    arrange();
    set_environment(getpid(), "4", "");
    struct listen_fd fds[1];
    return listen_fds_take(fds, 1) == 1 && fcntl(3, F_GETFD) >= 0 && fcntl(4, F_GETFD) < 0 &&
           fcntl(6, F_GETFD) < 0;
}

static bool leaves_those_of_another_process(void)
{
    arrange();
    struct listen_fd fds[8];
    set_environment(getppid(), "4", "");
    bool none = listen_fds_take(fds, COUNT_OF(fds)) == 0;
    set_environment(getpid(), "4000000000", "");
    none = none && listen_fds_take(fds, COUNT_OF(fds)) == 0;
    set_environment(getpid(), "-1", "");
    none = none && listen_fds_take(fds, COUNT_OF(fds)) == 0;
    return none && fcntl(3, F_GETFD) == 0 && fcntl(4, F_GETFD) == 0;
}

/* LISTEN_FDS names more than there are: the next descriptors are this process's own. */
static bool leaves_its_own(void)
{
    closefrom(3);
    place(socket(AF_UNIX, SOCK_STREAM, 0), 3);
    place(dup(3), 5);
    fcntl(5, F_SETFD, FD_CLOEXEC);
    set_environment(getpid(), "5", "a:b:c:d:e");
    struct listen_fd fds[8];
    size_t count = listen_fds_take(fds, COUNT_OF(fds));
    return count == 1 && fds[0].fd == 3 && fcntl(5, F_GETFD) == FD_CLOEXEC;
}

static void test_own(void **state)
{
    (void)state;
    in_child(leaves_its_own);
}

static void test_kinds(void **state)
{
    (void)state;
    in_child(takes_them_with_kind_and_name);
}

static void test_beyond(void **state)
{
    (void)state;
    in_child(closes_those_beyond);
}

static void test_others(void **state)
{
    (void)state;
    in_child(leaves_those_of_another_process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_beyond),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
