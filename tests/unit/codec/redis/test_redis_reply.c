#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/redis/redis_reply.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX = 100000 };

static struct error err;

/* The next reply after `bytes`, in pieces of `piece` bytes. */
static const struct redis_reply *decode(struct redis_decoder *decoder, struct str bytes, size_t piece)
{
    const struct redis_reply *reply = NULL;
    for (size_t at = 0; at < bytes.size; at += piece) {
        size_t size = bytes.size - at < piece ? bytes.size - at : piece;
        redis_decoder_feed(decoder, (struct str){bytes.data + at, size});
        int rc = redis_decoder_next(decoder, &err, &reply);
        if (rc != 0) {
            return rc > 0 ? reply : NULL;
        }
    }
    return NULL;
}

static void every_type_in_pieces_of_every_size(void **state)
{
    (void)state;
    struct str bytes =
        STR("*7\r\n+OK\r\n-ERR no\r\n:-42\r\n$5\r\na\r\n\0b\r\n$-1\r\n*2\r\n$0\r\n\r\n*0\r\n*-1\r\n");
    for (size_t piece = 1; piece <= bytes.size; piece++) {
        struct redis_decoder *decoder = redis_decoder_new(MAX);
        const struct redis_reply *reply = decode(decoder, bytes, piece);
        assert_non_null(reply);
        assert_int_equal(reply->type, REDIS_IS_ARRAY);
        assert_int_equal(reply->count, 7);
        assert_int_equal(reply->items[0].type, REDIS_IS_STATUS);
        assert_true(str_eq(redis_text(&reply->items[0]), STR("OK")));
        assert_int_equal(reply->items[1].type, REDIS_IS_ERROR);
        assert_int_equal(redis_text(&reply->items[1]).size, 0);
        assert_true(str_eq(reply->items[1].text, STR("ERR no")));
        assert_int_equal(reply->items[2].type, REDIS_IS_INTEGER);
        assert_int_equal(reply->items[2].integer, -42);
        assert_true(str_eq(redis_text(&reply->items[3]), STR("a\r\n\0b")));
        assert_int_equal(reply->items[4].type, REDIS_IS_NIL);
        assert_int_equal(redis_item(redis_item(reply, 5), 0)->type, REDIS_IS_STRING);
        assert_int_equal(redis_item(redis_item(reply, 5), 1)->count, 0);
        assert_int_equal(redis_item(redis_item(reply, 5), 2)->type, REDIS_IS_NIL);
        assert_int_equal(reply->items[6].type, REDIS_IS_NIL);
        redis_decoder_free(decoder);
    }
}

static void replies_that_come_together_are_told_apart(void **state)
{
    (void)state;
    struct redis_decoder *decoder = redis_decoder_new(MAX);
    const struct redis_reply *reply = NULL;
    redis_decoder_feed(decoder, STR(":1\r\n$2\r\nab\r\n:3"));
    assert_int_equal(redis_decoder_next(decoder, &err, &reply), 1);
    assert_int_equal(reply->integer, 1);
    assert_int_equal(redis_decoder_next(decoder, &err, &reply), 1);
    assert_true(str_eq(redis_text(reply), STR("ab")));
    assert_int_equal(redis_decoder_next(decoder, &err, &reply), 0);
    redis_decoder_feed(decoder, STR("\r\n"));
    assert_int_equal(redis_decoder_next(decoder, &err, &reply), 1);
    assert_int_equal(reply->integer, 3);
    assert_int_equal(redis_decoder_next(decoder, &err, &reply), 0);
    redis_decoder_free(decoder);
}

