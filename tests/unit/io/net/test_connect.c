#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "name_server.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/connect.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"
#include "support/temp_dir.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_SKIPPED = 77, EXIT_CONNECTED = 2, EXIT_TAKEN = 3 };

static struct loop *loop;
static struct resolver *resolver;
static struct temp_dir dir;

struct result {
    int calls;
    enum connect_outcome outcome;
    char detail[128];
    int64_t elapsed_us;
};

static void done(enum connect_outcome outcome, const char *detail, int64_t elapsed_us, void *user)
{
    struct result *result = user;
    result->calls++;
    result->outcome = outcome;
    snprintf(result->detail, sizeof(result->detail), "%s", detail);
    result->elapsed_us = elapsed_us;
}

static int setup(void **state)
{
    (void)state;
    struct error err;
    loop = loop_new(&err);
    if (loop == NULL) {
        return -1;
    }
    resolver = resolver_new(loop, NULL);
    return temp_dir_init(&dir);
}

static int teardown(void **state)
{
    (void)state;
    resolver_free(resolver);
    loop_free(loop);
    return temp_dir_fini(&dir);
}

static int listen_v4(uint16_t *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int listen_unix(const char *path, int backlog)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

/* Waits for the result; there must be exactly one, and none while the start call ran. */
static struct result wait_for(struct result *result)
{
    assert_int_equal(result->calls, 0);
    while (result->calls == 0) {
        loop_turn_once(loop, true);
    }
    loop_turn_once(loop, false);
    assert_int_equal(result->calls, 1);
    return *result;
}

static struct result try_tcp(const char *host, uint16_t port, int64_t timeout_ms)
{
    struct result result = {0};
    assert_non_null(connect_tcp(loop, resolver, host, port, timeout_ms, done, &result));
    return wait_for(&result);
}

static struct result try_unix(const char *path, int64_t timeout_ms)
{
    struct result result = {0};
    assert_non_null(connect_unix(loop, path, timeout_ms, done, &result));
    return wait_for(&result);
}

static void connects_on_loopback(void **state)
{
    (void)state;
    uint16_t port;
    int fd = listen_v4(&port);
    static const char *const hosts[] = {"127.0.0.1", "localhost", "127.0.0.1"};
    for (size_t i = 0; i < 3; i++) {
        struct result result = try_tcp(hosts[i], port, 1000);
        assert_int_equal(result.outcome, CONNECT_OK);
        assert_string_equal(result.detail, "");
        assert_true(result.elapsed_us >= 0 && result.elapsed_us < 1000000);
        /* closed in the ordinary way: the server sees an end of file, not a reset */
        int peer = accept(fd, NULL, NULL);
        char byte;
        assert_int_equal(recv(peer, &byte, 1, 0), 0);
        close(peer);
    }
    close(fd);
}

static void reports_refused(void **state)
{
    (void)state;
    uint16_t port;
    close(listen_v4(&port));
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < 2; i++) {
        struct result result = try_tcp(hosts[i], port, 1000);
        assert_int_equal(result.outcome, CONNECT_REFUSED);
        assert_string_equal(result.detail, "connection refused");
    }
}

static void localhost_is_v6_too(void **state)
{
    (void)state;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t size = sizeof(address);
    if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&address, size) < 0) {
        skip(); /* this machine has no IPv6 */
    }
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    uint16_t port = ntohs(address.sin6_port);
    assert_int_equal(try_tcp("localhost", port, 1000).outcome, CONNECT_OK);
    assert_int_equal(try_tcp("::1", port, 1000).outcome, CONNECT_OK);
    assert_int_equal(try_tcp("127.0.0.1", port, 1000).outcome, CONNECT_REFUSED);
    close(fd);
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) {
        _exit(EXIT_SKIPPED);
    }
    close(fd);
}

