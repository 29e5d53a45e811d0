/* Watches of a registry in Redis, and who may do what: messages that are lost or forged, a slow reader, rights, a master that moves.
 * What a test needs of its servers it looks up; `with-redis --aof` and the modes run those that need that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_servers.h"
#include "server.h"
#include "watcher.h"

#include "outrider/base/attr.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define NS "{out-contract}"

static int64_t put(struct subject *subject, struct str key, const char *value, struct registry_lease lease,
                   int64_t expect)
{
    const struct registry_reply *reply = subject_put(subject, key, str_of(value), lease, expect);
    if (!reply->succeeded) {
        fail_msg("%s: %.*s", registry_failure_name(reply->failure), STR_ARG(reply->error));
    }
    return reply->revision;
}

static void expect(const struct registry_reply *reply, enum registry_failure failure, const char *text)
{
    assert_string_equal(registry_failure_name(reply->failure), registry_failure_name(failure));
    if (text != NULL && strstr(reply->error.data, text) == NULL) {
        fail_msg("no '%s' in: %.*s", text, STR_ARG(reply->error));
    }
}

/* Begins to watch single keys, at most two. */
static void hear(struct watcher *watcher, struct subject *subject, struct str key, struct str other,
                 int64_t from_revision)
{
    struct registry_range ranges[] = {{.key = key}, {.key = other}};
    watcher_start(watcher, subject, ranges, other.size > 0 ? 2 : 1, from_revision);
}

/* ---- single keys ---- */

static void keys_are_heard_one_by_one(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    struct str a = fresh_key(), b = fresh_key();
    struct registry_lease lease = subject_lease(subject);
    put(subject, a, "before", NO_LEASE, 0);
    int64_t first = subject->reply.revision;
    hear(&watcher, subject, a, b, 0);
    watcher_wait_opened(&watcher);
    assert_int_equal(watcher.opening.revision, first);
    int64_t second = put(subject, b, "1", lease, 0);
    put(subject, fresh_key(), "elsewhere", NO_LEASE, 0);
    int64_t third = put(subject, a, "", lease, first);
    watcher_wait_changes(&watcher, 2);
    assert_int_equal(watcher.told, third);
    subject_do(subject, (struct registry_request){.op = REGISTRY_REVOKE, .lease = lease});
    watcher_wait_changes(&watcher, 4);
    assert_int_equal(watcher.newest, third + 1);
    assert_int_equal(watcher.told, third + 1);
    char text[512];
    snprintf(text, sizeof(text), "+%.*s=1@%lld\n+%.*s=@%lld\n", STR_ARG(b), (long long)second, STR_ARG(a),
             (long long)third);
    assert_memory_equal(buf_text(&watcher.text), text, strlen(text));
    watcher_fini(&watcher);
}

static void keys_are_heard_from_a_revision_on(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0}, gone = {0};
    struct str key = fresh_key();
    int64_t first = put(subject, key, "1", NO_LEASE, 0);
    int64_t second = put(subject, key, "2", NO_LEASE, first);
    int64_t third = put(subject, key, "3", NO_LEASE, second);
    hear(&watcher, subject, key, STR(""), second);
    watcher_wait_changes(&watcher, 2);
    put(subject, key, "4", NO_LEASE, third);
    watcher_wait_changes(&watcher, 3);
    server_compact(subject, third);
    hear(&gone, subject, key, STR(""), second);
    watcher_wait_ended(&gone);
    assert_true(gone.ending.read_anew);
    watcher_fini(&watcher);
    watcher_fini(&gone);
}

