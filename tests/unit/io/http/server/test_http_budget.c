/* What peers that do not read may cost. */
#include "io/http/server/http_server_internal.h"
#include "outrider/base/blob.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/clock.h"
#include "support/listening_port.h"
#include "unit/io/http/http_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CROWD = 40, MEGABYTE = 1 << 20 };

/* A client whose own buffer takes next to nothing. */
static struct client dial_narrow(struct world *world)
{
    struct client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int least = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(listening_port(world->listener)),
    };
    assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

static void dial_crowd(struct world *world, struct client *crowd, size_t count, const char *request)
{
    size_t before = world->handled;
    for (size_t i = 0; i < count; i++) {
        crowd[i] = dial_narrow(world);
        client_say(&crowd[i], request);
    }
    while (world->handled < before + count) {
        world_turn(world);
    }
}

static void hang_up_all(struct client *crowd, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        client_hang_up(&crowd[i]);
    }
}

/* What the kernel holds for all connections in that state. */
static size_t kernel_holds(struct world *world)
{
    size_t all = 0;
    for (size_t i = 0; i < CONNECTION_STATES; i++) {
        for (struct connection *each = world->listener->lists[i].first; each != NULL; each = each->next) {
            all += each->waiting.kernel;
        }
    }
    return all;
}

static void turn_for(struct world *world, int64_t ms)
{
    for (int64_t until = clock_mono_ms() + ms; clock_mono_ms() < until;) {
        world_turn(world);
        usleep(1000);
    }
}

static const struct http_server_counters *counters_of(const struct world *world)
{
    return http_server_counters(world->server);
}

static int option(const struct connection *connection, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    assert_int_equal(getsockopt(connection->transport.fd, level, name, &value, &size), 0);
    return value;
}

