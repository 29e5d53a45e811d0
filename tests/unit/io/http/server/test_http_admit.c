/* Crowds that take places: what they get, and what others keep. */
#include "io/http/server/http_server_internal.h"
#include "outrider/io/loop/loop.h"
#include "unit/io/http/http_world.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CROWD = 128 };

struct crowd {
    struct client clients[CROWD];
    size_t count;
};

static size_t told;
static enum http_shortage told_what;
static char told_peer[64];

static void on_short(enum http_shortage what, const char *peer, void *user)
{
    (void)user;
    told++;
    told_what = what;
    snprintf(told_peer, sizeof(told_peer), "%s", peer);
}

static const char *const kept[] = {"/kept", NULL};

static void start(struct world *world, size_t max, unsigned percent)
{
    told = 0;
    world_start(world,
                (struct http_listener_options){
                    .max_connections = max, .peer_share = percent, .kept_paths = kept, .on_short = on_short});
}

static const struct http_server_counters *counters(const struct world *world)
{
    return http_server_counters(world->server);
}

static size_t in_state(const struct world *world, enum connection_state state)
{
    return world->listener->lists[state].count;
}

/* Until everything that has been sent was looked at. */
static void settle(struct world *world)
{
    for (int i = 0; i < 20; i++) {
        world_turn(world);
    }
}

static void join(struct world *world, struct crowd *crowd, const char *source, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(crowd->count < CROWD);
        struct client *client = &crowd->clients[crowd->count++];
        *client = client_dial_from(world, source);
        if (text[0] != '\0') {
            client_say(client, text);
        }
        settle(world);
    }
}

static void disperse(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++) {
        client_hang_up(&crowd->clients[i]);
    }
}

static void ask(struct world *world, struct client *client, size_t count)
{
    client_say(client, GET("/"));
    client_hear(world, client, "hello", count);
}

#define HALF_HEAD "GET / HTTP/1.1\r\nHo"
#define NO_BODY "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"

/* A crowd from one address has its share and gives up its own oldest; other clients are not touched. */
static void test_one_address(void **state)
{
    struct world *world = *state;
    static const char *const texts[] = {"", "G", HALF_HEAD, NO_BODY, "\r\n"};
    start(world, 64, 25);
    struct client good = client_dial(world);
    ask(world, &good, 1);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct crowd crowd = {.count = 0};
        uint64_t before = counters(world)->closed[HTTP_EVICTED_UNFINISHED];
        join(world, &crowd, "127.0.0.2", 20, texts[i]);
        assert_int_equal(world->listener->connections.taken, 17);
        assert_int_equal(counters(world)->closed[HTTP_EVICTED_UNFINISHED] - before, 4);
        client_hear_end(world, &crowd.clients[0]);
        ask(world, &good, i + 2);
        disperse(&crowd);
        settle(world);
        assert_int_equal(world->listener->connections.taken, 1);
    }
    assert_int_equal(counters(world)->rejected, 0);
    assert_int_equal(told, 1);
    assert_int_equal(told_what, HTTP_SHORT_SHARE);
    assert_string_equal(told_peer, "127.0.0.2");
    client_hang_up(&good);
}

/* All places are taken from several addresses: the one with the most gives up its oldest. */
static void test_several_addresses(void **state)
{
    struct world *world = *state;
    struct crowd crowd = {.count = 0};
    start(world, 40, 25);
    struct client good = client_dial(world);
    ask(world, &good, 1);
    join(world, &crowd, "127.0.0.2", 16, "");
    join(world, &crowd, "127.0.0.3", 16, "G");
    join(world, &crowd, "127.0.0.4", 16, HALF_HEAD);
    join(world, &crowd, "127.0.0.5", 16, NO_BODY);
    assert_int_equal(world->listener->connections.taken, 40);
    ask(world, &good, 2); /* it was idle all the time, and kept its connection */
    struct client another = client_dial_from(world, "127.0.0.6");
    ask(world, &another, 1);
    ask(world, &good, 3);
    assert_int_equal(counters(world)->rejected, 0);
    assert_int_equal(counters(world)->closed[HTTP_EVICTED_IDLE], 0);
    disperse(&crowd);
    client_hang_up(&another);
    client_hang_up(&good);
}

/* From as many addresses as there are places: who has waited goes first, and an idle one not for a crowd. */
static void test_everybody_has_one(void **state)
{
    struct world *world = *state;
    struct crowd crowd = {.count = 0};
    char source[32];
    start(world, 20, 25);
    struct client good = client_dial(world);
    ask(world, &good, 1);
    for (int i = 0; i < 60; i++) {
        snprintf(source, sizeof(source), "127.0.1.%d", i + 1);
        join(world, &crowd, source, 1, HALF_HEAD);
    }
    ask(world, &good, 2);
    assert_int_equal(counters(world)->closed[HTTP_EVICTED_UNFINISHED], 41);
    disperse(&crowd);
    client_hang_up(&good);
}

