/* The stream of a WebSocket, and what ends one. */
#include "events_world.h"

#include "outrider/api/common/context.h"
#include "outrider/api/websocket/sockets.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define UPGRADE                                                                                              \
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define A "/services/world/a"
#define B "/services/world/b"
#define JSON(id, status)                                                                                     \
    "{\"id\":\"" id "\",\"type\":\"world\",\"host\":\"h\",\"ports\":[1],\"status\":\"" status "\"}"
#define EVENT(name, id, data) "{\"type\":\"event\",\"event\":\"" name "\",\"id\":" id ",\"data\":" data "}"
#define RESULT(id, status, body) "{\"type\":\"result\",\"id\":" id ",\"status\":" status ",\"body\":" body "}"

static const struct row fleet[] = {{A, JSON("a", "ready")}, {B, JSON("b", "ready")}};

static int set_up(void **state)
{
    struct world *world = malloc(sizeof(*world));
    world_begin(world, 3, 8);
    world_list(world, 0xcafe, fleet, COUNT_OF(fleet)); /* at 801 */
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    world_end(*state);
    free(*state);
    return 0;
}

static struct reader open_socket(struct world *world)
{
    struct reader reader = reader_dial(world, "/api/ws", UPGRADE);
    assert_non_null(strstr(buf_text(&reader.head), "HTTP/1.1 101 "));
    assert_non_null(strstr(buf_text(&reader.head), "Upgrade: websocket\r\n"));
    assert_non_null(strstr(buf_text(&reader.head), "Connection: Upgrade\r\n"));
    assert_non_null(strstr(buf_text(&reader.head), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    return reader;
}

/* Adds a frame with a mask of zeros, which changes nothing. */
static void add_frame(struct buf *out, unsigned first, const char *payload)
{
    size_t size = strlen(payload);
    const char head[6] = {(char)first, (char)(0x80 | size)};
    assert_true(size <= 125);
    buf_add(out, head, sizeof(head));
    buf_add(out, payload, size);
}

/* Sends the frames at once, and frees them. */
static void say_frames(struct reader *reader, struct buf *frames)
{
    assert_int_equal(send(reader->fd, frames->data, frames->size, MSG_NOSIGNAL), frames->size);
    buf_fini(frames);
}

static void say_frame(struct reader *reader, unsigned first, const char *payload)
{
    struct buf frames = {0};
    add_frame(&frames, first, payload);
    say_frames(reader, &frames);
}

static void say(struct reader *reader, const char *text)
{
    say_frame(reader, 0x81, text);
}

/* Turns until the next frame has arrived, and drops it: it is `first`, with the payload. */
static void expect_frame(struct world *world, struct reader *reader, unsigned first, const char *payload)
{
    size_t head = 2, size = 0;
    for (;;) {
        reader_read(reader);
        const unsigned char *in = (const unsigned char *)reader->in.data;
        if (reader->in.size >= 4) {
            head = in[1] == 126 ? 4 : 2;
            size = in[1] == 126 ? (size_t)(in[2] << 8 | in[3]) : in[1];
        } else if (reader->in.size >= 2) {
            size = in[1];
        }
        if (reader->in.size >= 2 && reader->in.size >= head + size) {
            break;
        }
        assert_false(reader->ended);
        world_turn(world);
    }
    assert_int_equal((unsigned char)reader->in.data[0], first);
    char *got = strndup(reader->in.data + head, size);
    assert_string_equal(got, payload);
    free(got);
    buf_consume(&reader->in, head + size);
}

static void expect(struct world *world, struct reader *reader, const char *text)
{
    expect_frame(world, reader, 0x81, text);
}

/* A close with its code and reason, and then the end. */
static void expect_close(struct world *world, struct reader *reader, unsigned code, const char *reason)
{
    char payload[130] = {(char)(code >> 8), (char)code};
    snprintf(payload + 2, sizeof(payload) - 2, "%s", reason);
    expect_frame(world, reader, 0x88, payload);
    reader_hear_end(world, reader);
    assert_int_equal(reader->in.size, 0);
}

static const struct api_sockets_counters *counters(const struct world *world)
{
    return api_sockets_counters(world->context->sockets);
}

static void expect_fleet(struct world *world, struct reader *reader)
{
    expect(world, reader, EVENT("init", "null", JSON("a", "ready")));
    expect(world, reader, EVENT("init", "null", JSON("b", "ready")));
    expect(world, reader, EVENT("synced", "\"801-cafe\"", "{\"total\":2,\"revision\":801,\"stale\":false}"));
}

static void test_events(void **state)
{
    struct world *world = *state;
    struct reader reader = open_socket(world), sse = reader_dial(world, "/api/subscribe", "");
    say(&reader, "{\"type\":\"subscribe\",\"id\":\"1\"}");
    expect(world, &reader, RESULT("\"1\"", "200", "null"));
    expect_fleet(world, &reader);
    world_put(world, A, JSON("a", "error"));
    expect(world, &reader, EVENT("update", "\"802-cafe\"", JSON("a", "error")));
    world_put(world, B, NULL);
    expect(world, &reader,
           EVENT("remove", "\"803-cafe\"",
                 "{\"key\":\"" B "\",\"type\":\"world\",\"id\":\"b\",\"clean\":false}"));
    reader_hear(world, &sse, "id: 803-cafe\n\n");
    assert_int_equal(events_counters(world->events)->subscribers, 2);
    say(&reader, "{\"type\":\"unsubscribe\"}");
    expect(world, &reader, RESULT("null", "200", "null"));
    assert_int_equal(events_counters(world->events)->subscribers, 1);
    world_put(world, A, JSON("a", "ready"));
    reader_hear(world, &sse, "id: 804-cafe\n\n");
    say(&reader, "{\"type\":\"subscribe\",\"after\":\"802-cafe\",\"filter\":{\"include\":\"state\"}}");
    expect(world, &reader, RESULT("null", "200", "null"));
    expect(world, &reader,
           EVENT("remove", "\"803-cafe\"",
                 "{\"key\":\"" B "\",\"type\":\"world\",\"id\":\"b\",\"clean\":false}"));
    expect(world, &reader, EVENT("update", "\"804-cafe\"", JSON("a", "ready")));
    reader_hear(world, &reader, "\"event\":\"state\"");
    reader_hang_up(&reader);
    reader_hang_up(&sse);
    while (world->counted != 0) {
        world_turn(world);
    }
    assert_int_equal(counters(world)->open, 0);
    assert_int_equal(counters(world)->messages, 3);
}

/* The second subscription takes the place of the first. */
static void test_one_stream_each(void **state)
{
    struct world *world = *state;
    struct reader reader = open_socket(world);
    say(&reader, "{\"type\":\"subscribe\"}");
    say(&reader, "{\"type\":\"subscribe\",\"filter\":{\"status\":\"error\"}}");
    reader_hear(world, &reader, "{\"total\":0,\"revision\":801,\"stale\":false}}");
    assert_int_equal(events_counters(world->events)->subscribers, 1);
    buf_clear(&reader.in);
    world_put(world, A, JSON("a", "error"));
    expect(world, &reader, EVENT("update", "\"802-cafe\"", JSON("a", "error")));
    reader_hang_up(&reader);
}

static void test_comments_and_pings(void **state)
{
    struct world *world = *state;
    struct reader reader = open_socket(world);
    say(&reader, "{\"type\":\"subscribe\"}");
    reader_hear(world, &reader, "\"event\":\"synced\"");
    buf_clear(&reader.in);
    int64_t now = clock_mono_ms();
    api_sockets_look(world->context->sockets, now + SOCKETS_SILENT_MS - 1000);
    expect_frame(world, &reader, 0x89, "");
    say_frame(&reader, 0x8a, "");
    api_sockets_look(world->context->sockets, now + 2 * SOCKETS_SILENT_MS);
    expect_close(world, &reader, 1001, "nothing heard for 90 s, not even an answer to a ping");
    assert_int_equal(events_counters(world->events)->subscribers, 0);
    reader_hang_up(&reader);
}

/* One with a stream is never idle, one without is after its last message. */
static void test_idle(void **state)
{
    struct world *world = *state;
    struct reader with = open_socket(world), without = open_socket(world);
    say(&with, "{\"type\":\"subscribe\"}");
    expect(world, &with, RESULT("null", "200", "null"));
    expect_fleet(world, &with);
    int64_t now = clock_mono_ms();
    api_sockets_look(world->context->sockets, now + SOCKETS_IDLE_MS - 1000);
    expect_frame(world, &with, 0x89, "");
    expect_frame(world, &without, 0x89, "");
    api_sockets_look(world->context->sockets, now + SOCKETS_IDLE_MS + 1000);
    expect_frame(world, &with, 0x89, "");
    expect_close(world, &without, 1000, "idle for 60 s");
    reader_hang_up(&with);
    reader_hang_up(&without);
}

static void test_faults_are_counted(void **state)
{
    struct world *world = *state;
    struct reader reader = open_socket(world);
    say_frame(&reader, 0x82, "bytes");
    expect_close(world, &reader, 1003, "want messages of text");
    assert_int_equal(counters(world)->faults, 1);
    reader_hang_up(&reader);
    reader = open_socket(world);
    say_frame(&reader, 0x88, "\x03\xe8");
    expect_close(world, &reader, 1000, "");
    assert_int_equal(counters(world)->faults, 1);
    reader_hang_up(&reader);
}

/* Messages before the close that came with them are still done, and nothing is sent behind it. */
static void test_messages_before_a_close(void **state)
{
    struct world *world = *state;
    struct reader reader = open_socket(world);
    struct buf frames = {0};
    add_frame(&frames, 0x81, "{\"type\":\"unsubscribe\"}");
    add_frame(&frames, 0x88, "\x03\xe8");
    add_frame(&frames, 0x81, "{\"type\":\"unsubscribe\"}");
    say_frames(&reader, &frames);
    expect(world, &reader, RESULT("null", "200", "null"));
    expect_close(world, &reader, 1000, "");
    assert_int_equal(counters(world)->open, 0);
    assert_int_equal(counters(world)->messages, 1);
    reader_hang_up(&reader);
}

static void test_refused_messages(void **state)
{
    struct world *world = *state;
    struct reader reader = open_socket(world);
    say(&reader, "{\"type\":\"subscribe\",\"id\":\"7\",\"filter\":{\"limit\":\"5\"}}");
    expect(world, &reader,
           RESULT("\"7\"", "400",
                  "{\"error\":{\"code\":\"bad_parameter\",\"message\":\"limit: the stream has no pages\"}}"));
    say(&reader, "{\"type\":\"nothing\"}");
    reader_hear(world, &reader, "bad_message");
    assert_int_equal(counters(world)->refused, 2);
    assert_int_equal(events_counters(world->events)->subscribers, 0);
    reader_hang_up(&reader);
}

static void test_the_hub_ends(void **state)
{
    struct world *world = *state;
    struct reader reader = open_socket(world);
    say(&reader, "{\"type\":\"subscribe\"}");
    expect(world, &reader, RESULT("null", "200", "null"));
    expect_fleet(world, &reader);
    events_close(world->events, "view_off");
    expect_close(world, &reader, 1001, "view_off");
    reader_hang_up(&reader);
}

static void test_its_name_goes(void **state)
{
    struct world *world = *state;
    struct reader reader = open_socket(world);
    /* no name was proved, so that it is not judged */
    http_server_end_pushes(world->server, NULL, NULL);
    say(&reader, "{\"type\":\"unsubscribe\"}");
    expect(world, &reader, RESULT("null", "200", "null"));
    reader_hang_up(&reader);
}

static void test_handshakes(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *headers, *status, *part;
    } rows[] = {
        {"", "426", "Upgrade: websocket\r\n"},
        {"Upgrade: h2c\r\nConnection: Upgrade\r\n", "426", "upgrade_required"},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\n", "426", "Sec-WebSocket-Version: 13\r\n"},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         "426", "bad_handshake"},
        {"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         "400", "Connection"},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", "400",
         "Sec-WebSocket-Key"},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n",
         "400", "Sec-WebSocket-Key"},
        {UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "400", "Sec-WebSocket-Key"},
        {UPGRADE "Content-Length: 1\r\n\r\nx", "400", "without a body"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reader reader = reader_dial(world, "/api/ws", rows[i].headers);
        assert_int_equal(strncmp(buf_text(&reader.head) + 9, rows[i].status, 3), 0);
        if (strstr(buf_text(&reader.head), rows[i].part) == NULL) {
            reader_hear(world, &reader, rows[i].part);
        }
        reader_hang_up(&reader);
    }
    assert_int_equal(counters(world)->begun, 0);
}

static void test_no_room(void **state)
{
    struct world *world = *state;
    struct reader readers[3];
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        readers[i] = open_socket(world);
    }
    struct reader one_more = reader_dial(world, "/api/ws", UPGRADE);
    assert_non_null(strstr(buf_text(&one_more.head), "HTTP/1.1 503 "));
    reader_hang_up(&one_more);
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        reader_hang_up(&readers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_stream_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_comments_and_pings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faults_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_messages_before_a_close, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_hub_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_its_name_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_handshakes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
