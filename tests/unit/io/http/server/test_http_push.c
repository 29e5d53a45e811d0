#include "outrider/base/blob.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/loop/loop.h"
#include "unit/io/http/http_stage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_stream(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){0});
    struct client client = stage_subscribe(stage, GET("/push"));
    stage_send(stage->pushes[0], "one\n");
    stage_send(stage->pushes[0], "two\n");
    client_hear(stage->world, &client, "two\n", 1);
    assert_true(client_heard(&client, "HTTP/1.1 200 OK\r\n"));
    assert_true(client_heard(&client, "Content-Type: text/event-stream\r\n"));
    assert_true(client_heard(&client, "Cache-Control: no-store\r\n"));
    assert_true(client_heard(&client, "Connection: close\r\n"));
    assert_false(client_heard(&client, "Content-Length"));
    assert_false(client_heard(&client, "Transfer-Encoding"));
    assert_true(client_heard(&client, "\r\n\r\none\ntwo\n"));
    assert_int_equal(stage_counters(stage)->pushing, 1);
    assert_int_equal(http_push_facts(stage->pushes[0])->behind, 0);
    assert_int_equal(stage->drained, 0);
    http_push_end(stage->pushes[0]);
    stage->count = 0;
    client_hear_end(stage->world, &client);
    assert_int_equal(stage_counters(stage)->pushing, 0);
    assert_int_equal(stage_counters(stage)->open, 0);
    assert_int_equal(stage->closed, 0);
    client_hang_up(&client);
}

static void test_http_1_0(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){0});
    struct client client = stage_subscribe(stage, "GET /push HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    stage_send(stage->pushes[0], "data");
    client_hear(stage->world, &client, "\r\n\r\ndata", 1);
    assert_true(client_heard(&client, "Connection: close\r\n"));
    client_hang_up(&client);
}

static void test_head(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){0});
    struct client client = client_dial(stage->world);
    client_say(&client, "HEAD /push HTTP/1.1\r\nHost: h\r\n\r\n");
    client_hear_end(stage->world, &client);
    assert_int_equal(stage->declined, 1);
    assert_true(client_heard(&client, "Content-Type: text/event-stream\r\n"));
    assert_false(client_heard(&client, "Content-Length"));
    assert_string_equal(strstr(buf_text(&client.in), "\r\n\r\n"), "\r\n\r\n");
    client_hang_up(&client);
}

/* Messages sent in one call arrive complete and in order, also beyond the kernel's buffers. */
static void test_slow_reader(void **state)
{
    struct stage *stage = *state;
    enum { COUNT = 700 };
    stage_serve(stage, (struct http_listener_options){0});
    struct client client = stage_subscribe(stage, GET("/push"));
    struct buf want = {0};
    size_t rounds = 0;
    while (http_push_facts(stage->pushes[0])->behind == 0) {
        struct blob *messages[COUNT];
        for (size_t i = 0; i < COUNT; i++) {
            struct buf text = {0};
            buf_printf(&text, "<%zu.%zu>%.*s\n", rounds, i, (int)(i % 300), blob_view(stage->small).data);
            buf_str(&want, buf_view(&text));
            messages[i] = blob_new(buf_view(&text));
            buf_fini(&text);
        }
        http_push_send(stage->pushes[0], messages, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            blob_unref(messages[i]);
        }
        rounds++;
    }
    stage_send(stage->pushes[0], "last of all\n");
    buf_str(&want, STR("last of all\n"));
    client_hear(stage->world, &client, "last of all\n", 1);
    assert_string_equal(strstr(buf_text(&client.in), "\r\n\r\n") + 4, buf_text(&want));
    assert_int_equal(stage->drained, 1);
    assert_int_equal(http_push_facts(stage->pushes[0])->behind, 0);
    assert_int_equal(http_push_facts(stage->pushes[0])->sent, client.in.size);
    buf_fini(&want);
    client_hang_up(&client);
}

