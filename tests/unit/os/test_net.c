#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/os/net.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct error err;

static void loopback_interface_has_its_address(void **state)
{
    (void)state;
    char text[NET_ADDRESS_SIZE];
    assert_int_equal(net_interface_address("lo", &err, text), 0);
    assert_string_equal(text, "127.0.0.1");
    assert_int_equal(net_interface_address("nothere0", &err, text), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "nothere0"));
    assert_string_equal(text, "127.0.0.1");
}

static void source_address_is_no_loopback(void **state)
{
    (void)state;
    char text[NET_ADDRESS_SIZE] = "untouched";
    if (net_source_address(&err, text) == 0) {
        struct in6_addr bytes;
        bool v4 = inet_pton(AF_INET, text, &bytes) == 1;
        assert_true(v4 || inet_pton(AF_INET6, text, &bytes) == 1);
        assert_int_not_equal(strncmp(text, v4 ? "127." : "::1", 4), 0);
    } else {
        assert_true(err.code == ERROR_UNREACHABLE || err.code == ERROR_NOT_FOUND);
        assert_string_equal(text, "untouched");
    }
}

/* In a new network namespace the loopback interface is down and there is no route. */
static void without_a_network_the_error_names_the_cause(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
            _exit(77);
        }
        char text[NET_ADDRESS_SIZE] = "untouched";
        bool good = net_source_address(&err, text) == -1 && err.code == ERROR_UNREACHABLE &&
                    strcmp(err.text, "no route: Network is unreachable") == 0 &&
                    net_interface_address("lo", &err, text) == -1 && err.code == ERROR_UNREACHABLE &&
                    strcmp(text, "untouched") == 0;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip(); /* no permission to create a network namespace */
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_interface_has_its_address),
        cmocka_unit_test(source_address_is_no_loopback),
        cmocka_unit_test(without_a_network_the_error_names_the_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
