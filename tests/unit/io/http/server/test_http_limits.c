/* The limits of what a peer may cost. */
#include "io/http/server/http_server_internal.h"
#include "outrider/io/loop/loop.h"
#include "unit/io/http/http_world.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_faults(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *text, *status;
    } rows[] = {
        {"\x16\x03\x01", "400 Bad Request"},
        {"what\r\n\r\n", "400 Bad Request"},
        {GET("/%zz"), "400 Bad Request"},
        {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello", "411 Length Required"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: br\r\n\r\n", "501 Not Implemented"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\nhello", "413 Content Too Large"},
        {"GET / HTTP/3.0\r\nHost: h\r\n\r\n", "505 HTTP Version Not Supported"},
    };
    world_start(world, (struct http_listener_options){0});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct client client = client_dial(world);
        client_say(&client, rows[i].text);
        client_hear_end(world, &client);
        assert_true(client_heard(&client, rows[i].status));
        assert_true(client_heard(&client, "Content-Type: application/json\r\n"));
        assert_true(client_heard(&client, "Connection: close\r\n"));
        assert_true(client_heard(&client, "{\"error\":{\"code\":\""));
        client_hang_up(&client);
    }
    struct client client = client_dial(world);
    struct buf head = {0};
    buf_str(&head, STR("GET / HTTP/1.1\r\nHost: h\r\nX: "));
    for (int i = 0; i < 9000; i++) {
        buf_str(&head, STR("x"));
    }
    client_say(&client, buf_text(&head));
    client_hear_end(world, &client);
    assert_true(client_heard(&client, "431 Request Header Fields Too Large"));
    buf_fini(&head);
    client_hang_up(&client);
    assert_int_equal(world->handled, 0);
    assert_int_equal(http_server_counters(world->server)->faults, COUNT_OF(rows) + 1);
}

/* Heads that two readers could understand differently. What follows one is neither its body nor a request. */
static void test_smuggling(void **state)
{
    struct world *world = *state;
    static const char *const headers[] = {
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\nContent-Length: 6\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: chunked\x0b\r\n",
        "X: y\r\n Transfer-Encoding: chunked\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n",
        "Content-Length: 0\r\nContent-Length: 6\r\n",
        "Content-Length: 6\r\nContent-Length: 6\r\n",
        "Content-Length: 0, 6\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: -0\r\n",
        "Content-Length: 0x0\r\n",
        "Content-Length: 0;\r\n",
        "Content-Length:\r\n",
        "Content-Length : 0\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Host: other\r\n",
    };
    world_start(world, (struct http_listener_options){0});
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct buf text = {0};
        buf_printf(&text, "POST /first HTTP/1.1\r\nHost: h\r\n%s\r\n0\r\n\r\n%s", headers[i],
                   GET("/smuggled"));
        struct client client = client_dial(world);
        client_say(&client, buf_text(&text));
        client_hear_end(world, &client);
        if (world->handled > 0 || strncmp(buf_text(&client.in), "HTTP/1.1 4", 10) != 0) {
            assert_int_equal(world->handled, 0);
            assert_true(client_heard(&client, "501 Not Implemented"));
        }
        client_hang_up(&client);
        buf_fini(&text);
    }
    struct client nul = client_dial(world);
    static const char bytes[] = "GET /first HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n" GET("/smuggled");
    assert_int_equal(send(nul.fd, bytes, sizeof(bytes) - 1, MSG_NOSIGNAL), sizeof(bytes) - 1);
    client_hear_end(world, &nul);
    assert_int_equal(world->handled, 0);
    client_hang_up(&nul);
}

