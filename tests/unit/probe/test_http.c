#include "web_case.h"

#include "outrider/base/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_OF(size) "HTTP/1.1 200 OK\r\nContent-Length: " #size "\r\n\r\n"

enum { BODY_MAX = 65536, PATIENT_MS = 20000, SHORT_MS = 60 };

static struct config_probe probe_of(int64_t timeout_ms)
{
    return (struct config_probe){.type = CONFIG_PROBE_HTTP, .timeout_ms = timeout_ms, .tls.verify = true};
}

static void the_target_is_the_url(void **state)
{
    (void)state;
    struct buf text = {0};
    char path[] = "/a b?q=\xc3\xa4#x%20";
    struct config_probe probe = {.type = CONFIG_PROBE_HTTP, .port = 8080};
    probe_driver_for(CONFIG_PROBE_HTTP)->describe("2001:db8::1", &probe, &text);
    assert_string_equal(buf_text(&text), "http://[2001:db8::1]:8080/");
    buf_clear(&text);
    probe.scheme = CONFIG_PROBE_SECURE;
    probe.path = path;
    probe_driver_for(CONFIG_PROBE_HTTP)->describe("game.example", &probe, &text);
    assert_string_equal(buf_text(&text), "https://game.example:8080/a%20b?q=%C3%A4%23x%20");
    buf_fini(&text);
}

static void says(const char *line)
{
    if (strcasestr(buf_text(&web_server.last), line) == NULL) {
        fail_msg("%s not in %s", line, buf_text(&web_server.last));
    }
}

static void says_not(const char *line)
{
    assert_null(strcasestr(buf_text(&web_server.last), line));
}

static void the_request_is_that_of_the_configuration(void **state)
{
    (void)state;
    char path[] = "/health?deep=1", host[] = "game.example", name[] = "X-Key", value[] = "k1", agent[64];
    struct config_probe probe = probe_of(PATIENT_MS);
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    says("GET / HTTP/1.1\r\nHost: 127.0.0.1:");
    says("\r\nAccept: */*\r\n");
    snprintf(agent, sizeof(agent), "\r\nUser-Agent: outrider/%s\r\n", version_text());
    says(agent);
    probe.path = path;
    probe.host_header = host;
    probe.method = CONFIG_PROBE_POST;
    probe.headers[0] = (struct config_label){.name = name, .value = value};
    probe.header_count = 1;
    result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    says("POST /health?deep=1 HTTP/1.1\r\nHost: game.example\r\n");
    says("\r\nX-Key: k1\r\n");
    says("\r\nContent-Length: 0\r\n");
    says_not("content-type");
    says_not("expect");
    probe.method = CONFIG_PROBE_HEAD;
    web_server.text = "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n";
    result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    says("HEAD /health?deep=1 HTTP/1.1\r\n");
}

static void the_environment_names_no_proxy(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    struct config_probe probe = probe_of(PATIENT_MS);
    struct try_result result = web_try(&probe);
    unsetenv("http_proxy");
    web_assert(&result, PROBE_PASSED, "");
}

static void the_status_decides(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *detail;
    } cases[] = {
        {"HTTP/1.1 204 No Content\r\n\r\n", ""},
        {"HTTP/1.1 302 Elsewhere\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", ""},
        {"HTTP/1.1 503 Whatever It Says\r\nContent-Length: 0\r\n\r\n", "HTTP 503 Service Unavailable"},
        {"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", "HTTP 404 Not Found"},
        {"HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n", "HTTP 599"},
        {"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
    };
    struct config_probe probe = probe_of(PATIENT_MS);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        web_server.text = cases[i].answer;
        struct try_result result = web_try(&probe);
        web_assert(&result, cases[i].detail[0] == '\0' ? PROBE_PASSED : PROBE_FAILED, cases[i].detail);
        assert_int_equal(web_server.requests, i + 1); /* no redirect is followed */
    }
    assert_int_equal(web_server.accepted, 1);
    char wanted[] = "400-404";
    probe.statuses[0] = wanted;
    probe.status_count = 1;
    web_server.text = cases[3].answer;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    web_server.text = cases[1].answer;
    result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "HTTP 302 Found");
}

static void the_body_must_contain_a_text(void **state)
{
    (void)state;
    char wanted[] = "\"up\"";
    struct config_probe probe = probe_of(PATIENT_MS);
    probe.body = wanted;
    web_server.text = HEAD_OF(11) "{\"is\":\"up\"}";
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    web_server.text = HEAD_OF(2) "{}";
    result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the body does not contain \"\"up\"\"");
    web_server.text = HEAD_OF(0);
    result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the body does not contain \"\"up\"\"");
}