/* The connection of the messages ends; or one of them says that another one is missing. */
static void what_was_not_heard_is_read(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0}, next = {0};
    struct str key = fresh_key();
    int64_t first = put(subject, key, "1", NO_LEASE, 0);
    hear(&watcher, subject, key, STR(""), 0);
    watcher_wait_opened(&watcher);
    redis_servers_do("cli 1 CLIENT KILL TYPE pubsub");
    int64_t second = put(subject, key, "2", NO_LEASE, first);
    watcher_wait_ended(&watcher);
    assert_false(watcher.ending.read_anew);
    hear(&next, subject, key, STR(""), watcher.opening.revision + 1);
    watcher_wait_changes(&next, 1);
    assert_int_equal(next.newest, second);
    /* of the next one no message comes; the one after it tells */
    redis_servers_do(
        "cli 1 EVAL \"local kv, value = KEYS[1], '%lld %lld 0\\n3' redis.call('HSET', kv, ARGV[1], value) "
        "redis.call('HINCRBY', KEYS[2], 'rev', 1) redis.call('XADD', KEYS[3], '%lld-0', 'o', 'p', 'k', "
        "ARGV[1], 'p', '%lld', 'c', '%lld', 'l', '0', 'v', '3') return 1\" 3 " NS ":kv " NS ":meta " NS
        ":log %.*s",
        (long long)second + 1, (long long)first, (long long)second + 1, (long long)second, (long long)first,
        STR_ARG(key));
    put(subject, key, "4", NO_LEASE, second + 1);
    watcher_wait_changes(&next, 3);
    assert_non_null(strstr(buf_text(&next.text), "=3@"));
    assert_non_null(strstr(buf_text(&next.text), "=4@"));
    watcher_fini(&watcher);
    watcher_fini(&next);
}

static void channels_are_given_back(void **state)
{
    struct subject *subject = *state;
    struct watcher first = {0}, second = {0}, last = {0};
    struct str a = fresh_key(), b = fresh_key();
    hear(&first, subject, a, STR(""), 0);
    hear(&second, subject, a, b, 0);
    watcher_wait_opened(&first);
    watcher_wait_opened(&second);
    watcher_close(&second);
    hear(&last, subject, a, STR(""), 0);
    watcher_wait_opened(&last);
    const char *channels;
    do {
        put(subject, fresh_key(), "", NO_LEASE, 0);
        channels = redis_servers_do("cli 1 PUBSUB CHANNELS " NS "*");
    } while (strstr(channels, b.data) != NULL);
    assert_non_null(strstr(channels, a.data));
    watcher_close(&first);
    watcher_close(&last);
    do {
        put(subject, fresh_key(), "", NO_LEASE, 0);
    } while (strcmp(redis_servers_do("cli 1 PUBSUB CHANNELS " NS "*"), "[]\n") != 0);
    watcher_fini(&first);
    watcher_fini(&second);
    watcher_fini(&last);
}

/* The server drops it, when it has no room for more. */
static void a_reader_that_is_too_slow_misses_nothing(void **state)
{
    enum { PUTS = 150, SIZE = 100000 };
    struct subject *subject = *state, other;
    struct watcher watcher = {0}, next = {0};
    struct str key = fresh_key();
    char *value = mem_zalloc(SIZE + 1);
    memset(value, 'x', SIZE);
    redis_servers_do("cli 1 CONFIG SET client-output-buffer-limit 'pubsub 64kb 0 0'");
    hear(&watcher, subject, key, STR(""), 0);
    watcher.quiet = next.quiet = true;
    watcher_wait_opened(&watcher);
    subject_open(&other, getenv("OUTRIDER_TEST_REDIS"));
    int64_t revision = 0;
    for (int i = 0; i < PUTS; i++) {
        revision = put(&other, key, value, NO_LEASE, revision);
    }
    watcher_wait_ended(&watcher);
    assert_false(watcher.ending.read_anew);
    size_t missing = PUTS - watcher.changes;
    assert_true(missing > 0);
    int64_t told = watcher.changes > 0 ? watcher.told : watcher.opening.revision;
    hear(&next, subject, key, STR(""), told + 1);
    watcher_wait_changes(&next, missing);
    assert_int_equal(next.newest, revision);
    redis_servers_do("cli 1 CONFIG SET client-output-buffer-limit 'pubsub 32mb 8mb 60'");
    free(value);
    subject_close(&other);
    watcher_fini(&watcher);
    watcher_fini(&next);
}

/* ---- other programs ---- */

