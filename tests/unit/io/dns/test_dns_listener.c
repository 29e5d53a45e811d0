#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/dns/dns_listener.h"
#include "outrider/io/loop/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The handler answers with the message and a '!'; "big" with as much as it may, "none" with nothing. */
struct world {
    struct loop *loop;
    struct dns_listener *listener;
    size_t handled;
};

static size_t on_message(const struct dns_peer *peer, struct str message, uint8_t *ret_answer, void *user)
{
    struct world *world = user;
    world->handled++;
    if (str_eq(message, STR("none"))) {
        return 0;
    }
    if (str_eq(message, STR("big"))) {
        size_t size = peer->is_tcp ? DNS_LISTENER_TCP_ANSWER : DNS_LISTENER_UDP_ANSWER;
        memset(ret_answer, 'b', size);
        return size;
    }
    memcpy(ret_answer, message.data, message.size);
    ret_answer[message.size] = '!';
    return message.size + 1;
}

static struct world *open_at(const char *host, size_t max, int64_t idle_ms)
{
    static struct world world;
    struct error err = {0};
    world = (struct world){.loop = loop_new(&err)};
    assert_non_null(world.loop);
    struct dns_listener_options options = {.host = host, .max_connections = max, .idle_ms = idle_ms};
    /* the port that is free for UDP may be in use for TCP */
    for (int i = 0; i < 50 && world.listener == NULL; i++) {
        world.listener = dns_listener_new(world.loop, &options, on_message, &world, &err);
    }
    assert_string_equal(err.text, world.listener == NULL ? "" : err.text);
    assert_non_null(world.listener);
    return &world;
}

static void close_world(struct world *world)
{
    dns_listener_free(world->listener);
    loop_free(world->loop);
}

static int connect_to(const struct world *world, int type)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(dns_listener_port(world->listener)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

/* Turns the loop until the socket has `size` bytes more, and compares them. */
static void expect(struct world *world, int fd, const char *bytes, size_t size)
{
    char got[256];
    size_t at = 0;
    while (at < size) {
        loop_turn_once(world->loop, false);
        ssize_t some = recv(fd, got + at, size - at, MSG_DONTWAIT);
        assert_true(some > 0 || (some < 0 && errno == EAGAIN));
        at += some > 0 ? (size_t)some : 0;
    }
    assert_memory_equal(got, bytes, size);
}

static void expect_end(struct world *world, int fd)
{
    char byte;
    ssize_t got;
    while ((got = recv(fd, &byte, 1, MSG_DONTWAIT)) != 0 && !(got < 0 && errno == ECONNRESET)) {
        assert_true(got < 0 && errno == EAGAIN);
        loop_turn_once(world->loop, false);
    }
    close(fd);
}

static void turn_until(struct world *world, const uint64_t *counter, uint64_t wanted)
{
    while (*counter < wanted) {
        loop_turn_once(world->loop, true);
    }
    assert_int_equal(*counter, wanted);
}

static void datagrams_are_answered(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "0.0.0.0", "::"};
    char big[DNS_LISTENER_UDP_QUERY + 1] = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct world *world = open_at(hosts[i], 0, 0);
        const struct dns_listener_counters *counters = dns_listener_counters(world->listener);
        int fd = connect_to(world, SOCK_DGRAM), other = connect_to(world, SOCK_DGRAM);
        say(fd, big, sizeof(big));
        say(fd, "none", 4);
        say(fd, "", 0);
        for (int j = 0; j < 100; j++) {
            say(j % 2 == 0 ? fd : other, "ab", 2);
        }
        expect(world, fd, "!", 1);
        for (int j = 0; j < 50; j++) {
            expect(world, fd, "ab!", 3);
            expect(world, other, "ab!", 3);
        }
        assert_int_equal(counters->udp_received, 103);
        assert_int_equal(counters->udp_oversized, 1);
        assert_int_equal(world->handled, 102);
        close(fd);
        close(other);
        close_world(world);
    }
}

static void messages_on_a_connection_are_answered_in_order(void **state)
{
    static const char all[] = "\0\1a\0\0\0\2bc\0\4none\0\1d", wanted[] = "\0\2a!\0\1!\0\3bc!\0\2d!";
    struct world *world = open_at("127.0.0.1", 0, 0);
    (void)state;
    int fd = connect_to(world, SOCK_STREAM);
    say(fd, all, sizeof(all) - 1);
    expect(world, fd, wanted, sizeof(wanted) - 1);
    for (size_t i = 0; i < sizeof(all) - 1; i++) {
        say(fd, all + i, 1);
        loop_turn_once(world->loop, false);
    }
    shutdown(fd, SHUT_WR);
    expect(world, fd, wanted, sizeof(wanted) - 1);
    expect_end(world, fd);
    assert_int_equal(dns_listener_connections(world->listener), 0);
    assert_int_equal(dns_listener_counters(world->listener)->broken, 0);
    close_world(world);
}

