#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/datagram_socket.h"
#include "support/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct world {
    struct temp_dir dir;
    struct loop *loop;
    struct datagram_socket *socket;
    struct datagram last; /* its bytes are a copy */
    char bytes[DATAGRAM_MAX + 1];
    int count;
};

static void on_datagram(const struct datagram *datagram, void *user)
{
    struct world *world = user;
    world->count++;
    world->last = *datagram;
    memcpy(world->bytes, datagram->bytes.data, datagram->bytes.size);
    world->bytes[datagram->bytes.size] = '\0';
}

static int setup(void **state)
{
    static struct world world;
    struct error err;
    world = (struct world){.count = 0};
    *state = &world;
    world.loop = loop_new(&err);
    if (world.loop == NULL || temp_dir_init(&world.dir) < 0) {
        return -1;
    }
    struct unix_place place = {
        .path = temp_path(&world.dir, "notify"), .mode = 0620, .gid = (gid_t)-1, .inherited_fd = -1};
    world.socket = datagram_socket_new(world.loop, &place, on_datagram, &world, &err);
    return world.socket == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    datagram_socket_free(world->socket);
    loop_free(world->loop);
    return temp_dir_fini(&world->dir);
}

static int sender(struct world *world)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, temp_path(&world->dir, "notify"));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void hand_over(struct world *world)
{
    int before = world->count;
    while (world->count == before) {
        loop_turn_once(world->loop, true);
    }
    assert_int_equal(world->count, before + 1);
}

static void receives_datagrams_with_their_sender(void **state)
{
    struct world *world = *state;
    struct stat st;
    assert_int_equal(stat(temp_path(&world->dir, "notify"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0620);
    int fd = sender(world);
    assert_int_equal(send(fd, "READY=1\nSTATUS=up", 17, 0), 17);
    assert_int_equal(send(fd, "", 0, 0), 0);
    hand_over(world);
    assert_string_equal(world->bytes, "READY=1\nSTATUS=up");
    assert_true(world->last.credentials.known);
    assert_int_equal(world->last.credentials.pid, getpid());
    assert_int_equal(world->last.credentials.uid, geteuid());
    assert_int_equal(world->last.credentials.gid, getegid());
    assert_false(world->last.truncated);
    hand_over(world);
    assert_int_equal(world->last.bytes.size, 0);
    close(fd);
}

static void a_removed_socket_is_made_again_beside_the_former_one(void **state)
{
    struct world *world = *state;
    struct error err;
    int former = sender(world);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(send(former, "one", 3, 0), 3);
        assert_int_equal(unlink(temp_path(&world->dir, "notify")), 0);
        assert_int_equal(datagram_socket_check(world->socket, &err), 1);
        assert_int_equal(datagram_socket_check(world->socket, &err), 0);
        hand_over(world); /* what waited */
        assert_string_equal(world->bytes, "one");
        assert_int_equal(send(former, "two", 3, 0), 3);
        hand_over(world);
        assert_string_equal(world->bytes, "two");
        int fd = sender(world);
        assert_int_equal(send(fd, "three", 5, 0), 5);
        hand_over(world);
        assert_string_equal(world->bytes, "three");
        assert_true(world->last.credentials.known);
        close(former);
        former = fd;
    }
    close(former);
}

static void send_with_fds(int fd, int passed, size_t count)
{
    int fds[253];
    for (size_t i = 0; i < count; i++) {
        fds[i] = passed;
    }
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = {0};
    char text[] = "BARRIER=1";
    struct iovec vector = {.iov_base = text, .iov_len = 9};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    assert_int_equal(sendmsg(fd, &message, 0), 9);
}

/* systemd-notify waits until the other end of its pipe is closed. */
static void a_barrier_is_closed_at_once(void **state)
{
    struct world *world = *state;
    static const size_t counts[] = {1, 2, 253};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        int fd = sender(world), ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        send_with_fds(fd, ends[1], counts[i]);
        close(ends[1]);
        char byte;
        assert_true(read(ends[0], &byte, 1) < 0 && errno == EAGAIN);
        hand_over(world);
        assert_string_equal(world->bytes, "BARRIER=1");
        assert_true(world->last.credentials.known);
        assert_int_equal(read(ends[0], &byte, 1), 0);
        close(ends[0]);
        close(fd);
    }
}

static void reports_a_truncated_datagram(void **state)
{
    struct world *world = *state;
    static char bytes[DATAGRAM_MAX + 1];
    memset(bytes, 'd', sizeof(bytes));
    int fd = sender(world);
    assert_int_equal(send(fd, bytes, DATAGRAM_MAX, 0), DATAGRAM_MAX);
    hand_over(world);
    assert_int_equal(world->last.bytes.size, DATAGRAM_MAX);
    assert_false(world->last.truncated);
    assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    hand_over(world);
    assert_int_equal(world->last.bytes.size, DATAGRAM_MAX);
    assert_true(world->last.truncated);
    close(fd);
}

/* Datagrams queued in an inherited socket have no verified sender; later ones have. */
static void an_inherited_socket_is_served_and_left(void **state)
{
    struct world *world = *state;
    struct error err;
    datagram_socket_free(world->socket);
    assert_int_equal(access(temp_path(&world->dir, "notify"), F_OK), -1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, temp_path(&world->dir, "notify"));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    int from = sender(world);
    assert_int_equal(send(from, "early", 5, 0), 5);
    struct unix_place place = {.inherited_fd = fd};
    world->socket = datagram_socket_new(world->loop, &place, on_datagram, world, &err);
    assert_non_null(world->socket);
    hand_over(world);
    assert_string_equal(world->bytes, "early");
    assert_true(!world->last.credentials.known || world->last.credentials.pid == getpid());
    assert_int_equal(send(from, "late", 4, 0), 4);
    hand_over(world);
    assert_true(world->last.credentials.known);
    datagram_socket_free(world->socket);
    datagram_socket_free(NULL);
    world->socket = NULL;
    assert_int_equal(access(temp_path(&world->dir, "notify"), F_OK), 0);
    close(from);
}

static void a_second_one_is_refused(void **state)
{
    struct world *world = *state;
    struct error err;
    struct unix_place place = {
        .path = temp_path(&world->dir, "notify"), .mode = 0600, .gid = (gid_t)-1, .inherited_fd = -1};
    assert_null(datagram_socket_new(world->loop, &place, on_datagram, world, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    place.inherited_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_null(datagram_socket_new(world->loop, &place, on_datagram, world, &err));
    /* still owned by the caller after a failure */
    assert_int_equal(close(place.inherited_fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(receives_datagrams_with_their_sender, setup, teardown),
        cmocka_unit_test_setup_teardown(a_removed_socket_is_made_again_beside_the_former_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_barrier_is_closed_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_a_truncated_datagram, setup, teardown),
        cmocka_unit_test_setup_teardown(an_inherited_socket_is_served_and_left, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_one_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
