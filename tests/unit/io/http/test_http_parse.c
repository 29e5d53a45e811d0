#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/io/http/http_parse.h"

#include <stdlib.h>

static enum http_parse_result parse(const char *text, struct http_head *ret_head,
                                    struct http_fault *ret_fault)
{
    size_t scanned = 0;
    return http_parse_head(str_of(text), &scanned, 100, ret_head, ret_fault);
}

#define assert_str(view, text) assert_true(str_eq(view, str_of(text)))

static void test_whole(void **state)
{
    (void)state;
    struct http_head head;
    struct http_fault fault;
    struct str value;
    const char *text =
        "\r\nPOST /api/a%20b?x=1&y=2 HTTP/1.1\r\nhOST: localhost:7117\r\nContent-Length:  5 \r\n"
        "X-Empty:\r\nX-Text: a b\tc\xc3\xa9 \r\n\r\nhello";
    assert_int_equal(parse(text, &head, &fault), HTTP_PARSE_DONE);
    assert_str(head.method, "POST");
    assert_str(head.path, "/api/a%20b");
    assert_str(head.query, "x=1&y=2");
    assert_str(head.host, "localhost:7117");
    assert_int_equal(head.minor, 1);
    assert_int_equal(head.content_length, 5);
    assert_true(head.keep_alive);
    assert_false(head.expects_continue);
    assert_int_equal(head.size, strlen(text) - 5);
    assert_int_equal(head.header_count, 4);
    assert_true(http_head_find(&head, STR("x-empty"), &value));
    assert_str(value, "");
    assert_true(http_head_find(&head, STR("X-TEXT"), &value));
    assert_str(value, "a b\tc\xc3\xa9");
    assert_false(http_head_find(&head, STR("X-None"), &value));
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    const char *text = "\r\nGET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
    struct http_head head;
    struct http_fault fault;
    size_t scanned = 0;
    for (size_t size = 0; size < strlen(text); size++) {
        assert_int_equal(http_parse_head((struct str){text, size}, &scanned, 0, &head, &fault),
                         HTTP_PARSE_MORE);
        assert_true(scanned <= size);
    }
    assert_int_equal(http_parse_head(str_of(text), &scanned, 0, &head, &fault), HTTP_PARSE_DONE);
    assert_int_equal(http_parse_head(str_of(text), &scanned, 0, &head, &fault), HTTP_PARSE_DONE);
    assert_int_equal(head.header_count, 2);
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *target, *path, *query, *host;
    } rows[] = {
        {"/", "/", "", "h"},
        {"/?", "/", "", "h"},
        {"/a/b?c?d", "/a/b", "c?d", "h"},
        {"*", "*", "", "h"},
        {"http://other:80/x?y", "/x", "y", "other:80"},
        {"HTTP://other", "/", "", "other"},
        {"http://other?q", "/", "q", "other"},
        {"http://[::1]:80/", "/", "", "[::1]:80"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf text = {0};
        struct http_head head;
        struct http_fault fault;
        buf_printf(&text, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].target);
        assert_int_equal(parse(buf_text(&text), &head, &fault), HTTP_PARSE_DONE);
        assert_str(head.path, rows[i].path);
        assert_str(head.query, rows[i].query);
        assert_str(head.host, rows[i].host);
        buf_fini(&text);
    }
}

static void test_keep_alive(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool keep_alive;
    } rows[] = {
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: x , CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: closed\r\nConnection:\r\n\r\n", true},
        {"GET / HTTP/1.7\r\nHost: h\r\n\r\n", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_head head;
        struct http_fault fault;
        assert_int_equal(parse(rows[i].head, &head, &fault), HTTP_PARSE_DONE);
        assert_int_equal(head.keep_alive, rows[i].keep_alive);
    }
    struct http_head head;
    struct http_fault fault;
    assert_int_equal(parse("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n", &head, &fault),
                     HTTP_PARSE_DONE);
    assert_true(head.expects_continue);
}

