#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
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
    world_start(world, (struct http_server_options){0});
    struct client client = client_dial(world);
    client_say(&client, "GET /a%20b?x=%31 HTTP/1.1\r\nHost: me:1\r\nUser-Agent: nc\r\n\r\n");
    client_hear(world, &client, "hello", 1);
    assert_string_equal(world->seen, "GET /a b ?x=%31 @me:1 nc []");
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
    world_start(world, (struct http_server_options){0});
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
    world_start(world, (struct http_server_options){0});
    struct client client = client_dial(world);
    struct buf text = {0};
    for (int i = 0; i < 100; i++) {
        buf_printf(&text, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n<%03d>", i);
    }
    client_say(&client, buf_text(&text));
    shutdown(client.fd, SHUT_WR); /* printf ... | nc -N: what was asked is answered */
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
    world_start(world, (struct http_server_options){0});
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
    world_start(world, (struct http_server_options){0});
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

static void test_gone(void **state)
{
    struct world *world = *state;
    char peer[64];
    world_start(world, (struct http_server_options){0});
    struct client client = client_dial(world);
    client_say(&client, GET("/later"));
    while (world->kept == NULL) {
        world_turn(world);
    }
    client_hang_up(&client);
    while (http_server_counters(world->server)->open > 0) {
        world_turn(world);
    }
    http_exchange_peer(world->kept, peer, sizeof(peer));
    assert_string_equal(peer, "gone");
    world_answer(world, "into the void");
    client = client_dial(world);
    client_say(&client, GET("/later"));
    while (world->kept == NULL) {
        world_turn(world);
    }
    http_server_free(world->server); /* the exchange can still be answered */
    world->server = NULL;
    world_answer(world, "nobody");
    client_hang_up(&client);
}

static void test_close_from_the_handler(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_server_options){0});
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
    world_start(world, (struct http_server_options){0});
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
                (struct http_server_options){.unix_path = world->path, .mode = 0600, .gid = (gid_t)-1});
    struct stat status;
    assert_int_equal(stat(world->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    struct client client = {.fd = socket(AF_UNIX, SOCK_STREAM, 0)};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, world->path);
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    client_say(&client, "GET /x HTTP/1.0\r\n\r\n");
    client_hear_end(world, &client);
    assert_string_equal(world->seen, "GET /x ? @ none [] unix");
    client_say(&client, "");
    struct error err;
    struct http_server_options same = {.unix_path = world->path, .gid = (gid_t)-1};
    assert_null(http_server_new(world->loop, &same, NULL, NULL, &err));
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
    world_start(world, (struct http_server_options){.host = "127.0.0.1"});
    struct http_server_options same = {.host = "127.0.0.1", .port = http_server_port(world->server)};
    assert_null(http_server_new(world->loop, &same, NULL, NULL, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.text, "127.0.0.1"));
    struct http_server_options name = {.host = "not an address"};
    assert_null(http_server_new(world->loop, &name, NULL, NULL, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    struct http_server_options v6 = {.host = "::1"};
    struct http_server *server = http_server_new(world->loop, &v6, NULL, NULL, &err);
    if (server != NULL) { /* a machine without IPv6 says ERROR_SYSTEM */
        assert_true(http_server_port(server) != 0);
    } else {
        assert_int_equal(err.code, ERROR_SYSTEM);
    }
    http_server_free(server);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_answer),
        T(test_split_reads),
        T(test_pipelining),
        T(test_http_1_0),
        T(test_later),
        T(test_gone),
        T(test_close_from_the_handler),
        T(test_continue),
        T(test_unix_path),
        T(test_address_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
