#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/transport.h"
#include "support/listening_port.h"
#include "unit/io/http/http_world.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void test_answer(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    client_say(&client, "GET /a%20b?x=%31 HTTP/1.1\r\nHost: me:1\r\nUser-Agent: nc\r\n\r\n");
    client_hear(world, &client, "hello", 1);
    assert_string_equal(world->seen, "GET /a%20b ?x=%31 @me:1 nc []");
    assert_true(client_heard(&client, "HTTP/1.1 200 OK\r\n"));
    assert_true(client_heard(&client, "Content-Type: text/plain\r\n"));
    assert_true(client_heard(&client, "Content-Length: 5\r\n"));
    assert_true(client_heard(&client, "Date: "));
    assert_false(client_heard(&client, "Connection:"));
    client_say(&client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nping");
    client_hear(world, &client, "ping", 1);
    client_say(&client, GET("/extra"));
    client_hear(world, &client, "X-Extra: yes\r\n", 1);
    assert_false(client_heard(&client, "Evil"));
    client_say(&client, GET("/none"));
    client_hear(world, &client, "204 No Content\r\n", 1);
    client_say(&client, "HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    buf_clear(&client.in);
    client_hear_end(world, &client);
    assert_true(client_heard(&client, "Content-Length: 5\r\n"));
    assert_true(client_heard(&client, "Connection: close\r\n"));
    assert_false(client_heard(&client, "hello"));
    client_hang_up(&client);
    const struct http_server_counters *counters = http_server_counters(world->server);
    assert_int_equal(counters->accepted, 1);
    assert_int_equal(counters->requests, 5);
    assert_int_equal(counters->faults, 0);
    while (counters->open > 0) {
        world_turn(world);
    }
}

static void test_split_reads(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    const char *text = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world";
    for (size_t i = 0; i < strlen(text); i++) {
        assert_int_equal(world->handled, 0);
        assert_int_equal(send(client.fd, text + i, 1, 0), 1);
        world_turn(world);
    }
    client_hear(world, &client, "hello world", 1);
    assert_int_equal(world->handled, 1);
    client_hang_up(&client);
}

static void test_pipelining(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    struct buf text = {0};
    for (int i = 0; i < 100; i++) {
        buf_printf(&text, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n<%03d>", i);
    }
    client_say(&client, buf_text(&text));
    shutdown(client.fd, SHUT_WR); /* printf ... | nc -N: all requests get a reply */
    client_hear_end(world, &client);
    const char *at = buf_text(&client.in);
    for (int i = 0; i < 100; i++) {
        char want[16];
        snprintf(want, sizeof(want), "<%03d>", i);
        at = strstr(at, want);
        assert_non_null(at);
    }
    assert_int_equal(world->handled, 100);
    buf_fini(&text);
    client_hang_up(&client);
}

static void test_http_1_0(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    client_say(&client, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client_hear(world, &client, "Connection: keep-alive\r\n", 1);
    client_say(&client, "GET / HTTP/1.0\r\n\r\n");
    client_hear_end(world, &client);
    assert_true(client_heard(&client, "Connection: close\r\n"));
    client_hang_up(&client);
}

static void test_later(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    client_say(&client, GET("/later") GET("/now"));
    while (world->kept == NULL) {
        world_turn(world);
    }
    world_turn(world);
    assert_int_equal(world->handled, 1); /* the second waits for the first */
    char peer[64];
    http_exchange_peer(world->kept, peer, sizeof(peer));
    assert_int_equal(strncmp(peer, "127.0.0.1:", 10), 0);
    world_answer(world, "finally");
    assert_int_equal(world->handled, 1); /* and no handler runs within http_respond */
    client_hear(world, &client, "hello", 1);
    assert_true(strstr(buf_text(&client.in), "finally") < strstr(buf_text(&client.in), "hello"));
    client_hang_up(&client);
}

/* Over TCP, and over a unix socket. */
static void listen_on_both(struct world *world)
{
    struct http_listener_options on_path = {.unix_path = world->path, .gid = (gid_t)-1};
    struct error err = {0};
    world_start(world, (struct http_listener_options){0});
    assert_non_null(http_server_listen(world->server, &on_path, &err));
}

/* printf ... | nc -N: the end of what it sends is not the end of what it reads. */
static void test_later_after_the_last_request(void **state)
{
    struct world *world = *state;
    listen_on_both(world);
    for (int i = 0; i < 2; i++) {
        struct client client = i == 0 ? client_dial(world) : client_dial_path(world);
        client_say(&client, GET("/later") GET("/now"));
        shutdown(client.fd, SHUT_WR);
        for (int turns = 0; turns < 20; turns++) {
            world_turn(world);
        }
        assert_non_null(world->kept);
        world_answer(world, "finally");
        client_hear_end(world, &client);
        assert_true(client_heard(&client, "finally"));
        assert_true(client_heard(&client, "hello"));
        client_hang_up(&client);
    }
    assert_int_equal(world->gone, 0);
    assert_int_equal(http_server_counters(world->server)->open, 0);
}

/* Of a TCP peer only a reset says that it does not read either. */
static void test_gone(void **state)
{
    struct world *world = *state;
    struct linger now = {.l_onoff = 1};
    listen_on_both(world);
    for (size_t i = 0; i < 2; i++) {
        struct client client = i == 0 ? client_dial(world) : client_dial_path(world);
        client_say(&client, GET("/later"));
        while (world->kept == NULL) {
            world_turn(world);
        }
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        client_hang_up(&client);
        while (http_server_counters(world->server)->open > 0) {
            world_turn(world);
        }
        assert_int_equal(world->gone, i + 1);
        assert_null(world->kept);
    }
    struct client client = client_dial(world);
    client_say(&client, GET("/later"));
    while (world->kept == NULL) {
        world_turn(world);
    }
    http_server_free(world->server);
    world->server = NULL;
    assert_int_equal(world->gone, 3);
    client_hang_up(&client);
}

static void test_close_from_the_handler(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    client_say(&client, "POST /close HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody" GET("/never"));
    client_hear_end(world, &client);
    assert_int_equal(world->handled, 1);
    assert_true(client_heard(&client, "Connection: close"));
    client_hang_up(&client);
}

static void test_continue(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    client_say(&client, "PUT /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    client_hear(world, &client, "HTTP/1.1 100 Continue\r\n\r\n", 1);
    client_say(&client, "abc");
    client_hear(world, &client, "\r\n\r\nabc", 1);
    client_hang_up(&client);
}

static void test_unix_path(void **state)
{
    struct world *world = *state;
    world_start(world,
                (struct http_listener_options){.unix_path = world->path, .mode = 0600, .gid = (gid_t)-1});
    struct stat status;
    assert_int_equal(stat(world->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    struct client client = client_dial_path(world);
    client_say(&client, "GET /x HTTP/1.0\r\n\r\n");
    client_hear_end(world, &client);
    assert_string_equal(world->seen, "GET /x ? @ none [] unix");
    client_say(&client, "");
    struct error err;
    struct http_listener_options same = {.unix_path = world->path, .gid = (gid_t)-1};
    assert_null(http_server_listen(world->server, &same, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    http_server_free(world->server);
    world->server = NULL;
    assert_int_equal(access(world->path, F_OK), -1);
    client_hang_up(&client);
}

static void test_address_in_use(void **state)
{
    struct world *world = *state;
    struct error err;
    world_start(world, (struct http_listener_options){.host = "127.0.0.1"});
    struct http_listener_options same = {.host = "127.0.0.1", .port = listening_port(world->listener)};
    assert_null(http_server_listen(world->server, &same, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.text, "127.0.0.1"));
    struct http_listener_options name = {.host = "not an address"};
    assert_null(http_server_listen(world->server, &name, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    struct http_listener_options v6 = {.host = "::1"};
    const struct http_listener *listener = http_server_listen(world->server, &v6, &err);
    if (listener != NULL) { /* ERROR_SYSTEM on a machine without IPv6 */
        assert_true(listening_port(listener) != 0);
    } else {
        assert_int_equal(err.code, ERROR_SYSTEM);
    }
}

/* Each listener has its own limits and its own policy. */
static void test_two_listeners(void **state)
{
    struct world *world = *state;
    static const char policy[] = "trusted";
    struct error err = {0};
    world_start(world, (struct http_listener_options){.max_connections = 1});
    struct http_listener_options second = {
        .unix_path = world->path, .gid = (gid_t)-1, .max_connections = 2, .policy = policy};
    assert_non_null(http_server_listen(world->server, &second, &err));
    struct client busy = client_dial(world);
    client_say(&busy, GET("/later"));
    while (world->kept == NULL) {
        world_turn(world);
    }
    assert_null(world->policy);
    struct client refused = client_dial(world);
    client_hear_end(world, &refused);
    assert_true(client_heard(&refused, "too_many_connections"));
    struct client other = client_dial_path(world);
    client_say(&other, GET("/now"));
    client_hear(world, &other, "hello", 1);
    assert_ptr_equal(world->policy, policy);
    world_answer(world, "done");
    client_hear(world, &busy, "done", 1);
    client_hang_up(&busy);
    client_hang_up(&refused);
    client_hang_up(&other);
}

static void test_inherited(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, world->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    world_start(world, (struct http_listener_options){0});
    assert_null(http_server_listen(world->server, &(struct http_listener_options){.inherited_fd = fd}, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(listen(fd, 8), 0);
    const struct http_listener *listener =
        http_server_listen(world->server, &(struct http_listener_options){.inherited_fd = fd}, &err);
    assert_non_null(listener);
    assert_int_equal(listening_port(listener), 0);
    struct client client = client_dial_path(world);
    client_say(&client, "GET /x HTTP/1.0\r\n\r\n");
    client_hear_end(world, &client);
    assert_string_equal(world->seen, "GET /x ? @ none [] unix");
    http_server_free(world->server);
    world->server = NULL;
    assert_int_equal(access(world->path, F_OK), 0); /* the socket file is the service manager's */
    client_hang_up(&client);
}

/* ---- upgrades: a protocol that returns each byte, on a connection handed over ---- */

struct echo {
    struct transport transport;
    struct buf ahead;
    size_t calls, gone;
};

static void on_upgraded(struct transport *transport, struct str ahead, void *user)
{
    struct echo *echo = user;
    echo->calls++;
    if (transport == NULL) {
        echo->gone++;
        return;
    }
    echo->transport = *transport;
    buf_str(&echo->ahead, ahead);
}

static void echo_turn(struct world *world, struct echo *echo)
{
    char data[256];
    ssize_t got;
    world_turn(world);
    while (echo->calls > 0 && (got = echo->transport.ops->recv(&echo->transport, data, sizeof(data))) > 0) {
        buf_add(&echo->ahead, data, (size_t)got);
    }
    struct iovec part = {echo->ahead.data, echo->ahead.size};
    if (echo->calls > 0 && part.iov_len > 0) {
        ssize_t sent = echo->transport.ops->sendv(&echo->transport, &part, 1);
        buf_consume(&echo->ahead, sent > 0 ? (size_t)sent : 0);
    }
}

static void echo_until(struct world *world, struct echo *echo, struct client *client, const char *text)
{
    for (client_read(client); !client_heard(client, text); client_read(client)) {
        echo_turn(world, echo);
    }
}

static struct http_exchange *keep_exchange(struct world *world, struct client *client, const char *text)
{
    client_say(client, text);
    while (world->kept == NULL) {
        world_turn(world);
    }
    struct http_exchange *exchange = world->kept;
    world->kept = NULL;
    return exchange;
}

static const char *const upgrade_headers[] = {"Upgrade: echo", NULL};

static void test_upgrade(void **state)
{
    struct world *world = *state;
    struct echo echo = {.transport.fd = -1};
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    struct http_exchange *exchange = keep_exchange(world, &client, GET("/later") "first bytes");
    assert_true(http_exchange_upgrade(exchange, upgrade_headers, on_upgraded, &echo));
    assert_int_equal(echo.calls, 0); /* never from within */
    echo_until(world, &echo, &client, "first bytes");
    client_say(&client, ", and more");
    echo_until(world, &echo, &client, "first bytes, and more");
    assert_true(client_heard(&client, "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_true(client_heard(&client, "Upgrade: echo\r\nConnection: Upgrade\r\n\r\nfirst bytes"));
    assert_false(client_heard(&client, "Content-Length"));
    const struct http_server_counters *counters = http_server_counters(world->server);
    assert_int_equal(counters->open, 0);
    assert_int_equal(counters->upgraded, 1);
    http_server_free(world->server); /* the connection is no longer the server's */
    world->server = NULL;
    buf_clear(&client.in);
    client_say(&client, "still here");
    echo_until(world, &echo, &client, "still here");
    assert_int_equal(echo.calls, 1);
    transport_close(&echo.transport);
    transport_close(&echo.transport);
    buf_fini(&echo.ahead);
    client_hear_end(world, &client);
    client_hang_up(&client);
}

static void test_no_upgrade(void **state)
{
    struct world *world = *state;
    struct echo echo = {.transport.fd = -1};
    static const char *const requests[] = {"GET /later HTTP/1.0\r\n\r\n",
                                           "HEAD /later HTTP/1.1\r\nHost: h\r\n\r\n"};
    world_start(world, (struct http_listener_options){0});
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct client client = client_dial(world);
        struct http_exchange *exchange = keep_exchange(world, &client, requests[i]);
        assert_false(http_exchange_upgrade(exchange, upgrade_headers, on_upgraded, &echo));
        http_respond(exchange, &(struct http_response){.status = 400, .close = true});
        client_hear_end(world, &client);
        assert_true(client_heard(&client, "400 Bad Request"));
        client_hang_up(&client);
    }
    struct client client = client_dial(world);
    struct http_exchange *exchange = keep_exchange(world, &client, GET("/later"));
    struct linger now = {.l_onoff = 1};
    setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    client_hang_up(&client);
    bool begun = http_exchange_upgrade(exchange, upgrade_headers, on_upgraded, &echo);
    assert_true(begun); /* the reset is not read yet; sending fails */
    while (echo.calls == 0) {
        world_turn(world);
    }
    assert_int_equal(echo.gone, 1);
    client = client_dial(world);
    exchange = keep_exchange(world, &client, GET("/later"));
    assert_true(http_exchange_upgrade(exchange, upgrade_headers, on_upgraded, &echo));
    http_server_free(world->server);
    world->server = NULL;
    assert_int_equal(echo.gone, 2);
    client_hang_up(&client);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_answer),         T(test_split_reads),
        T(test_pipelining),     T(test_http_1_0),
        T(test_later),          T(test_later_after_the_last_request),
        T(test_gone),           T(test_close_from_the_handler),
        T(test_continue),       T(test_unix_path),
        T(test_address_in_use), T(test_two_listeners),
        T(test_inherited),      T(test_upgrade),
        T(test_no_upgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
