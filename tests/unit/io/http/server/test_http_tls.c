/* HTTP over TLS: the server's side of the handshake as peers may play it, and requests and large replies behind it. */
#include "outrider/base/blob.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/tls_server.h"
#include "tls_stage.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct tls_server_counters *counted(const struct tls_stage *stage)
{
    return tls_server_counters(stage->tls);
}

static const struct http_server_counters *served(const struct tls_stage *stage)
{
    return http_server_counters(stage->world->server);
}

static void test_request(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &peer));
    tls_ask(stage, &peer, GET("/a"), "hello");
    tls_ask(stage, &peer, GET("/extra"), "X-Extra: yes");
    assert_false(peer.failed);
    assert_string_equal(stage->world->seen, "GET /extra ? @h none []");
    assert_int_equal(counted(stage)->handshakes, 1);
    assert_int_equal(served(stage)->requests, 2);
    tls_hang_up(&peer);
}

/* One byte at a time, records and handshake messages included; and the request with the last flight of the handshake. */
static void test_split(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_peer peer = tls_dial(stage, NULL);
        peer.at_once = 1;
        SSL_set_max_proto_version(peer.ssl, version);
        assert_true(tls_shake(stage, &peer));
        assert_int_equal(SSL_version(peer.ssl), version);
        tls_ask(stage, &peer, GET("/a"), "hello");
        assert_false(peer.failed);
        tls_hang_up(&peer);
    }
    assert_int_equal(counted(stage)->handshakes, 2);
}

/* A record has more than one read takes: what is left in the transport is served without another event. */
static void test_pipelined_in_one_record(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    char text[16000] = "";
    size_t count = 0;
    assert_true(tls_shake(stage, &peer));
    while (strlen(text) + sizeof(GET("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")) < sizeof(text)) {
        strcat(text, GET("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        count++;
    }
    tls_ask(stage, &peer, text, "hello");
    for (int turns = 0; stage->world->handled < count && turns < 1000; turns++) {
        tls_turn(stage, &peer);
    }
    assert_int_equal(stage->world->handled, count);
    tls_hang_up(&peer);
}

static void test_body_larger_than_a_record(void **state)
{
    struct tls_stage *stage = *state;
    static char text[70000];
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    snprintf(text, sizeof(text), "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n%060000d",
             7);
    assert_true(tls_shake(stage, &peer));
    tls_ask(stage, &peer, text, "00007");
    assert_int_equal(served(stage)->requests, 1);
    tls_hang_up(&peer);
}

/* A reply that the socket does not take at once: every byte of it, in its order. */
static void test_large_reply(void **state)
{
    struct tls_stage *stage = *state;
    static const char *const paths[] = {GET("/big"), GET("/copied"), GET("/static")};
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &peer));
    for (size_t i = 0; i < 3; i++) {
        buf_clear(&peer.heard);
        tls_ask(stage, &peer, paths[i], "\r\n\r\n");
        size_t head = (size_t)(strstr(buf_text(&peer.heard), "\r\n\r\n") + 4 - peer.heard.data);
        while (!peer.failed && peer.heard.size < head + BIG) {
            peer.failed = peer.client.ended;
            tls_turn(stage, &peer);
        }
        assert_int_equal(peer.heard.size, head + BIG);
        assert_int_equal(memcmp(peer.heard.data + head, blob_view(stage->world->big).data, BIG), 0);
    }
    assert_true(served(stage)->waiting_resets == 0);
    tls_hang_up(&peer);
}

static void test_plain_request(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct client client = client_dial(stage->world);
    client_say(&client, GET("/a"));
    client_hear_end(stage->world, &client);
    assert_true(client_heard(&client, "HTTP/1.1 400 Bad Request\r\n"));
    assert_true(client_heard(&client, "\"tls_required\""));
    assert_int_equal(counted(stage)->refused[TLS_REFUSED_PLAIN], 1);
    assert_int_equal(stage->world->handled, 0);
    client_hang_up(&client);
}

/* Also of less than a record's header, once the peer ends. */
static void test_plain_and_short(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct client client = client_dial(stage->world);
    client_say(&client, "GET");
    shutdown(client.fd, SHUT_WR);
    client_hear_end(stage->world, &client);
    assert_true(client_heard(&client, "\"tls_required\""));
    client_hang_up(&client);
}

