#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/config/address.h"

enum kind { NEITHER, IPV4, IPV6, NAME };

static const struct {
    const char *text;
    enum kind kind;
    bool loopback;
} rows[] = {
    {"127.0.0.1", IPV4, true},
    {"127.255.255.255", IPV4, true},
    {"127.9.9.9", IPV4, true},
    {"127.1", NEITHER, false},
    {"127.0.0.1:80", NEITHER, false},
    {"fd00::5", IPV6, false},
    {"0.0.0.0", IPV4, false},
    {"255.255.255.255", IPV4, false},
    {"10.0.0.256", NEITHER, false},
    {"10.0.0", NEITHER, false},
    {"10.0.0.1.2", NEITHER, false},
    {"10.0.0.", NEITHER, false},
    {".10.0.0", NEITHER, false},
    {"10.0.00.1", NEITHER, false},
    {"10.0.0.01", NEITHER, false},
    {"1234", NEITHER, false},
    {"", NEITHER, false},
    {"::", IPV6, false},
    {"::1", IPV6, true},
    {"fe80::1", IPV6, false},
    {"1:2:3:4:5:6:7:8", IPV6, false},
    {"1:2:3:4:5:6:7::", IPV6, false},
    {"::2:3:4:5:6:7:8", IPV6, false},
    {"2001:DB8::a", IPV6, false},
    {"::ffff:10.0.0.1", IPV6, false},
    {"1:2:3:4:5:6:10.0.0.1", IPV6, false},
    {"1:2:3:4:5:6:7", NEITHER, false},
    {"1:2:3:4:5:6:7:8:9", NEITHER, false},
    {"1:2:3:4::5:6:7:8", NEITHER, false},
    {"1::2::3", NEITHER, false},
    {":::", NEITHER, false},
    {"1:2:3:4:5:6:7:10.0.0.1", NEITHER, false},
    {"10.0.0.1::", NEITHER, false},
    {"12345::", NEITHER, false},
    {"g::", NEITHER, false},
    {"1:", NEITHER, false},
    {":1", NEITHER, false},
    {"::1:", NEITHER, false},
    {"fe80::1%eth0", NEITHER, false},
    {"localhost", NAME, true},
    {"game.example", NAME, false},
    {"eth0", NAME, false},
    {"eth0.100", NAME, false},
    {"my_host-1", NAME, false},
    {"1a", NAME, false},
    {"a..b", NEITHER, false},
    {".a", NEITHER, false},
    {"a.", NEITHER, false},
    {"-a", NEITHER, false},
    {"a-", NEITHER, false},
    {"a b", NEITHER, false},
    {"[::1]", NEITHER, false},
    {"127.0.0.1.example", NAME, false},
    {"\xed\x95\x9c", NEITHER, false},
};

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str text = str_of(rows[i].text);
        enum kind kind = address_is_ipv4(text)   ? IPV4
                         : address_is_ipv6(text) ? IPV6
                         : address_is_name(text) ? NAME
                                                 : NEITHER;
        if (kind != rows[i].kind || address_is_loopback(text) != rows[i].loopback) {
            print_error("row %zu: %s\n", i, rows[i].text);
            fail();
        }
    }
}

static void test_what_is_longer_than_an_address(void **state)
{
    static const char longest[] = "1234:1234:1234:1234:1234:1234:255.255.255.255";
    (void)state;
    assert_true(address_is_ipv6(STR("1234:1234:1234:1234:1234:1234:255.255.255.255")));
    assert_false(address_is_ipv6(STR("1234:1234:1234:1234:1234:1234:255.255.255.2555")));
    assert_false(address_is_ipv6((struct str){longest, sizeof(longest)}));
    assert_false(address_is_ipv4((struct str){"10.0.0.1\0.2", 11}));
}

static void test_name_lengths(void **state)
{
    char text[256];
    (void)state;
    memset(text, 'a', sizeof(text));
    assert_true(address_is_name((struct str){text, 63}));
    assert_false(address_is_name((struct str){text, 64}));
    for (size_t i = 31; i < sizeof(text); i += 32) {
        text[i] = '.';
    }
    assert_true(address_is_name((struct str){text, 253}));
    assert_false(address_is_name((struct str){text, 254}));
}

static void test_split(void **state)
{
    static const struct {
        const char *text, *host; /* NULL: refused */
        uint16_t port;
    } cuts[] = {
        {"127.0.0.1:80", "127.0.0.1", 80},
        {"[::]:65535", "::", 65535},
        {"game.example:1", "game.example", 1},
        {"game.example:0", NULL, 0},
        {"game.example:65536", NULL, 0},
        {"game.example:", NULL, 0},
        {"game.example", NULL, 0},
        {":80", NULL, 0},
        {"::1:80", NULL, 0},
        {"[::1]80", NULL, 0},
        {"[::1]", NULL, 0},
        {"[::1", NULL, 0},
        {"[127.0.0.1]:80", NULL, 0},
        {"a:80:90", NULL, 0},
        {"a:+80", NULL, 0},
        {"", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        struct str host = STR("untouched");
        uint16_t port = 7;
        int result = address_split(str_of(cuts[i].text), &host, &port);
        assert_int_equal(result, cuts[i].host == NULL ? -1 : 0);
        assert_true(str_eq(host, cuts[i].host == NULL ? STR("untouched") : str_of(cuts[i].host)));
        assert_int_equal(port, cuts[i].host == NULL ? 7 : cuts[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_what_is_longer_than_an_address),
        cmocka_unit_test(test_name_lengths),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