static void fails(struct str bytes, enum error_code code, const char *part)
{
    struct redis_decoder *decoder = redis_decoder_new(MAX);
    const struct redis_reply *reply = NULL;
    redis_decoder_feed(decoder, bytes);
    int rc = 0;
    while ((rc = redis_decoder_next(decoder, &err, &reply)) > 0) {
    }
    assert_int_equal(rc, -1);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.text, part));
    assert_int_equal(redis_decoder_next(decoder, &err, &reply), -1); /* for good */
    redis_decoder_free(decoder);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    fails(STR("HTTP/1.1 400 Bad Request\r\n"), ERROR_PROTOCOL, "reply type byte");
    fails(STR("%7\r\n"), ERROR_PROTOCOL, "reply type byte");
    fails(STR("$abc\r\nx"), ERROR_PROTOCOL, "no reply of Redis");
    fails(STR(":12x\r\n"), ERROR_PROTOCOL, "no reply of Redis");
    fails(STR("*1\r\n\r\n"), ERROR_PROTOCOL, "no reply of Redis");
    fails(STR("*-7\r\n"), ERROR_PROTOCOL, "no reply of Redis");
}

static void giants_are_refused_when_they_are_announced(void **state)
{
    (void)state;
    fails(STR("*2147483647\r\n"), ERROR_LIMIT, "larger than 100000 bytes");
    fails(STR("*100000\r\n"), ERROR_LIMIT, "larger than 100000 bytes");
    fails(STR("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), ERROR_LIMIT, "more than 7 levels");
}

static void an_endless_line_and_an_endless_string_are_refused(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct redis_decoder *decoder = redis_decoder_new(MAX);
        const struct redis_reply *reply = NULL;
        char block[4096];
        memset(block, 'a', sizeof(block));
        redis_decoder_feed(decoder, kind == 0 ? STR("+") : STR("$9999999999\r\n"));
        size_t fed = 0;
        int rc = 0;
        while ((rc = redis_decoder_next(decoder, &err, &reply)) == 0) {
            redis_decoder_feed(decoder, (struct str){block, sizeof(block)});
            fed += sizeof(block);
            assert_true(fed < MAX + REDIS_LINE_MAX + 2 * sizeof(block));
        }
        assert_int_equal(rc, -1);
        assert_int_equal(err.code, ERROR_LIMIT);
        redis_decoder_free(decoder);
    }
}

static void the_limit_is_of_each_reply_and_not_of_all(void **state)
{
    (void)state;
    struct redis_decoder *decoder = redis_decoder_new(MAX);
    char *bytes = mem_zalloc(MAX + 32);
    int head = snprintf(bytes, 32, "$%d\r\n", MAX - 1);
    memset(bytes + head, 'x', MAX - 1);
    memcpy(bytes + head + MAX - 1, "\r\n", 2);
    struct str one = {bytes, (size_t)head + MAX + 1};
    for (int i = 0; i < 5; i++) {
        const struct redis_reply *reply = decode(decoder, one, 16384);
        assert_non_null(reply);
        assert_int_equal(redis_text(reply).size, MAX - 1);
    }
    redis_decoder_free(decoder);
    free(bytes);
}

static void commands_carry_any_bytes(void **state)
{
    (void)state;
    struct buf out = {0};
    struct str args[100] = {STR("SET"), STR("a\r\n\0%s"), {NULL, 0}};
    redis_command_add(&out, args, 3);
    assert_true(str_eq(buf_view(&out), STR("*3\r\n$3\r\nSET\r\n$6\r\na\r\n\0%s\r\n$0\r\n\r\n")));
    buf_clear(&out);
    for (size_t i = 0; i < COUNT_OF(args); i++) {
        args[i] = STR("x");
    }
    redis_command_add(&out, args, COUNT_OF(args));
    assert_true(str_starts(buf_view(&out), STR("*100\r\n$1\r\nx\r\n")));
    buf_fini(&out);
}

static void a_script_has_the_name_that_redis_gives_it(void **state)
{
    (void)state;
    char sha[REDIS_SHA_SIZE];
    assert_string_equal(redis_script_sha(STR("return 1"), sha), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_in_pieces_of_every_size),
        cmocka_unit_test(replies_that_come_together_are_told_apart),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(giants_are_refused_when_they_are_announced),
        cmocka_unit_test(an_endless_line_and_an_endless_string_are_refused),
        cmocka_unit_test(the_limit_is_of_each_reply_and_not_of_all),
        cmocka_unit_test(commands_carry_any_bytes),
        cmocka_unit_test(a_script_has_the_name_that_redis_gives_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
