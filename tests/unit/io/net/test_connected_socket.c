#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/address.h"
#include "outrider/io/net/connected_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;

static int setup(void **state)
{
    (void)state;
    struct error err;
    loop = loop_new(&err);
    return loop == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

struct heard {
    int bytes, ends, failures, errnum;
    size_t size, last;
    int stop_after; /* so many calls; 0: never */
};

static bool on_heard(enum connected_event event, struct str bytes, int errnum, void *user)
{
    struct heard *heard = user;
    heard->bytes += event == CONNECTED_BYTES ? 1 : 0;
    heard->ends += event == CONNECTED_END ? 1 : 0;
    heard->failures += event == CONNECTED_FAILED ? 1 : 0;
    heard->errnum = errnum;
    heard->size += bytes.size;
    heard->last = bytes.size;
    return heard->bytes != heard->stop_after;
}

/* A UDP socket on a free port of 127.0.0.1. */
static int server_udp(struct sockaddr_storage *ret_address)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    memset(ret_address, 0, sizeof(*ret_address));
    memcpy(ret_address, &address, sizeof(address));
    return fd;
}

/* A client of `server` that has sent something, to which `server` is connected then. */
static struct connected_socket *client_of(int server, const struct sockaddr_storage *address,
                                          struct heard *heard)
{
    struct connected_socket *client = connected_socket_udp(loop, address, on_heard, heard);
    assert_non_null(client);
    assert_false(connected_socket_is_its_own_peer(client));
    assert_int_equal(connected_socket_send(client, STR("hello")), 0);
    char bytes[8];
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    assert_int_equal(recvfrom(server, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size), 5);
    assert_int_equal(connect(server, (struct sockaddr *)&from, size), 0);
    return client;
}

static void datagrams_arrive_whole_or_not_at_all(void **state)
{
    (void)state;
    static char giant[65507];
    struct sockaddr_storage address;
    struct heard heard = {0};
    int server = server_udp(&address);
    struct connected_socket *client = client_of(server, &address, &heard);
    assert_int_equal(send(server, "", 0, 0), 0);
    assert_int_equal(send(server, giant, CONNECTED_DATAGRAM_MAX, 0), CONNECTED_DATAGRAM_MAX);
    assert_int_equal(send(server, giant, CONNECTED_DATAGRAM_MAX + 1, 0), CONNECTED_DATAGRAM_MAX + 1);
    assert_int_equal(send(server, giant, sizeof(giant), 0), sizeof(giant));
    assert_int_equal(send(server, "last", 4, 0), 4);
    while (heard.last != 4) {
        loop_turn_once(loop, true);
    }
    assert_int_equal(heard.bytes, 3);
    assert_int_equal(heard.size, CONNECTED_DATAGRAM_MAX + 4);
    assert_int_equal(connected_socket_dropped(client), 2);
    connected_socket_free(client);
    close(server);
}

static void a_flood_does_not_hold_up_the_loop(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    struct heard heard = {0};
    int server = server_udp(&address);
    struct connected_socket *client = client_of(server, &address, &heard);
    for (int i = 0; i < 3 * CONNECTED_READS_MAX; i++) {
        assert_int_equal(send(server, "x", 1, 0), 1);
    }
    for (int turns = 1; turns <= 3; turns++) {
        loop_turn_once(loop, true);
        assert_int_equal(heard.bytes, turns * CONNECTED_READS_MAX);
    }
    connected_socket_free(client);
    close(server);
}

static void nothing_follows_once_enough_was_heard(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    struct heard heard = {.stop_after = 2};
    int server = server_udp(&address);
    struct connected_socket *client = client_of(server, &address, &heard);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(send(server, "x", 1, 0), 1);
    }
    loop_turn_once(loop, true);
    loop_turn_once(loop, false);
    assert_int_equal(heard.bytes, 2);
    connected_socket_free(client);
    close(server);
}

static void a_port_without_a_program_is_an_error(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    struct heard heard = {0};
    int server = server_udp(&address);
    close(server);
    struct connected_socket *client = connected_socket_udp(loop, &address, on_heard, &heard);
    assert_non_null(client);
    assert_int_equal(connected_socket_send(client, STR("hello")), 0);
    loop_turn_once(loop, true);
    assert_int_equal(heard.failures, 1);
    assert_int_equal(heard.errnum, ECONNREFUSED);
    connected_socket_free(client);
    connected_socket_free(NULL);
}

static void a_socket_may_be_its_own_peer(void **state)
{
    (void)state;
    struct sockaddr_storage address;
    struct heard heard = {0};
    int fd = server_udp(&address);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, address_size(&address)), 0);
    struct connected_socket *socket = connected_socket_stream(loop, fd, on_heard, &heard);
    assert_true(connected_socket_is_its_own_peer(socket));
    connected_socket_free(socket);
}

static void a_stream_ends(void **state)
{
    (void)state;
    int pair[2];
    struct heard heard = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    struct connected_socket *client = connected_socket_stream(loop, pair[0], on_heard, &heard);
    assert_int_equal(write(pair[1], "bytes", 5), 5);
    loop_turn_once(loop, true);
    assert_int_equal(heard.size, 5);
    close(pair[1]);
    loop_turn_once(loop, true);
    loop_turn_once(loop, false);
    assert_int_equal(heard.ends, 1);
    assert_int_equal(heard.failures, 0);
    assert_int_equal(connected_socket_send(client, STR("x")), EPIPE);
    connected_socket_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(datagrams_arrive_whole_or_not_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_does_not_hold_up_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_follows_once_enough_was_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(a_port_without_a_program_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_may_be_its_own_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stream_ends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