/* The text ends `beyond` bytes after the first 64 KiB. */
static void reply_large(struct web_connection *connection, size_t beyond)
{
    struct buf body = {0};
    buf_printf(&body, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY_MAX + 5000);
    size_t filled = BODY_MAX + beyond - 2;
    memset(buf_extend(&body, filled), 'x', filled);
    buf_str(&body, STR("ok, and so on"));
    web_send(connection, buf_view(&body));
    buf_fini(&body);
}

static void reply_within(struct web_connection *connection, uint32_t stream)
{
    reply_large(connection, stream);
}

static void reply_beyond(struct web_connection *connection, uint32_t stream)
{
    reply_large(connection, stream + 1);
}

static void a_large_body_is_cut_off(void **state)
{
    (void)state;
    char wanted[] = "ok";
    struct config_probe probe = probe_of(PATIENT_MS);
    web_server.reply = reply_beyond;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    probe.body = wanted;
    result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the first 64 KiB of the body do not contain \"ok\"");
    assert_int_equal(web_server.accepted, 2); /* the rest is not read */
    web_server.reply = reply_within;
    result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
}

static void facts_are_where_the_pointers_say(void **state)
{
    (void)state;
    char players[] = "players", capacity[] = "capacity", map[] = "map", name[] = "name";
    char to_players[] = "/on/0", to_capacity[] = "/max", to_map[] = "/map", to_name[] = "/n~1m";
    struct config_probe probe = probe_of(PATIENT_MS);
    probe.facts_given = true;
    probe.fact_count = 4;
    probe.facts[0] = (struct config_label){.name = players, .value = to_players};
    probe.facts[1] = (struct config_label){.name = capacity, .value = to_capacity};
    probe.facts[2] = (struct config_label){.name = map, .value = to_map};
    probe.facts[3] = (struct config_label){.name = name, .value = to_name};
    web_server.text =
        HEAD_OF(60) "{\"on\":[3,7],\"max\":20,\"map\":\"harbor\",\"n/m\":\"A\",\"version\":\"1\"}";
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    assert_int_equal(result.players, 3);
    assert_int_equal(result.capacity, 20);
    assert_string_equal(result.map, "harbor");
    assert_string_equal(result.name, "A");
    assert_string_equal(result.version, "");
    web_server.text = HEAD_OF(8) "no JSON\n";
    result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    assert_int_equal(result.players, -1);
    assert_int_equal(result.capacity, -1);
    web_server.text = "HTTP/1.1 500 x\r\nContent-Length: 10\r\n\r\n{\"on\":[3]}";
    result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "HTTP 500 Internal Server Error");
    assert_int_equal(result.players, -1);
}

static void a_connection_is_kept(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    for (int i = 0; i < 3; i++) {
        struct try_result result = web_try(&probe);
        web_assert(&result, PROBE_PASSED, "");
    }
    assert_int_equal(web_server.accepted, 1);
    web_server.text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for (int i = 0; i < 3; i++) {
        struct try_result result = web_try(&probe);
        web_assert(&result, PROBE_PASSED, "");
    }
    assert_int_equal(web_server.accepted, 3);
}

static void close_the_first(struct web_connection *connection, uint32_t stream)
{
    (connection->requests == 1 ? web_reply_text : web_reply_close)(connection, stream);
}

static void drop_the_second(struct web_connection *connection, uint32_t stream)
{
    if (connection->requests == 1) {
        web_reply_text(connection, stream);
        return;
    }
    web_server.text =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"; /* and a reset in the middle of the body */
    web_reply_reset(connection, stream);
    web_server.text = HEAD_OF(2) "ok";
}

static void a_kept_connection_that_is_closed_is_no_failure(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    web_close(&web_server.connections[0]);
    result = web_try(&probe); /* closed before the request */
    web_assert(&result, PROBE_PASSED, "");
    assert_int_equal(web_server.accepted, 2);
    web_server.reply = drop_the_second;
    web_server.connections[0].requests = 1; /* it is the kept one */
    result = web_try(&probe);               /* closed while the answer comes */
    web_assert(&result, PROBE_PASSED, "");
    assert_int_equal(web_server.accepted, 3);
    web_server.reply = close_the_first;
    result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
}

static void a_new_connection_that_is_closed_is_one(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    web_server.text = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf";
    web_server.reply = web_reply_reset;
    struct try_result result = web_try(&probe);
    assert_int_equal(result.outcome, PROBE_RESET);
    assert_non_null(strstr(result.detail, "connection lost: "));
    assert_int_equal(web_server.accepted, 1);
    web_server.text = "";
    web_server.reply = web_reply_close;
    result = web_try(&probe);
    assert_int_equal(result.outcome, PROBE_RESET);
    assert_int_equal(web_server.accepted, 2);
}