static void test_behind(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){0});
    struct client lazy = stage_subscribe(stage, GET("/push"));
    struct client busy = stage_subscribe(stage, GET("/push"));
    size_t most = 0, sent = 0;
    while (!http_push_facts(stage->pushes[0])->is_closed) {
        size_t behind = http_push_facts(stage->pushes[0])->behind;
        most = behind > most ? behind : most;
        http_push_send(stage->pushes[0], &stage->small, 1);
        http_push_send(stage->pushes[1], &stage->small, 1);
        sent++;
        assert_int_equal(stage->closed, 0); /* never within a send */
        world_turn(stage->world);
        client_read(&busy);
    }
    assert_true(most <= HTTP_PUSH_BEHIND_MAX && most > HTTP_PUSH_BEHIND_MAX - SMALL);
    world_turn(stage->world);
    assert_int_equal(stage->closed, 1);
    assert_int_equal(stage->behind, 1);
    assert_int_equal(stage_counters(stage)->pushes_behind, 1);
    assert_int_equal(stage_counters(stage)->pushing, 1);
    while (busy.in.size < sent * SMALL) {
        assert_false(busy.ended);
        world_turn(stage->world);
        client_read(&busy);
    }
    client_hear_end(stage->world, &lazy);
    /* The kernel's part is bounded too: the buffer of our socket, and what the reader's socket buffers. */
    assert_true(lazy.in.size < 16 << 20);
    client_hang_up(&lazy);
    client_hang_up(&busy);
}

static void test_peer_goes(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){0});
    stage->ends_when_closed = true;
    struct client closes = stage_subscribe(stage, GET("/push"));
    struct client half = stage_subscribe(stage, GET("/push"));
    struct client resets = stage_subscribe(stage, GET("/push"));
    client_hang_up(&closes);
    shutdown(half.fd, SHUT_WR);
    struct linger now = {.l_onoff = 1};
    setsockopt(resets.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    client_hang_up(&resets);
    while (stage->closed < 3) {
        world_turn(stage->world);
    }
    assert_int_equal(stage_counters(stage)->pushing, 0);
    assert_int_equal(stage->behind, 0);
    client_hang_up(&half);
}

/* A reset during a send is reported later. */
static void test_goes_while_sending(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){0});
    struct client client = stage_subscribe(stage, GET("/push"));
    struct linger now = {.l_onoff = 1};
    setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    client_hang_up(&client);
    http_push_send(stage->pushes[0], &stage->small, 1);
    assert_true(http_push_facts(stage->pushes[0])->is_closed);
    assert_int_equal(stage->closed, 0);
    world_turn(stage->world);
    assert_int_equal(stage->closed, 1);
}

static void test_room(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){.max_connections = 2, .max_pushes = 2});
    struct client one = stage_subscribe(stage, GET("/push"));
    struct client two = stage_subscribe(stage, GET("/push"));
    struct client three = client_dial(stage->world);
    client_say(&three, GET("/push"));
    client_hear_end(stage->world, &three);
    assert_true(client_heard(&three, "503 Service Unavailable"));
    assert_true(client_heard(&three, "\"code\":\"too_many_subscribers\""));
    stage->refuses = true;
    struct client four = client_dial(stage->world);
    client_say(&four, GET("/push"));
    client_hear(stage->world, &four, "full", 1);
    client_say(&four, GET("/plain")); /* subscribers do not count as connections */
    client_hear(stage->world, &four, "plain", 1);
    assert_int_equal(stage->declined, 2);
    assert_int_equal(stage_counters(stage)->rejected, 0);
    client_hang_up(&one);
    while (stage->closed == 0) {
        world_turn(stage->world);
    }
    struct client five = stage_subscribe(stage, GET("/push"));
    client_hang_up(&two);
    client_hang_up(&three);
    client_hang_up(&four);
    client_hang_up(&five);
}

/* What a subscriber sends is dropped, and too much of it ends the connection. */
static void test_talkative(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){0});
    struct client client = stage_subscribe(stage, GET("/push") GET("/push"));
    stage_send(stage->pushes[0], "still here");
    client_hear(stage->world, &client, "still here", 1);
    assert_int_equal(stage_counters(stage)->requests, 1);
    while (stage->closed == 0) {
        (void)!send(client.fd, blob_view(stage->small).data, SMALL, MSG_NOSIGNAL | MSG_DONTWAIT);
        world_turn(stage->world);
    }
    client_hang_up(&client);
}

static void test_outlives_server(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){0});
    struct client client = stage_subscribe(stage, GET("/push"));
    struct client lazy = stage_subscribe(stage, GET("/push"));
    while (http_push_facts(stage->pushes[1])->behind == 0) {
        http_push_send(stage->pushes[1], &stage->small, 1);
    }
    http_server_free(stage->world->server);
    stage->world->server = NULL;
    assert_true(http_push_facts(stage->pushes[0])->is_closed);
    http_push_send(stage->pushes[0], &stage->small, 1);
    world_turn(stage->world);
    assert_int_equal(stage->closed, 0);
    client_hang_up(&client);
    client_hang_up(&lazy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stream, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_http_1_0, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_head, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_slow_reader, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_behind, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_peer_goes, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_goes_while_sending, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_room, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_talkative, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_outlives_server, stage_set_up, stage_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
