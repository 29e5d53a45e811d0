#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/io/line_world.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void splits_lines(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    line_world_send(fd, "rea");
    line_world_expect(world, "");
    line_world_send(fd, "dy pla");
    line_world_expect(world, "");
    line_world_send(fd, "yers=1\none\r\ntwo\n\n\r\n a\rb \nbeg");
    line_world_expect(world, "[ready players=1][one][two][][][ a\rb ]");
    line_world_read(world, fd, "OK ready players=1\nOK one\nOK two\nOK \nOK \nOK  a\rb \n");
    line_world_send(fd, "un\r");
    line_world_expect(world, "");
    line_world_send(fd, "\n");
    line_world_expect(world, "[begun]");
    line_world_read(world, fd, "OK begun\n");
    close(fd);
    line_world_expect(world, "x");
}

static void keeps_every_byte_but_lf(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    assert_int_equal(send(fd, "\0\xff\x01\n", 4, 0), 4);
    line_world_turn(world);
    assert_true(str_starts(buf_view(&world->received), STR("[")));
    char bytes[16];
    assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 7);
    assert_memory_equal(bytes, "OK \0\xff\x01\n", 7);
    close(fd);
}

/* Only there: elsewhere U+FEFF is a character. */
static void a_byte_order_mark_before_the_first_line_is_skipped(void **state)
{
    struct line_world *world = *state;
    world->options.max_line = 16;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    line_world_send(fd, "\xef");
    line_world_expect(world, "");
    line_world_send(fd, "\xbb\xbf"
                        "0123456789abcdef");
    line_world_expect(world, "");
    line_world_send(fd, "\r\n\xef\xbb\xbf"
                        "more\n");
    line_world_expect(world, "[0123456789abcdef][\xef\xbb\xbf"
                             "more]");
    close(fd);
    line_world_expect(world, "x");
    /* One line longer than it may be is still one. */
    fd = line_world_connect(world);
    line_world_send(fd, "\xef\xbb\xbf"
                        "0123456789abcdefg");
    line_world_expect(world, "");
    line_world_send(fd, "h");
    line_world_expect(world, "!x");
    close(fd);
}

/* printf 'ready' | nc -N: no newline, and the sender waits for the reply. */
static void the_end_of_the_stream_ends_a_line(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    line_world_send(fd, "one\nready\r");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    line_world_turn(world);
    char bytes[64] = {0};
    assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 16);
    assert_string_equal(bytes, "OK one\nOK ready\n");
    line_world_eof(world, fd);
    line_world_expect(world, "[one][ready]x");
    assert_int_equal(line_world_peers(world), 0);
    close(fd);
}

/* printf 'ready' | socat -u: closed before the reply; the line counts. */
static void the_lines_of_a_closed_peer_count(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    line_world_send(fd, "one\ntwo\nthree");
    close(fd);
    line_world_expect(world, "[one][two][three]x");
    /* likewise with an unread reply, which turns the end of the stream into a reset */
    fd = line_world_connect(world);
    line_world_send(fd, "one\n");
    line_world_turn(world);
    line_world_send(fd, "two\nthree");
    close(fd);
    line_world_expect(world, "[one][two][three]x");
}

static void an_overlong_line_ends_the_connection(void **state)
{
    struct line_world *world = *state;
    world->options.max_line = 16;
    assert_true(line_world_open(world));
    static const struct {
        const char *sent, *received, *answer;
    } rows[] = {
        {"0123456789abcdefg\nready\n", "!x", "ERR too-long\n"},
        {"0123456789abcdefgh", "!x", "ERR too-long\n"},
        {"ok\n0123456789abcdefg\r\nready\n", "[ok]!x", "OK ok\nERR too-long\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = line_world_connect(world);
        line_world_send(fd, rows[i].sent);
        line_world_expect(world, rows[i].received);
        char bytes[64] = {0};
        assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0);
        assert_string_equal(bytes, rows[i].answer);
        line_world_eof(world, fd);
        close(fd);
    }
    assert_int_equal(world->socket->stats.overlong, COUNT_OF(rows));
    int fd = line_world_connect(world);
    line_world_send(fd, "0123456789abcdef");
    line_world_expect(world, "");
    line_world_send(fd, "\r");
    line_world_expect(world, "");
    line_world_send(fd, "\n");
    line_world_expect(world, "[0123456789abcdef]");
    close(fd);
}

