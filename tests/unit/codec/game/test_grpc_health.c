#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/game/grpc_health.h"

#define GRPC "content-type: application/grpc\r\n"
#define OK_TRAILERS STR("grpc-status: 0\r\n")

/* "" when it serves. */
static const char *judged(struct str head, struct str trailers, struct str body)
{
    static struct error err;
    err = (struct error){0};
    int result = grpc_health_answer(&(struct grpc_answer){head, trailers, body}, &err);
    assert_true(result == 0 ? err.text[0] == '\0' : err.text[0] != '\0');
    return err.text;
}

static const char *judged_body(struct str body)
{
    return judged(STR(GRPC), OK_TRAILERS, body);
}

static void the_request_names_the_service(void **state)
{
    (void)state;
    struct buf out = {0};
    grpc_health_request(STR(""), &out);
    assert_int_equal(out.size, 5);
    assert_memory_equal(out.data, "\0\0\0\0\0", 5);
    buf_clear(&out);
    grpc_health_request(STR("game.v1"), &out);
    assert_int_equal(out.size, 14);
    assert_memory_equal(out.data, "\0\0\0\0\x09\x0a\x07game.v1", 14);
    buf_clear(&out);
    char name[128];
    memset(name, 'n', sizeof(name));
    grpc_health_request((struct str){name, sizeof(name)}, &out);
    assert_int_equal(out.size, 5 + 3 + 128);
    assert_memory_equal(out.data, "\0\0\0\0\x83\x0a\x80\x01n", 9);
    buf_fini(&out);
}

static void serving_alone_passes(void **state)
{
    (void)state;
    assert_string_equal(judged_body(STR("\0\0\0\0\2\x08\1")), "");
    assert_string_equal(judged_body(STR("\0\0\0\0\2\x08\2")), "NOT_SERVING");
    assert_string_equal(judged_body(STR("\0\0\0\0\2\x08\3")), "SERVICE_UNKNOWN");
    assert_string_equal(judged_body(STR("\0\0\0\0\2\x08\0")), "UNKNOWN");
    assert_string_equal(judged_body(STR("\0\0\0\0\0")), "UNKNOWN"); /* 0 is not sent */
    assert_string_equal(judged_body(STR("\0\0\0\0\2\x08\7")), "a status that is not known");
    /* the last of a field counts, and what is not known is skipped: text, 64 bits, 32 bits, a number */
    assert_string_equal(judged_body(STR("\0\0\0\0\4\x08\2\x08\1")), "");
    assert_string_equal(judged_body(STR("\0\0\0\0\x17\x12\2hi\x19"
                                        "12345678\x25"
                                        "1234\x30\x96\1\x08\1")),
                        "");
}

static void the_trailers_decide(void **state)
{
    (void)state;
    struct str serving = STR("\0\0\0\0\2\x08\1"), nothing = STR("");
    assert_string_equal(judged(STR(GRPC), STR("grpc-message: \r\ngrpc-status: 0\r\n\r\n"), serving), "");
    assert_string_equal(
        judged(STR("Content-Type:application/grpc+proto\r\n"), STR("Grpc-Status:0\r\n"), serving), "");
    assert_string_equal(judged(STR(GRPC), nothing, serving), "the answer has no trailers");
    assert_string_equal(judged(STR(GRPC), STR("x: y\r\n"), serving), "the answer has no trailers");
    assert_string_equal(judged(STR(GRPC "grpc-status: 0\r\n"), nothing, serving),
                        "the answer has no trailers");
    assert_string_equal(judged(STR(GRPC), STR("grpc-status: 5\r\n"), nothing),
                        "the server does not know the service");
    assert_string_equal(judged(STR(GRPC "grpc-status: 12\r\n"), nothing, nothing),
                        "the server has no health service (grpc.health.v1)");
    assert_string_equal(judged(STR(GRPC), STR("grpc-status: 14\r\ngrpc-message: go\taway\xff\r\n"), serving),
                        "the check failed: UNAVAILABLE: go?away?");
    assert_string_equal(judged(STR(GRPC), STR("grpc-status: 16\r\n"), nothing),
                        "the check failed: UNAUTHENTICATED");
    assert_string_equal(judged(STR(GRPC), STR("grpc-status: 17\r\n"), nothing), "grpc-status \"17\" is none");
    assert_string_equal(judged(STR(GRPC), STR("grpc-status: x\r\n"), nothing), "grpc-status \"x\" is none");
    assert_string_equal(judged(STR(GRPC), STR("grpc-status:\r\n"), nothing), "grpc-status \"\" is none");
    assert_string_equal(judged(STR(GRPC), OK_TRAILERS, nothing), "the answer has no message");
    assert_string_equal(judged(STR("content-type: text/html\r\n"), OK_TRAILERS, serving),
                        "no gRPC: the answer is of type \"text/html\"");
    assert_string_equal(judged(nothing, nothing, nothing), "no gRPC: the answer is of type \"\"");
}

static void a_message_is_whole(void **state)
{
    (void)state;
    static const char not_one[] = "the answer is not one whole message";
    static const char other[] = "the message is not one of grpc.health.v1";
    assert_string_equal(judged_body(STR("\0\0\0\0")), "the answer has no message");
    assert_string_equal(judged_body(STR("\1\0\0\0\2\x08\1")),
                        "the message is compressed, which was not asked for");
    assert_string_equal(judged_body(STR("\0\0\0\0\3\x08\1")), not_one);
    assert_string_equal(judged_body(STR("\0\xff\xff\xff\xff\x08\1")), not_one);
    assert_string_equal(judged_body(STR("\0\0\0\0\2\x08\1\0\0\0\0\0")), not_one);
    assert_string_equal(judged_body(STR("\0\0\0\0\1\x08")), other);      /* ends within a field */
    assert_string_equal(judged_body(STR("\0\0\0\0\2\x08\x80")), other);  /* within a number */
    assert_string_equal(judged_body(STR("\0\0\0\0\3\x12\x05x")), other); /* within a text */
    assert_string_equal(judged_body(STR("\0\0\0\0\2\x0b\1")), other);    /* a group */
    assert_string_equal(judged_body(STR("\0\0\0\0\2\0\1")), other);      /* field 0 */
    assert_string_equal(judged_body(STR("\0\0\0\0\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\2")), other);
    assert_string_equal(judged_body(STR("\0\0\0\0\x0d\x08\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0")),
                        other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_names_the_service),
        cmocka_unit_test(serving_alone_passes),
        cmocka_unit_test(the_trailers_decide),
        cmocka_unit_test(a_message_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
