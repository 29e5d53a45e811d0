#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/error.h"
#include "outrider/codec/redis/redis_cluster.h"
#include "outrider/codec/redis/redis_reply.h"

static void slots_as_redis_counts_them(void **state)
{
    (void)state;
    assert_int_equal(redis_slot(STR("123456789")), 0x31c3); /* the specification's own example */
    assert_int_equal(redis_slot(STR("foo")), 12182);
    assert_int_equal(redis_slot(STR("{foo}bar")), 12182);
    assert_int_equal(redis_slot(STR("x{foo}{bar}")), 12182);
    assert_int_equal(redis_slot((struct str){"", 0}), 0);
    assert_int_equal(redis_slot(STR("{}foo")), redis_slot(STR("{}foo")));
    assert_int_not_equal(redis_slot(STR("{}foo")), redis_slot(STR("foo")));
    assert_int_not_equal(redis_slot(STR("{foo")), redis_slot(STR("foo")));
}

static int read_one(const char *bytes, struct redis_slots *ret_slots)
{
    struct error err;
    const struct redis_reply *reply = NULL;
    struct redis_decoder *decoder = redis_decoder_new(10000);
    static char host[64];
    redis_decoder_feed(decoder, str_of(bytes));
    assert_int_equal(redis_decoder_next(decoder, &err, &reply), 1);
    int rc = redis_slots_read(reply, &err, ret_slots);
    if (rc == 0) {
        assert_true(ret_slots->host.size < sizeof(host));
        memcpy(host, ret_slots->host.data, ret_slots->host.size);
        ret_slots->host.data = host;
    }
    redis_decoder_free(decoder);
    return rc;
}

static void ranges_of_slots(void **state)
{
    (void)state;
    struct redis_slots slots;
    assert_int_equal(
        read_one("*3\r\n:5461\r\n:10922\r\n*4\r\n$9\r\n127.0.0.1\r\n:7001\r\n$2\r\nid\r\n*0\r\n", &slots), 0);
    assert_int_equal(slots.first, 5461);
    assert_int_equal(slots.last, 10922);
    assert_int_equal(slots.port, 7001);
    assert_true(str_eq(slots.host, STR("127.0.0.1")));
    assert_int_equal(read_one("*3\r\n:0\r\n:0\r\n*2\r\n$-1\r\n:7001\r\n", &slots), 0);
    assert_int_equal(slots.host.size, 0);
    static const char *const wrong[] = {
        ":1\r\n",
        "*0\r\n",
        "*2\r\n:0\r\n:1\r\n",
        "*3\r\n:1\r\n:0\r\n*2\r\n$1\r\nh\r\n:1\r\n",
        "*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\nh\r\n:1\r\n",
        "*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\nh\r\n:1\r\n",
        "*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n:0\r\n",
        "*3\r\n:0\r\n:1\r\n*2\r\n$1\r\nh\r\n$1\r\n1\r\n",
        "*3\r\n$1\r\n0\r\n:1\r\n*2\r\n$1\r\nh\r\n:1\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(read_one(wrong[i], &slots), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_as_redis_counts_them),
        cmocka_unit_test(ranges_of_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