/* In a new network namespace where the tried port is the only one that the kernel can choose as the source. */
static int connect_to_oneself(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = -1;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ||
        (fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0) {
        return EXIT_SKIPPED;
    }
    close(fd);
    write_text("/proc/sys/net/ipv4/ip_local_port_range", "40000 40000");
    struct result result = {0};
    connect_tcp(loop, resolver, "127.0.0.1", 40000, 1000, done, &result);
    while (result.calls == 0) {
        loop_turn_once(loop, true);
    }
    if (result.outcome != CONNECT_REFUSED || strcmp(result.detail, "connection refused") != 0) {
        return EXIT_CONNECTED;
    }
    /* and its server can bind it at once */
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(40000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? EXIT_TAKEN : 0;
}

static void no_attempt_connects_to_itself(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(connect_to_oneself());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == EXIT_SKIPPED) {
        skip(); /* no permission to create a network namespace */
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Fills the queue of a listener that never accepts: the kernel then drops every further SYN. */
static size_t fill(uint16_t port, int fds[static 8])
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t i = 0; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&address, sizeof(address));
        if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) < 0 && errno == EALREADY) {
            return i + 1;
        }
    }
    return 8;
}

static void reports_timed_out(void **state)
{
    (void)state;
    uint16_t port;
    int fd = listen_v4(&port), fds[8];
    size_t count = fill(port, fds);
    assert_true(count < 8);
    struct result result = try_tcp("localhost", port, 40);
    assert_int_equal(result.outcome, CONNECT_TIMED_OUT);
    assert_string_equal(result.detail, "timed out after 40ms");
    assert_true(result.elapsed_us >= 40000);
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
    }
    close(fd);
}

/* A hanging attempt delays no other one, and a cancelled one makes no callback. */
static void attempts_are_independent(void **state)
{
    (void)state;
    uint16_t hanging, good;
    int fd = listen_v4(&hanging), other = listen_v4(&good), fds[8];
    assert_int_equal(listen(other, 8), 0);
    size_t count = fill(hanging, fds);
    struct result hung = {0}, passed = {0}, cancelled = {0}, cancelled_at_once = {0};
    connect_tcp(loop, resolver, "127.0.0.1", hanging, 60, done, &hung);
    struct connect_attempt *attempt = connect_tcp(loop, resolver, "127.0.0.1", hanging, 20, done, &cancelled);
    connect_cancel(connect_tcp(loop, resolver, "127.0.0.1", good, 1000, done, &cancelled_at_once));
    connect_tcp(loop, resolver, "127.0.0.1", good, 1000, done, &passed);
    loop_turn_once(loop, true);
    assert_int_equal(passed.calls, 1);
    assert_int_equal(hung.calls, 0);
    connect_cancel(attempt);
    connect_cancel(NULL);
    assert_int_equal(wait_for(&hung).outcome, CONNECT_TIMED_OUT);
    assert_int_equal(cancelled.calls + cancelled_at_once.calls, 0);
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
    }
    close(fd);
    close(other);
}

static void reports_unreachable(void **state)
{
    (void)state;
    /* 240.0.0.0/4 and the discard prefix of IPv6 are not routed (RFC 1112, RFC 6666) */
    struct result result = try_tcp("255.255.255.255", 9, 1000);
    assert_true(result.outcome == CONNECT_UNREACHABLE || result.outcome == CONNECT_FAILED);
    assert_true(strlen(result.detail) > 0);
}

