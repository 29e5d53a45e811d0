#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/codec/redis/redis_error.h"

static void every_text_of_redis_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        enum redis_error error;
        bool not_done;
    } cases[] = {
        {STR_INIT("NOSCRIPT No matching script. Please use EVAL."), REDIS_ERROR_NOSCRIPT, true},
        {STR_INIT("READONLY You can't write against a read only replica. script: c1, on @user_script:42."),
         REDIS_ERROR_READONLY, true},
        {STR_INIT("MOVED 16101 127.0.0.1:7001"), REDIS_ERROR_MOVED, true},
        {STR_INIT("ASK 1 h:1"), REDIS_ERROR_ASK, true},
        {STR_INIT("TRYAGAIN Multiple keys request during rehashing of slot"), REDIS_ERROR_TRYAGAIN, true},
        {STR_INIT("CLUSTERDOWN Hash slot not served"), REDIS_ERROR_CLUSTERDOWN, true},
        {STR_INIT("LOADING Redis is loading the dataset in memory"), REDIS_ERROR_LOADING, true},
        {STR_INIT("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
         REDIS_ERROR_LOADING, true},
        {STR_INIT("BUSY Redis is busy running a script."), REDIS_ERROR_OVERLOADED, true},
        {STR_INIT("OOM command not allowed when used memory > 'maxmemory'."), REDIS_ERROR_OVERLOADED, true},
        {STR_INIT("MISCONF Redis is configured to save RDB snapshots"), REDIS_ERROR_OVERLOADED, true},
        {STR_INIT("NOREPLICAS Not enough good replicas to write."), REDIS_ERROR_OVERLOADED, true},
        {STR_INIT("ERR max number of clients reached"), REDIS_ERROR_OVERLOADED, true},
        {STR_INIT("NOAUTH Authentication required."), REDIS_ERROR_NOAUTH, true},
        {STR_INIT("WRONGPASS invalid username-password pair or user is disabled."), REDIS_ERROR_DENIED, true},
        {STR_INIT("NOPERM this user has no permissions to run the 'evalsha' command"), REDIS_ERROR_DENIED,
         true},
        {STR_INIT("DENIED Redis is running in protected mode"), REDIS_ERROR_DENIED, true},
        {STR_INIT("ERR The user executing the script can't run this command or subcommand script: c178"),
         REDIS_ERROR_DENIED_HALFWAY, false},
        {STR_INIT("ERR AUTH <password> called without any password configured for the default user."),
         REDIS_ERROR_NO_PASSWORD, true},
        {STR_INIT("ERR unknown command 'HELLO', with args beginning with: '2'"), REDIS_ERROR_UNKNOWN_COMMAND,
         true},
        {STR_INIT("NOPROTO unsupported protocol version"), REDIS_ERROR_UNKNOWN_COMMAND, true},
        {STR_INIT("WRONGTYPE Operation against a key holding the wrong kind of value"), REDIS_ERROR_REFUSED,
         true},
        {STR_INIT("CROSSSLOT Keys in request don't hash to the same slot"), REDIS_ERROR_REFUSED, true},
        {STR_INIT("EXECABORT Transaction discarded because of previous errors."), REDIS_ERROR_REFUSED, true},
        {STR_INIT("ERR something that no server says"), REDIS_ERROR_OTHER, false},
        {STR_INIT("MOVE"), REDIS_ERROR_OTHER, false},
        {STR_INIT(""), REDIS_ERROR_OTHER, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(redis_error_of(cases[i].text), cases[i].error);
        assert_int_equal(redis_error_is_not_done(redis_error_of(cases[i].text)), cases[i].not_done);
    }
}

static void where_to_go(void **state)
{
    (void)state;
    uint16_t slot = 0, port = 0;
    struct str host;
    assert_int_equal(redis_error_target(STR("MOVED 16101 127.0.0.1:7001"), &slot, &host, &port), 0);
    assert_int_equal(slot, 16101);
    assert_int_equal(port, 7001);
    assert_true(str_eq(host, STR("127.0.0.1")));
    assert_int_equal(redis_error_target(STR("ASK 0 ::1:65535"), &slot, &host, &port), 0);
    assert_true(str_eq(host, STR("::1")));
    assert_int_equal(redis_error_target(STR("MOVED 1 :7001"), &slot, &host, &port), 0);
    assert_int_equal(host.size, 0);
    assert_int_equal(redis_error_target(STR("MOVED 1 ?:7001"), &slot, &host, &port), 0);
    assert_int_equal(host.size, 0);
    static const char *const wrong[] = {
        "MOVED",        "MOVED 1",         "MOVED 16384 h:1", "MOVED -1 h:1", "MOVED 1 h",
        "MOVED 1 h:0",  "MOVED 1 h:65536", "MOVED 1 h:x",     "GONE 1 h:1",   "",
        "MOVED  1 h:1", "MOVED 1 "};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(redis_error_target(str_of(wrong[i]), &slot, &host, &port), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_of_redis_has_its_meaning),
        cmocka_unit_test(where_to_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