static void test_slow_peers(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){.request_timeout_ms = 20, .idle_timeout_ms = 20});
    const struct http_server_counters *counters = http_server_counters(world->server);
    struct client silent = client_dial(world);
    client_hear_end(world, &silent);
    assert_int_equal(silent.in.size, 0);
    assert_int_equal(counters->request_timeouts, 1);
    struct client half_head = client_dial(world);
    client_say(&half_head, "GET / HTTP/1.1\r\nHost:");
    client_hear_end(world, &half_head);
    assert_true(client_heard(&half_head, "408 Request Timeout"));
    assert_int_equal(counters->request_timeouts, 2);
    struct client half_body = client_dial(world);
    client_say(&half_body, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    client_hear_end(world, &half_body);
    assert_true(client_heard(&half_body, "408 Request Timeout"));
    struct client idle = client_dial(world);
    client_say(&idle, GET("/"));
    client_hear_end(world, &idle);
    assert_true(client_heard(&idle, "hello"));
    assert_false(client_heard(&idle, "408"));
    assert_int_equal(counters->idle_timeouts, 1);
    client_hang_up(&silent);
    client_hang_up(&half_head);
    client_hang_up(&half_body);
    client_hang_up(&idle);
}

/* Proxies keep a connection for 60 s. One that they send a request on must not just be ending here. */
static void test_idle_for_longer_than_proxies(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    assert_int_equal(http_listener_options(world->listener)->idle_timeout_ms, 75000);
}

static size_t buffered(const struct http_listener *listener)
{
    size_t size = 0;
    for (size_t i = 0; i < CONNECTION_STATES; i++) {
        for (const struct connection *at = listener->lists[i].first; at != NULL; at = at->next) {
            size += at->in.size;
        }
    }
    return size;
}

/* What a peer sends faster than it is served waits in the kernel, not in our memory. */
static void test_asking_ahead(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    enum { COUNT = 20000 };
    struct buf many = {0};
    for (int i = 0; i < COUNT; i++) {
        buf_str(&many, STR(GET("/")));
    }
    size_t said = 0, most = 0;
    while (world->handled < COUNT) {
        ssize_t sent = send(client.fd, many.data + said, many.size - said, MSG_DONTWAIT | MSG_NOSIGNAL);
        said += sent > 0 ? (size_t)sent : 0;
        world_turn(world);
        client_read(&client);
        buf_clear(&client.in);
        most = buffered(world->listener) > most ? buffered(world->listener) : most;
    }
    assert_int_equal(said, many.size);
    assert_true(most > 0);
    assert_true(most < 32768); /* less than one request, and one read */
    buf_fini(&many);
    client_hang_up(&client);
}

/* The same with replies that come later, one at a time. */
static void test_asking_ahead_of_late_answers(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){.max_body = 1000});
    struct client client = client_dial(world);
    struct buf many = {0};
    while (many.size < 1 << 20) {
        buf_str(&many, STR("GET /later HTTP/1.1\r\nHost: h\r\n\r\n"));
    }
    size_t said = 0, most = 0;
    for (int i = 0; i < 200; i++) {
        ssize_t sent = send(client.fd, many.data + said, many.size - said, MSG_DONTWAIT | MSG_NOSIGNAL);
        said += sent > 0 ? (size_t)sent : 0;
        while (world->kept == NULL) {
            world_turn(world);
        }
        world_turn(world);
        most = buffered(world->listener) > most ? buffered(world->listener) : most;
        world_answer(world, "done");
    }
    assert_int_equal(world->handled, 200);
    assert_true(most < 32768);
    buf_fini(&many);
    client_hang_up(&client);
}

/* A peer that does not read pins one reply, by reference, until the write timeout. */
static void test_never_reading_peer(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){.write_timeout_ms = 50});
    struct client client = client_dial(world);
    for (int i = 0; i < 10; i++) {
        client_say(&client, GET("/big"));
    }
    while (world->handled == 0) {
        world_turn(world);
    }
    const struct http_server_counters *counters = http_server_counters(world->server);
    while (counters->open > 0) {
        world_turn(world);
    }
    assert_int_equal(world->handled, 1);
    assert_int_equal(counters->write_timeouts, 1);
    assert_true(counters->bytes_sent < BIG);
    client_hang_up(&client);
}