static void test_hello_to_plain(void **state)
{
    struct tls_stage *stage = *state;
    world_start(stage->world, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    assert_false(tls_shake(stage, &peer));
    while (!peer.client.ended) {
        tls_turn(stage, &peer);
    }
    assert_int_equal(served(stage)->tls_on_plain, 1);
    assert_int_equal(served(stage)->faults, 1);
    tls_hang_up(&peer);
}

/* The bytes end the connection at once, and cost no state of TLS. */
static void test_bad_hello(void **state)
{
    static const struct {
        const char *what;
        unsigned char bytes[9];
    } hellos[] = {
        {"SSL 2", {22, 2, 0, 0, 50, 1, 0, 0, 46}},
        {"an alert first", {22, 3, 1, 0, 50, 2, 0, 0, 46}},
        {"a message of 16 MB", {22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff}},
        {"one byte more than fits", {22, 3, 1, 0x40, 0, 1, 0, 0x40, 1}},
        {"a record too short for a message", {22, 3, 1, 0, 3, 1, 0, 0, 1}},
    };
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    for (size_t i = 0; i < sizeof(hellos) / sizeof(hellos[0]); i++) {
        struct client client = client_dial(stage->world);
        assert_int_equal(send(client.fd, hellos[i].bytes, 9, MSG_NOSIGNAL), 9);
        client_hear_end(stage->world, &client);
        assert_int_equal(client.in.size, 0);
        assert_int_equal(counted(stage)->refused[TLS_REFUSED_HELLO], i + 1);
        client_hang_up(&client);
    }
}

/* A hello of any length within the limit, cut off, and then the end. */
static void test_truncated(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    for (int size = 1; size < 200; size += 7) {
        struct tls_peer peer = tls_dial(stage, NULL);
        char bytes[65536];
        SSL_do_handshake(peer.ssl);
        assert_true(BIO_read(peer.out, bytes, sizeof(bytes)) > size);
        assert_int_equal(send(peer.client.fd, bytes, (size_t)size, MSG_NOSIGNAL), size);
        shutdown(peer.client.fd, SHUT_WR);
        client_hear_end(stage->world, &peer.client);
        tls_hang_up(&peer);
    }
    assert_int_equal(counted(stage)->handshakes, 0);
    assert_int_equal(counted(stage)->refused[TLS_REFUSED_HANDSHAKE], 29);
    assert_int_equal(served(stage)->open, 0);
}

static void test_old_version(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    SSL_set_security_level(peer.ssl, 0);
    SSL_set_min_proto_version(peer.ssl, TLS1_VERSION);
    SSL_set_max_proto_version(peer.ssl, TLS1_1_VERSION);
    assert_false(tls_shake(stage, &peer));
    assert_int_equal(counted(stage)->refused[TLS_REFUSED_HANDSHAKE], 1);
    tls_hang_up(&peer);
}

static void test_protocols(void **state)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1", h2[] = "\x02h2";
    struct tls_stage *stage = *state;
    const unsigned char *name;
    unsigned size;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    SSL_set_alpn_protos(peer.ssl, both, sizeof(both) - 1);
    assert_true(tls_shake(stage, &peer));
    SSL_get0_alpn_selected(peer.ssl, &name, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(name, "http/1.1", 8);
    tls_hang_up(&peer);
    peer = tls_dial(stage, NULL);
    SSL_set_alpn_protos(peer.ssl, h2, sizeof(h2) - 1);
    assert_false(tls_shake(stage, &peer));
    tls_hang_up(&peer);
}

/* Of TLS 1.2: the peer is told no, and goes on or not as it likes; no second handshake is counted. */
static void test_renegotiation(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    SSL_set_max_proto_version(peer.ssl, TLS1_2_VERSION);
    assert_true(tls_shake(stage, &peer));
    assert_int_equal(SSL_renegotiate(peer.ssl), 1);
    assert_true(SSL_do_handshake(peer.ssl) != 1);
    for (int turns = 0; turns < 20; turns++) {
        tls_turn(stage, &peer);
    }
    assert_true(SSL_do_handshake(peer.ssl) != 1);
    assert_int_equal(counted(stage)->handshakes, 1);
    tls_hang_up(&peer);
}

/* A peer that asks for new keys is given them. */
static void test_key_update(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &peer));
    assert_int_equal(SSL_key_update(peer.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    tls_ask(stage, &peer, GET("/a"), "hello");
    assert_false(peer.failed);
    tls_hang_up(&peer);
}

/* No certificate need be shown; one that is must be of the authority. */
static void test_names(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, "client-names");
    assert_true(tls_shake(stage, &peer));
    tls_ask(stage, &peer, GET("/a"), "hello");
    assert_string_equal(stage->world->seen,
                        "GET /a ? @h none [] DNS:olga.fleet.example URI:spiffe://fleet/lobby");
    tls_hang_up(&peer);
    peer = tls_dial(stage, "client-cn"); /* a common name is no name */
    assert_true(tls_shake(stage, &peer));
    tls_ask(stage, &peer, GET("/a"), "hello");
    assert_string_equal(stage->world->seen, "GET /a ? @h none []");
    tls_hang_up(&peer);
}