#define HOST "\r\nHost: h\r\n"

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        int status;
    } rows[] = {
        {"\x16\x03\x01", 400}, /* a TLS handshake, at its first byte */
        {"GET / HTTP/1.1\n", 400},
        {"GET / HTTP/1.1\rX", 400},
        {"GET /\x01", 400},
        {"GET /\x7f", 400},
        {"GET /\r\n\r\n", 400},
        {"GET\r\n\r\n", 400},
        {" / HTTP/1.1" HOST "\r\n", 400},
        {"GET  / HTTP/1.1" HOST "\r\n", 400},
        {"GET / HTTP/1.1 " HOST "\r\n", 400},
        {"GET / http/1.1" HOST "\r\n", 400},
        {"GET / HTTP/11" HOST "\r\n", 400},
        {"G(T / HTTP/1.1" HOST "\r\n", 400},
        {"GETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1" HOST "\r\n", 400},
        {"GET a HTTP/1.1" HOST "\r\n", 400},
        {"GET https://h/ HTTP/1.1" HOST "\r\n", 400},
        {"GET http:///x HTTP/1.1" HOST "\r\n", 400},
        {"GET http://a@b/x HTTP/1.1" HOST "\r\n", 400},
        {"GET /# HTTP/1.1" HOST "\r\n", 400},
        {"GET /\xc3\xa9 HTTP/1.1" HOST "\r\n", 400},
        {"GET / HTTP/2.0" HOST "\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\n", 505},
        {"GET / HTTP/0.9" HOST "\r\n", 505},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Host: h\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Origin: a\r\norigin: b\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Type: a\r\nContent-Type: a\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Authorization: a\r\nAUTHORIZATION: a\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "A : b\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "A\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST ": b\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "A: b\r\n folded\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "A: b\r\n\tfolded: c\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Origin: http://a\r\nORIGIN: http://b\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length: 1\r\ncontent-length: 2\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length: 1 1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "A: b\r\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "A: b\x0b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length: 1, 1\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length: +1\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length: -1\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length: 0x1\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length:\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length: 101\r\n\r\n", 413},
        {"GET / HTTP/1.1" HOST "Content-Length: 99999999999999999999999\r\n\r\n", 413},
        {"GET / HTTP/1.1" HOST "Transfer-Encoding: chunked\r\n\r\n", 411},
        {"GET / HTTP/1.1" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"GET / HTTP/1.1" HOST "Transfer-Encoding:\r\n\r\n", 501},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
        {"GET / HTTP/1.1" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
        {"GET / HTTP/1.1" HOST "Transfer-Encoding: x\r\ntransfer-encoding: chunked\r\n\r\n", 501},
        {"GET / HTTP/1.1" HOST "Transfer-Encoding : chunked\r\n\r\n", 400},
        {"GET / HTTP/1.1" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_head head;
        struct http_fault fault = {0, NULL, NULL};
        if (parse(rows[i].head, &head, &fault) != HTTP_PARSE_FAULT || fault.status != rows[i].status) {
            fail_msg("row %zu: %d, not %d: %s", i, fault.status, rows[i].status, rows[i].head);
        }
        assert_non_null(fault.code);
        assert_non_null(fault.message);
    }
    struct http_head head;
    struct http_fault fault;
    size_t scanned = 0;
    assert_int_equal(http_parse_head((struct str){"GET \0", 5}, &scanned, 0, &head, &fault),
                     HTTP_PARSE_FAULT);
}

/* `count` times `piece` between `before` and `after`. */
static int status_of(const char *before, const char *piece, size_t count, const char *after)
{
    struct buf text = {0};
    buf_str(&text, str_of(before));
    for (size_t i = 0; i < count; i++) {
        buf_str(&text, str_of(piece));
    }
    buf_str(&text, str_of(after));
    struct http_head head;
    struct http_fault fault = {0, NULL, NULL};
    enum http_parse_result result = parse(buf_text(&text), &head, &fault);
    buf_fini(&text);
    return result == HTTP_PARSE_DONE ? 200 : result == HTTP_PARSE_MORE ? 100 : fault.status;
}

static void test_limits(void **state)
{
    (void)state;
    const char *end = " HTTP/1.1" HOST "\r\n";
    assert_int_equal(status_of("GET /", "x", HTTP_TARGET_MAX - 1, end), 200);
    assert_int_equal(status_of("GET /", "x", HTTP_TARGET_MAX, end), 414);
    assert_int_equal(status_of("GET /", "x", HTTP_HEAD_MAX - 6, ""), 100);
    assert_int_equal(status_of("GET /", "x", HTTP_HEAD_MAX - 5, ""), 414);
    assert_int_equal(status_of("GET / HTTP/1.1" HOST, "A: b\r\n", HTTP_HEADERS_MAX - 1, "\r\n"), 200);
    assert_int_equal(status_of("GET / HTTP/1.1" HOST, "A: b\r\n", HTTP_HEADERS_MAX, "\r\n"), 431);
    assert_int_equal(status_of("GET / HTTP/1.1" HOST "A: ", "b", HTTP_HEAD_MAX, "\r\n\r\n"), 431);
    assert_int_equal(status_of("", "\r\n", HTTP_HEAD_MAX, ""), 414);
    assert_int_equal(status_of("POST / HTTP/1.1" HOST "Content-Length: 100\r\n", "", 0, "\r\n"), 200);
}

static void test_percent(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain;
    } rows[] = {
        {"", ""},       {"a%20b%2fC", "a b/C"}, {"%C3%A9+", "\xc3\xa9+"},
        {"%", NULL},    {"%4", NULL},           {"a%4g", NULL},
        {"%00", NULL},  {"%ff", NULL},          {"%c3", NULL},
        {"%%41", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = {0};
        buf_str(&out, STR("before"));
        int result = http_percent_decode(str_of(rows[i].text), false, &out);
        assert_int_equal(result, rows[i].plain == NULL ? -1 : 0);
        assert_int_equal(strncmp(buf_text(&out), "before", 6), 0);
        assert_string_equal(buf_text(&out) + 6, rows[i].plain == NULL ? "" : rows[i].plain);
        buf_fini(&out);
    }
}

static void test_query(void **state)
{
    (void)state;
    struct str rest = STR("&type=world&label.x=a%3Db+c&&flag&=v&bad=%zz&last=1&");
    struct buf scratch = {0};
    struct str name;
    struct str value;
    static const char *const pairs[][2] = {{"type", "world"}, {"label.x", "a=b c"}, {"flag", ""}, {"", "v"}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        assert_int_equal(http_query_next(&rest, &scratch, &name, &value), 1);
        assert_str(name, pairs[i][0]);
        assert_str(value, pairs[i][1]);
    }
    assert_int_equal(http_query_next(&rest, &scratch, &name, &value), -1);
    assert_int_equal(http_query_next(&rest, &scratch, &name, &value), 1);
    assert_str(name, "last");
    assert_int_equal(http_query_next(&rest, &scratch, &name, &value), 0);
    assert_int_equal(http_query_next(&rest, &scratch, &name, &value), 0);
    buf_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_targets), cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_faults),  cmocka_unit_test(test_limits),
        cmocka_unit_test(test_percent), cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
