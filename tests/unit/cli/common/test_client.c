/* The commands that ask an agent, against one that answers as it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/cli/common/client.h"
#include "outrider/os/file.h"
#include "support/temp_dir.h"
#include "unit/cli/peer.h"
#include "unit/cli/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

static struct temp_dir dir;
static struct peer peer;
static struct said said;
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
    said_fini(&said);
    return temp_dir_fini(&dir);
}

static void answer_with(const char *until, const char *const *answers)
{
    peer_start(&peer, where + 5, until, answers);
}

static void status_shows_and_judges(void **state)
{
    (void)state;
    static const char ready[] = OK_HEAD "{\"status\":\"ready\",\"type\":\"world\",\"id\":\"01X\"}";
    struct buf applied = {0};
    answer_with("\r\n\r\n", (const char *const[]){ready, ready, ready, ready, ready, NULL});
    assert_int_equal(RUN(&said, "status", "--agent", where), EX_DONE);
    said_has(said.out, "world/01X  ready\n");
    assert_int_equal(RUN(&said, "status", "--agent", where, "--json"), EX_DONE);
    said_has(said.out, "  \"status\": \"ready\"");
    assert_int_equal(RUN(&said, "status", "--agent", where, "--is", "ready"), EX_DONE);
    assert_string_equal(said.out, "");
    assert_int_equal(RUN(&said, "status", "--agent", where, "--is", "error"), EX_FAILED);
    assert_string_equal(said.out, "");
    assert_int_equal(RUN(&said, "status", "--agent", where, "--is", "error", "--json"), EX_FAILED);
    said_has(said.out, "01X");
    peer_end(&peer, &applied);
    said_has(buf_text(&applied), "GET /api/agent HTTP/1.1\r\nHost: localhost\r\n");
    buf_fini(&applied);
}

static void what_is_no_agent_is_told_from_none(void **state)
{
    (void)state;
    struct buf applied = {0};
    assert_int_equal(RUN(&said, "status", "--agent", where), EX_TEMPFAIL);
    said_has(said.err, "no agent answers");
    said_has(said.err, "http.sock");
    assert_null(strstr(said.err, "-c FILE"));
    answer_with("\r\n\r\n",
                (const char *const[]){"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n<html>",
                                      OK_HEAD "[]", OK_HEAD, OK_HEAD "{\"status\":",
                                      "HTTP/1.1 503 No\r\nConnection: close\r\n\r\n"
                                      "{\"error\":{\"code\":\"x\",\"message\":\"too many connections\"}}",
                                      NULL});
    assert_int_equal(RUN(&said, "status", "--agent", where), EX_FAILED);
    said_has(said.err, "HTTP 404: is it an agent");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(RUN(&said, "status", "--agent", where), EX_FAILED);
        said_has(said.err, "is it an agent");
    }
    assert_int_equal(RUN(&said, "status", "--agent", where), EX_TEMPFAIL);
    said_has(said.err, "too many connections");
    peer_end(&peer, &applied);
    buf_fini(&applied);
}

static void drain_says_what_was_asked_and_waits(void **state)
{
    (void)state;
    struct error err;
    struct buf applied = {0};
    assert_int_equal(file_write_atomic(dir.path, "token", STR("s3cret\n"), 0600, &err), 0);
    answer_with("}", (const char *const[]){
                         OK_HEAD "{\"status\":\"draining\",\"hold\":{\"kind\":\"ops\",\"deadlineInMs\":"
                                 "599500,\"expiresInMs\":7200000}}",
                         NULL});
    assert_int_equal(RUN(&said, "drain", "--agent", where, "--token-file", temp_path(&dir, "token"),
                         "--reason", "a \"patch\"", "--deadline", "10m", "--expires=2h"),
                     EX_DONE);
    assert_string_equal(said.out, "draining, deadline in 10 min 0 s, lifts itself in 2 h 0 min\n");
    peer_end(&peer, &applied);
    said_has(buf_text(&applied), "POST /api/agent/drain HTTP/1.1\r\n");
    said_has(buf_text(&applied), "\r\nContent-Type: application/json\r\n");
    said_has(buf_text(&applied), "\r\nAuthorization: Bearer s3cret\r\n");
    said_has(buf_text(&applied), "{\"reason\":\"a \\\"patch\\\"\",\"deadline\":\"10m\",\"expires\":\"2h\"}");
    buf_fini(&applied);
}

static const char *config_for_peer(const char *who)
{
    struct error err;
    struct buf text = {0};
    buf_printf(&text, "server: {%s, ports: [8001]}\nhttp: {listen: \"%s\"}\n", who, where);
    assert_int_equal(file_write_atomic(dir.path, "w1.yaml", buf_view(&text), 0600, &err), 0);
    buf_fini(&text);
    return temp_path(&dir, "w1.yaml");
}

static void a_file_means_its_own_agent_and_no_other(void **state)
{
    (void)state;
    static const char other[] = OK_HEAD "{\"status\":\"ready\",\"type\":\"world\",\"id\":\"w\\u001b2\"}";
    struct buf applied = {0};
    char file[256];
    snprintf(file, sizeof(file), "%s", config_for_peer("type: world, id: w1"));
    answer_with("\r\n\r\n", (const char *const[]){other, other, other, OK_HEAD "{}", NULL});
    assert_int_equal(RUN(&said, "drain", "-c", file, "--wait"), EX_TEMPFAIL);
    said_has(said.err, "another agent answers at unix:");
    said_has(said.err, "http.sock: world/w?2, and ");
    said_has(said.err, "w1.yaml is for world/w1");
    assert_string_equal(said.out, "");
    assert_int_equal(RUN(&said, "undrain", "-c", file), EX_TEMPFAIL);
    setenv("OUTRIDER_CONFIG", file, 1);
    assert_int_equal(RUN(&said, "status", "--is", "ready"), EX_TEMPFAIL);
    unsetenv("OUTRIDER_CONFIG");
    assert_int_equal(RUN(&said, "status", "-c", file), EX_TEMPFAIL);
    said_has(said.err, ": ?/?, and ");
    peer_end(&peer, &applied);
    assert_null(strstr(buf_text(&applied), "POST"));
    buf_fini(&applied);
}

static void a_file_reaches_its_own_agent(void **state)
{
    (void)state;
    static const char own[] = OK_HEAD "{\"status\":\"ready\",\"type\":\"world\",\"id\":\"w1\"}";
    static const char done[] = OK_HEAD "{\"status\":\"ready\",\"hold\":null}";
    struct buf applied = {0};
    char file[256];
    snprintf(file, sizeof(file), "%s", config_for_peer("type: world, id: w1"));
    answer_with("\r\n\r\n", (const char *const[]){own, done, own, own, done, NULL});
    assert_int_equal(RUN(&said, "undrain", "-c", file), EX_DONE);
    (void)config_for_peer("type: world");
    assert_int_equal(RUN(&said, "status", "-c", file), EX_DONE);
    assert_int_equal(RUN(&said, "undrain", "-c", file), EX_DONE);
    peer_end(&peer, &applied);
    said_has(buf_text(&applied), "POST /api/agent/undrain HTTP/1.1\r\n");
    buf_fini(&applied);
}

static void where_nobody_answers_the_unit_is_named(void **state)
{
    (void)state;
    struct error err;
    json_t *document = NULL;
    char url[] = "http://localhost", socket[128], file[] = "/etc/outrider/w1.yaml",
         unit[] = "/run/outrider/w1/http.sock";
    snprintf(socket, sizeof(socket), "%s", where + 5);
    struct client client = {.url = url, .unix_path = socket, .config = file, .unit_socket = unit};
    assert_int_equal(client_get(&client, &err, &document), EX_TEMPFAIL);
    said_has(err.text, "no agent answers");
    said_has(err.text, "of /etc/outrider/w1.yaml is at --agent unix:/run/outrider/w1/http.sock");
}

/* The first answer is to the POST, whose body ends with "}"; the others are to polls, which have none. */
static void wait_for(const char *last, int status, const char *words)
{
    struct buf applied = {0};
    char answer[256];
    snprintf(answer, sizeof(answer), "%s%s", OK_HEAD, last);
    answer_with("\r\n\r\n",
                (const char *const[]){OK_HEAD "{\"hold\":{}}",
                                      OK_HEAD "{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"waiting\"}]}",
                                      answer, NULL});
    assert_int_equal(RUN(&said, "drain", "--agent", where, "--wait"), status);
    said_has(said.out, "draining, no deadline: waiting until the server is empty or gone\n");
    said_has(said.out, words);
    peer_end(&peer, &applied);
    buf_fini(&applied);
}

