#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/codec/redis/redis_info.h"

static unsigned risks_of(struct str text)
{
    struct redis_info info;
    assert_int_equal(redis_info_read(text, &info), 0);
    return redis_info_risks(&info);
}

static void what_matters_is_read(void **state)
{
    (void)state;
    struct redis_info info;
    struct str text =
        STR("# Server\r\nrun_id:5f3a\r\n# Memory\r\nused_maxmemory:1\r\nmaxmemory:1048576\r\n"
            "maxmemory_human:1.00M\r\nmaxmemory_policy:allkeys-lru\r\n# Persistence\r\naof_enabled:1\r\n"
            "# Replication\r\nrole:master\r\nconnected_slaves:2\r\nmin_slaves_good_slaves:0");
    assert_int_equal(redis_info_read(text, &info), 0);
    assert_true(str_eq(info.run_id, STR("5f3a")));
    assert_int_equal(info.memory_max, 1048576);
    assert_true(str_eq(info.policy, STR("allkeys-lru")));
    assert_true(info.appends);
    assert_int_equal(info.replicas, 2);
    assert_true(info.needs_replicas);
    assert_int_equal(redis_info_risks(&info), REDIS_RISK_EVICTION);
}

static void each_risk_is_seen(void **state)
{
    (void)state;
    assert_int_equal(risks_of(STR("maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n")), 0);
    assert_int_equal(risks_of(STR("maxmemory:9\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n")), 0);
    assert_int_equal(risks_of(STR("maxmemory:9\r\nmaxmemory_policy:volatile-lfu\r\naof_enabled:1\r\n")),
                     REDIS_RISK_EVICTION);
    assert_int_equal(risks_of(STR("maxmemory:9\r\nmaxmemory_policy:volatile-ttl\r\naof_enabled:1\r\n")),
                     REDIS_RISK_ENDING);
    assert_int_equal(risks_of(STR("maxmemory:0\naof_enabled:0\nconnected_slaves:0\n")), REDIS_RISK_RESTART);
    assert_int_equal(risks_of(STR("maxmemory:0\naof_enabled:0\nconnected_slaves:1\n")), REDIS_RISK_FAILOVER);
    assert_int_equal(risks_of(STR("maxmemory:0\nconnected_slaves:1\nmin_slaves_good_slaves:1\n")), 0);
}

static void nonsense_is_no_answer(void **state)
{
    (void)state;
    struct redis_info info;
    assert_int_equal(redis_info_read(STR(""), &info), -1);
    assert_int_equal(redis_info_read(STR("\n\r\n:\n::\nmaxmemory\nmaxmemory:\n"), &info), -1);
    assert_int_equal(redis_info_read(STR("maxmemory:\r\n"), &info), -1);
    assert_int_equal(redis_info_read(STR("maxmemory:much"), &info), 0);
    assert_int_equal(info.memory_max, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matters_is_read),
        cmocka_unit_test(each_risk_is_seen),
        cmocka_unit_test(nonsense_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
