/* The commands that talk to an agent, against a peer with prepared answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/cli/common/client.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"
#include "unit/cli/captured.h"
#include "unit/cli/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

static struct temp_dir dir;
static struct peer peer;
static struct captured captured;
static char where[128]; /* "unix:..." */

static int set_up(void **state)
{
    (void)state;
    int rc = temp_dir_init(&dir);
    snprintf(where, sizeof(where), "unix:%s", temp_path(&dir, "http.sock"));
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    captured_fini(&captured);
    return temp_dir_fini(&dir);
}

static void answer_with(const char *until, const char *const *answers)
{
    peer_start(&peer, where + 5, until, answers);
}

static void status_prints_and_compares(void **state)
{
    (void)state;
    static const char ready[] = OK_HEAD "{\"status\":\"ready\",\"type\":\"world\",\"id\":\"01X\"}";
    struct buf received = {0};
    answer_with("\r\n\r\n", (const char *const[]){ready, ready, ready, ready, ready, NULL});
    assert_int_equal(RUN(&captured, "status", "--agent", where), EX_DONE);
    assert_contains(captured.out, "world/01X  ready\n");
    assert_int_equal(RUN(&captured, "status", "--agent", where, "--json"), EX_DONE);
    assert_contains(captured.out, "  \"status\": \"ready\"");
    assert_int_equal(RUN(&captured, "status", "--agent", where, "--is", "ready"), EX_DONE);
    assert_string_equal(captured.out, "");
    assert_int_equal(RUN(&captured, "status", "--agent", where, "--is", "error"), EX_FAILED);
    assert_string_equal(captured.out, "");
    assert_int_equal(RUN(&captured, "status", "--agent", where, "--is", "error", "--json"), EX_FAILED);
    assert_contains(captured.out, "01X");
    peer_end(&peer, &received);
    assert_contains(buf_text(&received), "GET /api/agent HTTP/1.1\r\nHost: localhost\r\n");
    buf_fini(&received);
}

static void other_servers_differ_from_no_answer(void **state)
{
    (void)state;
    struct buf received = {0};
    assert_int_equal(RUN(&captured, "status", "--agent", where), EX_TEMPFAIL);
    assert_contains(captured.err, "no agent answers");
    assert_contains(captured.err, "http.sock");
    assert_null(strstr(captured.err, "-c FILE"));
    answer_with("\r\n\r\n",
                (const char *const[]){"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n<html>",
                                      OK_HEAD "[]", OK_HEAD, OK_HEAD "{\"status\":",
                                      "HTTP/1.1 503 No\r\nConnection: close\r\n\r\n"
                                      "{\"error\":{\"code\":\"x\",\"message\":\"too many connections\"}}",
                                      NULL});
    assert_int_equal(RUN(&captured, "status", "--agent", where), EX_FAILED);
    assert_contains(captured.err, "HTTP 404: is this an Outrider agent");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(RUN(&captured, "status", "--agent", where), EX_FAILED);
        assert_contains(captured.err, "is this an Outrider agent");
    }
    assert_int_equal(RUN(&captured, "status", "--agent", where), EX_TEMPFAIL);
    assert_contains(captured.err, "too many connections");
    peer_end(&peer, &received);
    buf_fini(&received);
}

static void drain_sends_its_options(void **state)
{
    (void)state;
    struct error err;
    struct buf received = {0};
    assert_int_equal(file_replace(dir.path, "token", STR("s3cret\n"), 0600, true, &err), 0);
    answer_with("}", (const char *const[]){
                         OK_HEAD "{\"status\":\"draining\",\"hold\":{\"kind\":\"ops\",\"deadlineInMs\":"
                                 "599500,\"expiresInMs\":7200000}}",
                         NULL});
    assert_int_equal(RUN(&captured, "drain", "--agent", where, "--token-file", temp_path(&dir, "token"),
                         "--reason", "a \"patch\"", "--by", "alice", "--deadline", "10m", "--expires=2h"),
                     EX_DONE);
    assert_string_equal(captured.out, "draining, deadline in 10 min 0 s, expires in 2 h 0 min\n");
    peer_end(&peer, &received);
    assert_contains(buf_text(&received), "POST /api/agent/drain HTTP/1.1\r\n");
    assert_contains(buf_text(&received), "\r\nContent-Type: application/json\r\n");
    assert_contains(buf_text(&received), "\r\nAuthorization: Bearer s3cret\r\n");
    assert_contains(buf_text(&received), "{\"by\":\"alice@");
    assert_contains(buf_text(&received),
                    "\",\"reason\":\"a \\\"patch\\\"\",\"deadline\":\"10m\",\"expires\":\"2h\"}");
    buf_fini(&received);
}

