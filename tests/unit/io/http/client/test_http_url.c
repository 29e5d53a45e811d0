#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/http/client/http_url_internal.h"
#include "outrider/base/error.h"
#include "outrider/io/http/client/http_client.h"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *url, *authority, *host;
        uint16_t port;
        const char *target, *shown;
    } rows[] = {
        {"http://127.0.0.1:2379/v3/kv/put", "127.0.0.1:2379", "127.0.0.1", 2379, "/v3/kv/put",
         "http://127.0.0.1:2379/v3/kv/put"},
        {"http://etcd-1.a_b", "etcd-1.a_b", "etcd-1.a_b", 80, "", "http://etcd-1.a_b/"},
        {"HTTP://Host:65535/", "Host:65535", "Host", 65535, "/", "http://Host:65535/"},
        {"http://[::1]:1/a?b=c#d", "[::1]:1", "::1", 1, "/a?b=c", "http://[::1]:1/a?b=c"},
        {"http://[fe80::1]?q", "[fe80::1]", "fe80::1", 80, "?q", "http://[fe80::1]/?q"},
        {"http://a#b", "a", "a", 80, "", "http://a/"},
        {"http://me:secret@a:5/x", "a:5", "a", 5, "/x", "http://a:5/x"},
        {"http://me@host@a:5/x", "a:5", "a", 5, "/x", "http://a:5/x"},
        {"http://a/x@b", "a", "a", 80, "/x@b", "http://a/x@b"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err;
        struct http_url url;
        struct buf shown = {0};
        assert_int_equal(http_url_scheme(rows[i].url), HTTP_SCHEME_PLAIN);
        assert_int_equal(http_url_parse(rows[i].url, &err, &url), 0);
        assert_true(str_eq(url.authority, str_of(rows[i].authority)));
        assert_true(str_eq(url.host, str_of(rows[i].host)));
        assert_int_equal(url.port, rows[i].port);
        assert_true(str_eq(url.target, str_of(rows[i].target)));
        http_url_show(&url, &shown);
        assert_string_equal(buf_text(&shown), rows[i].shown);
        buf_fini(&shown);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "http://",
        "http:///path",
        "http://:80/",
        "http://a:/",
        "http://a:0",
        "http://a:65536",
        "http://a:8o",
        "http://a:-1",
        "http://a b/",
        "http://a/b c",
        "http://a/\r\nX: 1",
        "http://a/\x7f",
        "http://[::1",
        "http://[::1]x",
        "http://[1.2.3.4]/",
        "http://[]/",
        "http://[::1%eth0]/",
        "http://a\r\nb/",
        "http://ä/",
        "http://me:secret@",
        "http://me:secret@/",
        "https://a/",
        "ftp://a/",
        "//a/",
        "a",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err;
        struct http_url url = {.port = 7};
        if (http_url_parse(rows[i], &err, &url) == 0) {
            fail_msg("accepted: %s", rows[i]);
        }
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(strstr(err.text, "malformed URL: "));
        assert_null(strstr(err.text, "secret"));
        assert_int_equal(url.port, 7);
    }
    char host[300] = "http://";
    memset(host + 7, 'a', HTTP_URL_HOST_MAX + 1);
    struct error err;
    struct http_url url;
    assert_int_equal(http_url_parse(host, &err, &url), -1);
    host[7 + HTTP_URL_HOST_MAX] = '\0';
    assert_int_equal(http_url_parse(host, &err, &url), 0);
}

static void test_scheme(void **state)
{
    (void)state;
    assert_int_equal(http_url_scheme("hTtPs://"), HTTP_SCHEME_SECURE);
    assert_int_equal(http_url_scheme("httpx://"), HTTP_SCHEME_UNKNOWN);
    assert_int_equal(http_url_scheme("http:"), HTTP_SCHEME_UNKNOWN);
    assert_int_equal(http_url_scheme(""), HTTP_SCHEME_UNKNOWN);
}

static void test_request(void **state)
{
    (void)state;
    static const char *const headers[] = {"A: 1", "B: 2", NULL};
    static const char *const broken[] = {"A: 1", "B: 2\r\nC: 3", NULL};
    struct error err;
    struct http_url url;
    struct buf out = {0};
    struct http_call call = {.headers = headers, .body = STR("{\"x\":\0}")};
    assert_int_equal(http_url_parse("http://u@h:1/p?q", &err, &url), 0);
    assert_int_equal(http_url_request(&url, &call, false, &err, &out), 0);
    assert_true(str_eq(buf_view(&out), STR("POST /p?q HTTP/1.1\r\nHost: h:1\r\nA: 1\r\nB: 2\r\n"
                                           "Content-Length: 7\r\n\r\n{\"x\":\0}")));
    assert_int_equal(http_url_parse("http://h?q", &err, &url), 0);
    call = (struct http_call){0};
    assert_int_equal(http_url_request(&url, &call, true, &err, &out), 0);
    assert_string_equal(buf_text(&out),
                        "POST /?q HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    call.headers = broken;
    assert_int_equal(http_url_request(&url, &call, true, &err, &out), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_scheme),
        cmocka_unit_test(test_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
