/* The login of the etcd backend on a fake HTTP client: one for all who need it, again when the token is
 * refused, and none for a while after a wrong password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/clock.h"
#include "outrider/registry/etcd/etcd.h"
#include "support/temp_dir.h"

#include "fake_http.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

/* The pause after a wrong password is passed by this, not waited for. */
static int64_t clock_ahead_ms;

static int64_t read_us(clockid_t id)
{
    struct timespec now = {0};
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC) + clock_ahead_ms * 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_boot_ms(void)
{
    return read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

static struct temp_dir dir;
static struct loop *loop;
static struct etcd *etcd;
static struct registry_client *client;
static size_t replies;
static enum registry_failure failures[16];
static char last_error[512];
static bool submitting;

static void on_reply(const struct registry_reply *reply, void *user)
{
    (void)user;
    assert_false(submitting);
    assert_true(replies < COUNT_OF(failures));
    failures[replies++] = reply->failure;
    snprintf(last_error, sizeof(last_error), "%.*s", STR_ARG(reply->error));
    assert_null(strstr(last_error, "geheim"));
}

static void write_password(const char *bytes, size_t size)
{
    /* a new file each time, as an editor or a secret store leaves it */
    unlink(temp_path(&dir, "password"));
    int fd = open(temp_path(&dir, "password"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static void start(size_t endpoint_count)
{
    static char urls[][16] = {"http://a:1", "http://b:2"};
    struct error err;
    char path[192];
    assert_int_equal(temp_dir_init(&dir), 0);
    write_password("geheim\n", 7);
    snprintf(path, sizeof(path), "%s", temp_path(&dir, "password"));
    struct config_registry config = {
        .endpoint_count = endpoint_count, .username = (char[]){"world"}, .password_file = path};
    for (size_t i = 0; i < endpoint_count; i++) {
        config.endpoints[i] = urls[i];
    }
    loop = loop_new(&err);
    assert_non_null(loop);
    replies = 0;
    clock_ahead_ms = 0;
    etcd = etcd_new(&config, loop, NULL, NULL);
    client = registry_attach(etcd_registry(etcd), on_reply, NULL, NULL);
    assert_int_equal(registry_login(etcd_registry(etcd)), REGISTRY_LOGIN_NEEDED);
}

static int stop(void **state)
{
    (void)state;
    registry_free(etcd_registry(etcd));
    etcd = NULL;
    loop_free(loop);
    fake_http_fini();
    return temp_dir_fini(&dir);
}

static void submit(enum registry_op op, int64_t timeout_ms)
{
    struct blob *value = blob_new(STR("v"));
    struct registry_request request = {.id = 7,
                                       .op = op,
                                       .lease = {.lo = 9},
                                       .ttl_ms = 3000,
                                       .key = STR("k"),
                                       .value = value,
                                       .timeout_ms = timeout_ms};
    submitting = true;
    registry_submit(client, &request);
    submitting = false;
    blob_unref(value);
}

static void turn(void)
{
    loop_turn_once(loop, false);
}

#define HEADER "\"header\":{\"cluster_id\":\"5\",\"revision\":\"3\"}"
#define TXN_OK "{" HEADER ",\"succeeded\":true,\"responses\":[{\"response_put\":{}}]}"
#define TOKEN(token) "{" HEADER ",\"token\":\"" token "\"}"
#define MESSAGE(code, text) "{\"code\":" #code ", \"message\":\"etcdserver: " text "\"}"
#define WRONG MESSAGE(3, "authentication failed, invalid user ID or password")
#define EXPIRED MESSAGE(16, "invalid auth token")
#define LOGIN "/v3/auth/authenticate"

static void log_in(const char *token_body)
{
    turn();
    finish("http://a:1" LOGIN, answered(200, token_body));
}

static void expect_replies(size_t count, enum registry_failure failure)
{
    assert_int_equal(replies, count);
    assert_string_equal(registry_failure_name(failures[count - 1]), registry_failure_name(failure));
}

static bool has_token(size_t post, const char *token)
{
    char line[64];
    snprintf(line, sizeof(line), "Authorization: %s\n", token);
    return strstr(posts[post].headers, line) != NULL;
}

static void every_call_waits_for_one_login(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_PUT, 2000);
    submit(REGISTRY_GRANT, 2000);
    submit(REGISTRY_GET, 2000);
    assert_int_equal(post_count, 0);
    turn();
    assert_int_equal(post_count, 1);
    assert_string_equal(buf_text(&posts[0].body), "{\"name\":\"world\",\"password\":\"geheim\"}");
    assert_true(posts[0].secret);
    assert_int_equal(posts[0].timeout_ms, 2000);
    finish("http://a:1" LOGIN, answered(200, TOKEN("t1")));
    assert_int_equal(post_count, 4);
    for (size_t i = 1; i < 4; i++) {
        assert_true(has_token(i, "t1"));
        assert_false(posts[i].secret);
    }
    assert_int_equal(registry_login(etcd_registry(etcd)), REGISTRY_LOGIN_DONE);
    submit(REGISTRY_REVOKE, 2000); /* goes at once */
    assert_int_equal(post_count, 5);
    assert_true(has_token(4, "t1"));
    assert_int_equal(replies, 0);
}

/* etcd renews a lease without checking permissions: a login that fails must not cost the record. */
static void a_heartbeat_waits_for_no_login(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_GET, 2000);
    turn();
    finish("http://a:1" LOGIN, answered(400, WRONG));
    submit(REGISTRY_KEEPALIVE, 2000);
    assert_null(strstr(posts[1].headers, "Authorization"));
    finish("http://a:1/v3/lease/keepalive",
           answered(200, "{\"result\":{" HEADER ",\"ID\":\"9\",\"TTL\":\"10\"}}"));
    expect_replies(2, REGISTRY_OK);
    clock_ahead_ms += 20000;
    submit(REGISTRY_KEEPALIVE, 2000); /* an etcd that wants a token for this, too, gets one */
    finish("http://a:1/v3/lease/keepalive", answered(401, EXPIRED));
    log_in(TOKEN("t1"));
    assert_true(has_token(4, "t1"));
    finish("http://a:1/v3/lease/keepalive", answered(401, EXPIRED));
    expect_replies(3, REGISTRY_DENIED);
}

static void a_refused_token_costs_one_login_and_no_answer(void **state)
{
    (void)state;
    start(2);
    submit(REGISTRY_PUT, 2000);
    log_in(TOKEN("t1"));
    finish("http://a:1/v3/kv/txn", answered(401, EXPIRED));
    assert_int_equal(replies, 0);
    log_in(TOKEN("t2"));
    assert_true(has_token(3, "t2"));
    finish("http://a:1/v3/kv/txn", answered(200, TXN_OK));
    expect_replies(1, REGISTRY_OK);
}

static void a_second_refusal_is_reported(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_PUT, 2000);
    log_in(TOKEN("t1"));
    finish("http://a:1/v3/kv/txn", answered(400, MESSAGE(3, "revision of auth store is old")));
    log_in(TOKEN("t2"));
    finish("http://a:1/v3/kv/txn", answered(400, MESSAGE(3, "revision of auth store is old")));
    expect_replies(1, REGISTRY_DENIED);
    assert_string_equal(last_error, "put on http://a:1: etcdserver: revision of auth store is old");
    assert_int_equal(post_count, 4);
}

static void refused_together_they_log_in_once(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_PUT, 2000);
    submit(REGISTRY_GET, 2000);
    submit(REGISTRY_DELETE, 2000);
    log_in(TOKEN("t1"));
    for (size_t i = 1; i < 3; i++) {
        struct http_result expired = answered(401, EXPIRED);
        finish_post(&posts[i], posts[i].url, expired);
    }
    turn();
    assert_int_equal(post_count, 5);
    finish("http://a:1" LOGIN, answered(200, TOKEN("t2")));
    assert_int_equal(post_count, 7);
    /* the last of the three is refused for the old token: the new one is good enough for it */
    finish_post(&posts[3], posts[3].url, answered(401, EXPIRED));
    assert_int_equal(post_count, 8);
    assert_true(has_token(7, "t2"));
}