static void what_is_no_http_fails(void **state)
{
    (void)state;
    static const char *const answers[] = {"SSH-2.0-OpenSSH_9.2\r\n", "<html>ok</html>\n",
                                          "\x16\x03\x01 garbage\n", "220 mail ready\r\n"};
    struct config_probe probe = probe_of(PATIENT_MS);
    web_server.reply = web_reply_close;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        web_server.text = answers[i];
        struct try_result result = web_try(&probe);
        web_assert(&result, PROBE_FAILED, "no status line: what answers on this port does not speak HTTP");
    }
}

static void reply_endless_head(struct web_connection *connection, uint32_t stream)
{
    (void)stream;
    web_send(connection, STR("HTTP/1.1 200 OK\r\n"));
    connection->endless = STR("X-More: and more and more and more and more\r\n");
}

static void reply_endless_line(struct web_connection *connection, uint32_t stream)
{
    (void)stream;
    web_send(connection, STR("HTTP/1.1 200 OK\r\nX-Long: "));
    connection->endless =
        STR("and more and more and more and more and more and more and more and more and more");
}

static void reply_interim(struct web_connection *connection, uint32_t stream)
{
    (void)stream;
    connection->endless = STR("HTTP/1.1 100 Continue\r\n\r\n");
}

static void reply_endless_body(struct web_connection *connection, uint32_t stream)
{
    (void)stream;
    web_send(connection, STR("HTTP/1.1 200 OK\r\n\r\n"));
    connection->endless = STR("all work and no play makes jack a dull boy all work and no play makes\n");
}

static void what_never_ends_is_bounded(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    web_server.reply = reply_endless_head;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the headers of the answer exceed 16 kB");
    web_server.reply = reply_interim;
    result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the headers of the answer exceed 16 kB");
    web_server.reply = reply_endless_line;
    result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the headers of the answer exceed 16 kB");
    web_server.reply = reply_endless_body;
    result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
}

static void reply_slowly(struct web_connection *connection, uint32_t stream)
{
    (void)stream;
    connection->drip = str_of(web_server.text);
}

static void the_timeout_is_for_the_whole_answer(void **state)
{
    (void)state;
    static char line[4096];
    struct config_probe probe = probe_of(SHORT_MS);
    web_server.reply = web_reply_nothing;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_TIMED_OUT, "no answer within 60ms");
    snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\nX: %04000d", 1);
    web_server.text = line;
    web_server.reply = reply_slowly;
    result = web_try(&probe);
    web_assert(&result, PROBE_TIMED_OUT, "the answer did not end within 60ms");
    snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n%04000d", 1);
    web_server.reply = reply_slowly;
    result = web_try(&probe);
    web_assert(&result, PROBE_TIMED_OUT, "the answer did not end within 60ms");
}

static void a_closed_port_refuses_and_a_name_needs_an_address(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    probe.port = web_server.port;
    struct try_result result = web_try_host(&probe, "localhost");
    web_assert(&result, PROBE_PASSED, "");
    result = web_try_host(&probe, "game..invalid");
    web_assert(&result, PROBE_NOT_RESOLVED, "name not resolved: no such name");
    web_teardown(state);
    web_setup(state);
    struct config_probe closed = probe_of(PATIENT_MS);
    closed.port = web_server.port;
    close(web_server.fd);
    result = web_try_host(&closed, "127.0.0.1");
    web_assert(&result, PROBE_REFUSED, "connection refused");
    web_server.fd = -1;
}

static void a_server_without_tls_is_told(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    probe.scheme = CONFIG_PROBE_SECURE;
    web_server.text = "HTTP/1.1 400 Bad Request\r\n\r\n";
    web_server.greet = web_reply_close;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_FAILED,
               "TLS: the server does not speak TLS on this port: use http://, or another port");
}

static void a_cancelled_attempt_makes_no_callback(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    web_assert_cancels(&probe);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, web_setup, web_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_target_is_the_url),
        TEST(the_request_is_that_of_the_configuration),
        TEST(the_environment_names_no_proxy),
        TEST(the_status_decides),
        TEST(the_body_must_contain_a_text),
        TEST(a_large_body_is_cut_off),
        TEST(facts_are_where_the_pointers_say),
        TEST(a_connection_is_kept),
        TEST(a_kept_connection_that_is_closed_is_no_failure),
        TEST(a_new_connection_that_is_closed_is_one),
        TEST(what_is_no_http_fails),
        TEST(what_never_ends_is_bounded),
        TEST(the_timeout_is_for_the_whole_answer),
        TEST(a_closed_port_refuses_and_a_name_needs_an_address),
        TEST(a_server_without_tls_is_told),
        TEST(a_cancelled_attempt_makes_no_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
