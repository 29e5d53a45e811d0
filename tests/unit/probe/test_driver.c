#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/probe/driver.h"
#include "support/temp_dir.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct loop *loop;
static struct probe_context context;
static struct temp_dir dir;

struct result {
    int calls;
    enum probe_outcome outcome;
    char detail[128];
    int64_t duration_us;
};

static void done(const struct probe_result *found, void *user)
{
    struct result *result = user;
    result->calls++;
    result->outcome = found->outcome;
    snprintf(result->detail, sizeof(result->detail), "%s", found->detail);
    result->duration_us = found->duration_us;
}

static int setup(void **state)
{
    (void)state;
    struct error err;
    loop = loop_new(&err);
    if (loop == NULL) {
        return -1;
    }
    context = (struct probe_context){.loop = loop, .resolver = resolver_new(loop, NULL)};
    return temp_dir_init(&dir);
}

static int teardown(void **state)
{
    (void)state;
    resolver_free(context.resolver);
    loop_free(loop);
    return temp_dir_fini(&dir);
}

static struct result try_host(const struct config_probe *probe, const char *host)
{
    struct result result = {0};
    assert_non_null(probe_driver_for(probe->type)->start(&context, host, probe, done, &result));
    assert_int_equal(result.calls, 0);
    while (result.calls == 0) {
        loop_turn_once(loop, true);
    }
    loop_turn_once(loop, false);
    assert_int_equal(result.calls, 1);
    assert_true(result.duration_us >= 0);
    return result;
}

static struct result try_once(const struct config_probe *probe)
{
    return try_host(probe, "localhost");
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

static void assert_described(const struct config_probe *probe, const char *host, const char *target)
{
    struct buf text = {0};
    probe_driver_for(probe->type)->describe(host, probe, &text);
    assert_string_equal(buf_text(&text), target);
    buf_fini(&text);
}

static void drivers_name_and_describe_their_type(void **state)
{
    (void)state;
    char path[] = "/run/game.sock";
    struct config_probe tcp = {.type = CONFIG_PROBE_TCP, .port = 8001};
    struct config_probe unix_socket = {.type = CONFIG_PROBE_UNIX, .path = path};
    static const enum config_probe_type types[] = {CONFIG_PROBE_TCP,    CONFIG_PROBE_UNIX,
                                                   CONFIG_PROBE_A2S,    CONFIG_PROBE_MINECRAFT,
                                                   CONFIG_PROBE_RAKNET, CONFIG_PROBE_QUAKE3};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        assert_string_equal(probe_driver_for(types[i])->name, config_probe_type_name(types[i]));
    }
    assert_described(&tcp, "localhost", "localhost:8001");
    assert_described(&tcp, "2001:db8::1", "[2001:db8::1]:8001");
    assert_described(&unix_socket, "localhost", path);
}

static void a_host_that_is_not_resolved_is_undecided(void **state)
{
    (void)state;
    struct config_probe probe = {.type = CONFIG_PROBE_TCP, .port = 8001, .timeout_ms = 1000};
    struct result result = try_host(&probe, "game..invalid"); /* not a name: no server is asked */
    assert_int_equal(result.outcome, PROBE_NOT_RESOLVED);
    assert_string_equal(result.detail, "name not resolved: no such name");
}

static void tcp_passes_is_refused_and_times_out(void **state)
{
    (void)state;
    struct config_probe probe = {.type = CONFIG_PROBE_TCP, .timeout_ms = 1000};
    int fd = listen_v4(&probe.port);
    struct result result = try_once(&probe);
    assert_int_equal(result.outcome, PROBE_PASSED);
    assert_string_equal(result.detail, "");
    /* it never accepts: once its queue is full the kernel drops the handshake */
    probe.timeout_ms = 30;
    for (int i = 0; i < 8 && result.outcome == PROBE_PASSED; i++) {
        result = try_once(&probe);
    }
    assert_int_equal(result.outcome, PROBE_TIMED_OUT);
    assert_string_equal(result.detail, "timed out after 30ms");
    assert_true(result.duration_us >= 30000);
    close(fd);
    result = try_once(&probe);
    assert_int_equal(result.outcome, PROBE_REFUSED);
    assert_string_equal(result.detail, "connection refused");
}

static void unix_passes_is_refused_and_not_found(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof(path), "%s", temp_path(&dir, "game"));
    struct config_probe probe = {.type = CONFIG_PROBE_UNIX, .path = path, .timeout_ms = 1000};
    struct result result = try_once(&probe);
    assert_int_equal(result.outcome, PROBE_NOT_FOUND);
    assert_string_equal(result.detail, "no such socket");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(try_once(&probe).outcome, PROBE_REFUSED);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(try_once(&probe).outcome, PROBE_PASSED);
    close(fd);
}

static void a_cancelled_attempt_makes_no_callback(void **state)
{
    (void)state;
    struct config_probe probe = {.type = CONFIG_PROBE_TCP, .timeout_ms = 10};
    int fd = listen_v4(&probe.port);
    struct result result = {0};
    const struct probe_driver *driver = probe_driver_for(probe.type);
    driver->cancel(driver->start(&context, "127.0.0.1", &probe, done, &result));
    driver->cancel(NULL);
    loop_turn_once(loop, false);
    assert_int_equal(result.calls, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(drivers_name_and_describe_their_type, setup, teardown),
        cmocka_unit_test_setup_teardown(tcp_passes_is_refused_and_times_out, setup, teardown),
        cmocka_unit_test_setup_teardown(unix_passes_is_refused_and_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_host_that_is_not_resolved_is_undecided, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_attempt_makes_no_callback, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