static void what_is_no_message_ends_the_watch(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0}, future = {0};
    struct str key = fresh_key();
    put(subject, key, "1", NO_LEASE, 0);
    hear(&watcher, subject, key, STR(""), 0);
    watcher_wait_opened(&watcher);
    redis_servers_do("cli 1 PUBLISH " NS ":log:%.*s nonsense", STR_ARG(key));
    watcher_wait_ended(&watcher);
    assert_true(watcher.ending.read_anew);
    assert_int_equal(watcher.ending.failure, REGISTRY_REFUSED);
    hear(&future, subject, key, STR(""), 0);
    watcher_wait_opened(&future);
    put(subject, key, "2", NO_LEASE, subject->reply.revision);
    watcher_wait_changes(&future, 1);
    /* of a revision that the store has not reached */
    redis_servers_do("cli 1 EVAL \"return redis.call('PUBLISH', '" NS ":log:%.*s', '999-0 p 998 5 0\\n')\" 0",
                     STR_ARG(key));
    watcher_wait_ended(&future);
    assert_true(future.ending.read_anew);
    watcher_fini(&watcher);
    watcher_fini(&future);
}

static void what_is_no_change_in_the_log_ends_the_watch(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    put(subject, fresh_key(), "1", NO_LEASE, 0);
    uint64_t cluster = subject->reply.cluster;
    watcher_open(&watcher, subject, STR("/contract/"), 0);
    redis_servers_do("cli 1 XADD " NS ":log '*' foo bar");
    watcher_wait_ended(&watcher);
    assert_true(watcher.ending.read_anew);
    put(subject, fresh_key(), "1", NO_LEASE, 0); /* no entry fits behind that one */
    assert_int_not_equal(subject->reply.cluster, cluster);
    watcher_fini(&watcher);
}

/* Two revisions further in one step. */
static void a_gap_in_the_log_ends_the_watch(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    int64_t revision = put(subject, fresh_key(), "1", NO_LEASE, 0);
    watcher_open(&watcher, subject, STR("/contract/"), 0);
    put(subject, fresh_key(), "2", NO_LEASE, 0);
    watcher_wait_changes(&watcher, 1);
    redis_servers_do(
        "cli 1 EVAL \"redis.call('HINCRBY', KEYS[1], 'rev', 2) return redis.call('XADD', KEYS[2], '%lld-0', "
        "'o', 'd', 'k', '/contract/x', 'p', '2', 'c', '0', 'l', '0', 'v', '')\" 2 " NS ":meta " NS ":log",
        (long long)revision + 3);
    watcher_wait_ended(&watcher);
    assert_true(watcher.ending.read_anew);
    assert_int_equal(watcher.changes, 1);
    watcher_fini(&watcher);
}

/* ---- rights ---- */

static const char rights[] =
    "'~" NS ":*' '&" NS ":log' '&" NS
    ":log:*' -@all +evalsha +eval '+script|load' +info +ping +hello +subscribe +unsubscribe "
    "+xread +hget +hlen +hmget +hset +hdel +hexists +hincrby +hgetall +zadd +zcard +zrem +zscore "
    "+zrangebylex +zrangebyscore "
    "+zlexcount +xadd +xrange +xrevrange +publish +exists +del +time";

static void log_in(struct subject *subject)
{
    char password[512], name[] = "agent-of-test";
    snprintf(password, sizeof(password), "%s/password-of-test", getenv("OUTRIDER_TEST_REDIS_DIR"));
    FILE *file = fopen(password, "we");
    assert_non_null(file);
    fputs("pw\n", file);
    fclose(file);
    redis_servers_do("cli 1 ACL SETUSER agent-of-test reset on '>pw' %s", rights);
    subject_log_in(subject, &(struct redis_login){.username = name, .password_file = password});
    struct registry_request request = {.op = REGISTRY_GET, .key = STR("k")};
    assert_int_equal(subject_ask(subject, request)->failure, REGISTRY_OK);
}

