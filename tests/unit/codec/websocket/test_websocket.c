#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/codec/websocket/websocket.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, FIN = 0x80, MASKED = 0x80 };

struct peer {
    struct websocket *websocket;
    struct buf in, out;
};

static int set_up(void **state)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    peer->websocket = websocket_new();
    *state = peer;
    return 0;
}

static int tear_down(void **state)
{
    struct peer *peer = *state;
    websocket_free(peer->websocket);
    buf_fini(&peer->in);
    buf_fini(&peer->out);
    free(peer);
    return 0;
}

/* Adds a frame whose first byte is `first`, masked unless `plain`. */
static void add(struct peer *peer, unsigned first, struct str payload, bool plain)
{
    static const unsigned char mask[4] = {1, 2, 3, 4};
    unsigned char head[10] = {(unsigned char)first};
    size_t more = payload.size < 126 ? 0 : payload.size < 65536 ? 2 : 8;
    head[1] = (unsigned char)((plain ? 0 : MASKED) | (more == 0 ? payload.size : more == 2 ? 126 : 127));
    for (size_t i = 0; i < more; i++) {
        head[2 + i] = (unsigned char)(payload.size >> (8 * (more - 1 - i)));
    }
    buf_add(&peer->in, head, 2 + more);
    buf_add(&peer->in, mask, plain ? 0 : sizeof(mask));
    for (size_t i = 0; i < payload.size; i++) {
        char byte = (char)(payload.data[i] ^ (plain ? 0 : mask[i % 4]));
        buf_add(&peer->in, &byte, 1);
    }
}

/* Gives what was added in portions of `size` bytes, and counts the messages. */
static size_t give(struct peer *peer, size_t size)
{
    size_t messages = 0;
    struct str text, left = buf_view(&peer->in);
    while (left.size > 0) {
        size_t some = left.size < size ? left.size : size;
        websocket_take(peer->websocket, (struct str){left.data, some}, &peer->out);
        left = (struct str){left.data + some, left.size - some};
        while (websocket_next(peer->websocket, &text)) {
            messages++;
        }
    }
    buf_clear(&peer->in);
    return messages;
}

/* What was sent last is one close, with the code. */
static void assert_closed(struct peer *peer, enum websocket_code code)
{
    struct str out = buf_view(&peer->out);
    assert_true(websocket_is_over(peer->websocket));
    assert_int_equal(websocket_code(peer->websocket), code);
    assert_true(out.size >= 4);
    assert_int_equal((unsigned char)out.data[0], FIN | CLOSE);
    assert_int_equal((size_t)(unsigned char)out.data[1], out.size - 2);
    assert_int_equal((unsigned char)out.data[2] << 8 | (unsigned char)out.data[3], code);
}

/* The example of RFC 6455, 1.3. */
static void test_accept(void **state)
{
    (void)state;
    char text[WEBSOCKET_ACCEPT_SIZE];
    assert_int_equal(websocket_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), text), 0);
    assert_string_equal(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_int_equal(websocket_accept(STR(""), text), -1);
    assert_int_equal(websocket_accept(STR("dGhlIHNhbXBsZSBub25jZQ"), text), -1);
    assert_int_equal(websocket_accept(STR("dGhlIHNhbXBsZSBub25jZTE="), text), -1);
    assert_int_equal(websocket_accept(STR("dGhlIHNhbXBsZSBub25jZQ==\n"), text), -1);
}

static void test_frames(void **state)
{
    (void)state;
    struct buf out = {0};
    websocket_text(&out, STR("hi"));
    websocket_ping(&out);
    websocket_text_head(&out, 125);
    websocket_text_head(&out, 126);
    websocket_text_head(&out, 65535);
    websocket_text_head(&out, 65536);
    static const char expected[] =
        "\x81\x02hi\x89\0\x81\x7d\x81\x7e\0\x7e\x81\x7e\xff\xff\x81\x7f\0\0\0\0\0\1\0";
    assert_int_equal(out.size, sizeof(expected));
    assert_memory_equal(out.data, expected, sizeof(expected));
    buf_fini(&out);
}