/* Places that are busy cannot be given up. Who finds none is refused, but a kept path is answered. */
static void test_busy_places(void **state)
{
    struct world *world = *state;
    struct crowd crowd = {.count = 0};
    start(world, 32, 50);
    join(world, &crowd, "127.0.0.2", 16, GET("/big"));
    assert_int_equal(in_state(world, CONNECTION_WRITING), 16);
    struct client own = client_dial_from(world, "127.0.0.2");
    client_say(&own, GET("/"));
    client_hear_end(world, &own);
    assert_true(client_heard(&own, "429 Too Many Requests"));
    assert_true(client_heard(&own, "too_many_of_peer"));
    assert_true(client_heard(&own, "http.peer_share"));
    assert_true(client_heard(&own, "Retry-After: "));
    struct client check = client_dial_from(world, "127.0.0.2");
    client_say(&check, GET("/kept"));
    client_hear_end(world, &check);
    assert_true(client_heard(&check, "200 OK"));
    assert_true(client_heard(&check, "Connection: close"));
    join(world, &crowd, "127.0.0.3", 16, GET("/big"));
    size_t handled = world->handled;
    struct client refused[2] = {client_dial_from(world, "127.0.0.3"), client_dial_from(world, "127.0.0.3")};
    client_say(&refused[0], GET("/"));
    client_say(&refused[1],
               "PUT /kept HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"); /* no body is read */
    for (size_t i = 0; i < 2; i++) {
        client_hear_end(world, &refused[i]);
        assert_true(client_heard(&refused[i], "503 Service Unavailable"));
        assert_true(client_heard(&refused[i], "http.max_connections"));
    }
    assert_int_equal(world->handled, handled);
    struct client local = client_dial_from(world, "127.0.0.4"); /* a place that is kept for loopback */
    ask(world, &local, 1);
    assert_int_equal(counters(world)->refused[HTTP_SHORT_SHARE], 2);
    assert_int_equal(counters(world)->refused[HTTP_SHORT_CONNECTIONS], 2);
    assert_int_equal(counters(world)->faults, 0);
    client_hang_up(&local);
    client_hang_up(&own);
    client_hang_up(&check);
    client_hang_up(&refused[0]);
    client_hang_up(&refused[1]);
    disperse(&crowd);
}

/* Where the other places are busy, a connection that has just come is not closed for the next one. */
static void test_two_that_come(void **state)
{
    struct world *world = *state;
    struct crowd crowd = {.count = 0};
    start(world, 16, 25);
    join(world, &crowd, "127.0.0.2", 15, GET("/big"));
    struct client first = client_dial_from(world, "127.0.0.2"), next = client_dial_from(world, "127.0.0.2");
    settle(world);
    client_say(&next, GET("/kept"));
    client_hear(world, &next, "hello", 1);
    ask(world, &first, 1);
    assert_int_equal(counters(world)->evicted, 0);
    struct client last = client_dial_from(world, "127.0.0.2");
    ask(world, &last, 1); /* the first is idle now */
    assert_int_equal(counters(world)->closed[HTTP_EVICTED_IDLE], 1);
    client_hang_up(&first);
    client_hang_up(&next);
    client_hang_up(&last);
    disperse(&crowd);
}

/* Those without a place are few, whatever they do; a health check from elsewhere gets through them. */
static void test_a_crowd_without_places(void **state)
{
    struct world *world = *state;
    struct crowd crowd = {.count = 0};
    char source[32];
    start(world, 16, 25);
    join(world, &crowd, "127.0.0.2", 16, GET("/big"));
    for (int i = 0; i < 100; i++) {
        snprintf(source, sizeof(source), "127.0.0.%d", 2 + i % 8);
        join(world, &crowd, source, 1, "");
        assert_true(in_state(world, CONNECTION_BEYOND) <= 8);
        assert_true(world->listener->open <= 16 + 2 + 16);
    }
    struct client check = client_dial_from(world, "127.0.0.99");
    client_say(&check, GET("/kept"));
    client_hear(world, &check, "hello", 1);
    client_hang_up(&check);
    disperse(&crowd);
}

/* A silent one without a place is told so. */
static void test_silent_without_a_place(void **state)
{
    struct world *world = *state;
    start(world, 1, 25);
    struct client busy = client_dial(world);
    client_say(&busy, GET("/big"));
    settle(world);
    struct client silent = client_dial(world);
    settle(world);
    assert_int_equal(in_state(world, CONNECTION_BEYOND), 1);
    world->listener->lists[CONNECTION_BEYOND].first->deadline_ms =
        0; /* as if it had been silent for a second */
    struct client next = client_dial(world);
    client_say(&next, GET("/"));
    client_hear_end(world, &silent);
    client_hear_end(world, &next);
    assert_true(client_heard(&silent, "too_many_connections"));
    assert_true(client_heard(&next, "too_many_connections"));
    client_hang_up(&busy);
    client_hang_up(&silent);
    client_hang_up(&next);
}

/* Connections that are ending wait for their peers, but not in any number. */
static void test_lingering_is_bounded(void **state)
{
    struct world *world = *state;
    struct crowd crowd = {.count = 0};
    start(world, 16, 100);
    join(world, &crowd, "127.0.0.2", 100, "GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(world->handled, 100);
    assert_int_equal(world->listener->open, 16);
    assert_int_equal(counters(world)->rejected, 0);
    for (size_t i = 0; i < crowd.count; i++) {
        client_read(&crowd.clients[i]);
        assert_true(client_heard(&crowd.clients[i], "hello"));
    }
    disperse(&crowd);
}

/* Over a unix socket the peer is a user. */
static void test_unix(void **state)
{
    struct world *world = *state;
    struct client clients[20];
    told = 0;
    world_start(world,
                (struct http_listener_options){
                    .unix_path = world->path, .gid = (gid_t)-1, .max_connections = 64, .on_short = on_short});
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        clients[i] = client_dial_path(world);
        settle(world);
    }
    char me[32];
    snprintf(me, sizeof(me), "uid %ld", (long)getuid());
    assert_int_equal(world->listener->connections.taken, 16);
    assert_string_equal(told_peer, me);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        client_hang_up(&clients[i]);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_one_address),
        T(test_several_addresses),
        T(test_everybody_has_one),
        T(test_busy_places),
        T(test_two_that_come),
        T(test_a_crowd_without_places),
        T(test_silent_without_a_place),
        T(test_lingering_is_bounded),
        T(test_unix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
