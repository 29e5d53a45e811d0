#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/io/http/client/http_stream.h"
#include "outrider/io/loop/loop.h"
#include "tls_world.h"

#include <stdlib.h>
#include <string.h>

enum close_when { CLOSE_NEVER, CLOSE_IN_HEAD, CLOSE_IN_DATA };

struct seen {
    struct tls_world *world;
    struct http_stream *stream;
    enum close_when close;
    struct buf data;
    int status;
    size_t heads, ends;
    struct tls_outcome outcome;
};

static void on_head(int status, void *user)
{
    struct seen *seen = user;
    assert_int_equal(seen->heads++ + seen->data.size + seen->ends, 0);
    seen->status = status;
    if (seen->close == CLOSE_IN_HEAD) {
        http_stream_close(seen->stream);
        seen->stream = NULL;
    }
}

static void on_data(struct str bytes, void *user)
{
    struct seen *seen = user;
    assert_int_equal(seen->heads, 1);
    assert_int_equal(seen->ends, 0);
    assert_non_null(seen->stream);
    buf_str(&seen->data, bytes);
    if (seen->close == CLOSE_IN_DATA) {
        http_stream_close(seen->stream);
        seen->stream = NULL;
    }
}

static void on_end(const struct http_result *result, void *user)
{
    struct seen *seen = user;
    seen->ends++;
    seen->stream = NULL;
    tls_note(result, &seen->outcome);
}

static const struct http_stream_handler handler = {on_head, on_data, on_end};

static void open_stream(struct tls_world *world, struct seen *seen, const struct http_call *call)
{
    seen->world = world;
    seen->stream = http_stream_open(world->client, call, &handler, seen);
    assert_non_null(seen->stream);
    assert_int_equal(seen->heads + seen->ends, 0);
}

static void until_end(struct tls_world *world, struct seen *seen)
{
    while (seen->stream != NULL) {
        loop_turn_once(world->loop, true);
    }
}

static const char all[] = "one\ntwo\nthree\n";

static void test_stream(void **state)
{
    struct tls_world *world = *state;
    struct seen seen = {0};
    tls_client(world, (struct http_tls){0});
    struct http_call call = tls_call(world, "server", "/stream");
    call.timeout_ms = 5000; /* is for the head alone */
    open_stream(world, &seen, &call);
    while (seen.data.size < sizeof(all) - 1) {
        loop_turn_once(world->loop, true);
    }
    assert_string_equal(buf_text(&seen.data), all);
    assert_int_equal(seen.status, 200);
    assert_int_equal(seen.ends, 0);
    tls_ask(world, "server", "/info"); /* on another connection */
    assert_int_equal(tls_info(world, "open"), 2);
    http_stream_close(seen.stream);
    http_stream_close(NULL);
    do {
        tls_ask(world, "server", "/info");
    } while (tls_info(world, "open") > 1);
    assert_int_equal(seen.ends, 0);
    buf_fini(&seen.data);
}

static void test_end(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    static const struct {
        const char *kind, *path;
        enum http_transport transport;
        int status;
        const char *data; /* NULL: whatever it is */
    } rows[] = {
        {"server", "/end", HTTP_TRANSPORT_OK, 200, all},   {"server", "/cut", HTTP_TRANSPORT_RESET, 200, all},
        {"server", "/deny", HTTP_TRANSPORT_OK, 403, NULL}, {"server", "/drop", HTTP_TRANSPORT_TLS, 0, ""},
        {"expired", "/end", HTTP_TRANSPORT_TLS, 0, ""},    {"mutual12", "/end", HTTP_TRANSPORT_TLS, 0, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct seen seen = {0};
        struct http_call call = tls_call(world, rows[i].kind, rows[i].path);
        open_stream(world, &seen, &call);
        until_end(world, &seen);
        assert_int_equal(seen.ends, 1);
        assert_int_equal(seen.outcome.result.transport, rows[i].transport);
        assert_int_equal(seen.outcome.result.status, rows[i].status);
        assert_int_equal(seen.status, rows[i].status);
        assert_int_equal(seen.outcome.text[0] == '\0', rows[i].transport == HTTP_TRANSPORT_OK);
        if (rows[i].data != NULL) {
            assert_string_equal(buf_text(&seen.data), rows[i].data);
        } else {
            assert_non_null(strstr(buf_text(&seen.data), " connection=close ")); /* was in the request */
        }
        buf_fini(&seen.data);
    }
}

static void test_late_head(void **state)
{
    struct tls_world *world = *state;
    struct seen seen = {0};
    tls_client(world, (struct http_tls){0});
    struct http_call call = tls_call(world, "server", "/silent");
    call.timeout_ms = 30;
    open_stream(world, &seen, &call);
    until_end(world, &seen);
    assert_int_equal(seen.heads, 0);
    assert_int_equal(seen.outcome.result.transport, HTTP_TRANSPORT_TIMEOUT);
    assert_non_null(strstr(seen.outcome.text, "no answer within"));
}

static void test_close_from_a_callback(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    static const enum close_when when[] = {CLOSE_IN_HEAD, CLOSE_IN_DATA};
    for (size_t i = 0; i < COUNT_OF(when); i++) {
        struct seen seen = {.close = when[i]};
        struct http_call call = tls_call(world, "server", "/end");
        open_stream(world, &seen, &call);
        until_end(world, &seen);
        tls_ask(world, "server", "/info");
        assert_int_equal(seen.heads, 1);
        assert_int_equal(seen.ends, 0);
        assert_int_equal(seen.data.size > 0, when[i] == CLOSE_IN_DATA);
        buf_fini(&seen.data);
    }
}

/* Streams take nothing from the four idle connections that are kept. */
static void test_streams_do_not_crowd_out_calls(void **state)
{
    struct tls_world *world = *state;
    enum { STREAMS = 6 };
    struct seen seen[STREAMS] = {0};
    tls_client(world, (struct http_tls){0});
    for (size_t i = 0; i < STREAMS; i++) {
        struct http_call call = tls_call(world, "server", "/stream");
        open_stream(world, &seen[i], &call);
        while (seen[i].data.size == 0) {
            loop_turn_once(world->loop, true);
        }
    }
    tls_ask(world, "server", "/info");
    long connections = tls_info(world, "connections");
    for (int i = 0; i < 5; i++) {
        tls_ask(world, "server", "/info");
        assert_int_equal(tls_info(world, "connections"), connections);
    }
    tls_client(world, (struct http_tls){0}); /* the old one had streams open */
    for (size_t i = 0; i < STREAMS; i++) {
        assert_int_equal(seen[i].ends, 0);
        buf_fini(&seen[i].data);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)
    const struct CMUnitTest tests[] = {
        T(test_stream),
        T(test_end),
        T(test_late_head),
        T(test_close_from_a_callback),
        T(test_streams_do_not_crowd_out_calls),
    };
    return cmocka_run_group_tests(tests, tls_group_setup, tls_group_teardown);
}
