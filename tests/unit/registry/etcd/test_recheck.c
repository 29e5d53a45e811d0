/* Endpoints that failed are asked again beside the requests, and each agent begins at one of its own. On a fake HTTP
 * client, with a real loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/io/loop/loop.h"
#include "outrider/registry/etcd/etcd.h"
#include "registry/etcd/etcd_internal.h"

#include "fake_http.h"

#include <stdio.h>

#define OK "{\"header\":{\"cluster_id\":\"5\",\"revision\":\"3\"}}"
#define NO_LEADER "{\"code\":14, \"message\":\"etcdserver: no leader\"}"

static struct loop *loop;
static struct registry *registry;
static struct registry_client *client;
static size_t replies;

static void on_reply(const struct registry_reply *reply, void *user)
{
    (void)reply;
    (void)user;
    replies++;
}

static void start_as(const char *agent, size_t endpoint_count)
{
    char *const names[] = {(char[]){"http://a:1"}, (char[]){"http://b:2"}, (char[]){"http://c:3"}};
    struct config_registry config = {.endpoint_count = endpoint_count, .request_timeout_ms = 400};
    struct error err;
    for (size_t i = 0; i < endpoint_count; i++) {
        config.endpoints[i] = names[i];
    }
    loop = loop_new(&err);
    assert_non_null(loop);
    registry = etcd_registry(etcd_new(&config, loop, NULL, agent));
    client = registry_attach(registry, on_reply, NULL, NULL);
    post_count = replies = cancelled = 0;
}

static void start(size_t endpoint_count)
{
    start_as(NULL, endpoint_count);
}

static int stop(void **state)
{
    (void)state;
    registry_free(registry);
    registry = NULL;
    loop_free(loop);
    fake_http_fini();
    return 0;
}

static void get(void)
{
    struct registry_request request = {.id = 7, .op = REGISTRY_GET, .key = STR("k"), .timeout_ms = 2000};
    registry_submit(client, &request);
}

/* Waits for the question that is asked of an endpoint that failed. */
static void await_recheck(const char *url)
{
    size_t before = post_count;
    while (post_count == before) {
        loop_turn_once(loop, true);
    }
    assert_string_equal(posts[before].url, url);
}

static const char *error_of(size_t index)
{
    static struct registry_endpoint endpoint;
    assert_true(registry_endpoint(registry, index, &endpoint));
    return endpoint.last_error;
}

/* Though nothing is asked of the registry: else status would call it failed for ever. */
static void an_endpoint_that_failed_is_asked_again_while_idle(void **state)
{
    (void)state;
    struct registry_endpoint endpoint;
    start(2);
    get();
    finish("http://a:1/v3/kv/range",
           lost(HTTP_TRANSPORT_REFUSED, false, "http://a:1/v3/kv/range: refused", 0));
    finish("http://b:2/v3/kv/range", answered(200, OK));
    assert_string_equal(error_of(0), "refused");
    await_recheck("http://a:1/v3/kv/range");
    assert_non_null(strstr(buf_text(&posts[2].body), "\"key\":\"aGVhbHRo\""));
    assert_int_equal(posts[2].timeout_ms, 400);
    finish("http://a:1/v3/kv/range", answered(503, NO_LEADER));
    assert_string_equal(error_of(0), "etcdserver: no leader");
    get(); /* nothing of it concerns a request */
    finish("http://b:2/v3/kv/range", answered(200, OK));
    await_recheck("http://a:1/v3/kv/range");
    finish("http://a:1/v3/kv/range", answered(200, OK));
    assert_int_equal(replies, 2);
    assert_true(registry_endpoint(registry, 0, &endpoint));
    assert_string_equal(endpoint.last_error, "");
    assert_true(endpoint.in_use);
    get(); /* back where it began */
    finish("http://a:1/v3/kv/range", answered(200, OK));
}

/* The first endpoint refuses a request, the second answers it, and the first is asked again. */
static void let_a_be_asked_again(void)
{
    get();
    finish("http://a:1/v3/kv/range", lost(HTTP_TRANSPORT_REFUSED, false, "refused", 0));
    finish("http://b:2/v3/kv/range", answered(200, OK));
    await_recheck("http://a:1/v3/kv/range");
}

/* An agent that may not read the key has an answer all the same. */
static void a_denied_question_is_an_answer(void **state)
{
    (void)state;
    start(2);
    let_a_be_asked_again();
    finish("http://a:1/v3/kv/range",
           answered(403, "{\"code\":7, \"message\":\"etcdserver: permission denied\"}"));
    assert_string_equal(error_of(0), "");
}

/* What answers the question and fails at the requests, again and again, is not tried every second. */
static void a_question_answered_does_not_end_the_backoff(void **state)
{
    (void)state;
    start(2);
    for (int i = 0; i < 2; i++) {
        post_count = 0;
        get();
        finish("http://a:1/v3/kv/range", answered(503, NO_LEADER));
        finish("http://b:2/v3/kv/range", answered(200, OK));
        await_recheck("http://a:1/v3/kv/range");
        finish("http://a:1/v3/kv/range", answered(200, OK));
    }
    const struct endpoint *endpoint = &((struct etcd *)registry)->endpoints.list[0];
    assert_int_equal(endpoint->again.failures, 2);
}

static void a_question_under_way_is_cancelled(void **state)
{
    (void)state;
    start(2);
    let_a_be_asked_again();
    registry_free(registry);
    registry = NULL;
    assert_int_equal(cancelled, 1);
}

/* A thousand agents with the same list spread over it, and so do those of an endpoint that fails. */
static void agents_begin_at_different_endpoints(void **state)
{
    (void)state;
    enum { AGENTS = 300 };
    unsigned first[3] = {0}, second[3][3] = {{0}};
    for (int i = 0; i < AGENTS; i++) {
        char id[32];
        snprintf(id, sizeof(id), "world-%d", i);
        start_as(id, 3);
        get();
        size_t at = (size_t)(posts[0].url[7] - 'a');
        first[at]++;
        posts[0].open = false;
        struct http_result refused = lost(HTTP_TRANSPORT_REFUSED, false, "refused", 0);
        posts[0].fn(&refused, posts[0].user);
        second[at][posts[1].url[7] - 'a']++;
        stop(NULL);
        start_as(id, 3); /* the same one at every start */
        get();
        assert_int_equal(posts[0].url[7] - 'a', at);
        stop(NULL);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_in_range(first[i], AGENTS / 5, AGENTS / 2);
        for (size_t j = 0; j < 3; j++) {
            if (i != j) {
                assert_in_range(second[i][j], first[i] / 4, first[i]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_endpoint_that_failed_is_asked_again_while_idle, stop),
        cmocka_unit_test_teardown(a_denied_question_is_an_answer, stop),
        cmocka_unit_test_teardown(a_question_answered_does_not_end_the_backoff, stop),
        cmocka_unit_test_teardown(a_question_under_way_is_cancelled, stop),
        cmocka_unit_test(agents_begin_at_different_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