static void permission_denied_is_no_matter_of_the_token(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_PUT, 2000);
    log_in(TOKEN("t1"));
    finish("http://a:1/v3/kv/txn", answered(403, MESSAGE(7, "permission denied")));
    expect_replies(1, REGISTRY_DENIED);
    assert_int_equal(post_count, 2);
}

static void a_wrong_password_is_tried_again_slowly(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_PUT, 2000);
    submit(REGISTRY_GET, 2000);
    turn();
    finish("http://a:1" LOGIN, answered(400, WRONG));
    expect_replies(2, REGISTRY_DENIED);
    assert_string_equal(
        last_error, "put: log in as `world` on http://a:1: etcdserver: authentication failed, invalid user "
                    "ID or password: check registry.username and the password in registry.password_file");
    for (size_t i = 3; i < 6; i++) { /* reported at once, and from the loop */
        submit(REGISTRY_GET, 2000);
        turn();
        expect_replies(i, REGISTRY_DENIED);
    }
    assert_int_equal(post_count, 1);
    clock_ahead_ms += 20000;
    submit(REGISTRY_GET, 2000);
    log_in(TOKEN("t1"));
    assert_int_equal(post_count, 3);
}

static void a_new_password_is_tried_at_once(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_GET, 2000);
    turn();
    finish("http://a:1" LOGIN, answered(400, WRONG));
    write_password("\xef\xbb\xbfgeheimer\r\n", 13);
    submit(REGISTRY_GET, 2000);
    turn();
    assert_int_equal(post_count, 2);
    assert_string_equal(buf_text(&posts[1].body), "{\"name\":\"world\",\"password\":\"geheimer\"}");
}

