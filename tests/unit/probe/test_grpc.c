#include "web_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATIENT_MS = 20000,
    SHORT_MS = 80,
    DATA = 0,
    HEADERS = 1,
    RST_STREAM = 3,
    SETTINGS = 4,
    PING = 6,
    GOAWAY = 7
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

static const char *grpc_status; /* of the trailers; NULL: there are none */
static struct str message;

static struct config_probe probe_of(int64_t timeout_ms)
{
    return (struct config_probe){.type = CONFIG_PROBE_GRPC, .timeout_ms = timeout_ms, .tls.verify = true};
}

/* ---- the frames of a server ---- */

static void add_frame(struct buf *out, unsigned type, unsigned flags, uint32_t stream, struct str payload)
{
    const char head[9] = {(char)(payload.size >> 16),
                          (char)(payload.size >> 8),
                          (char)payload.size,
                          (char)type,
                          (char)flags,
                          0,
                          0,
                          (char)(stream >> 8),
                          (char)stream};
    buf_add(out, head, sizeof(head));
    buf_str(out, payload);
}

/* A literal header, never indexed. */
static void add_header(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%c%c%s%c%s", 0x10, (int)strlen(name), name, (int)strlen(value), value);
}

static void send_frame(struct web_connection *connection, unsigned type, unsigned flags, uint32_t stream,
                       struct str payload)
{
    struct buf out = {0};
    add_frame(&out, type, flags, stream, payload);
    web_send(connection, buf_view(&out));
    buf_fini(&out);
}

static void greet(struct web_connection *connection, uint32_t stream)
{
    (void)stream;
    send_frame(connection, SETTINGS, 0, 0, STR(""));
}

static void send_head(struct web_connection *connection, uint32_t stream)
{
    struct buf head = {0};
    buf_str(&head, STR("\x88")); /* :status 200 */
    add_header(&head, "content-type", "application/grpc");
    send_frame(connection, HEADERS, END_HEADERS, stream, buf_view(&head));
    buf_fini(&head);
}

static void reply(struct web_connection *connection, uint32_t stream)
{
    struct buf trailers = {0};
    send_head(connection, stream);
    send_frame(connection, DATA, grpc_status == NULL ? END_STREAM : 0, stream, message);
    if (grpc_status != NULL) {
        add_header(&trailers, "grpc-status", grpc_status);
        send_frame(connection, HEADERS, END_HEADERS | END_STREAM, stream, buf_view(&trailers));
    }
    buf_fini(&trailers);
}

static int setup(void **state)
{
    int result = web_setup(state);
    web_server.is_http2 = true;
    web_server.greet = greet;
    web_server.reply = reply;
    grpc_status = "0";
    message = STR("\0\0\0\0\2\x08\1");
    return result;
}

/* ---- tests ---- */

static void a_server_that_serves_passes(void **state)
{
    (void)state;
    char service[] = "game.v1.World";
    struct config_probe probe = probe_of(PATIENT_MS);
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    assert_int_equal(web_server.last.size, 5);
    probe.service = service;
    result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    assert_int_equal(web_server.last.size, 20);
    assert_memory_equal(web_server.last.data + 7, service, 13);
    result = web_try_host(&probe, "localhost");
    web_assert(&result, PROBE_PASSED, "");
}

static void what_the_server_says_is_the_reason(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    message = STR("\0\0\0\0\2\x08\2");
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "NOT_SERVING");
    grpc_status = "12";
    message = STR("");
    result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the server has no health service (grpc.health.v1)");
    assert_int_equal(web_server.accepted, 1);
}

static void an_answer_without_trailers_fails(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    grpc_status = NULL;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the answer has no trailers");
}

static void a_connection_is_kept_and_replaced(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    for (int i = 0; i < 4; i++) {
        struct try_result result = web_try(&probe);
        web_assert(&result, PROBE_PASSED, "");
        assert_int_equal(web_server.accepted, 1);
    }
    send_frame(&web_server.connections[0], PING, 0, 0, STR("12345678")); /* while it is idle */
    for (int i = 0; i < 5; i++) {
        web_step();
    }
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    assert_int_equal(web_server.accepted, 1);
    web_close(&web_server.connections[0]);
    result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    assert_int_equal(web_server.accepted, 2);
}

static void go_away(struct web_connection *connection, uint32_t stream)
{
    if (web_server.accepted > 1) {
        reply(connection, stream);
        return;
    }
    send_frame(connection, GOAWAY, 0, 0, STR("\0\0\0\0\0\0\0\0"));
    web_close(connection);
}

static void a_kept_connection_that_goes_away_is_no_failure(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    web_server.reply = go_away;
    result = web_try(&probe);
    web_assert(&result, PROBE_PASSED, "");
    assert_int_equal(web_server.accepted, 2);
}

