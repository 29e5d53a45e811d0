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

struct applied {
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
    struct applied *applied = user;
    assert_int_equal(applied->heads++ + applied->data.size + applied->ends, 0);
    applied->status = status;
    if (applied->close == CLOSE_IN_HEAD) {
        http_stream_close(applied->stream);
        applied->stream = NULL;
    }
}

static void on_data(struct str bytes, void *user)
{
    struct applied *applied = user;
    assert_int_equal(applied->heads, 1);
    assert_int_equal(applied->ends, 0);
    assert_non_null(applied->stream);
    buf_str(&applied->data, bytes);
    if (applied->close == CLOSE_IN_DATA) {
        http_stream_close(applied->stream);
        applied->stream = NULL;
    }
}

static void on_end(const struct http_result *result, void *user)
{
    struct applied *applied = user;
    applied->ends++;
    applied->stream = NULL;
    tls_note(result, &applied->outcome);
}

static const struct http_stream_handler handler = {on_head, on_data, on_end};

static void open_stream(struct tls_world *world, struct applied *applied, const struct http_call *call)
{
    applied->world = world;
    applied->stream = http_stream_open(world->client, call, &handler, applied);
    assert_non_null(applied->stream);
    assert_int_equal(applied->heads + applied->ends, 0);
}

static void until_end(struct tls_world *world, struct applied *applied)
{
    while (applied->stream != NULL) {
        loop_turn_once(world->loop, true);
    }
}

static const char all[] = "one\ntwo\nthree\n";

static void test_stream(void **state)
{
    struct tls_world *world = *state;
    struct applied applied = {0};
    tls_client(world, (struct http_tls){0});
    struct http_call call = tls_call(world, "server", "/stream");
    call.timeout_ms = 5000; /* is for the head alone */
    open_stream(world, &applied, &call);
    while (applied.data.size < sizeof(all) - 1) {
        loop_turn_once(world->loop, true);
    }
    assert_string_equal(buf_text(&applied.data), all);
    assert_int_equal(applied.status, 200);
    assert_int_equal(applied.ends, 0);
    tls_ask(world, "server", "/info"); /* on another connection */
    assert_int_equal(tls_info(world, "open"), 2);
    http_stream_close(applied.stream);
    http_stream_close(NULL);
    do {
        tls_ask(world, "server", "/info");
    } while (tls_info(world, "open") > 1);
    assert_int_equal(applied.ends, 0);
    buf_fini(&applied.data);
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
        struct applied applied = {0};
        struct http_call call = tls_call(world, rows[i].kind, rows[i].path);
        open_stream(world, &applied, &call);
        until_end(world, &applied);
        assert_int_equal(applied.ends, 1);
        assert_int_equal(applied.outcome.result.transport, rows[i].transport);
        assert_int_equal(applied.outcome.result.status, rows[i].status);
        assert_int_equal(applied.status, rows[i].status);
        assert_int_equal(applied.outcome.text[0] == '\0', rows[i].transport == HTTP_TRANSPORT_OK);
        if (rows[i].data != NULL) {
            assert_string_equal(buf_text(&applied.data), rows[i].data);
        } else {
            assert_non_null(strstr(buf_text(&applied.data), " connection=close ")); /* was in the request */
        }
        buf_fini(&applied.data);
    }
}

static void test_late_head(void **state)
{
    struct tls_world *world = *state;
    struct applied applied = {0};
    tls_client(world, (struct http_tls){0});
    struct http_call call = tls_call(world, "server", "/silent");
    call.timeout_ms = 30;
    open_stream(world, &applied, &call);
    until_end(world, &applied);
    assert_int_equal(applied.heads, 0);
    assert_int_equal(applied.outcome.result.transport, HTTP_TRANSPORT_TIMEOUT);
    assert_non_null(strstr(applied.outcome.text, "no answer within"));
}

static void test_close_from_a_callback(void **state)
{
    struct tls_world *world = *state;
    tls_client(world, (struct http_tls){0});
    static const enum close_when when[] = {CLOSE_IN_HEAD, CLOSE_IN_DATA};
    for (size_t i = 0; i < COUNT_OF(when); i++) {
        struct applied applied = {.close = when[i]};
        struct http_call call = tls_call(world, "server", "/end");
        open_stream(world, &applied, &call);
        until_end(world, &applied);
        tls_ask(world, "server", "/info");
        assert_int_equal(applied.heads, 1);
        assert_int_equal(applied.ends, 0);
        assert_int_equal(applied.data.size > 0, when[i] == CLOSE_IN_DATA);
        buf_fini(&applied.data);
    }
}

/* Streams take nothing from the four idle connections that are kept. */
static void test_streams_do_not_crowd_out_calls(void **state)
{
    struct tls_world *world = *state;
    enum { STREAMS = 6 };
    struct applied applied[STREAMS] = {0};
    tls_client(world, (struct http_tls){0});
    for (size_t i = 0; i < STREAMS; i++) {
        struct http_call call = tls_call(world, "server", "/stream");
        open_stream(world, &applied[i], &call);
        while (applied[i].data.size == 0) {
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
        assert_int_equal(applied[i].ends, 0);
        buf_fini(&applied[i].data);
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