static void the_rights_that_are_documented_are_enough(void **state)
{
    struct subject *subject = *state;
    struct watcher ranges = {0}, keys = {0};
    struct str key = fresh_key();
    char end[128];
    log_in(subject);
    struct registry_lease lease = subject_lease(subject);
    watcher_open(&ranges, subject, STR("/contract/"), 0);
    hear(&keys, subject, key, STR(""), 0);
    watcher_wait_opened(&keys);
    put(subject, key, "1", lease, 0);
    struct registry_range range = range_under(STR("/contract/"), end);
    subject_do(subject,
               (struct registry_request){.op = REGISTRY_LIST, .key = range.key, .range_end = range.end});
    subject_do(subject, (struct registry_request){.op = REGISTRY_PROVE, .key = key});
    subject_do(subject, (struct registry_request){.op = REGISTRY_COMPARE, .key = key});
    subject_do(subject, (struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = lease});
    subject_do(subject, (struct registry_request){.op = REGISTRY_LEASE_TTL, .lease = lease});
    subject_do(subject, (struct registry_request){.op = REGISTRY_REVOKE, .lease = lease});
    watcher_wait_changes(&ranges, 2);
    watcher_wait_changes(&keys, 2);
    watcher_close(&keys);
    subject_pass_time(subject);
    watcher_fini(&ranges);
    watcher_fini(&keys);
}

static void a_right_that_is_taken_away_is_named(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    char end[128];
    struct registry_range range = range_under(STR("/contract/"), end);
    log_in(subject);
    struct str key = fresh_key();
    put(subject, key, "1", NO_LEASE, 0);
    redis_servers_do("cli 1 ACL SETUSER agent-of-test -publish");
    expect(subject_put(subject, fresh_key(), STR("v"), NO_LEASE, 0), REGISTRY_DENIED,
           "can't run this command");
    expect(subject_ask(subject, (struct registry_request){.op = REGISTRY_PROVE, .key = key}), REGISTRY_DENIED,
           "OUTRIDER-DENIED PUBLISH");
    redis_servers_do("cli 1 CLIENT KILL USER agent-of-test");
    expect(subject_ask(subject, (struct registry_request){.op = REGISTRY_GET, .key = key}), REGISTRY_DENIED,
           "OUTRIDER-DENIED PUBLISH on " NS ":log"); /* what comes first writes nothing */
    redis_servers_do("cli 1 ACL SETUSER agent-of-test +publish -xread");
    struct registry_request request = {.op = REGISTRY_GET, .key = key};
    while (subject_ask(subject, request)->failure != REGISTRY_OK) {
        subject_pass_time(subject);
    }
    watcher_start(&watcher, subject, &range, 1, 0);
    watcher_wait_ended(&watcher);
    assert_int_equal(watcher.ending.failure, REGISTRY_DENIED);
    assert_non_null(strstr(buf_text(&watcher.error), "xread"));
    redis_servers_do("cli 1 ACL SETUSER agent-of-test -evalsha");
    expect(subject_ask(subject, request), REGISTRY_DENIED, "NOPERM");
    watcher_fini(&watcher);
}

/* ---- another server, or the same one after a while ---- */

/* Both kinds of watches end where the history does, and are opened again. */
static void expect_epoch(struct subject *subject, int64_t revision, uint64_t cluster, uint64_t epoch)
{
    struct watcher watcher = {0}, next = {0};
    struct str key = fresh_key();
    assert_int_equal(subject->reply.cluster, cluster);
    assert_true(subject->reply.epoch > epoch);
    assert_true(subject->reply.revision >= revision + (1 << 20));
    watcher_open(&watcher, subject, STR("/contract/"), revision + 1);
    watcher_wait_ended(&watcher);
    assert_true(watcher.ending.read_anew);
    watcher_open(&next, subject, STR("/contract/"), 0);
    put(subject, key, "1", NO_LEASE, 0);
    watcher_wait_changes(&next, 1);
    watcher_fini(&watcher);
    watcher_fini(&next);
}