/* A peer that has gone without a word is noticed, whether something waits for it or not. */
static void test_dead_peers_are_noticed(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    struct client client = client_dial(world);
    client_say(&client, GET("/later"));
    while (world->kept == NULL) {
        world_turn(world);
    }
    const struct connection *connection = world->listener->lists[CONNECTION_HANDLING].first;
    assert_int_equal(option(connection, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(connection, IPPROTO_TCP, TCP_KEEPIDLE), 30);
    assert_int_equal(option(connection, IPPROTO_TCP, TCP_KEEPINTVL), 10);
    assert_int_equal(option(connection, IPPROTO_TCP, TCP_KEEPCNT), 3);
    assert_int_equal(option(connection, IPPROTO_TCP, TCP_USER_TIMEOUT), 60000);
    assert_int_equal(option(connection, IPPROTO_TCP, TCP_NODELAY), 1);
    world_answer(world, "done");
    client_hang_up(&client);
}

/* One blob waits for all of them: it counts once, and the kernel takes little for each. */
static void test_a_crowd_that_does_not_read(void **state)
{
    struct world *world = *state;
    struct client crowd[CROWD];
    world_start(world, (struct http_listener_options){0});
    dial_crowd(world, crowd, CROWD, GET("/big"));
    assert_true(counters_of(world)->waiting >= BIG);
    assert_true(counters_of(world)->waiting < BIG + (size_t)CROWD * 65536);
    turn_for(world, 1200); /* then the kernel's part is known */
    assert_true(kernel_holds(world) > 0);
    assert_true(kernel_holds(world) < (size_t)CROWD * 65536);
    assert_int_equal(counters_of(world)->waiting_resets, 0);
    hang_up_all(crowd, CROWD);
    while (counters_of(world)->open > 0) {
        world_turn(world);
    }
    assert_int_equal(counters_of(world)->waiting, 0);
}

/* Beyond the budget the largest waiter goes, and a client that reads does not notice. */
static void test_beyond_the_budget(void **state)
{
    struct world *world = *state;
    struct client crowd[CROWD];
    world_start(world, (struct http_listener_options){0});
    http_server_limit_waiting(world->server, 3 * BIG);
    dial_crowd(world, crowd, CROWD, GET("/copied"));
    assert_true(counters_of(world)->waiting <= 3 * BIG);
    assert_int_equal(counters_of(world)->waiting_resets, CROWD - counters_of(world)->open);
    assert_true(counters_of(world)->open >= 2);
    turn_for(world, 1100); /* now they have stood still for long enough to go first */
    struct client good = client_dial(world);
    client_say(&good, "GET /copied HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client_hear_end(world, &good);
    assert_true(good.in.size > BIG);
    http_server_limit_waiting(world->server, MEGABYTE); /* as by a reload; one may stay, whatever its size */
    assert_true(counters_of(world)->open <= 2);
    hang_up_all(crowd, CROWD);
    client_hang_up(&good);
}

/* What is given to the handler is never taken away while another reply is written: the handler may be going through all that
 * it has. */
static void test_not_while_it_is_handled(void **state)
{
    struct world *world = *state;
    struct client crowd[4];
    struct buf request = {0};
    world_start(world, (struct http_listener_options){0});
    struct client client = dial_narrow(world);
    buf_printf(&request, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 15000\r\n\r\n%15000d%s", 7,
               GET("/later"));
    client_say(&client, buf_text(&request));
    while (world->kept == NULL) {
        world_turn(world);
    }
    turn_for(world, 2100); /* it has stood still for longest, and the kernel has bytes for it */
    assert_true(kernel_holds(world) > 0);
    http_server_limit_waiting(world->server, MEGABYTE);
    dial_crowd(world, crowd, COUNT_OF(crowd), GET("/copied"));
    assert_int_equal(counters_of(world)->waiting_resets, COUNT_OF(crowd) - 1);
    assert_int_equal(world->gone, 0);
    world_answer(world, "done");
    client_hear(world, &client, "done", 1);
    buf_fini(&request);
    hang_up_all(crowd, COUNT_OF(crowd));
    client_hang_up(&client);
}

static int fate_of(struct client *client)
{
    char data[4096];
    ssize_t got;
    do {
        got = recv(client->fd, data, sizeof(data), 0);
    } while (got > 0);
    return got == 0 ? 0 : errno;
}

/* The end is a reset: otherwise the kernel would keep the bytes and go on trying. */
static void test_a_reply_that_is_not_read_ends_with_a_reset(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){.write_timeout_ms = 50});
    struct client client = dial_narrow(world);
    client_say(&client, GET("/big"));
    while (world->handled == 0 || counters_of(world)->open > 0) {
        world_turn(world);
    }
    assert_int_equal(counters_of(world)->write_timeouts, 1);
    assert_int_equal(fate_of(&client), ECONNRESET);
    client_hang_up(&client);
}

/* The kernel has all of it, and the peer does not read: whether the connection stays or is to be closed. */
static void test_a_reply_that_only_the_kernel_has(void **state)
{
    static const char *const ends[] = {"", "Connection: close\r\n"};
    struct world *world = *state;
    world_start(world, (struct http_listener_options){.write_timeout_ms = 500, .max_body = 65536});
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct client client = dial_narrow(world);
        struct buf request = {0};
        buf_printf(&request, "POST /echo HTTP/1.1\r\nHost: h\r\n%sContent-Length: 15000\r\n\r\n%15000d",
                   ends[i], 7);
        client_say(&client, buf_text(&request));
        while (world->handled == i) {
            world_turn(world);
        }
        assert_int_equal(world->listener->lists[CONNECTION_WRITING].count, 0);
        while (counters_of(world)->open > 0) {
            loop_turn_once(world->loop, true);
        }
        assert_int_equal(counters_of(world)->write_timeouts, i + 1);
        assert_int_equal(fate_of(&client), ECONNRESET);
        buf_fini(&request);
        client_hang_up(&client);
    }
    assert_int_equal(counters_of(world)->waiting, 0);
}

