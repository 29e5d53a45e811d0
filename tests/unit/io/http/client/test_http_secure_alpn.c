/* HTTP/1.1 also where the server offers HTTP/2: a server that sends frames without end would keep libcurl, and with it the
 * loop, busy for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "tls_world.h"

#include <string.h>

static void test_http_1_1_is_chosen(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    for (int i = 0; i < 2; i++) {
        tls_ask(world, "both", "/info");
        assert_int_equal(world->outcome.result.status, 200);
        assert_non_null(strstr(world->outcome.body, " alpn=http/1.1"));
        assert_int_equal(tls_info(world, "connections"), 1); /* kept */
    }
}

static void test_http_2_is_not_agreed_on(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    tls_ask(world, "h2", "/info");
    assert_int_equal(world->outcome.result.status, 200);
    assert_non_null(strstr(world->outcome.body, " alpn=None"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)
    const struct CMUnitTest tests[] = {
        T(test_http_1_1_is_chosen),
        T(test_http_2_is_not_agreed_on),
    };
    return cmocka_run_group_tests(tests, tls_group_setup, tls_group_teardown);
}