static void a_server_with_a_file_goes_on_in_another_epoch(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    struct str key = fresh_key();
    bool has_file = strstr(redis_servers_do("cli 1 CONFIG GET appendonly"), "yes") != NULL;
    struct registry_lease lease = subject_lease(subject);
    int64_t revision = put(subject, key, "1", lease, 0);
    uint64_t cluster = subject->reply.cluster, epoch = subject->reply.epoch;
    watcher_open(&watcher, subject, STR("/contract/"), 0);
    server_lose(subject);
    watcher_wait_ended(&watcher);
    server_find(subject);
    if (!has_file) {
        assert_int_not_equal(subject->reply.cluster, cluster);
        expect(subject_ask(subject, (struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = lease}),
               REGISTRY_LEASE_LOST, NULL);
    } else {
        subject_do(subject, (struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = lease});
        assert_true(subject_do(subject, (struct registry_request){.op = REGISTRY_GET, .key = key})->kv.found);
        expect_epoch(subject, revision, cluster, epoch);
    }
    watcher_fini(&watcher);
}

/* By hand, as for maintenance: the old one lives, and goes on taking what it is sent. */
static void the_master_is_followed_where_it_goes(void **state)
{
    struct subject *subject = *state;
    struct watcher ranges = {0}, keys = {0};
    struct str key = fresh_key();
    bool is_cluster = strcmp(getenv("OUTRIDER_TEST_REDIS_MODE"), "cluster") == 0;
    struct registry_lease lease = subject_lease(subject);
    int64_t revision = put(subject, key, "1", lease, 0);
    uint64_t cluster = subject->reply.cluster, epoch = subject->reply.epoch;
    watcher_open(&ranges, subject, STR("/contract/"), 0);
    hear(&keys, subject, key, STR(""), 0);
    watcher_wait_opened(&keys);
    redis_servers_do("%s", is_cluster ? "move " NS ":meta" : "switch");
    struct registry_request request = {.op = REGISTRY_KEEPALIVE, .lease = lease};
    while (subject_ask(subject, request)->failure != REGISTRY_OK || subject->reply.epoch == epoch) {
        assert_int_not_equal(subject->reply.failure, REGISTRY_LEASE_LOST);
        subject_pass_time(subject);
    }
    watcher_wait_ended(&ranges);
    watcher_wait_ended(&keys);
    (void)subject_do(subject, (struct registry_request){.op = REGISTRY_GET, .key = key});
    expect_epoch(subject, revision, cluster, epoch);
    watcher_fini(&ranges);
    watcher_fini(&keys);
}

static int set_up_empty(void **state)
{
    redis_servers_do("cli 1 FLUSHALL");
    return subject_set_up(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_empty, subject_tear_down)

int main(int argc, char **argv)
{
    if (!subject_chosen(argc, argv, NULL)) {
        return 64;
    }
    const struct CMUnitTest of_single[] = {
        TEST(keys_are_heard_one_by_one),
        TEST(keys_are_heard_from_a_revision_on),
        TEST(what_was_not_heard_is_read),
        TEST(channels_are_given_back),
        TEST(a_reader_that_is_too_slow_misses_nothing),
        TEST(what_is_no_message_ends_the_watch),
        TEST(what_is_no_change_in_the_log_ends_the_watch),
        TEST(a_gap_in_the_log_ends_the_watch),
        TEST(the_rights_that_are_documented_are_enough),
        TEST(a_right_that_is_taken_away_is_named),
        TEST(a_server_with_a_file_goes_on_in_another_epoch),
    };
    const struct CMUnitTest of_several[] = {cmocka_unit_test_setup_teardown(
        the_master_is_followed_where_it_goes, subject_set_up, subject_tear_down)};
    const struct CMUnitTest of_file[] = {TEST(a_server_with_a_file_goes_on_in_another_epoch)};
    if (strcmp(getenv("OUTRIDER_TEST_REDIS_MODE"), "single") != 0) {
        return cmocka_run_group_tests_name("several", of_several, NULL, NULL);
    }
    if (strstr(redis_servers_do("cli 1 CONFIG GET appendonly"), "yes") != NULL) {
        return cmocka_run_group_tests_name("file", of_file, NULL, NULL);
    }
    return cmocka_run_group_tests_name(argv[1], of_single, NULL, NULL);
}