static void test_bad_certificates(void **state)
{
    static const char *const names[] = {"stranger", "expired", "future", "server-only"};
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    for (size_t i = 0; i < 4; i++) {
        struct tls_peer peer = tls_dial(stage, names[i]);
        if (tls_shake(stage, &peer)) { /* of TLS 1.3 the client is done before the server has judged */
            tls_ask(stage, &peer, GET("/a"), "hello");
        }
        assert_true(peer.failed);
        assert_int_equal(counted(stage)->refused[TLS_REFUSED_CERTIFICATE], i + 1);
        tls_hang_up(&peer);
    }
    assert_int_equal(stage->world->handled, 0);
}

/* The session of a ticket has the names of its certificate; and a rotation ends all tickets. */
static void test_tickets(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer first = tls_dial(stage, "client-names");
    assert_true(tls_shake(stage, &first));
    tls_ask(stage, &first, GET("/a"), "hello");
    SSL_SESSION *session = SSL_get1_session(first.ssl);
    struct tls_peer second = tls_dial(stage, NULL);
    SSL_set_session(second.ssl, session);
    assert_true(tls_shake(stage, &second));
    assert_true(SSL_session_reused(second.ssl));
    tls_ask(stage, &second, GET("/b"), "hello");
    assert_string_equal(stage->world->seen,
                        "GET /b ? @h none [] DNS:olga.fleet.example URI:spiffe://fleet/lobby");
    assert_int_equal(counted(stage)->resumed, 1);
    tls_stage_use("renewed");
    struct tls_peer third = tls_dial(stage, NULL);
    SSL_set_session(third.ssl, session);
    assert_true(tls_shake(stage, &third));
    assert_false(SSL_session_reused(third.ssl));
    SSL_SESSION_free(session);
    tls_hang_up(&first);
    tls_hang_up(&second);
    tls_hang_up(&third);
}

/* Connections stay; the next handshake has the new certificate. Files that do not belong together change nothing. */
static void test_rotation(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer before = tls_dial(stage, NULL), after, broken;
    assert_true(tls_shake(stage, &before));
    tls_stage_use("renewed");
    after = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &after));
    assert_true(tls_mark(&after) != tls_mark(&before));
    assert_int_equal(counted(stage)->loads, 1);
    tls_ask(stage, &before, GET("/a"), "hello");
    assert_false(before.failed);
    tls_stage_use_file("encrypted", "key"); /* behind a pass phrase */
    broken = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &broken));
    assert_true(tls_mark(&broken) == tls_mark(&after));
    assert_int_equal(counted(stage)->load_failures, 1);
    tls_hang_up(&broken);
    tls_stage_use("server"); /* and a good pair is taken up again */
    broken = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &broken));
    assert_true(tls_mark(&broken) == tls_mark(&before));
    tls_hang_up(&before);
    tls_hang_up(&after);
    tls_hang_up(&broken);
}

static void turn_until_closed(struct tls_stage *stage)
{
    while (served(stage)->open > 0) {
        loop_turn_once(stage->world->loop, true);
    }
}

/* At each point of the handshake. */
static void test_slow(void **state)
{
    struct tls_stage *stage = *state;
    tls_stage_serve(stage, (struct http_listener_options){.request_timeout_ms = 20});
    struct tls_peer silent = tls_dial(stage, NULL);
    while (served(stage)->open == 0) {
        world_turn(stage->world);
    }
    turn_until_closed(stage);
    assert_int_equal(served(stage)->request_timeouts, 1);
    struct tls_peer half = tls_dial(stage, NULL);
    SSL_do_handshake(half.ssl);
    half.at_once = 40;
    tls_turn(stage, &half);
    turn_until_closed(stage);
    assert_int_equal(served(stage)->request_timeouts, 2);
    struct tls_peer hello = tls_dial(stage, NULL);
    SSL_do_handshake(hello.ssl);
    tls_turn(stage, &hello);
    turn_until_closed(stage);
    assert_int_equal(served(stage)->request_timeouts, 3);
    tls_hang_up(&silent);
    tls_hang_up(&half);
    tls_hang_up(&hello);
}