static void test_large_answers_arrive_whole(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    client_say(&client, GET("/big") GET("/copied")
                            GET("/static") "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client_hear_end(world, &client);
    size_t letters = 0;
    for (size_t i = 0; i < client.in.size; i++) {
        letters += client.in.data[i] == 'z' ? 1 : 0;
    }
    assert_int_equal(letters, 3 * BIG);
    assert_string_equal(buf_text(&client.in) + client.in.size - 5, "hello");
    client_hang_up(&client);
}

static void test_max_connections(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){.max_connections = 2});
    const struct http_server_counters *counters = http_server_counters(world->server);
    struct client first = client_dial(world);
    client_say(&first, GET("/"));
    client_hear(world, &first, "hello", 1);
    struct client second = client_dial(world);
    client_say(&second, GET("/"));
    client_hear(world, &second, "hello", 1);
    struct client third = client_dial(world); /* the first has been idle longest */
    client_say(&third, GET("/later"));
    client_hear_end(world, &first);
    while (world->kept == NULL) {
        world_turn(world);
    }
    assert_int_equal(counters->evicted, 1);
    struct http_exchange *one = world->kept;
    world->kept = NULL;
    client_say(&second, GET("/later"));
    while (world->kept == NULL) {
        world_turn(world);
    }
    struct client fourth = client_dial(world); /* no connection is idle */
    client_say(&fourth, GET("/"));
    client_hear_end(world, &fourth);
    assert_true(client_heard(&fourth, "503 Service Unavailable"));
    assert_true(client_heard(&fourth, "too_many_connections"));
    assert_int_equal(counters->rejected, 1);
    assert_int_equal(counters->faults, 0);
    world_answer(world, "two");
    world->kept = one;
    world_answer(world, "one");
    client_hear(world, &third, "one", 1);
    client_hear(world, &second, "two", 1);
    client_hang_up(&first);
    client_hang_up(&second);
    client_hang_up(&third);
    client_hang_up(&fourth);
}

/* A connection that has been silent for a while goes before one that has made a request. */
static void test_silent_ones_make_room(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){.max_connections = 2});
    struct client asking = client_dial(world);
    client_say(&asking, GET("/"));
    client_hear(world, &asking, "hello", 1);
    struct client silent = client_dial(world);
    while (world->listener->lists[CONNECTION_FRESH].count == 0) {
        world_turn(world);
    }
    world->listener->lists[CONNECTION_FRESH].first->deadline_ms -= 5000; /* as if it had connected 5 s ago */
    struct client another = client_dial(world);
    client_say(&another, GET("/"));
    client_hear(world, &another, "hello", 1);
    client_hear_end(world, &silent);
    client_say(&asking, GET("/"));
    client_hear(world, &asking, "hello", 2);
    assert_int_equal(http_server_counters(world->server)->evicted, 1);
    client_hang_up(&asking);
    client_hang_up(&silent);
    client_hang_up(&another);
}

/* Descriptors run out: the loop does not spin, and accepts again when there are some. */
static void test_no_descriptors(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {(rlim_t)client.fd + 1, before.rlim_max};
    int spare[64];
    size_t count = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    while (count < COUNT_OF(spare) && (spare[count] = dup(0)) >= 0) {
        count++;
    }
    client_say(&client, GET("/"));
    world_turn(world);
    world_turn(world);
    assert_int_equal(world->handled, 0);
    for (size_t i = 0; i < count; i++) {
        close(spare[i]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (world->handled == 0) {
        loop_turn_once(world->loop, true);
    }
    client_hear(world, &client, "hello", 1);
    client_hang_up(&client);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_faults),
        T(test_smuggling),
        T(test_slow_peers),
        T(test_idle_for_longer_than_proxies),
        T(test_asking_ahead),
        T(test_asking_ahead_of_late_answers),
        T(test_never_reading_peer),
        T(test_large_answers_arrive_whole),
        T(test_max_connections),
        T(test_silent_ones_make_room),
        T(test_no_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