static void reset_stream(struct web_connection *connection, uint32_t stream)
{
    send_head(connection, stream);
    send_frame(connection, RST_STREAM, 0, stream, STR("\0\0\0\2"));
}

static void a_stream_that_is_reset_fails(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    web_server.reply = reset_stream;
    struct try_result result = web_try(&probe);
    assert_int_equal(result.outcome, PROBE_RESET);
    assert_non_null(strstr(result.detail, "connection lost"));
}

static void greet_http1(struct web_connection *connection, uint32_t stream)
{
    (void)stream;
    web_send(connection, STR("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
}

static void a_server_of_http_1_1_is_told(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    web_server.greet = greet_http1;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the server speaks HTTP/1.1 on this port, and not HTTP/2");
}

static void greet_garbage(struct web_connection *connection, uint32_t stream)
{
    (void)stream;
    web_send(connection, STR("220 mail ready\r\n500 what is that\r\n\r\n"));
}

static void garbage_fails(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    web_server.greet = greet_garbage;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "what answers on this port does not speak HTTP/2");
}

static struct buf flood;

static void reply_flood(struct web_connection *connection, uint32_t stream)
{
    buf_fini(&flood);
    for (int i = 0; i < 500; i++) {
        add_frame(&flood, message.data[0] == 'P' ? PING : DATA, message.data[0] == 'P' ? ACK : 0,
                  message.data[0] == 'P' ? 0 : stream, message.data[0] == 'P' ? STR("12345678") : STR(""));
    }
    send_head(connection, stream);
    connection->endless = buf_view(&flood);
}

static void frames_without_end_are_bounded(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    web_server.reply = reply_flood;
    for (const char *kind = "PD"; *kind != '\0'; kind++) {
        message = (struct str){kind, 1};
        struct try_result result = web_try(&probe);
        web_assert(&result, PROBE_FAILED, "the answer is larger than accepted");
    }
    buf_fini(&flood);
}

static void reply_large(struct web_connection *connection, uint32_t stream)
{
    static char large[5000];
    message = (struct str){large, sizeof(large)};
    reply(connection, stream);
}

static void a_large_answer_fails(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    web_server.reply = reply_large;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_FAILED, "the answer is larger than accepted");
}

static void the_timeout_is_for_the_whole_answer(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(SHORT_MS);
    web_server.reply = web_reply_nothing;
    struct try_result result = web_try(&probe);
    web_assert(&result, PROBE_TIMED_OUT, "no answer within 80ms");
    web_server.reply = send_head;
    result = web_try(&probe);
    web_assert(&result, PROBE_TIMED_OUT, "the answer did not end within 80ms");
}

static void a_closed_port_refuses_and_a_name_needs_an_address(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    probe.port = web_server.port;
    struct try_result result = web_try_host(&probe, "game..invalid");
    web_assert(&result, PROBE_NOT_RESOLVED, "name not resolved: no such name");
    close(web_server.fd);
    result = web_try_host(&probe, "127.0.0.1");
    web_assert(&result, PROBE_REFUSED, "connection refused");
    result = web_try_host(&probe, "::1");
    web_assert(&result, PROBE_REFUSED, "connection refused");
    web_server.fd = -1;
}

static void a_cancelled_attempt_makes_no_callback(void **state)
{
    (void)state;
    struct config_probe probe = probe_of(PATIENT_MS);
    web_assert_cancels(&probe);
}

static void the_target_names_the_service(void **state)
{
    (void)state;
    struct buf text = {0};
    char service[] = "game.v1.World";
    struct config_probe probe = {.type = CONFIG_PROBE_GRPC, .port = 50051};
    probe_driver_for(CONFIG_PROBE_GRPC)->describe("127.0.0.1", &probe, &text);
    assert_string_equal(buf_text(&text), "http://127.0.0.1:50051");
    buf_clear(&text);
    probe.service = service;
    probe.tls.given = true;
    probe_driver_for(CONFIG_PROBE_GRPC)->describe("::1", &probe, &text);
    assert_string_equal(buf_text(&text), "https://[::1]:50051/game.v1.World");
    buf_fini(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, web_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_target_names_the_service),
        TEST(a_server_that_serves_passes),
        TEST(what_the_server_says_is_the_reason),
        TEST(an_answer_without_trailers_fails),
        TEST(a_connection_is_kept_and_replaced),
        TEST(a_kept_connection_that_goes_away_is_no_failure),
        TEST(a_stream_that_is_reset_fails),
        TEST(a_server_of_http_1_1_is_told),
        TEST(garbage_fails),
        TEST(frames_without_end_are_bounded),
        TEST(a_large_answer_fails),
        TEST(the_timeout_is_for_the_whole_answer),
        TEST(a_closed_port_refuses_and_a_name_needs_an_address),
        TEST(a_cancelled_attempt_makes_no_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
