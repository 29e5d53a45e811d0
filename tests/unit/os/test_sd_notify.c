#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/os/sd_notify.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct temp_dir dir;
static struct error err;

static int setup(void **state)
{
    (void)state;
    return temp_dir_init(&dir);
}

static int teardown(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return temp_dir_fini(&dir);
}

static int receiver(const char *name, socklen_t length)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, length);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    return fd;
}

static void assert_received(int fd, const char *text)
{
    char bytes[128] = {0};
    assert_int_equal(recv(fd, bytes, sizeof(bytes) - 1, 0), strlen(text));
    assert_string_equal(bytes, text);
}

static void silent_without_a_manager(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(sd_notify_send(STR("READY=1"), &err), 0);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(sd_notify_send(STR("READY=1"), &err), 0);
}

static void sends_to_a_path(void **state)
{
    (void)state;
    const char *path = temp_path(&dir, "notify");
    int fd = receiver(path, (socklen_t)strlen(path));
    setenv("NOTIFY_SOCKET", path, 1);
    assert_int_equal(sd_notify_send(STR("READY=1\nSTATUS=12/64"), &err), 0);
    assert_received(fd, "READY=1\nSTATUS=12/64");
    close(fd);
}

static void sends_to_an_abstract_name(void **state)
{
    (void)state;
    char name[96];
    snprintf(name, sizeof(name), "@outrider-test-%d", (int)getpid());
    setenv("NOTIFY_SOCKET", name, 1);
    name[0] = '\0';
    int fd = receiver(name, (socklen_t)(1 + strlen(name + 1)));
    assert_int_equal(sd_notify_send(STR("STOPPING=1"), &err), 0);
    assert_received(fd, "STOPPING=1");
    close(fd);
}

static void errors_name_the_cause(void **state)
{
    (void)state;
    setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
    assert_int_equal(sd_notify_send(STR("READY=1"), &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    setenv("NOTIFY_SOCKET", temp_path(&dir, "absent"), 1);
    assert_int_equal(sd_notify_send(STR("READY=1"), &err), -1);
    assert_non_null(strstr(err.text, "absent"));
}

/* A manager that does not read must not block the agent. */
static void never_blocks(void **state)
{
    (void)state;
    const char *path = temp_path(&dir, "notify");
    int fd = receiver(path, (socklen_t)strlen(path));
    setenv("NOTIFY_SOCKET", path, 1);
    int failed = 0;
    for (int i = 0; i < 10000 && failed == 0; i++) {
        failed = sd_notify_send(STR("WATCHDOG=1"), &err);
    }
    assert_int_equal(failed, -1);
    close(fd);
}

static void assert_watchdog(const char *usec, const char *pid, int64_t expected)
{
    int64_t us = -1;
    usec == NULL ? unsetenv("WATCHDOG_USEC") : setenv("WATCHDOG_USEC", usec, 1);
    pid == NULL ? unsetenv("WATCHDOG_PID") : setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(sd_notify_watchdog(&err, &us), expected < 0 ? -1 : 0);
    assert_int_equal(us, expected);
}

static void watchdog_of_this_process(void **state)
{
    char self[16], other[16];
    (void)state;
    snprintf(self, sizeof(self), "%d", (int)getpid());
    snprintf(other, sizeof(other), "%d", (int)getppid());
    assert_watchdog(NULL, NULL, 0);
    assert_watchdog("", "", 0);
    assert_watchdog(NULL, self, 0);
    assert_watchdog("30000000", NULL, 30000000);
    assert_watchdog("30000000", self, 30000000);
    assert_watchdog("30000000", other, 0);
    assert_watchdog("0", self, 0);
    assert_watchdog("18446744073709551615", self, 0);
    assert_watchdog("30s", self, -1);
    assert_non_null(strstr(err.text, "WATCHDOG_USEC=30s"));
    assert_watchdog("30000000", "me", -1);
    assert_non_null(strstr(err.text, "WATCHDOG_PID=me"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(silent_without_a_manager, setup, teardown),
        cmocka_unit_test_setup_teardown(sends_to_a_path, setup, teardown),
        cmocka_unit_test_setup_teardown(sends_to_an_abstract_name, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_the_cause, setup, teardown),
        cmocka_unit_test_setup_teardown(never_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(watchdog_of_this_process, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
