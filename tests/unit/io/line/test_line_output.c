#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Output to peers: bounded, the newest state event is kept, and a peer that does not read affects no other. */
#include "unit/io/line_world.h"

#include <sys/socket.h>

/* Fills the connection of a peer that does not read until replies are dropped. */
static void back_up(struct line_world *world, int fd)
{
    for (int i = 0; i < 10000 && world->socket->stats.replies_dropped == 0; i++) {
        line_world_send(fd, "big\n");
        loop_turn_once(world->loop, false);
    }
    assert_true(world->socket->stats.replies_dropped > 0);
    buf_clear(&world->received);
}

/* Turns the loop and reads until nothing is left; returns what was read. */
static struct buf read_out(struct line_world *world, int fd)
{
    struct buf got = {0};
    char bytes[4096];
    for (int quiet = 0; quiet < 4;) {
        ssize_t size = recv(fd, bytes, sizeof(bytes), 0);
        if (size > 0) {
            buf_add(&got, bytes, (size_t)size);
        }
        quiet = size > 0 ? 0 : quiet + 1;
        loop_turn_once(world->loop, false);
    }
    return got;
}

static void a_peer_that_never_reads_costs_little(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world), other = line_world_connect(world);
    back_up(world, fd);
    uint64_t dropped = world->socket->stats.replies_dropped;
    for (int i = 0; i < 100; i++) {
        line_world_send(fd, "hello\n");
        line_world_expect(world, "[hello]");
    }
    assert_int_equal(world->socket->stats.replies_dropped, dropped + 100);
    line_world_send(other, "hello\n");
    line_world_read(world, other, "OK hello\n");
    struct buf got = read_out(world, fd);
    assert_true(got.size > 1001);
    assert_int_equal(got.size % 1001, 0); /* whole replies only */
    buf_fini(&got);
    line_world_send(fd, "hello\n");
    line_world_read(world, fd, "OK hello\n");
    close(fd);
    close(other);
}

static void of_events_the_newest_of_a_kind_is_kept(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    line_world_send(fd, "silent\n");
    line_world_turn(world);
    line_peer_event(world->last, "one", STR("EVENT one"));
    line_peer_event(world->last, "two", STR("EVENT two"));
    line_world_read(world, fd, "EVENT one\nEVENT two\n");
    back_up(world, fd);
    line_peer_event(world->last, "drain", STR("EVENT drain on"));
    line_peer_event(world->last, "drain", STR("EVENT drain off"));
    line_peer_event(world->last, "leader", STR("EVENT leader gained"));
    line_peer_event(world->last, "drain", STR("EVENT drain on again"));
    struct buf got = read_out(world, fd);
    assert_null(strstr(buf_text(&got), "EVENT drain off"));
    const char *event = strstr(buf_text(&got), "EVENT ");
    assert_non_null(event);
    assert_string_equal(event, "EVENT leader gained\nEVENT drain on again\n");
    buf_fini(&got);
    close(fd);
}

static void events_reach_every_peer(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = line_world_connect(world);
    }
    line_world_turn(world);
    /* one peer is gone and one is closing: the list is intact while it is walked */
    close(fds[0]);
    for (struct line_peer *peer = world->socket->first; peer != NULL; peer = peer->next) {
        line_peer_event(peer, "drain", STR("EVENT on"));
        if (peer->next == NULL) {
            line_peer_close(peer);
        }
    }
    line_world_read(world, fds[1], "EVENT on\n");
    char bytes[16] = {0};
    assert_int_equal(recv(fds[2], bytes, sizeof(bytes), 0), 9);
    line_world_eof(world, fds[2]);
    line_world_expect(world, "xx");
    close(fds[1]);
    close(fds[2]);
}

static void a_close_waits_for_pending_output(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    back_up(world, fd);
    line_peer_close(world->last);
    line_world_expect(world, "");
    assert_int_equal(line_world_peers(world), 1);
    struct buf got = read_out(world, fd);
    assert_int_equal(got.size % 1001, 0);
    buf_fini(&got);
    line_world_expect(world, "x");
    line_world_eof(world, fd);
    close(fd);
}