static void test_messages_in_any_portions(void **state)
{
    static const size_t portions[] = {1, 2, 3, 7, 4096};
    struct peer *peer = *state;
    struct str text;
    for (size_t i = 0; i < COUNT_OF(portions); i++) {
        add(peer, FIN | TEXT, STR("one"), false);
        add(peer, TEXT, STR("t"), false);
        add(peer, FIN | PING, STR("between"), false);
        add(peer, 0, STR(""), false);
        add(peer, FIN, STR("wo"), false);
        add(peer, FIN | TEXT, STR(""), false);
        assert_int_equal(give(peer, portions[i]), 3);
        assert_int_equal(peer->out.size, 9); /* the pong */
        assert_memory_equal(peer->out.data,
                            "\x8a\x07"
                            "between",
                            9);
        buf_clear(&peer->out);
    }
    add(peer, TEXT, STR("w"), false);
    add(peer, FIN, STR("hole"), false);
    websocket_take(peer->websocket, buf_view(&peer->in), &peer->out);
    assert_true(websocket_next(peer->websocket, &text));
    assert_true(str_eq(text, STR("whole")));
    assert_false(websocket_next(peer->websocket, &text));
    assert_false(websocket_is_over(peer->websocket));
}

static void test_close_is_answered(void **state)
{
    struct peer *peer = *state;
    add(peer, FIN | CLOSE, STR("\x03\xe8ok"), false);
    add(peer, FIN | TEXT, STR("too late"), false);
    assert_int_equal(give(peer, 4096), 0);
    assert_closed(peer, WEBSOCKET_NORMAL);
    size_t size = peer->out.size;
    websocket_close(peer->websocket, WEBSOCKET_POLICY, STR("again"), &peer->out);
    add(peer, FIN | PING, STR("x"), false);
    assert_int_equal(give(peer, 4096), 0);
    assert_int_equal(peer->out.size, size);
}

static void test_close_without_a_code(void **state)
{
    struct peer *peer = *state;
    add(peer, FIN | CLOSE, STR(""), false);
    assert_int_equal(give(peer, 1), 0);
    assert_true(websocket_is_over(peer->websocket));
    assert_int_equal(websocket_code(peer->websocket), WEBSOCKET_NO_CODE);
    assert_int_equal((unsigned char)peer->out.data[0], FIN | CLOSE);
}

static void test_own_close(void **state)
{
    struct peer *peer = *state;
    char reason[300];
    memset(reason, 'x', sizeof(reason));
    websocket_close(peer->websocket, WEBSOCKET_GOING_AWAY, (struct str){reason, sizeof(reason)}, &peer->out);
    assert_closed(peer, WEBSOCKET_GOING_AWAY);
    assert_int_equal(peer->out.size, 2 + 125);
}

/* Each ends the connection with a code of its own, and messages before it have come. */
static void test_faults(void **state)
{
    (void)state;
    static const struct {
        unsigned first;
        struct str payload;
        bool plain;
        enum websocket_code code;
    } rows[] = {
        {FIN | TEXT, STR_INIT("not masked"), true, WEBSOCKET_PROTOCOL},
        {FIN | 0x40 | TEXT, STR_INIT("compressed"), false, WEBSOCKET_PROTOCOL},
        {FIN | 0x20 | TEXT, STR_INIT("reserved"), false, WEBSOCKET_PROTOCOL},
        {FIN | 0x10 | TEXT, STR_INIT("reserved"), false, WEBSOCKET_PROTOCOL},
        {FIN | 3, STR_INIT("an opcode that is none"), false, WEBSOCKET_PROTOCOL},
        {FIN | 11, STR_INIT("a control that is none"), false, WEBSOCKET_PROTOCOL},
        {FIN, STR_INIT("goes on with nothing"), false, WEBSOCKET_PROTOCOL},
        {PING, STR_INIT("a control in pieces"), false, WEBSOCKET_PROTOCOL},
        {FIN | CLOSE, STR_INIT("x"), false, WEBSOCKET_PROTOCOL},
        {FIN | CLOSE, STR_INIT("\x03\xee"), false, WEBSOCKET_PROTOCOL}, /* 1006, which none may send */
        {FIN | CLOSE, STR_INIT("\x03\xe8\xff"), false, WEBSOCKET_NO_UTF8},
        {FIN | TEXT, STR_INIT("\xc0\xaf"), false, WEBSOCKET_NO_UTF8},
        {FIN | TEXT, STR_INIT("\xed\xa0\x80"), false, WEBSOCKET_NO_UTF8},
        {FIN | TEXT, STR_INIT("\xe2\x82"), false, WEBSOCKET_NO_UTF8},
        {FIN | BINARY, STR_INIT("bytes"), false, WEBSOCKET_NO_TEXT},
        {FIN | BINARY, STR_INIT(""), false, WEBSOCKET_NO_TEXT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t portion = 1; portion < 100; portion += 98) {
            struct peer peer = {.websocket = websocket_new()};
            add(&peer, FIN | TEXT, STR("before"), false);
            add(&peer, rows[i].first, rows[i].payload, rows[i].plain);
            add(&peer, FIN | TEXT, STR("behind"), false);
            assert_int_equal(give(&peer, portion), 1);
            assert_closed(&peer, rows[i].code);
            websocket_free(peer.websocket);
            buf_fini(&peer.in);
            buf_fini(&peer.out);
        }
    }
}

