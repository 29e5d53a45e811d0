#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/listen.h"

static void test_read(void **state)
{
    static const struct {
        const char *text;
        enum listen_kind kind;
        const char *host;
        unsigned port;
        bool beyond;
    } rows[] = {
        {"127.0.0.1:80", LISTEN_TCP, "127.0.0.1", 80, false},
        {"10.0.0.5:80", LISTEN_TCP, "10.0.0.5", 80, true},
        {"tls://[::]:7118", LISTEN_TLS, "::", 7118, true},
        {"tls://localhost:7118", LISTEN_TLS, "localhost", 7118, false},
    };
    (void)state;
    struct listen_place place;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(listen_read(rows[i].text, &place), 0);
        assert_int_equal(place.kind, rows[i].kind);
        assert_int_equal(place.port, rows[i].port);
        assert_true(str_eq(place.host, str_of(rows[i].host)));
        assert_null(place.path);
        assert_int_equal(listen_is_beyond(rows[i].text), rows[i].beyond);
    }
    assert_int_equal(listen_read("unix:/run/x", &place), 0);
    assert_int_equal(place.kind, LISTEN_UNIX);
    assert_string_equal(place.path, "/run/x");
    assert_false(listen_is_beyond("unix:/run/x"));
    static const char *const none[] = {"", "tls://", "tls://unix:/x", "https://127.0.0.1:1", "127.0.0.1"};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        assert_int_equal(listen_read(none[i], &place), -1);
    }
}

static char tcp[] = "10.0.0.5:80", tls[] = "tls://0.0.0.0:81", front[] = "unix:/front",
            local[] = "unix:/local";

static void test_commands(void **state)
{
    char header[] = "X-User", path[] = "/front";
    struct config config = {.http = {.listen = {tls, tcp, front, local}, .listen_count = 4}};
    (void)state;
    assert_string_equal(listen_unix(&config, 0), "/front");
    assert_string_equal(listen_unix(&config, 1), "/local");
    assert_null(listen_unix(&config, 2));
    assert_string_equal(listen_beyond(&config), tls);
    assert_true(listen_has_tls(&config));
    assert_string_equal(listen_for_commands(&config), front);
    config.http.proxy_header = header; /* commands have no name on the socket of the proxy */
    config.http.proxy_socket = path;
    assert_true(listen_is_proxied(&config, "/front"));
    assert_false(listen_is_proxied(&config, "/local"));
    assert_string_equal(listen_for_commands(&config), local);
    config.http.listen_count = 3;
    assert_string_equal(listen_for_commands(&config), tcp);
    config.http.listen_count = 1;
    assert_string_equal(listen_for_commands(&config), tls);
    config.http.listen_count = 0;
    assert_null(listen_for_commands(&config));
    assert_null(listen_beyond(&config));
}

static void test_the_only_socket_is_the_proxys(void **state)
{
    char header[] = "X-User";
    struct config config = {.http = {.listen = {front, local}, .listen_count = 1, .proxy_header = header}};
    (void)state;
    assert_true(listen_is_proxied(&config, "/front"));
    assert_string_equal(listen_for_commands(&config), front);
    config.http.listen_count = 2; /* config_check() wants to know which */
    assert_false(listen_is_proxied(&config, "/front"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_the_only_socket_is_the_proxys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
