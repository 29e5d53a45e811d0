/* What a request comes to where one of its answers is lost. On a fake HTTP client, with a real loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/core/config/config.h"
#include "outrider/io/loop/loop.h"
#include "outrider/registry/consul/consul_registry.h"
#include "outrider/registry/registry.h"

#include "../etcd/fake_http.h"

#define SERVER "http://c:8500"
#define ID "[{\"Key\":\"outrider/id\",\"Value\":\"NWY=\",\"CreateIndex\":2,\"ModifyIndex\":2}]"
#define KEY "{\"Key\":\"k\",\"Value\":null,\"CreateIndex\":7,\"ModifyIndex\":9}"

static struct loop *loop;
static struct registry *registry;
static struct registry_client *client;
static struct {
    size_t count;
    enum registry_failure failure;
    bool succeeded;
    int64_t revision;
    size_t items;
    char first[32];
} told;

static void on_reply(const struct registry_reply *reply, void *user)
{
    (void)user;
    told.count++;
    told.failure = reply->failure;
    told.succeeded = reply->succeeded;
    told.revision = reply->revision;
    told.items = reply->item_count;
    if (reply->item_count > 0) {
        snprintf(told.first, sizeof(told.first), "%.*s", STR_ARG(reply->items[0].key));
    }
}

static int start(void **state)
{
    struct config_registry config = {
        .endpoint_count = 1, .request_timeout_ms = 400, .backend = CONFIG_BACKEND_CONSUL};
    struct error err;
    (void)state;
    config.endpoints[0] = (char[]){SERVER};
    memset(&told, 0, sizeof(told));
    loop = loop_new(&err);
    assert_non_null(loop);
    registry = consul_registry_new(&config, loop, NULL, NULL, 1);
    client = registry_attach(registry, on_reply, NULL, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    registry_free(registry);
    loop_free(loop);
    fake_http_fini();
    return 0;
}

static struct http_result at_index(int status, const char *body)
{
    struct http_result result = answered(status, body);
    result.head = STR("HTTP/1.1 200 OK\r\nX-Consul-Index: 9\r\n\r\n");
    return result;
}

static void submit(struct registry_request request)
{
    request.id = 7;
    request.timeout_ms = 2000;
    registry_submit(client, &request);
    finish(SERVER "/v1/kv/outrider/id?consistent", at_index(200, ID));
}

/* Up to the question about the revision. */
static void delete_key(void)
{
    submit((struct registry_request){.op = REGISTRY_DELETE, .key = STR("/k"), .expect_revision = 9});
    finish(SERVER "/v1/txn?consistent", answered(200, "{\"Results\":[{\"KV\":" KEY "}],\"Errors\":null}"));
    finish(SERVER "/v1/txn", answered(200, "{\"Results\":[{\"KV\":" KEY "}],\"Errors\":null}"));
    assert_int_equal(told.count, 0);
}

/* Only the revision is not known then; a client that was told to try again would find that the key is gone. */
static void a_delete_that_was_done_is_told_so_though_its_revision_is_not_told(void **state)
{
    (void)state;
    delete_key();
    struct http_result none = lost(HTTP_TRANSPORT_TIMEOUT, true, "timed out", 2000000);
    none.reason = "timed out";
    finish(SERVER "/v1/kv/k?consistent", none);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.failure, REGISTRY_OK);
    assert_true(told.succeeded);
}

static void so_is_one_where_the_answer_has_no_index(void **state)
{
    (void)state;
    delete_key();
    finish(SERVER "/v1/kv/k?consistent", answered(404, ""));
    assert_int_equal(told.count, 1);
    assert_int_equal(told.failure, REGISTRY_OK);
    assert_true(told.succeeded);
}

/* "/" to "0" is all that begins with a slash, which Consul's keys do not have. */
static void a_listing_of_all_that_begins_with_a_slash_has_every_key(void **state)
{
    (void)state;
    submit((struct registry_request){.op = REGISTRY_LIST, .key = STR("/"), .range_end = STR("0")});
    finish(SERVER "/v1/kv/outrider-probe?consistent", at_index(404, ""));
    finish(SERVER "/v1/kv/?recurse&consistent",
           at_index(200,
                    "[" KEY
                    ",{\"Key\":\"outrider/id\",\"Value\":\"NWY=\",\"CreateIndex\":2,\"ModifyIndex\":2}]"));
    assert_int_equal(told.count, 1);
    assert_int_equal(told.failure, REGISTRY_OK);
    assert_int_equal(told.items, 2);
    assert_string_equal(told.first, "/k");
}

/* A second round has a revision of the store from the first. */
static void a_listing_that_begins_again_and_gets_no_answer_fails(void **state)
{
    (void)state;
    submit((struct registry_request){.op = REGISTRY_LIST, .key = STR("/"), .range_end = STR("0")});
    finish(SERVER "/v1/kv/outrider-probe?consistent", at_index(404, ""));
    finish(SERVER "/v1/kv/?recurse&consistent", at_index(200, "[" KEY "]"));
    finish(SERVER "/v1/kv/outrider/id?consistent", at_index(200, ID));
    struct http_result none = lost(HTTP_TRANSPORT_TIMEOUT, true, "timed out", 2000000);
    none.reason = "timed out";
    finish(SERVER "/v1/kv/outrider-probe?consistent", none);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.failure, REGISTRY_RETRY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_delete_that_was_done_is_told_so_though_its_revision_is_not_told),
        TEST(so_is_one_where_the_answer_has_no_index),
        TEST(a_listing_of_all_that_begins_with_a_slash_has_every_key),
        TEST(a_listing_that_begins_again_and_gets_no_answer_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