/* Asks for a reply that the kernel takes whole. */
static struct client ask_narrow(struct world *world, const char *header)
{
    struct client client = dial_narrow(world);
    struct buf request = {0};
    size_t before = world->handled;
    buf_printf(&request, "POST /echo HTTP/1.1\r\nHost: h\r\n%sContent-Length: 15000\r\n\r\n%15000d", header,
               7);
    client_say(&client, buf_text(&request));
    buf_fini(&request);
    while (world->handled == before) {
        world_turn(world);
    }
    assert_int_equal(world->listener->lists[CONNECTION_WRITING].count, 0);
    return client;
}

static void expect_the_end(struct world *world, struct client *client)
{
    turn_for(world, 1300); /* longer than a connection lingers for a peer that has taken everything */
    client_hear_end(world, client);
    assert_true(client->in.size > 15000);
    client_hang_up(client);
    while (counters_of(world)->open > 0) {
        loop_turn_once(world->loop, true);
    }
}

/* A slow client gets all of it, although the connection has ended on our side: it had asked for that, or has itself said
 * that it sends no more, or both, one after the other. */
static void test_a_slow_reader_gets_the_end(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){0});
    for (size_t i = 0; i < 3; i++) {
        struct client client = ask_narrow(world, i == 1 ? "" : "Connection: close\r\n");
        if (i > 0) {
            shutdown(client.fd, SHUT_WR);
        }
        expect_the_end(world, &client);
    }
    assert_int_equal(counters_of(world)->write_timeouts, 0);
}

/* Likewise where it takes longer than a connection may be idle. */
static void test_a_slow_reader_is_not_idle(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){.idle_timeout_ms = 200});
    struct client client = ask_narrow(world, "");
    expect_the_end(world, &client);
    assert_int_equal(counters_of(world)->idle_timeouts, 1);
    assert_int_equal(counters_of(world)->write_timeouts, 0);
}

/* Nor is it the first to make room for others. */
static void test_a_slow_reader_is_not_the_first_to_go(void **state)
{
    struct world *world = *state;
    world_start(world, (struct http_listener_options){.max_connections = 3});
    struct client slow = ask_narrow(world, ""), ending = ask_narrow(world, "Connection: close\r\n");
    struct client idle = client_dial(world);
    client_say(&idle, GET("/"));
    client_hear(world, &idle, "hello", 1);
    struct client next = client_dial(world);
    client_say(&next, GET("/"));
    client_hear(world, &next, "hello", 1);
    assert_int_equal(counters_of(world)->evicted, 1);
    client_hear_end(world, &ending);
    assert_true(ending.in.size > 15000);
    client_hang_up(&ending);
    client_hang_up(&next);
    client_hear_end(world, &idle);
    client_hang_up(&idle);
    shutdown(slow.fd, SHUT_WR);
    expect_the_end(world, &slow);
}

/* The kernel keeps what a unix peer has not read, also after a close: so it must not be much. */
static void test_unix_peers(void **state)
{
    struct world *world = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    world_start(world, (struct http_listener_options){.unix_path = world->path, .gid = (gid_t)-1});
    strcpy(address.sun_path, world->path);
    struct client client = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    client_say(&client, GET("/big"));
    turn_for(world, 1200);
    assert_true(counters_of(world)->bytes_sent < 100000);
    assert_true(counters_of(world)->waiting > BIG);
    assert_true(counters_of(world)->waiting < BIG + 131072);
    client_say(&client, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client_hear_end(world, &client);
    assert_true(client.in.size > BIG);
    client_hang_up(&client);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_dead_peers_are_noticed),
        T(test_a_crowd_that_does_not_read),
        T(test_beyond_the_budget),
        T(test_not_while_it_is_handled),
        T(test_a_reply_that_is_not_read_ends_with_a_reset),
        T(test_a_reply_that_only_the_kernel_has),
        T(test_a_slow_reader_gets_the_end),
        T(test_a_slow_reader_is_not_idle),
        T(test_a_slow_reader_is_not_the_first_to_go),
        T(test_unix_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
