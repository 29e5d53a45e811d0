/* Pushes that switch the protocol, what their peers send, and requests within them. */
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/loop/loop.h"
#include "unit/io/http/http_world.h"

#include <string.h>
#include <sys/socket.h>

static struct http_push *pushed;
static struct http_exchange *inner;
static struct buf heard, answered;
static size_t closed, expelled, ends_at; /* ends_at: the push is ended once so many bytes have come */
static char peer[96], share[HTTP_SHARE_TEXT];

static void on_drained(struct http_push *push, void *user)
{
    (void)push, (void)user;
}

static void on_closed(struct http_push *push, enum http_push_end why, void *user)
{
    (void)why, (void)user;
    assert_ptr_equal(push, pushed);
    closed++;
}

static void on_answer(struct http_exchange *exchange, const struct http_response *response, void *user)
{
    assert_ptr_equal(user, &answered);
    assert_ptr_equal(exchange, inner);
    inner = NULL;
    buf_printf(&answered, "%d ", response->status);
    buf_str(&answered, response->blob != NULL ? blob_view(response->blob) : response->body);
}

static void on_received(struct http_push *push, struct str bytes, void *user)
{
    (void)user;
    buf_str(&heard, bytes);
    if (inner == NULL && heard.size >= ends_at) {
        inner = http_inner_new(push, on_answer, &answered);
        http_exchange_peer(inner, peer, sizeof(peer));
        http_exchange_share(inner, share);
        assert_false(http_exchange_can_switch(inner));
    }
    if (ends_at > 0 && heard.size >= ends_at) {
        struct blob *last = blob_new(STR("last"));
        http_push_send(push, &last, 1);
        blob_unref(last);
        http_push_end(push);
        pushed = NULL;
    }
}

static void on_expelled(struct http_push *push, void *user)
{
    (void)user;
    assert_ptr_equal(push, pushed);
    expelled++;
}

static void switch_over(struct http_exchange *exchange, const struct http_request *request, void *user)
{
    static const struct http_push_calls calls = {
        .drained = on_drained, .closed = on_closed, .received = on_received, .expelled = on_expelled};
    static const char *const headers[] = {"Upgrade: other", NULL};
    (void)user, (void)request;
    if (!http_exchange_can_switch(exchange)) {
        http_respond(exchange, &(struct http_response){.status = 400, .body = STR("no")});
        return;
    }
    pushed = http_push_begin(
        exchange, &(struct http_push_options){.switches = true, .headers = headers, .tag = STR("olga")},
        &calls, NULL);
    assert_non_null(pushed);
}

static int set_up(void **state)
{
    struct error err;
    world_set_up(state);
    struct world *world = *state;
    world->server = http_server_new(world->loop, switch_over, NULL, world);
    world->listener = http_server_listen(world->server, &(struct http_listener_options){0}, &err);
    assert_non_null(world->listener);
    closed = expelled = ends_at = 0;
    return 0;
}

static int tear_down(void **state)
{
    if (inner != NULL) {
        http_inner_drop(inner);
    }
    inner = NULL;
    http_push_end(pushed);
    pushed = NULL;
    buf_fini(&heard);
    buf_fini(&answered);
    return world_tear_down(state);
}

static void hear(struct world *world, const char *text)
{
    while (heard.size < strlen(text)) {
        world_turn(world);
    }
    assert_string_equal(buf_text(&heard), text);
}

static struct client dial(struct world *world, const char *request)
{
    struct client client = client_dial(world);
    client_say(&client, request);
    client_hear(world, &client, "\r\n\r\n", 1);
    return client;
}

static void test_both_directions(void **state)
{
    struct world *world = *state;
    struct client client = dial(world, GET("/push"));
    assert_true(client_heard(&client, "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_true(client_heard(&client, "Upgrade: other\r\n"));
    assert_true(client_heard(&client, "Connection: Upgrade\r\n"));
    assert_false(client_heard(&client, "Connection: close"));
    client_say(&client, "one");
    hear(world, "one");
    client_say(&client, GET("/is-none"));
    hear(world, "one" GET("/is-none"));
    struct blob *message = blob_new(STR("two"));
    http_push_send(pushed, &message, 1);
    blob_unref(message);
    client_hear(world, &client, "two", 1);
    assert_int_equal(http_server_counters(world->server)->requests, 1);
    assert_int_equal(http_server_counters(world->server)->pushing, 1);
    client_hang_up(&client);
    while (closed == 0) {
        world_turn(world);
    }
}

/* What came with the request is not lost. */
static void test_sent_ahead(void **state)
{
    struct world *world = *state;
    struct client client = dial(world, GET("/push") "ahead");
    hear(world, "ahead");
    client_say(&client, " and behind");
    hear(world, "ahead and behind");
    client_hang_up(&client);
}

static void test_what_cannot_switch(void **state)
{
    struct world *world = *state;
    struct client client = dial(world, "GET /push HTTP/1.0\r\n\r\n");
    assert_true(client_heard(&client, " 400 "));
    client_hang_up(&client);
    client = dial(world, "HEAD /push HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(client_heard(&client, " 400 "));
    client_hang_up(&client);
    assert_null(pushed);
}

/* The last message reaches a peer whose bytes are still unread. */
static void test_ended_by_what_came(void **state)
{
    struct world *world = *state;
    struct client client = dial(world, GET("/push"));
    char many[8001];
    memset(many, 'x', 8000);
    many[8000] = '\0';
    ends_at = 10;
    client_say(&client, many);
    client_hear_end(world, &client);
    assert_true(client_heard(&client, "\r\n\r\nlast"));
    assert_int_equal(closed, 0);
    assert_int_equal(http_server_counters(world->server)->pushing, 0);
    client_hang_up(&client);
}

static void test_inner(void **state)
{
    struct world *world = *state;
    struct client client = dial(world, GET("/push"));
    client_say(&client, "ask");
    hear(world, "ask");
    assert_int_equal(strncmp(peer, "127.0.0.1:", 10), 0);
    assert_string_equal(share, "127.0.0.1");
    struct blob *body = blob_new(STR("by reference"));
    http_respond(inner, &(struct http_response){.status = 202, .blob = body});
    blob_unref(body);
    assert_string_equal(buf_text(&answered), "202 by reference");
    client_say(&client, "again");
    hear(world, "askagain");
    http_push_end(pushed);
    pushed = NULL;
    client_hear_end(world, &client);
    assert_false(client_heard(&client, "by reference"));
    /* it may outlive its push */
    http_respond(inner, &(struct http_response){.status = 404, .body = STR("late")});
    assert_string_equal(buf_text(&answered), "202 by reference404 late");
    client_hang_up(&client);
}

static bool none_stays(struct str tag, void *user)
{
    (void)user;
    assert_true(str_eq(tag, STR("olga")));
    return false;
}

static void test_expelled(void **state)
{
    struct world *world = *state;
    struct client client = dial(world, GET("/push"));
    http_server_end_pushes(world->server, none_stays, NULL);
    assert_int_equal(expelled, 1);
    assert_false(http_push_facts(pushed)->is_closed);
    http_push_end(pushed);
    pushed = NULL;
    client_hear_end(world, &client);
    client_hang_up(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_directions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sent_ahead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_switch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ended_by_what_came, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expelled, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
