/* `outrider probe` as a whole, against unix sockets: what it prints and how it exits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/temp_dir.h"
#include "unit/cli/captured.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char path[100];
static struct captured captured;

/* A socket that listens at `path`. */
static int listen_there(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_return_code(listen(fd, 8), 0);
    return fd;
}

static void test_passes(void **state)
{
    (void)state;
    int fd = listen_there();
    assert_int_equal(RUN(&captured, "probe", "unix", path), EX_DONE);
    assert_ptr_equal(strstr(captured.out, "yes: unix "), captured.out);
    assert_contains(captured.out, "\nprobes:\n  - {name: unix, type: unix, path: ");
    assert_null(strstr(captured.out, "tries passed"));
    assert_string_equal(captured.err, "");
    close(fd);
    unlink(path);
}

static void test_fails(void **state)
{
    (void)state;
    assert_int_equal(RUN(&captured, "probe", "unix", path), EX_FAILED);
    assert_ptr_equal(strstr(captured.out, "no: unix "), captured.out);
    assert_null(strstr(captured.out, "probes:"));
    assert_int_equal(RUN(&captured, "probe", "unix", path, "--json"), EX_FAILED);
    assert_ptr_equal(strstr(captured.out, "{\"passed\":false,"), captured.out);
}

/* A socket whose queue takes one connection: nothing accepts, so that the second try is refused or hangs. */
static void test_one_of_several_fails(void **state)
{
    (void)state;
    int fd = listen_there();
    assert_return_code(listen(fd, 0), 0);
    const char *const words[] = {"probe",      "unix", path,        "--count", "2",
                                 "--interval", "20ms", "--timeout", "10ms",    NULL};
    assert_int_equal(captured_run(&captured, words), EX_FAILED);
    assert_ptr_equal(strstr(captured.out, "yes: unix "), captured.out);
    assert_contains(captured.out, "\nno: unix ");
    assert_contains(captured.out, "\n1 of 2 tries passed, in ");
    close(fd);
    unlink(path);
}

static int set_up(void **state)
{
    static struct temp_dir dir;
    assert_return_code(temp_dir_init(&dir), 0);
    *state = &dir;
    snprintf(path, sizeof(path), "%s/game.sock", dir.path);
    return 0;
}

static int tear_down(void **state)
{
    captured_fini(&captured);
    assert_return_code(temp_dir_fini(*state), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_passes), cmocka_unit_test(test_fails),
                                       cmocka_unit_test(test_one_of_several_fails)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