static void waiting_ends_as_the_hold_does(void **state)
{
    (void)state;
    wait_for("{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"empty\"}]}", EX_DONE, "\nempty: ");
    wait_for("{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"gone\"}]}", EX_DONE, "\ngone: ");
    wait_for("{\"holds\":[{\"kind\":\"ops\",\"outcome\":\"deadline\"}]}", EX_FAILED, "\ndeadline: ");
    wait_for("{\"holds\":[]}", EX_FAILED, "\nundrained: ");
}

static void undrain_tells_what_is_so_now(void **state)
{
    (void)state;
    struct buf applied = {0};
    answer_with(
        "{}", (const char *const[]){OK_HEAD "{\"status\":\"ready\",\"hold\":null}",
                                    "HTTP/1.1 401 No\r\nConnection: close\r\n\r\n"
                                    "{\"error\":{\"code\":\"unauthorized\",\"message\":\"send the token\"}}",
                                    NULL});
    assert_int_equal(RUN(&said, "undrain", "--agent", where), EX_DONE);
    assert_string_equal(said.out, "hold ops is lifted, the status is ready\n");
    assert_int_equal(RUN(&said, "undrain", "--agent", where), EX_FAILED);
    said_has(said.err, "send the token");
    said_has(said.err, "--token-file");
    peer_end(&peer, &applied);
    assert_null(strstr(buf_text(&applied), "Authorization"));
    assert_int_equal(RUN(&said, "undrain", "--agent", where, "--token-file", "/nonexistent/token"),
                     EX_CONFIG);
    said_has(said.err, "/nonexistent/token");
    buf_fini(&applied);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status_shows_and_judges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_agent_is_told_from_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_means_its_own_agent_and_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_reaches_its_own_agent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_nobody_answers_the_unit_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drain_says_what_was_asked_and_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_ends_as_the_hold_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(undrain_tells_what_is_so_now, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
