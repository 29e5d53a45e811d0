#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/http/client/http_answer_internal.h"

enum { MAX_BODY = 20 };

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
    const char *bytes;
    enum http_answer_result result; /* after the bytes and, where that says MORE, the end */
    int status;
    const char *body;
    bool keep;
    size_t rest; /* bytes that are not this answer's */
} rows[] = {
    {OK "Content-Length: 5\r\n\r\nhello", HTTP_ANSWER_DONE, 200, "hello", true, 0},
    {OK "content-length:5, 5\r\nContent-Length: 5\r\n\r\nhelloHTTP", HTTP_ANSWER_DONE, 200, "hello", true, 4},
    {OK "Connection: x, Close\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWER_DONE, 200, "", false, 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWER_DONE, 200, "", false, 0},
    {"HTTP/1.0 200\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWER_DONE, 200, "", true,
     0},
    {"HTTP/1.0 200 OK\r\n\r\nto the end", HTTP_ANSWER_DONE, 200, "to the end", false, 0},
    {"HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" OK
     "Content-Length: 1\r\n\r\nx",
     HTTP_ANSWER_DONE, 200, "x", true, 0},
    {"HTTP/1.1 204 None\r\nContent-Length: 9\r\n\r\n", HTTP_ANSWER_DONE, 204, "", true, 0},
    {"HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_ANSWER_DONE, 304, "", true, 0},
    {CHUNKED "2\r\nab\r\n003 ;x=\"y\"\r\ncde\r\n0;z\r\nTrailer: 1\r\nb: 2\r\n\r\n!", HTTP_ANSWER_DONE, 200,
     "abcde", true, 1},
    {CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", HTTP_ANSWER_DONE, 200, "01234567890123456789",
     true, 0},
    {CHUNKED "A\r\n0123456789\r\nb\r\n0123456789", HTTP_ANSWER_TOO_LARGE, 200, "0123456789", true, 12 - 2},
    {OK "Content-Length: 20\r\n\r\n01234567890123456789", HTTP_ANSWER_DONE, 200, "01234567890123456789", true,
     0},
    {OK "Content-Length: 21\r\n\r\n", HTTP_ANSWER_TOO_LARGE, 200, "", true, 0},
    {OK "\r\n012345678901234567890", HTTP_ANSWER_TOO_LARGE, 200, "01234567890123456789", false, 1},
    {OK "Content-Length: 5\r\n\r\nhell", HTTP_ANSWER_CUT, 200, "hell", true, 0},
    {CHUNKED "9\r\npart", HTTP_ANSWER_CUT, 200, "part", true, 0},
    {CHUNKED "0\r\n", HTTP_ANSWER_CUT, 200, "", true, 0},
    {OK, HTTP_ANSWER_CUT, 0, "", false, 0},
    {"", HTTP_ANSWER_CUT, 0, "", false, 0},
};

/* However the bytes are cut, the answer is the same. */
static void test_answers(void **state)
{
    (void)state;
    struct http_answer answer = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t size = strlen(rows[i].bytes);
        for (size_t cut = 0; cut <= size; cut++) {
            size_t first = 0, second = 0;
            http_answer_begin(&answer, MAX_BODY);
            enum http_answer_result result = http_answer_feed(&answer, rows[i].bytes, cut, &first);
            assert_true(first == cut || result != HTTP_ANSWER_MORE);
            result = http_answer_feed(&answer, rows[i].bytes + first, size - first, &second);
            if (result == HTTP_ANSWER_MORE) {
                result = http_answer_end(&answer);
            }
            assert_int_equal(result, rows[i].result);
            assert_int_equal(answer.status, rows[i].status);
            assert_string_equal(buf_text(&answer.body), rows[i].body);
            assert_int_equal(answer.keep_alive, rows[i].keep);
            assert_int_equal(size - first - second, rows[i].rest);
        }
    }
    http_answer_fini(&answer);
}

static const char *const malformed[] = {
    "what is this",
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/1.1 2000\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1 101 Switch\r\n\r\n",
    "HTTP/1.1 200 OK\n\n",
    OK "a: 1\rb: 2\r\n\r\n",
    OK "a: \x01\r\n\r\n",
    OK " folded: 1\r\n\r\n",
    OK "no colon\r\n\r\n",
    OK "blank : 1\r\n\r\n",
    OK ": 1\r\n\r\n",
    OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    OK "Content-Length: 1, 2\r\n\r\n",
    OK "Content-Length: 1,\r\n\r\n",
    OK "Content-Length: +1\r\n\r\n",
    OK "Content-Length: -1\r\n\r\n",
    OK "Content-Length: \r\n\r\n",
    OK "Content-Length: 99999999999999999999\r\n\r\n",
    OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    OK "Transfer-Encoding: gzip\r\n\r\n",
    OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    CHUNKED "\r\n",
    CHUNKED "g\r\n",
    CHUNKED "-1\r\n",
    CHUNKED "1\n",
    CHUNKED "1\rx",
    CHUNKED "1;x\n",
    CHUNKED "1\r\nabc",
    CHUNKED "1\r\na\rb",
    CHUNKED "11111111111111111\r\n",
    CHUNKED "0\r\n\rx",
    CHUNKED "0\r\nTrailer\n",
    CHUNKED "0\r\nTrailer\rx",
};

static void test_malformed(void **state)
{
    (void)state;
    struct http_answer answer = {0};
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        size_t used = 0;
        http_answer_begin(&answer, MAX_BODY);
        if (http_answer_feed(&answer, malformed[i], strlen(malformed[i]), &used) != HTTP_ANSWER_MALFORMED) {
            fail_msg("accepted: %s", malformed[i]);
        }
        assert_int_equal(http_answer_end(&answer), HTTP_ANSWER_MALFORMED);
    }
    http_answer_fini(&answer);
}