static void test_text_begun_within_text(void **state)
{
    struct peer *peer = *state;
    add(peer, TEXT, STR("a"), false);
    add(peer, FIN | TEXT, STR("b"), false);
    assert_int_equal(give(peer, 1), 0);
    assert_closed(peer, WEBSOCKET_PROTOCOL);
}

static void test_sizes(void **state)
{
    struct peer *peer = *state;
    struct buf large = {0};
    memset(buf_extend(&large, WEBSOCKET_MESSAGE_MAX), 'x', WEBSOCKET_MESSAGE_MAX);
    add(peer, FIN | TEXT, buf_view(&large), false);
    assert_int_equal(give(peer, 4096), 1);
    add(peer, TEXT, buf_view(&large), false);
    add(peer, FIN, STR("x"), false);
    assert_int_equal(give(peer, 4096), 0);
    assert_closed(peer, WEBSOCKET_TOO_LARGE);
    buf_fini(&large);
}

/* It is refused with its first byte. */
static void test_announced_size(void **state)
{
    struct peer *peer = *state;
    buf_add(&peer->in, "\x81\xff\x00\x00\x00\x7f\xff\xff\xff\xff\1\2\3\4x", 15);
    assert_int_equal(give(peer, 4096), 0);
    assert_closed(peer, WEBSOCKET_TOO_LARGE);
}

/* A length with its highest bit, and one that would fit into fewer bytes. */
static void test_wrong_lengths(void **state)
{
    (void)state;
    static const struct str heads[] = {STR_INIT("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2\3\4"),
                                       STR_INIT("\x81\xfe\0\x05\1\2\3\4xxxxx"),
                                       STR_INIT("\x89\xfe\0\x7e\1\2\3\4")};
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        struct peer peer = {.websocket = websocket_new()};
        buf_str(&peer.in, heads[i]);
        assert_int_equal(give(&peer, 1), 0);
        assert_closed(&peer, WEBSOCKET_PROTOCOL);
        websocket_free(peer.websocket);
        buf_fini(&peer.in);
        buf_fini(&peer.out);
    }
}

static void test_pieces(void **state)
{
    struct peer *peer = *state;
    for (int round = 0; round < 2; round++) { /* the number begins again with each message */
        add(peer, TEXT, STR(""), false);
        for (int i = 0; i < WEBSOCKET_PIECES_MAX - 2; i++) {
            add(peer, 0, STR("x"), false);
            add(peer, FIN | PING, STR(""), false);
        }
        add(peer, FIN, STR("x"), false);
        assert_int_equal(give(peer, 4096), 1);
    }
    buf_clear(&peer->out);
    add(peer, TEXT, STR(""), false);
    for (int i = 0; i < WEBSOCKET_PIECES_MAX; i++) {
        add(peer, 0, STR(""), false);
    }
    assert_int_equal(give(peer, 4096), 0);
    assert_closed(peer, WEBSOCKET_POLICY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_frames),
        cmocka_unit_test_setup_teardown(test_messages_in_any_portions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_without_a_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_own_close, set_up, tear_down),
        cmocka_unit_test(test_faults),
        cmocka_unit_test_setup_teardown(test_text_begun_within_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_announced_size, set_up, tear_down),
        cmocka_unit_test(test_wrong_lengths),
        cmocka_unit_test_setup_teardown(test_pieces, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