static void without_authentication_it_goes_on_without_a_token(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_PUT, 2000);
    turn();
    finish("http://a:1" LOGIN, answered(400, MESSAGE(9, "authentication is not enabled")));
    assert_int_equal(registry_login(etcd_registry(etcd)), REGISTRY_LOGIN_OFF);
    assert_null(strstr(posts[1].headers, "Authorization"));
    finish("http://a:1/v3/kv/txn", answered(200, TXN_OK));
    expect_replies(1, REGISTRY_OK);
    submit(REGISTRY_PUT, 2000); /* until it is switched on */
    finish("http://a:1/v3/kv/txn", answered(400, MESSAGE(3, "user name is empty")));
    log_in(TOKEN("t1"));
    assert_true(has_token(4, "t1"));
}

static void a_login_goes_on_to_the_next_endpoint(void **state)
{
    (void)state;
    start(2);
    submit(REGISTRY_GET, 2000);
    turn();
    assert_int_equal(posts[0].timeout_ms, 1000);
    finish("http://a:1" LOGIN, lost(HTTP_TRANSPORT_TIMEOUT, true, "http://a:1" LOGIN ": timed out", 1000000));
    assert_string_equal(posts[1].url, "http://b:2" LOGIN);
    assert_int_equal(posts[1].timeout_ms, 1000);
    finish("http://b:2" LOGIN, answered(503, MESSAGE(14, "no leader")));
    expect_replies(1, REGISTRY_RETRY);
    assert_string_equal(last_error,
                        "get: log in as `world` on http://a:1: timed out; on http://b:2: etcdserver: "
                        "no leader");
    submit(REGISTRY_GET, 2000); /* no pause: no server was asked */
    turn();
    assert_int_equal(post_count, 3);
    finish("http://a:1" LOGIN, answered(404, "404 page not found")); /* it is not etcd */
    finish("http://b:2" LOGIN, answered(200, TOKEN("t1")));
}

/* The login may take longer than this one can wait. */
static void no_call_waits_longer_than_its_own_timeout(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_GET, 60000);
    turn();
    submit(REGISTRY_GET, 10);
    while (replies == 0) {
        loop_turn_once(loop, true);
    }
    expect_replies(1, REGISTRY_RETRY);
    assert_string_equal(last_error, "get: log in: no answer in time");
    finish("http://a:1" LOGIN, answered(200, TOKEN("t1")));
    assert_int_equal(post_count, 2);
}

static void a_password_that_cannot_be_read_is_reported(void **state)
{
    (void)state;
    char expected[256];
    start(1);
    const char *path = temp_path(&dir, "password");
    unlink(path);
    submit(REGISTRY_GET, 2000);
    turn();
    expect_replies(1, REGISTRY_DENIED);
    snprintf(expected, sizeof(expected),
             "get: log in as `world`: registry.password_file: cannot read %s: No such file or directory",
             path);
    assert_string_equal(last_error, expected);
    write_password("\n", 1);
    submit(REGISTRY_GET, 2000);
    turn();
    expect_replies(2, REGISTRY_DENIED);
    assert_non_null(strstr(last_error, " is empty"));
    write_password("x\n", 2);
    submit(REGISTRY_GET, 2000);
    turn();
    expect_replies(3, REGISTRY_DENIED);
    assert_non_null(strstr(last_error, "has only one byte"));
    write_password("\xff\xff", 2);
    submit(REGISTRY_GET, 2000);
    turn();
    expect_replies(4, REGISTRY_DENIED);
    assert_non_null(strstr(last_error, "not UTF-8"));
    assert_int_equal(post_count, 0);
    write_password("geheim", 6);
    submit(REGISTRY_GET, 2000);
    turn();
    assert_int_equal(post_count, 1);
    assert_string_equal(buf_text(&posts[0].body), "{\"name\":\"world\",\"password\":\"geheim\"}");
}

static void the_common_name_is_explained(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_GET, 2000);
    turn();
    finish("http://a:1" LOGIN, answered(400, "CommonName of client sending a request against gateway will be "
                                             "ignored and not used as expected\n"));
    expect_replies(1, REGISTRY_DENIED);
    assert_non_null(strstr(last_error, "set registry.tls.cert_file to one without it"));
}

static void what_waits_is_forgotten_at_the_end(void **state)
{
    (void)state;
    start(1);
    submit(REGISTRY_GET, 2000);
    submit(REGISTRY_PUT, 2000);
    turn();
    registry_free(etcd_registry(etcd));
    etcd = NULL;
    assert_int_equal(cancelled, 1);
    turn();
    assert_int_equal(replies, 0);
}

#define TEST(function) cmocka_unit_test_teardown(function, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_call_waits_for_one_login),
        TEST(a_heartbeat_waits_for_no_login),
        TEST(a_refused_token_costs_one_login_and_no_answer),
        TEST(a_second_refusal_is_reported),
        TEST(refused_together_they_log_in_once),
        TEST(permission_denied_is_no_matter_of_the_token),
        TEST(a_wrong_password_is_tried_again_slowly),
        TEST(a_new_password_is_tried_at_once),
        TEST(without_authentication_it_goes_on_without_a_token),
        TEST(a_login_goes_on_to_the_next_endpoint),
        TEST(no_call_waits_longer_than_its_own_timeout),
        TEST(a_password_that_cannot_be_read_is_reported),
        TEST(the_common_name_is_explained),
        TEST(what_waits_is_forgotten_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