/* As between the installation of a new binary and the restart of the agent. */
static void an_older_agent_is_asked_without_the_operator(void **state)
{
    (void)state;
    struct buf received = {0};
    answer_with(
        "}", (const char *const[]){
                 "HTTP/1.1 400 No\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"bad_body\",\"message\":"
                 "\"unknown member `by`: drain takes reason, deadline and expires\"}}",
                 OK_HEAD "{\"status\":\"draining\",\"hold\":{\"kind\":\"ops\"}}", NULL});
    assert_int_equal(RUN(&captured, "drain", "--agent", where, "--reason", "patch"), EX_DONE);
    assert_string_equal(captured.out, "draining\n");
    peer_end(&peer, &received);
    assert_contains(buf_text(&received), ",\"reason\":\"patch\"}POST ");
    assert_contains(buf_text(&received), "\r\n\r\n{\"reason\":\"patch\"}");
    buf_fini(&received);
}

static const char *config_for_peer(const char *server)
{
    struct error err;
    struct buf text = {0};
    buf_printf(&text, "server: {%s, ports: [8001]}\nhttp: {listen: \"%s\"}\n", server, where);
    assert_int_equal(file_replace(dir.path, "w1.yaml", buf_view(&text), 0600, true, &err), 0);
    buf_fini(&text);
    return temp_path(&dir, "w1.yaml");
}

static void a_file_refuses_the_wrong_agent(void **state)
{
    (void)state;
    static const char other[] = OK_HEAD "{\"status\":\"ready\",\"type\":\"world\",\"id\":\"w\\u001b2\"}";
    struct buf received = {0};
    char file[256];
    snprintf(file, sizeof(file), "%s", config_for_peer("type: world, id: w1"));
    answer_with("\r\n\r\n", (const char *const[]){other, other, other, OK_HEAD "{}", NULL});
    assert_int_equal(RUN(&captured, "drain", "-c", file, "--wait"), EX_TEMPFAIL);
    assert_contains(captured.err, "wrong agent at unix:");
    assert_contains(captured.err, "http.sock: it serves world/w?2, but ");
    assert_contains(captured.err, "w1.yaml configures world/w1");
    assert_string_equal(captured.out, "");
    assert_int_equal(RUN(&captured, "undrain", "-c", file), EX_TEMPFAIL);
    setenv("OUTRIDER_CONFIG", file, 1);
    assert_int_equal(RUN(&captured, "status", "--is", "ready"), EX_TEMPFAIL);
    unsetenv("OUTRIDER_CONFIG");
    assert_int_equal(RUN(&captured, "status", "-c", file), EX_TEMPFAIL);
    assert_contains(captured.err, ": it serves ?/?, but ");
    peer_end(&peer, &received);
    assert_null(strstr(buf_text(&received), "POST"));
    buf_fini(&received);
}

static void a_file_reaches_its_own_agent(void **state)
{
    (void)state;
    static const char own[] = OK_HEAD "{\"status\":\"ready\",\"type\":\"world\",\"id\":\"w1\"}";
    static const char done[] = OK_HEAD "{\"status\":\"ready\",\"hold\":null}";
    struct buf received = {0};
    char file[256];
    snprintf(file, sizeof(file), "%s", config_for_peer("type: world, id: w1"));
    answer_with("\r\n\r\n", (const char *const[]){own, done, own, own, done, NULL});
    assert_int_equal(RUN(&captured, "undrain", "-c", file), EX_DONE);
    (void)config_for_peer("type: world");
    assert_int_equal(RUN(&captured, "status", "-c", file), EX_DONE);
    assert_int_equal(RUN(&captured, "undrain", "-c", file), EX_DONE);
    peer_end(&peer, &received);
    assert_contains(buf_text(&received), "POST /api/agent/undrain HTTP/1.1\r\n");
    buf_fini(&received);
}

static void unreachable_agent_hints_at_the_unit(void **state)
{
    (void)state;
    struct error err;
    json_t *document = NULL;
    char url[] = "http://localhost", socket[128], file[] = "/etc/outrider/w1.yaml",
         unit[] = "/run/outrider/w1/http.sock";
    snprintf(socket, sizeof(socket), "%s", where + 5);
    struct client client = {.url = url, .unix_path = socket, .config = file, .unit_socket = unit};
    assert_int_equal(client_get(&client, &err, &document), EX_TEMPFAIL);
    assert_contains(err.text, "no agent answers");
    assert_contains(err.text, "with /etc/outrider/w1.yaml use --agent unix:/run/outrider/w1/http.sock");
}