static enum http_answer_result repeat(struct http_answer *answer, const char *start, const char *again,
                                      size_t times)
{
    size_t used = 0;
    http_answer_begin(answer, MAX_BODY);
    enum http_answer_result result = http_answer_feed(answer, start, strlen(start), &used);
    for (size_t i = 0; i < times && result == HTTP_ANSWER_MORE; i++) {
        result = http_answer_feed(answer, again, strlen(again), &used);
    }
    return result;
}

static void test_no_end(void **state)
{
    (void)state;
    struct http_answer answer = {0};
    assert_int_equal(repeat(&answer, OK, "a: b\r\n", HTTP_ANSWER_HEAD_MAX), HTTP_ANSWER_MALFORMED);
    assert_true(answer.head.size <= HTTP_ANSWER_HEAD_MAX);
    assert_int_equal(repeat(&answer, CHUNKED "1;", "x", HTTP_ANSWER_LINE_MAX), HTTP_ANSWER_MALFORMED);
    assert_int_equal(repeat(&answer, CHUNKED, "0", HTTP_ANSWER_LINE_MAX + 1), HTTP_ANSWER_MALFORMED);
    assert_int_equal(repeat(&answer, CHUNKED "0\r\n", "a: b\r\n", HTTP_ANSWER_HEAD_MAX),
                     HTTP_ANSWER_MALFORMED);
    http_answer_fini(&answer);
}

static void test_content_type(void **state)
{
    (void)state;
    struct http_answer answer = {0};
    const char *bytes = "HTTP/1.1 100 Go\r\nContent-Type: no\r\n\r\n" OK "CONTENT-TYPE:  text/x \r\n\r\n";
    size_t used = 0;
    http_answer_begin(&answer, MAX_BODY);
    assert_int_equal(http_answer_feed(&answer, bytes, strlen(bytes), &used), HTTP_ANSWER_MORE);
    assert_true(str_eq(answer.content_type, STR("text/x")));
    http_answer_fini(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_no_end),
        cmocka_unit_test(test_content_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