static void connects_to_unix_sockets(void **state)
{
    (void)state;
    int fd = listen_unix(temp_path(&dir, "sock"), 4);
    assert_int_equal(try_unix(temp_path(&dir, "sock"), 1000).outcome, CONNECT_OK);
    close(fd);
    struct result result = try_unix(temp_path(&dir, "sock"), 1000);
    assert_int_equal(result.outcome, CONNECT_REFUSED);
    assert_string_equal(result.detail, "connection refused");
    result = try_unix(temp_path(&dir, "absent"), 1000);
    assert_int_equal(result.outcome, CONNECT_NOT_FOUND);
    assert_string_equal(result.detail, "no such socket");
    char longest[200];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(try_unix(longest, 1000).outcome, CONNECT_FAILED);
    assert_int_equal(try_unix("", 1000).outcome, CONNECT_FAILED);
    int datagram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, temp_path(&dir, "dgram"));
    assert_int_equal(bind(datagram, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(try_unix(temp_path(&dir, "dgram"), 1000).outcome, CONNECT_FAILED);
    close(datagram);
}

static void waits_for_room_in_a_unix_queue(void **state)
{
    (void)state;
    int fd = listen_unix(temp_path(&dir, "sock"), 0);
    assert_int_equal(try_unix(temp_path(&dir, "sock"), 1000).outcome, CONNECT_OK);
    struct result result = try_unix(temp_path(&dir, "sock"), 30);
    assert_int_equal(result.outcome, CONNECT_TIMED_OUT);
    assert_string_equal(result.detail, "timed out after 30ms");
    struct result later = {0};
    connect_unix(loop, temp_path(&dir, "sock"), 10000, done, &later);
    loop_turn_once(loop, true);
    assert_int_equal(later.calls, 0);
    close(accept(fd, NULL, NULL));
    assert_int_equal(wait_for(&later).outcome, CONNECT_OK);
    close(fd);
}

/* Replaces the resolver by one with `count` name servers, the first of which gives 127.0.0.1. */
static void use_names(struct name_server *servers, unsigned count)
{
    char text[128] = "";
    uint16_t port = name_servers_open(servers, count, loop);
    for (unsigned i = 1; i <= count; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "nameserver 127.0.0.%u\n", i);
    }
    FILE *file = fopen(temp_path(&dir, "resolv.conf"), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
    resolver_free(resolver);
    resolver = resolver_new(
        loop, &(struct resolver_options){.resolv_conf = temp_path(&dir, "resolv.conf"), .server_port = port});
}

static void a_name_is_resolved_and_its_last_address_kept(void **state)
{
    (void)state;
    struct name_server names;
    uint16_t port;
    int fd = listen_v4(&port);
    assert_int_equal(listen(fd, 8), 0);
    use_names(&names, 1);
    assert_int_equal(try_tcp("game.test", port, 1000).outcome, CONNECT_OK);
    name_server_close(&names);
    assert_int_equal(try_tcp("game.test", port, 1000).outcome, CONNECT_OK);
    close(fd);
    struct result result = try_tcp("game.test", port, 1000);
    assert_int_equal(result.outcome, CONNECT_REFUSED);
    assert_string_equal(result.detail, "connection refused at the last known address");
}

static void a_name_that_is_not_resolved_is_its_own_outcome(void **state)
{
    (void)state;
    struct name_server names;
    use_names(&names, 1);
    names.mode = NAME_SERVER_NO_SUCH_NAME;
    struct result result = try_tcp("game.test", 9, 1000);
    assert_int_equal(result.outcome, CONNECT_NOT_RESOLVED);
    assert_string_equal(result.detail, "name not resolved: no such name");
    names.mode = NAME_SERVER_SILENT;
    result = try_tcp("game.test", 9, 50);
    assert_int_equal(result.outcome, CONNECT_NOT_RESOLVED);
    assert_string_equal(result.detail, "name not resolved: no name server answered");
    struct result cancelled = {0};
    connect_cancel(connect_tcp(loop, resolver, "game.test", 9, 50, done, &cancelled));
    loop_turn_once(loop, false);
    assert_int_equal(cancelled.calls, 0);
    name_server_close(&names);
}

/* The first server answers only its second query, after those to the other servers: a quarter of the time is
 * left. */
static void a_name_resolved_too_late_counts_as_not_resolved(void **state)
{
    (void)state;
    struct name_server names[3];
    uint16_t port;
    int fd = listen_v4(&port);
    use_names(names, COUNT_OF(names));
    names[0].mode = names[1].mode = names[2].mode = NAME_SERVER_SILENT;
    for (int i = 0; i < 8 && try_tcp("127.0.0.1", port, 30).outcome == CONNECT_OK; i++) {
    }
    struct result result = {0};
    connect_tcp(loop, resolver, "game.test", port, 200, done, &result);
    while (result.calls == 0) {
        names[0].mode = names[2].asked > 0 ? NAME_SERVER_ANSWERS : NAME_SERVER_SILENT;
        loop_turn_once(loop, true);
    }
    assert_int_equal(result.outcome, CONNECT_NOT_RESOLVED);
    assert_string_equal(result.detail, "name not resolved in time for a connection within 200ms");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        name_server_close(&names[i]);
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(connects_on_loopback, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(localhost_is_v6_too, setup, teardown),
        cmocka_unit_test_setup_teardown(no_attempt_connects_to_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_timed_out, setup, teardown),
        cmocka_unit_test_setup_teardown(attempts_are_independent, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_unreachable, setup, teardown),
        cmocka_unit_test_setup_teardown(connects_to_unix_sockets, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_for_room_in_a_unix_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_is_resolved_and_its_last_address_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_that_is_not_resolved_is_its_own_outcome, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_resolved_too_late_counts_as_not_resolved, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
