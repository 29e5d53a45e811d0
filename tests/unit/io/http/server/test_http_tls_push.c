/* Replies without end and upgrades over TLS. */
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/net/transport.h"
#include "tls_stage.h"

#include <string.h>
#include <sys/socket.h>

static struct http_push *pushed;
static struct transport taken;

static void on_drained(struct http_push *push, void *user)
{
    (void)push, (void)user;
}

static void on_closed(struct http_push *push, enum http_push_end why, void *user)
{
    (void)push, (void)why, (void)user;
}

static void on_upgraded(struct transport *transport, struct str ahead, void *user)
{
    (void)ahead, (void)user;
    assert_non_null(transport);
    taken = *transport;
}

static void push_or_upgrade(struct http_exchange *exchange, const struct http_request *request, void *user)
{
    static const struct http_push_calls calls = {.drained = on_drained, .closed = on_closed};
    (void)user;
    if (str_eq(request->path, STR("/push"))) {
        pushed = http_push_begin(exchange, &(struct http_push_options){.content_type = STR("text/plain")},
                                 &calls, NULL);
    } else {
        static const char *const headers[] = {"Upgrade: echo", NULL};
        assert_true(http_exchange_upgrade(exchange, headers, on_upgraded, NULL));
    }
}

static void serve_pushes(struct tls_stage *stage)
{
    struct error err;
    struct world *world = stage->world;
    world->server = http_server_new(world->loop, push_or_upgrade, NULL, world);
    world->listener =
        http_server_listen(world->server, &(struct http_listener_options){.tls = stage->tls}, &err);
    assert_non_null(world->listener);
}

/* Messages that wait are sent in their order, across records, and none is lost or doubled. */
static void test_push(void **state)
{
    enum { MESSAGES = 3000, SIZE = 80 };
    struct tls_stage *stage = *state;
    serve_pushes(stage);
    struct tls_peer peer = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &peer));
    tls_ask(stage, &peer, GET("/push"), "\r\n\r\n");
    buf_clear(&peer.heard);
    for (int i = 0; i < MESSAGES; i++) {
        char text[SIZE + 1];
        snprintf(text, sizeof(text), "%0*d\n", SIZE - 1, i);
        struct blob *message = blob_new(str_of(text));
        http_push_send(pushed, &message, 1);
        blob_unref(message);
    }
    assert_true(http_push_facts(pushed)->behind > 0); /* the socket's buffer is smaller */
    while (peer.heard.size < (size_t)MESSAGES * SIZE) {
        assert_false(peer.client.ended);
        tls_turn(stage, &peer);
    }
    for (int i = 0; i < MESSAGES; i++) {
        char text[SIZE + 1];
        snprintf(text, sizeof(text), "%0*d\n", SIZE - 1, i);
        assert_memory_equal(peer.heard.data + (size_t)i * SIZE, text, SIZE);
    }
    assert_int_equal(http_push_facts(pushed)->behind, 0);
    http_push_end(pushed);
    while (!peer.client.ended) { /* the end is told: nothing was cut off */
        tls_turn(stage, &peer);
    }
    assert_int_equal(SSL_get_shutdown(peer.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    tls_hang_up(&peer);
}

static void push_and_hear(struct tls_stage *stage, struct tls_peer *peer, const char *text)
{
    struct blob *message = blob_new(str_of(text));
    http_push_send(pushed, &message, 1);
    blob_unref(message);
    tls_ask(stage, peer, "", text);
    assert_false(peer->failed);
}

/* One that asks for new keys while it reads nothing gets them behind what waits, of which nothing is lost. */
static void test_key_update_unread(void **state)
{
    struct tls_stage *stage = *state;
    char bytes[256];
    size_t sent = 0;
    serve_pushes(stage);
    struct tls_peer peer = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &peer));
    tls_ask(stage, &peer, GET("/push"), "\r\n\r\n");
    buf_clear(&peer.heard);
    for (; http_push_facts(pushed)->behind == 0; sent += 16000) {
        struct blob *message = blob_new((struct str){blob_view(stage->world->big).data, 16000});
        http_push_send(pushed, &message, 1);
        blob_unref(message);
    }
    assert_int_equal(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(peer.ssl), 1);
    int size = BIO_read(peer.out, bytes, sizeof(bytes));
    assert_int_equal(send(peer.client.fd, bytes, (size_t)size, MSG_NOSIGNAL), size);
    for (int turns = 0; turns < 3; turns++) {
        world_turn(stage->world);
    }
    while (peer.heard.size < sent) {
        assert_false(peer.client.ended);
        tls_turn(stage, &peer);
    }
    push_and_hear(stage, &peer, "after");
    http_push_end(pushed);
    tls_hang_up(&peer);
}

/* A batch goes out in one record, not in one for each message. */
static void test_batch_is_one_record(void **state)
{
    struct tls_stage *stage = *state;
    serve_pushes(stage);
    struct tls_peer peer = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &peer));
    tls_ask(stage, &peer, GET("/push"), "\r\n\r\n");
    tls_turn(stage, &peer);
    struct blob *messages[100];
    for (size_t i = 0; i < 100; i++) {
        messages[i] = blob_new(STR("0123456789\n"));
    }
    client_read(&peer.client);
    buf_clear(&peer.client.in);
    http_push_send(pushed, messages, 100);
    client_read(&peer.client);
    assert_true(peer.client.in.size > 1100 && peer.client.in.size < 1150);
    for (size_t i = 0; i < 100; i++) {
        blob_unref(messages[i]);
    }
    http_push_end(pushed);
    tls_hang_up(&peer);
}

/* What was sent behind the request stays readable for the new owner. */
static void test_upgrade(void **state)
{
    struct tls_stage *stage = *state;
    serve_pushes(stage);
    struct tls_peer peer = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &peer));
    tls_ask(stage, &peer, GET("/up"), "101 Switching");
    while (taken.ops == NULL) {
        tls_turn(stage, &peer);
    }
    char text[8] = "";
    assert_int_equal(SSL_write(peer.ssl, "ping", 4), 4);
    tls_turn(stage, &peer);
    assert_int_equal(taken.ops->recv(&taken, text, 2), 2);
    assert_true(transport_ahead(&taken));
    assert_int_equal(taken.ops->recv(&taken, text + 2, 6), 2);
    assert_false(transport_ahead(&taken));
    assert_string_equal(text, "ping");
    transport_close(&taken);
    taken = (struct transport){.fd = -1};
    tls_hang_up(&peer);
}

#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, tls_stage_set_up, tls_stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STAGE(test_push),
        WITH_STAGE(test_key_update_unread),
        WITH_STAGE(test_batch_is_one_record),
        WITH_STAGE(test_upgrade),
    };
    return cmocka_run_group_tests(tests, tls_stage_certificates, tls_stage_no_certificates);
}
