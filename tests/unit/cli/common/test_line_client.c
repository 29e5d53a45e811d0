#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/cli/common/line_client.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"
#include "unit/cli/captured.h"
#include "unit/cli/peer.h"

#include <string.h>

static struct temp_dir dir;

static int set_up(void **state)
{
    (void)state;
    return temp_dir_init(&dir);
}

static int tear_down(void **state)
{
    (void)state;
    return temp_dir_fini(&dir);
}

static void one_line_there_and_one_back(void **state)
{
    (void)state;
    struct peer peer;
    struct error err;
    struct buf reply = {0}, applied = {0};
    peer_start(&peer, temp_path(&dir, "status.sock"), "\n",
               (const char *const[]){"OK drain=1\nEVENT drain off\n", NULL});
    assert_int_equal(line_client_ask(temp_path(&dir, "status.sock"), STR("ready players=1"), &err, &reply),
                     0);
    assert_string_equal(buf_text(&reply), "OK drain=1");
    peer_end(&peer, &applied);
    assert_string_equal(buf_text(&applied), "ready players=1\n");
    buf_fini(&reply);
    buf_fini(&applied);
}

static void silence_and_absence_are_errors(void **state)
{
    (void)state;
    struct peer peer;
    struct error err;
    struct buf reply = {0}, applied = {0};
    peer_start(&peer, temp_path(&dir, "status.sock"), "\n", (const char *const[]){"OK without an end", NULL});
    assert_int_equal(line_client_ask(temp_path(&dir, "status.sock"), STR("ready"), &err, &reply), -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    peer_end(&peer, &applied);
    assert_int_equal(line_client_ask(temp_path(&dir, "none.sock"), STR("ready"), &err, &reply), -1);
    assert_int_equal(err.code, ERROR_UNREACHABLE);
    assert_contains(err.text, "none.sock");
    char endless[300];
    memset(endless, 'x', sizeof(endless));
    endless[299] = '\0';
    assert_int_equal(line_client_ask(endless, STR("ready"), &err, &reply), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(reply.size, 0);
    buf_fini(&reply);
    buf_fini(&applied);
}

static void send_prints_the_reply_and_judges_it(void **state)
{
    (void)state;
    struct peer peer;
    struct captured captured = {0};
    struct buf applied = {0};
    const char *path = temp_path(&dir, "status.sock");
    peer_start(&peer, path, "\n",
               (const char *const[]){"OK\n", "ERR word drian\n", "{\"id\":\"x\"}\n", NULL});
    assert_int_equal(RUN(&captured, "send", "--socket", path, "ready", "players=12/64", "# a boss"), EX_DONE);
    assert_string_equal(captured.out, "OK\n");
    assert_int_equal(RUN(&captured, "send", "--socket", path, "--", "drian"), EX_FAILED);
    assert_string_equal(captured.out, "ERR word drian\n");
    assert_int_equal(RUN(&captured, "send", "--socket", path, "get"), EX_DONE);
    assert_string_equal(captured.out, "{\"id\":\"x\"}\n");
    peer_end(&peer, &applied);
    assert_string_equal(buf_text(&applied), "ready players=12/64 # a boss\ndrian\nget\n");
    assert_int_equal(RUN(&captured, "send", "--socket", temp_path(&dir, "none.sock"), "ready"), EX_TEMPFAIL);
    assert_contains(captured.err, "none.sock");
    assert_contains(captured.err, "is the agent running");
    captured_fini(&captured);
    buf_fini(&applied);
}

static void send_finds_the_socket_in_the_configuration(void **state)
{
    (void)state;
    struct peer peer;
    struct captured captured = {0};
    struct error err;
    struct buf applied = {0}, text = {0};
    buf_printf(&text, "server: {type: world, ports: [8001]}\nstatus: {socket: %s}\n",
               temp_path(&dir, "status.sock"));
    assert_int_equal(file_replace(dir.path, "on.yaml", buf_view(&text), 0600, true, &err), 0);
    assert_int_equal(file_replace(dir.path, "off.yaml",
                                  STR("server: {type: world, ports: [8001]}\nstatus: {socket: null}\n"), 0600,
                                  true, &err),
                     0);
    peer_start(&peer, temp_path(&dir, "status.sock"), "\n", (const char *const[]){"OK\n", NULL});
    assert_int_equal(RUN(&captured, "send", "-c", temp_path(&dir, "on.yaml"), "ready"), EX_DONE);
    peer_end(&peer, &applied);
    assert_int_equal(RUN(&captured, "send", "-c", temp_path(&dir, "off.yaml"), "ready"), EX_TEMPFAIL);
    assert_contains(captured.err, "off.yaml is null; set it to a path and restart the agent");
    unsetenv("RUNTIME_DIRECTORY");
    assert_int_equal(
        file_replace(dir.path, "hand.yaml", STR("server: {type: world, ports: [8001]}\n"), 0600, true, &err),
        0);
    assert_int_equal(RUN(&captured, "send", "-c", temp_path(&dir, "hand.yaml"), "ready"), EX_TEMPFAIL);
    assert_contains(captured.err, "hand.yaml is auto, and $RUNTIME_DIRECTORY is not set");
    assert_contains(captured.err, "run by hand set status.socket to a path");
    assert_contains(captured.err, "--socket /run/outrider/hand/status.sock");
    assert_int_equal(
        file_replace(dir.path, "observer.yaml", STR("registry: {prefix: /services}\n"), 0600, true, &err), 0);
    assert_int_equal(RUN(&captured, "send", "-c", temp_path(&dir, "observer.yaml"), "ready"), EX_CONFIG);
    assert_contains(captured.err, "an observer has no status socket");
    assert_int_equal(RUN(&captured, "send", "-c", temp_path(&dir, "none.yaml"), "ready"), EX_CONFIG);
    captured_fini(&captured);
    buf_fini(&applied);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_line_there_and_one_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(silence_and_absence_are_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(send_prints_the_reply_and_judges_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(send_finds_the_socket_in_the_configuration, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