/* A client that asks much and reads nothing is read on only when it has read; then it gets everything. */
static void a_client_that_does_not_read_is_not_read(void **state)
{
    enum { ASKED = 400 };
    struct world *world = open_at("127.0.0.1", 0, 0);
    char *bytes = malloc(DNS_LISTENER_TCP_ANSWER + 2);
    (void)state;
    int fd = connect_to(world, SOCK_STREAM);
    for (int i = 0; i < ASKED; i++) {
        say(fd, "\0\3big", 5);
    }
    for (int i = 0; i < 200; i++) {
        loop_turn_once(world->loop, false);
    }
    assert_true(world->handled > 0 && world->handled < ASKED);
    for (size_t at = 0; at < (size_t)ASKED * (DNS_LISTENER_TCP_ANSWER + 2);) {
        loop_turn_once(world->loop, false);
        ssize_t some = recv(fd, bytes, DNS_LISTENER_TCP_ANSWER + 2, MSG_DONTWAIT);
        at += some > 0 ? (size_t)some : 0;
    }
    assert_int_equal(world->handled, ASKED);
    free(bytes);
    close(fd);
    close_world(world);
}

static void a_message_that_is_too_long_ends_the_connection(void **state)
{
    struct world *world = open_at("127.0.0.1", 0, 0);
    (void)state;
    int fd = connect_to(world, SOCK_STREAM);
    say(fd, "\0\1a\xff\xff", 5);
    expect(world, fd, "\0\2a!", 4);
    expect_end(world, fd);
    assert_int_equal(dns_listener_counters(world->listener)->broken, 1);
    close_world(world);
}

/* Bytes that make no message do not keep a connection: it ends before one that came later and is silent. */
static void an_idle_connection_ends(void **state)
{
    struct world *world = open_at("127.0.0.1", 0, 60);
    const struct dns_listener_counters *counters = dns_listener_counters(world->listener);
    (void)state;
    int slow = connect_to(world, SOCK_STREAM);
    say(slow, "\x0f", 1); /* of a message of some 4,000 bytes */
    turn_until(world, &counters->accepted, 1);
    int silent = connect_to(world, SOCK_STREAM);
    turn_until(world, &counters->accepted, 2);
    struct pollfd ended = {.fd = silent, .events = POLLIN};
    while (poll(&ended, 1, 1) == 0) {
        (void)!send(slow, "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        loop_turn_once(world->loop, false);
    }
    assert_int_equal(counters->timed_out, 2);
    assert_int_equal(world->handled, 0);
    assert_int_equal(dns_listener_connections(world->listener), 0);
    close(silent);
    close(slow);
    close_world(world);
}

static void one_too_many_replaces_the_one_that_is_idle_for_longest(void **state)
{
    struct world *world = open_at("127.0.0.1", 3, 0);
    const struct dns_listener_counters *counters = dns_listener_counters(world->listener);
    int fds[4];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        fds[i] = connect_to(world, SOCK_STREAM);
        turn_until(world, &counters->accepted, i + 1);
    }
    say(fds[0], "\0\1a", 3);
    expect(world, fds[0], "\0\2a!", 4);
    fds[3] = connect_to(world, SOCK_STREAM);
    turn_until(world, &counters->accepted, 4);
    assert_int_equal(counters->evicted, 1);
    assert_int_equal(dns_listener_connections(world->listener), 3);
    expect_end(world, fds[1]);
    for (size_t i = 0; i < 4; i++) {
        if (i != 1) {
            say(fds[i], "\0\1a", 3);
            expect(world, fds[i], "\0\2a!", 4);
            close(fds[i]);
        }
    }
    close_world(world);
}

static void what_cannot_be_opened_is_named(void **state)
{
    struct error err = {0};
    struct world *world = open_at("127.0.0.1", 0, 0);
    (void)state;
    struct dns_listener_options taken = {.host = "127.0.0.1", .port = dns_listener_port(world->listener)};
    assert_null(dns_listener_new(world->loop, &taken, on_message, world, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_non_null(strstr(err.text, "UDP"));
    taken.host = "game.example";
    assert_null(dns_listener_new(world->loop, &taken, on_message, world, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    close_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_are_answered),
        cmocka_unit_test(messages_on_a_connection_are_answered_in_order),
        cmocka_unit_test(a_client_that_does_not_read_is_not_read),
        cmocka_unit_test(a_message_that_is_too_long_ends_the_connection),
        cmocka_unit_test(an_idle_connection_ends),
        cmocka_unit_test(one_too_many_replaces_the_one_that_is_idle_for_longest),
        cmocka_unit_test(what_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
