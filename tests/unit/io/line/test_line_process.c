#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The process of a peer, watched beside its connection. */
#include "unit/io/line_world.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that has connected, and perhaps its child, which has the same connection. */
struct family {
    pid_t parent;
    int tell_parent, tell_child; /* what is written there, it sends; at the end it exits */
};

/* Sends what it is told. */
static void relay(int told, int fd)
{
    char text[64];
    ssize_t size;
    while ((size = read(told, text, sizeof(text))) > 0 && send(fd, text, (size_t)size, 0) == size) {
    }
    _exit(0);
}

static struct family start_family(struct line_world *world, bool with_child)
{
    int parent[2], child[2];
    struct family family = {0};
    assert_int_equal(pipe(parent) + pipe(child), 0);
    family.parent = fork();
    if (family.parent == 0) {
        int fd = line_world_connect(world);
        close(parent[1]);
        close(child[1]);
        relay(with_child && fork() == 0 ? child[0] : parent[0], fd);
    }
    close(parent[0]);
    close(child[0]);
    family.tell_parent = parent[1];
    family.tell_child = child[1];
    return family;
}

static void tell(struct line_world *world, int pipe, const char *text)
{
    assert_int_equal(write(pipe, text, strlen(text)), strlen(text));
    while (world->received.size == 0) {
        loop_turn_once(world->loop, true);
    }
}

static void end_parent(struct family *family)
{
    close(family->tell_parent);
    assert_int_equal(waitpid(family->parent, NULL, 0), family->parent);
}

static void an_inherited_connection_does_not_hide_its_end(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    struct family family = start_family(world, true);
    tell(world, family.tell_parent, "process\nprocess\n");
    line_world_expect(world, "[process][process]");
    /* What it sent comes before its end. */
    assert_int_equal(write(family.tell_parent, "last\n", 5), 5);
    end_parent(&family);
    line_world_expect(world, "[last]e");
    assert_int_equal(line_world_peers(world), 1);
    tell(world, family.tell_child, "more\nprocess\n");
    line_world_expect(world, "[more][process]");
    assert_int_equal(world->err.code, ERROR_NOT_FOUND);
    close(family.tell_child);
    while (world->received.size == 0) {
        loop_turn_once(world->loop, true);
    }
    line_world_expect(world, "x");
}

static void of_the_last_process_only_the_close_is_told(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    struct family family = start_family(world, false);
    tell(world, family.tell_parent, "process\n");
    line_world_expect(world, "[process]");
    close(family.tell_child);
    assert_int_equal(kill(family.parent, SIGKILL), 0);
    end_parent(&family);
    while (world->received.size == 0) {
        loop_turn_once(world->loop, true);
    }
    line_world_expect(world, "x");
}

static void one_that_connected_and_left_is_not_watched(void **state)
{
    struct line_world *world = *state;
    assert_true(line_world_open(world));
    struct family family = start_family(world, true);
    tell(world, family.tell_parent, "hello\n");
    line_world_expect(world, "[hello]");
    end_parent(&family);
    tell(world, family.tell_child, "process\n");
    line_world_expect(world, "[process]");
    assert_int_equal(world->err.code, ERROR_NOT_FOUND);
    close(family.tell_child);
}

/* Opens the socket where the process has only so many files. */
static void open_with_files(struct line_world *world, rlim_t files)
{
    struct rlimit old, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = (struct rlimit){.rlim_cur = files, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_true(line_world_open(world));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* A process takes a file of those for peers. */
static void files_for_processes_are_bounded(void **state)
{
    struct line_world *world = *state;
    open_with_files(world, 40);
    int fds[6];
    for (int i = 0; i < 6; i++) {
        fds[i] = line_world_connect(world);
        line_world_send(fds[i], "hold\nprocess\n");
        line_world_turn(world);
    }
    /* Half of so few files are for peers, a quarter of these for lines: two peers with their process, the newest. */
    assert_int_equal(world->socket->stats.evicted, 4);
    assert_int_equal(line_world_peers(world), 2);
    line_world_read(world, fds[4], "HELD\nWATCHED\n");
    line_world_read(world, fds[5], "HELD\nWATCHED\n");
    for (int i = 0; i < 6; i++) {
        close(fds[i]);
    }
}

static void a_kept_place_goes_neither_for_a_peer_nor_for_a_process(void **state)
{
    struct line_world *world = *state;
    open_with_files(world, 24); /* three for lines */
    int kept = line_world_connect(world);
    line_world_send(kept, "keep\nprocess\n");
    line_world_read(world, kept, "KEPT\nWATCHED\n");
    int other = line_world_connect(world);
    line_world_send(other, "process\n");
    line_world_read(world, other, "NOT WATCHED\n");
    assert_int_equal(world->err.code, ERROR_LIMIT);
    int late = line_world_connect(world);
    line_world_eof(world, late);
    assert_int_equal(world->socket->stats.refused, 1);
    assert_int_equal(world->socket->stats.evicted, 0);
    close(kept);
    close(other);
    close(late);
}

/* The child takes what it can get; the connection of this process, for which places are kept, is not among it. */
static void another_process_takes_only_its_own_places(void **state)
{
    struct line_world *world = *state;
    world->options.max_peers = 3;
    assert_true(line_world_open(world));
    int game = line_world_connect(world);
    line_world_send(game, "keep\n");
    line_world_read(world, game, "KEPT\n");
    buf_clear(&world->received);
    int end[2];
    assert_int_equal(pipe(end), 0);
    pid_t hostile = fork();
    if (hostile == 0) {
        close(end[1]);
        for (int i = 0; i < 20; i++) {
            line_world_send(line_world_connect(world), "hold\n");
        }
        char byte;
        _exit((int)read(end[0], &byte, 1));
    }
    while (world->socket->stats.accepted < 21) {
        loop_turn_once(world->loop, true);
    }
    line_world_send(game, "hello\n");
    line_world_read(world, game, "OK hello\n");
    int restarted = line_world_connect(world);
    line_world_send(restarted, "hello\n");
    line_world_read(world, restarted, "OK hello\n");
    assert_int_equal(world->socket->stats.refused, 0);
    assert_int_equal(world->socket->stats.evicted, 19);
    close(game);
    close(restarted);
    close(end[0]);
    close(end[1]);
    assert_int_equal(waitpid(hostile, NULL, 0), hostile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_inherited_connection_does_not_hide_its_end, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(of_the_last_process_only_the_close_is_told, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(one_that_connected_and_left_is_not_watched, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(files_for_processes_are_bounded, line_world_setup,
                                        line_world_teardown),
        cmocka_unit_test_setup_teardown(a_kept_place_goes_neither_for_a_peer_nor_for_a_process,
                                        line_world_setup, line_world_teardown),
        cmocka_unit_test_setup_teardown(another_process_takes_only_its_own_places, line_world_setup,
                                        line_world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
