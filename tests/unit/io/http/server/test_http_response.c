#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/http/server/http_server_internal.h"

#include <time.h>

static void test_date(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *header;
    } rows[] = {
        {784111777, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"}, /* the example of RFC 9110 */
        {951782400, "Date: Tue, 29 Feb 2000 00:00:00 GMT\r\n"},
        {0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"},
        {4102444799, "Date: Thu, 31 Dec 2099 23:59:59 GMT\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = {0};
        http_response_date(&out, rows[i].seconds * 1000 + 999);
        assert_string_equal(buf_text(&out), rows[i].header);
        buf_fini(&out);
    }
}

/* Each day of two years, against the C library. */
static void test_date_of_each_day(void **state)
{
    (void)state;
    for (time_t now = 1767225600; now < 1767225600 + 731 * 86400L; now += 86400 + 61) {
        struct buf out = {0};
        struct tm parts;
        char text[64];
        assert_non_null(gmtime_r(&now, &parts));
        assert_true(strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts) > 0);
        http_response_date(&out, (int64_t)now * 1000);
        assert_string_equal(buf_text(&out), text);
        buf_fini(&out);
    }
}

/* Of every answer, right behind its date. */
#define FOR_BROWSERS                                                                                         \
    "GMT\r\nX-Content-Type-Options: nosniff\r\n"                                                             \
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"                                \
    "Cross-Origin-Opener-Policy: same-origin\r\n"                                                            \
    "Cross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\n"

static void test_head(void **state)
{
    (void)state;
    static const char *const headers[] = {"X-One: 1", "X-Evil: 1\r\nX-Two: 2", NULL};
    struct http_response response = {
        .status = 200, .content_type = STR_INIT("text/plain"), .headers = headers};
    struct buf out = {0};
    http_response_head(&out, &response, 1234567, 0, true);
    assert_memory_equal(out.data, "HTTP/1.1 200 OK\r\nDate: ", 23);
    assert_string_equal(strstr(out.data, "GMT\r\n"),
                        FOR_BROWSERS "Content-Type: text/plain\r\nContent-Length: 1234567\r\n"
                                     "X-One: 1\r\nConnection: keep-alive\r\n\r\n");
    buf_clear(&out);
    response = (struct http_response){.status = 304};
    http_response_head(&out, &response, 7, 1, false);
    assert_memory_equal(out.data, "HTTP/1.1 304 Not Modified\r\nDate: ", 33);
    assert_string_equal(strstr(out.data, "GMT\r\n"), FOR_BROWSERS "Connection: close\r\n\r\n");
    buf_clear(&out);
    response = (struct http_response){.status = 200};
    http_response_head(&out, &response, HTTP_LENGTH_UNKNOWN, 1, true);
    assert_string_equal(strstr(out.data, "GMT\r\n"), FOR_BROWSERS "\r\n");
    buf_fini(&out);
}

/* A browser obeys each policy that it is sent: that of a page is the only one. */
static void test_another_policy(void **state)
{
    (void)state;
    struct http_response response = {.status = 304, .content_policy = STR_INIT("default-src 'self'")};
    struct buf out = {0};
    http_response_head(&out, &response, 0, 1, true);
    const char *policy = strstr(buf_text(&out), "Content-Security-Policy: ");
    assert_non_null(policy);
    assert_memory_equal(policy, "Content-Security-Policy: default-src 'self'\r\n", 45);
    assert_null(strstr(policy + 1, "Content-Security-Policy"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_date),
        cmocka_unit_test(test_date_of_each_day),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_another_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
