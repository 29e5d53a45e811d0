/* Places of pushes: shares, who makes room, and readers that take nothing. */
#include "io/http/server/http_server_internal.h"
#include "outrider/base/blob.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/clock.h"
#include "unit/io/http/http_stage.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* The address with the most streams gives one up for one that has fewer; the latter is never refused for it. */
static void test_room_from_the_richest(void **state)
{
    struct stage *stage = *state;
    struct client clients[40], another[2];
    static const char *const sources[] = {"127.0.0.2", "127.0.0.3", "127.0.0.4"};
    stage_serve(stage, (struct http_listener_options){.max_pushes = 40});
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = stage_subscribe_from(stage, sources[i / 16], GET("/push"));
    }
    struct client refused = client_dial_from(stage->world, "127.0.0.2");
    client_say(&refused, GET("/push"));
    client_hear_end(stage->world, &refused);
    assert_true(client_heard(&refused, "503 Service Unavailable")); /* it has its share, and all are taken */
    for (size_t i = 0; i < COUNT_OF(another); i++) {
        another[i] = stage_subscribe_from(stage, "127.0.0.5", GET("/push"));
    }
    world_turn(stage->world);
    assert_int_equal(stage->for_room, 2);
    assert_true(http_push_facts(stage->pushes[0])->is_closed); /* the oldest of each */
    assert_true(http_push_facts(stage->pushes[16])->is_closed);
    assert_int_equal(stage_counters(stage)->closed[HTTP_EVICTED_PUSH], 2);
    assert_int_equal(stage_counters(stage)->refused[HTTP_SHORT_PUSHES], 1);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        client_hang_up(&clients[i]);
    }
    client_hang_up(&refused);
    client_hang_up(&another[0]);
    client_hang_up(&another[1]);
}

static void test_share(void **state)
{
    struct stage *stage = *state;
    struct client clients[16];
    stage_serve(stage, (struct http_listener_options){.max_pushes = 64});
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = stage_subscribe(stage, GET("/push"));
    }
    struct client refused = client_dial(stage->world);
    client_say(&refused, GET("/push"));
    client_hear_end(stage->world, &refused);
    assert_true(client_heard(&refused, "429 Too Many Requests"));
    assert_true(client_heard(&refused, "\"code\":\"too_many_of_peer\""));
    struct client other = stage_subscribe_from(stage, "127.0.0.2", GET("/push"));
    assert_int_equal(stage_counters(stage)->refused[HTTP_SHORT_PUSH_SHARE], 1);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        client_hang_up(&clients[i]);
    }
    client_hang_up(&refused);
    client_hang_up(&other);
}

static void look(struct stage *stage, int64_t after_ms)
{
    server_close_shut(stage->world->server, clock_mono_ms() + after_ms);
    world_turn(stage->world);
}

/* One that takes nothing for a minute is closed, also if what waits would never be too much. */
static void test_shut_window(void **state)
{
    struct stage *stage = *state;
    stage_serve(stage, (struct http_listener_options){0});
    struct client deaf = stage_subscribe(stage, GET("/push")), reader = stage_subscribe(stage, GET("/push"));
    client_hear(stage->world, &deaf, "200 OK", 1);
    while (http_push_facts(stage->pushes[0])->behind == 0) {
        http_push_send(stage->pushes[0], &stage->small, 1);
    }
    look(stage, 0);
    for (int64_t after_ms = 10000; after_ms < HTTP_PUSH_SHUT_MS; after_ms += 10000) {
        stage_send(stage->pushes[1], "tick");
        client_hear(stage->world, &reader, "tick", (size_t)(after_ms / 10000));
        look(stage, after_ms);
        assert_int_equal(stage->closed, 0);
    }
    usleep(100000);     /* the kernel acknowledges the last tick */
    client_read(&deaf); /* it was only slow */
    while (http_push_facts(stage->pushes[0])->behind > 0) {
        world_turn(stage->world);
        client_read(&deaf);
    }
    look(stage, HTTP_PUSH_SHUT_MS + 1000);
    assert_int_equal(stage->closed, 0);
    while (http_push_facts(stage->pushes[0])->behind == 0) {
        http_push_send(stage->pushes[0], &stage->small, 1);
    }
    look(stage, HTTP_PUSH_SHUT_MS + 2000);
    look(stage, 2 * HTTP_PUSH_SHUT_MS + 500);
    assert_int_equal(stage->closed, 0);
    look(stage, 2 * HTTP_PUSH_SHUT_MS + 3000);
    assert_int_equal(stage->shut, 1);
    assert_false(http_push_facts(stage->pushes[1])->is_closed); /* nothing waits for it */
    assert_int_equal(stage_counters(stage)->closed[HTTP_EVICTED_SHUT], 1);
    client_hang_up(&deaf);
    client_hang_up(&reader);
}

/* The kernel gives up later, so that the log says why. */
static void test_the_kernel_waits_longer(void **state)
{
    struct stage *stage = *state;
    unsigned wait_ms = 0;
    socklen_t size = sizeof(wait_ms);
    stage_serve(stage, (struct http_listener_options){0});
    struct client client = stage_subscribe(stage, GET("/push"));
    int fd = stage->world->listener->lists[CONNECTION_PUSHING].first->transport.fd;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &wait_ms, &size), 0);
    assert_true(wait_ms > HTTP_PUSH_SHUT_MS + 10000);
    client_hang_up(&client);
}

/* The kernel says of a unix socket what has not been read, however little it is. */
static void test_unread_unix(void **state)
{
    struct stage *stage = *state;
    struct world *world = stage->world;
    stage_serve(stage, (struct http_listener_options){.unix_path = world->path, .gid = (gid_t)-1});
    struct client deaf = client_dial_path(world), reader = client_dial_path(world);
    client_say(&deaf, GET("/push"));
    client_hear(world, &deaf, "200 OK", 1);
    client_say(&reader, GET("/push"));
    client_hear(world, &reader, "200 OK", 1);
    for (int64_t after_ms = 0; after_ms < HTTP_PUSH_SHUT_MS - 1000; after_ms += 10000) {
        stage_send(stage->pushes[0], ":\n\n");
        stage_send(stage->pushes[1], ":\n\n");
        client_hear(world, &reader, ":\n\n", (size_t)(after_ms / 10000) + 1);
        look(stage, after_ms + 1000);
        assert_int_equal(stage->closed, 0);
    }
    look(stage, HTTP_PUSH_SHUT_MS + 1000);
    assert_int_equal(stage->shut, 1);
    assert_true(http_push_facts(stage->pushes[0])->is_closed);
    client_hang_up(&deaf);
    client_hang_up(&reader);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_room_from_the_richest),   T(test_share),       T(test_shut_window),
        T(test_the_kernel_waits_longer), T(test_unread_unix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