/* The first answer is to the POST, whose body ends with "}"; the others are to polls, which have none. */
static void wait_for(const char *last, int status, const char *words)
{
    struct buf received = {0};
    char answer[256];
    snprintf(answer, sizeof(answer), "%s%s", OK_HEAD, last);
    answer_with("\r\n\r\n",
                (const char *const[]){OK_HEAD "{\"hold\":{}}",
                                      OK_HEAD "{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"waiting\"}]}",
                                      answer, NULL});
    assert_int_equal(RUN(&captured, "drain", "--agent", where, "--wait"), status);
    assert_contains(captured.out, "draining, no deadline: waiting until the server is empty or gone\n");
    assert_contains(captured.out, words);
    peer_end(&peer, &received);
    buf_fini(&received);
}

static void wait_ends_by_the_outcome_of_the_hold(void **state)
{
    (void)state;
    wait_for("{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"empty\"}]}", EX_DONE, "\nempty: ");
    wait_for("{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"gone\"}]}", EX_DONE, "\ngone: ");
    wait_for("{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"deadline\"}]}", EX_FAILED, "\ndeadline reached: ");
    wait_for("{\"holds\":[]}", EX_FAILED, "\nundrained: ");
}

static void undrain_ends_flapping(void **state)
{
    (void)state;
    struct buf received = {0};
    answer_with("true}",
                (const char *const[]){OK_HEAD "{\"status\":\"ready\",\"lifted\":true,\"hold\":null}",
                                      OK_HEAD "{\"status\":\"ready\",\"lifted\":false,\"hold\":null}", NULL});
    assert_int_equal(RUN(&captured, "undrain", "--agent", where, "--flapping"), EX_DONE);
    assert_string_equal(captured.out, "flapping ended, status ready\n");
    assert_int_equal(RUN(&captured, "undrain", "--agent", where, "--flapping"), EX_DONE);
    assert_string_equal(captured.out, "not flapping, nothing to end, status ready\n");
    peer_end(&peer, &received);
    assert_contains(buf_text(&received), "POST /api/agent/undrain HTTP/1.1\r\n");
    assert_contains(buf_text(&received), "\"flapping\":true");
    buf_fini(&received);
    assert_int_equal(RUN(&captured, "undrain", "--agent", where, "--flapping", "--id", "w1"), EX_USAGE);
    assert_contains(captured.err, "without --id");
    assert_int_equal(RUN(&captured, "drain", "--agent", where, "--flapping"), EX_USAGE);
}

static void undrain_prints_the_status(void **state)
{
    (void)state;
    struct buf received = {0};
    answer_with(
        "\"}", (const char *const[]){OK_HEAD "{\"status\":\"ready\",\"hold\":null}",
                                     OK_HEAD "{\"status\":\"ready\",\"lifted\":false,\"hold\":null}",
                                     "HTTP/1.1 401 No\r\nConnection: close\r\n\r\n"
                                     "{\"error\":{\"code\":\"unauthorized\",\"message\":\"send the token\"}}",
                                     NULL});
    assert_int_equal(RUN(&captured, "undrain", "--agent", where), EX_DONE);
    assert_string_equal(captured.out, "operator's hold lifted, status ready\n");
    assert_int_equal(RUN(&captured, "undrain", "--agent", where), EX_DONE);
    assert_string_equal(captured.out, "not drained by an operator, nothing to lift, status ready\n");
    assert_int_equal(RUN(&captured, "undrain", "--agent", where), EX_FAILED);
    assert_contains(captured.err, "send the token");
    assert_contains(captured.err, "--token-file");
    peer_end(&peer, &received);
    assert_null(strstr(buf_text(&received), "Authorization"));
    assert_int_equal(RUN(&captured, "undrain", "--agent", where, "--token-file", "/nonexistent/token"),
                     EX_CONFIG);
    assert_contains(captured.err, "/nonexistent/token");
    buf_fini(&received);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status_prints_and_compares, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_servers_differ_from_no_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_refuses_the_wrong_agent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_reaches_its_own_agent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unreachable_agent_hints_at_the_unit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drain_sends_its_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_agent_is_asked_without_the_operator, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wait_ends_by_the_outcome_of_the_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(undrain_prints_the_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(undrain_ends_flapping, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