/* Handshakes are unfinished requests: where places are short they go first, and one that is done is served. */
static void test_half_open_make_room(void **state)
{
    struct tls_stage *stage = *state;
    struct tls_peer half[4];
    tls_stage_serve(stage, (struct http_listener_options){.max_connections = 4, .peer_share = 100});
    for (size_t i = 0; i < 4; i++) {
        half[i] = tls_dial(stage, NULL);
        SSL_do_handshake(half[i].ssl);
        tls_turn(stage, &half[i]);
    }
    struct tls_peer good = tls_dial(stage, NULL);
    assert_true(tls_shake(stage, &good));
    tls_ask(stage, &good, GET("/a"), "hello");
    assert_false(good.failed);
    assert_int_equal(served(stage)->closed[HTTP_EVICTED_UNFINISHED], 1);
    tls_hang_up(&good);
    for (size_t i = 0; i < 4; i++) {
        tls_hang_up(&half[i]);
    }
}

/* A hello that is complete, and then the end: nothing is signed for a peer that has gone. */
static void test_hello_and_gone(void **state)
{
    struct tls_stage *stage = *state;
    char bytes[4096];
    tls_stage_serve(stage, (struct http_listener_options){0});
    struct tls_peer peer = tls_dial(stage, NULL);
    SSL_do_handshake(peer.ssl);
    int size = BIO_read(peer.out, bytes, sizeof(bytes));
    assert_int_equal(send(peer.client.fd, bytes, (size_t)size, MSG_NOSIGNAL), size);
    shutdown(peer.client.fd, SHUT_WR);
    while (counted(stage)->refused[TLS_REFUSED_HANDSHAKE] == 0) {
        tls_turn(stage, &peer);
    }
    assert_int_equal(BIO_pending(peer.in), 0);
    assert_int_equal(served(stage)->open, 0);
    tls_hang_up(&peer);
}

/* A crowd of hellos does not keep the loop: only so many are answered in one turn, and then all are. */
static void test_few_in_a_turn(void **state)
{
    enum { CROWD = 40 };
    struct tls_stage *stage = *state;
    struct tls_peer crowd[CROWD];
    size_t answered = 0, turns = 0, most = 0;
    tls_stage_serve(stage, (struct http_listener_options){.peer_share = 100});
    for (size_t i = 0; i < CROWD; i++) {
        char bytes[4096];
        crowd[i] = tls_dial(stage, NULL);
        SSL_do_handshake(crowd[i].ssl);
        int size = BIO_read(crowd[i].out, bytes, sizeof(bytes));
        assert_int_equal(send(crowd[i].client.fd, bytes, (size_t)size, MSG_NOSIGNAL), size);
    }
    while (answered < CROWD) {
        size_t now = 0;
        world_turn(stage->world);
        for (size_t i = 0; i < CROWD; i++) {
            client_read(&crowd[i].client);
            now += crowd[i].client.in.size > 0 ? 1 : 0;
        }
        most = now - answered > most ? now - answered : most;
        answered = now;
        assert_true(++turns < 1000);
    }
    assert_int_equal(most, 8);
    for (size_t i = 0; i < CROWD; i++) {
        tls_hang_up(&crowd[i]);
    }
}

#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, tls_stage_set_up, tls_stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STAGE(test_request),
        WITH_STAGE(test_split),
        WITH_STAGE(test_pipelined_in_one_record),
        WITH_STAGE(test_body_larger_than_a_record),
        WITH_STAGE(test_large_reply),
        WITH_STAGE(test_plain_request),
        WITH_STAGE(test_plain_and_short),
        WITH_STAGE(test_hello_to_plain),
        WITH_STAGE(test_bad_hello),
        WITH_STAGE(test_truncated),
        WITH_STAGE(test_old_version),
        WITH_STAGE(test_protocols),
        WITH_STAGE(test_renegotiation),
        WITH_STAGE(test_key_update),
        WITH_STAGE(test_names),
        WITH_STAGE(test_bad_certificates),
        WITH_STAGE(test_tickets),
        WITH_STAGE(test_rotation),
        WITH_STAGE(test_slow),
        WITH_STAGE(test_half_open_make_room),
        WITH_STAGE(test_hello_and_gone),
        WITH_STAGE(test_few_in_a_turn),
    };
    return cmocka_run_group_tests(tests, tls_stage_certificates, tls_stage_no_certificates);
}