/* After a half-close pending replies are sent; after a full close the connection ends at once. */
static void a_half_closed_peer_gets_its_replies(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    for (int leaves = 0; leaves < 2; leaves++) {
        int fd = line_world_connect(world);
        uint64_t dropped = world->socket->stats.replies_dropped;
        while (world->socket->stats.replies_dropped == dropped) {
            line_world_send(fd, "big\n");
            loop_turn_once(world->loop, false);
        }
        buf_clear(&world->received);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        line_world_expect(world, "");
        if (leaves == 0) {
            struct buf got = read_out(world, fd);
            assert_int_equal(got.size % 1001, 0);
            buf_fini(&got);
            line_world_eof(world, fd);
        }
        close(fd);
        line_world_expect(world, "x");
    }
}

/* The replies to many lines are sent together, and none is lost while the peer reads. */
static void many_lines_get_many_replies(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    struct buf got = {0};
    for (int round = 0; round < 20; round++) {
        struct buf lines = {0};
        for (int i = 0; i < 500; i++) {
            buf_printf(&lines, "r%d\n", i);
        }
        line_world_send(fd, buf_text(&lines));
        buf_fini(&lines);
        struct buf more = read_out(world, fd);
        buf_str(&got, buf_view(&more));
        buf_fini(&more);
    }
    size_t answers = 0;
    for (size_t i = 0; i < got.size; i++) {
        answers += got.data[i] == '\n';
    }
    assert_int_equal(answers, 20 * 500);
    assert_int_equal(world->socket->stats.replies_dropped, 0);
    buf_fini(&got);
    close(fd);
}

static void free_with_peers_in_every_state(void **state)
{
    struct line_world *world = *state;
    world->options.max_peers = 3;
    assert_true(line_world_open(world));
    int fds[4];
    for (int i = 0; i < 3; i++) {
        fds[i] = line_world_connect(world);
        line_world_turn(world);
    }
    line_world_send(fds[1], "half a li");
    back_up(world, fds[0]);
    line_peer_close(world->last);
    fds[3] = line_world_connect(world);
    line_world_turn(world);
    buf_clear(&world->received);
    line_peer_close(world->socket->first);
    line_socket_free(world->socket);
    world->socket = NULL;
    line_world_expect(world, "");
    line_socket_free(NULL);
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
}

/* A reply is still to come: one that has sent everything is kept for it, and so is one that is to be closed. */
static void an_awaited_reply_comes_after_the_last_line(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    for (int by_us = 0; by_us < 2; by_us++) {
        int fd = line_world_connect(world);
        line_world_send(fd, "silent\n");
        line_world_expect(world, "[silent]");
        struct line_peer *peer = world->last;
        line_peer_await(peer, true);
        if (by_us) {
            line_peer_close(peer);
        } else {
            assert_int_equal(shutdown(fd, SHUT_WR), 0);
        }
        line_world_expect(world, "");
        line_peer_reply(peer, STR("late"));
        line_peer_await(peer, false);
        line_world_expect(world, "x");
        char bytes[16] = {0};
        assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 5);
        assert_string_equal(bytes, "late\n");
        line_world_eof(world, fd);
        close(fd);
    }
}

/* Its end means something, or no program reads the reply. */
static void an_awaited_reply_keeps_no_held_and_no_closed_peer(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    line_world_send(fd, "hold\n");
    line_world_turn(world);
    line_peer_await(world->last, true);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    line_world_expect(world, "[hold]x");
    close(fd);
    fd = line_world_connect(world);
    line_world_send(fd, "silent\n");
    line_world_turn(world);
    line_peer_await(world->last, true);
    close(fd);
    line_world_expect(world, "[silent]x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_awaited_reply_comes_after_the_last_line, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(an_awaited_reply_keeps_no_held_and_no_closed_peer, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_never_reads_costs_little, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(of_events_the_newest_of_a_kind_is_kept, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(events_reach_every_peer, line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(a_close_waits_for_pending_output, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(a_half_closed_peer_gets_its_replies, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(many_lines_get_many_replies, line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(free_with_peers_in_every_state, line_world_setup,
                                        line_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