static void the_longest_line_is_16_kib(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    struct buf line = {0};
    for (int i = 0; i < 16384; i++) {
        buf_add(&line, "a", 1);
    }
    line_world_send(fd, buf_text(&line));
    line_world_expect(world, "");
    line_world_send(fd, "\n");
    line_world_turn(world);
    assert_int_equal(world->received.size, 16384 + 2);
    buf_clear(&world->received);
    line_world_send(fd, buf_text(&line));
    line_world_send(fd, "aa");
    line_world_expect(world, "!x");
    buf_fini(&line);
    close(fd);
}

/* A flooding peer gets one read per turn; another peer is served in the same turn. */
static void a_flood_does_not_starve_other_peers(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int flood = line_world_connect(world), calm = line_world_connect(world);
    line_world_turn(world);
    for (int i = 0; i < 10; i++) {
        char block[8001];
        memset(block, 's', sizeof(block) - 1);
        for (size_t at = 0; at < 8000; at += 8) {
            memcpy(block + at, "silent\r\n", 8);
        }
        block[8000] = '\0';
        line_world_send(flood, block);
    }
    line_world_send(calm, "hello\n");
    loop_turn_once(world->loop, true);
    assert_non_null(strstr(buf_text(&world->received), "[hello]"));
    assert_true(world->received.size < 1100 * strlen("[silent]"));
    close(flood);
    close(calm);
}

static void a_close_after_a_reply_sends_it_first(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    line_world_send(fd, "quit\nready\n");
    line_world_expect(world, "[quit]x");
    char bytes[16] = {0};
    assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), 4);
    assert_string_equal(bytes, "BYE\n");
    line_world_eof(world, fd);
    close(fd);
}

static void reports_the_credentials(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    line_world_send(fd, "hello\n");
    line_world_turn(world);
    struct credentials credentials = line_peer_credentials(world->last);
    assert_true(credentials.known);
    assert_int_equal(credentials.pid, getpid());
    assert_int_equal(credentials.uid, geteuid());
    assert_int_equal(credentials.gid, getegid());
    assert_null(world->last->data);
    close(fd);
}

static void the_least_active_makes_room_unless_held(void **state)
{
    struct line_world *world = *state;
    world->options.max_peers = 3;
    assert_true(line_world_open(world));
    int fds[5];
    for (int i = 0; i < 3; i++) {
        fds[i] = line_world_connect(world);
        line_world_send(fds[i], i == 0 ? "hold\n" : "silent\n");
        line_world_turn(world);
    }
    line_world_send(fds[1], "silent\n"); /* 2 is now the least recently active */
    line_world_turn(world);
    buf_clear(&world->received);
    fds[3] = line_world_connect(world);
    line_world_expect(world, "x");
    line_world_eof(world, fds[2]);
    line_world_read(world, fds[0], "HELD\n");
    line_world_read(world, fds[1], "");
    line_world_send(fds[1], "hold\n");
    line_world_send(fds[3], "hold\n");
    line_world_expect(world, "[hold][hold]");
    /* All are held: this process has more than its share, and loses the least recently active of them. */
    fds[4] = line_world_connect(world);
    line_world_expect(world, "x");
    line_world_eof(world, fds[0]);
    line_world_read(world, fds[1], "HELD\n");
    line_world_read(world, fds[3], "HELD\n");
    line_world_send(fds[4], "hello\n");
    line_world_expect(world, "[hello]");
    assert_int_equal(world->socket->stats.evicted, 2);
    assert_int_equal(world->socket->stats.refused, 0);
    assert_int_equal(world->socket->stats.accepted, 5);
    assert_int_equal(line_world_peers(world), 3);
    for (int i = 0; i < 5; i++) {
        close(fds[i]);
    }
}

static void running_out_of_descriptors_is_no_busy_loop(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    int fd = line_world_connect(world);
    struct rlimit old, none = {0};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    line_world_turn(world);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    /* one accept(2) in eight turns, though the listener was readable all the time */
    assert_int_equal(world->socket->stats.accept_failures, 1);
    while (line_world_peers(world) == 0) {
        loop_turn_once(world->loop, true);
    }
    line_world_send(fd, "hello\n");
    line_world_expect(world, "[hello]");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(splits_lines, line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(keeps_every_byte_but_lf, line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(a_byte_order_mark_before_the_first_line_is_skipped, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(the_end_of_the_stream_ends_a_line, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(the_lines_of_a_closed_peer_count, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(an_overlong_line_ends_the_connection, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(the_longest_line_is_16_kib, line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(a_flood_does_not_starve_other_peers, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(a_close_after_a_reply_sends_it_first, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(reports_the_credentials, line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(the_least_active_makes_room_unless_held, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(running_out_of_descriptors_is_no_busy_loop, line_world_setup,
                                        line_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
