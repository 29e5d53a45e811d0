#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/os/user.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect(const char *name, const char *user)
{
    char host[65] = "";
    struct buf out = {0}, expected = {0};
    assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
    buf_printf(&expected, "%s@%s", user, host);
    user_at_host(name, &out);
    assert_string_equal(buf_text(&out), buf_text(&expected));
    buf_fini(&out);
    buf_fini(&expected);
}

static void a_name_gets_the_host(void **state)
{
    (void)state;
    expect("alice", "alice");
    expect("deploy bot", "deploy bot");
}

static void a_name_with_a_host_stands_for_itself(void **state)
{
    (void)state;
    struct buf out = {0};
    user_at_host("alice@elsewhere", &out);
    assert_string_equal(buf_text(&out), "alice@elsewhere");
    buf_fini(&out);
}

static void the_user_is_who_runs_it_or_called_sudo(void **state)
{
    (void)state;
    const struct passwd *entry = getpwuid(geteuid());
    unsetenv("SUDO_USER");
    if (entry != NULL) {
        expect(NULL, entry->pw_name);
    }
    setenv("SUDO_USER", "alice", 1);
    if (geteuid() == 0) {
        expect(NULL, "alice");
    } else if (entry != NULL) {
        expect(NULL, entry->pw_name); /* anybody may set the variable */
    }
    unsetenv("SUDO_USER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_gets_the_host),
        cmocka_unit_test(a_name_with_a_host_stands_for_itself),
        cmocka_unit_test(the_user_is_who_runs_it_or_called_sudo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
