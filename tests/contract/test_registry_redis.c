/* What servers and other programs do to a registry in Redis: `with-redis -- contract_registry_redis redis`. */
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
#include <sys/wait.h>

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

static const struct registry_kv *get(struct subject *subject, struct str key)
{
    return &subject_do(subject, (struct registry_request){.op = REGISTRY_GET, .key = key})->kv;
}

static void expect(const struct registry_reply *reply, enum registry_failure failure, const char *text)
{
    assert_string_equal(registry_failure_name(reply->failure), registry_failure_name(failure));
    if (text != NULL && strstr(reply->error.data, text) == NULL) {
        fail_msg("no '%s' in: %.*s", text, STR_ARG(reply->error));
    }
}

static struct registry_request keepalive(struct registry_lease lease)
{
    return (struct registry_request){.op = REGISTRY_KEEPALIVE, .lease = lease};
}

/* ---- the store is gone ---- */

static void what_is_emptied_under_a_watch_is_another_store(void **state)
{
    struct subject *subject = *state;
    struct watcher ranges = {0}, keys = {0};
    struct str key = fresh_key();
    put(subject, key, "1", NO_LEASE, 0);
    uint64_t cluster = subject->reply.cluster;
    watcher_open(&ranges, subject, STR("/contract/"), 0);
    watcher_start(&keys, subject, &(struct registry_range){.key = key}, 1, 0);
    watcher_wait_opened(&keys);
    redis_servers_do("cli 1 FLUSHALL");
    watcher_wait_ended(&ranges); /* by the connection that waits, as nothing is asked */
    assert_true(ranges.ending.read_anew);
    assert_false(get(subject, key)->found);
    assert_int_not_equal(subject->reply.cluster, cluster);
    watcher_wait_ended(&keys);
    assert_true(keys.ending.read_anew);
    watcher_fini(&ranges);
    watcher_fini(&keys);
}

static void a_single_key_that_goes_takes_the_store_along(void **state)
{
    static const char *const names[] = {"meta", "kv", "idx", "lease", "ttl", "log"};
    struct subject *subject = *state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct str key = fresh_key();
        put(subject, key, "1", subject_lease(subject), 0);
        uint64_t cluster = subject->reply.cluster;
        redis_servers_do("cli 1 DEL " NS ":%s", names[i]);
        assert_false(get(subject, key)->found);
        assert_int_not_equal(subject->reply.cluster, cluster);
        assert_true(subject->reply.revision < 3);
    }
}

static void a_server_that_evicts_is_noted_and_found_out(void **state)
{
    struct subject *subject = *state;
    struct str key = fresh_key();
    put(subject, key, "1", subject_lease(subject), 0);
    uint64_t cluster = subject->reply.cluster;
    assert_non_null(strstr(buf_text(&subject->note), "appendonly"));
    redis_servers_do("cli 1 CONFIG SET maxmemory-policy allkeys-random maxmemory 3mb");
    for (int i = 0; subject->reply.cluster == cluster; i++) {
        redis_servers_do(
            "cli 1 EVAL \"for i = 1, 200 do redis.call('SET', '%d:' .. i, string.rep('x', 4000)) "
            "end return 1\" 0",
            i);
        (void)subject_ask(subject, (struct registry_request){.op = REGISTRY_GET, .key = key});
        subject->reply.cluster = subject->reply.cluster == 0 ? cluster : subject->reply.cluster;
    }
    redis_servers_do("cli 1 FLUSHALL");
    redis_servers_do("cli 1 CONFIG SET maxmemory 100mb");
    (void)get(subject, key);
    assert_non_null(strstr(buf_text(&subject->note), "noeviction"));
    redis_servers_do("cli 1 CONFIG SET maxmemory 0 maxmemory-policy noeviction");
}

/* As after a write that broke off, or a hand that set it. */
static void a_counter_behind_the_log_is_a_damaged_store(void **state)
{
    struct subject *subject = *state;
    struct str key = fresh_key();
    put(subject, key, "1", NO_LEASE, 0);
    put(subject, key, "2", NO_LEASE, subject->reply.revision);
    uint64_t cluster = subject->reply.cluster;
    redis_servers_do("cli 1 HSET " NS ":meta rev 2");
    put(subject, fresh_key(), "v", NO_LEASE, 0); /* into the next store */
    assert_int_not_equal(subject->reply.cluster, cluster);
    assert_false(get(subject, key)->found);
}

/* ---- the server does not do what it should ---- */

static void a_script_that_is_forgotten_is_sent_whole(void **state)
{
    enum { PUTS = 20 };
    struct subject *subject = *state;
    struct registry_lease lease = subject_lease(subject);
    redis_servers_do("cli 1 SCRIPT FLUSH");
    size_t before = subject->answers;
    for (int i = 0; i < PUTS; i++) {
        subject_submit(subject, (struct registry_request){.op = REGISTRY_PUT, .key = fresh_key()});
        subject_submit(subject, keepalive(lease));
    }
    subject_run_until(subject, before + 2 * PUTS);
    assert_int_equal(subject->reply.failure, REGISTRY_OK);
    assert_int_equal(subject->reply.revision, 1 + PUTS);
}

static void a_server_that_is_busy_is_overloaded_until_its_script_is_killed(void **state)
{
    struct subject *subject = *state;
    struct str key = fresh_key();
    put(subject, key, "1", NO_LEASE, 0);
    redis_servers_do("cli 1 CONFIG SET busy-reply-threshold 50");
    int pid = redis_servers_begin("cli 1 EVAL 'while true do end' 0 >/dev/null");
    while (subject_ask(subject, (struct registry_request){.op = REGISTRY_GET, .key = key})->failure ==
           REGISTRY_OK) {
        subject_pass_time(subject);
    }
    expect(&subject->reply, REGISTRY_OVERLOADED, "BUSY");
    redis_servers_do("cli 1 SCRIPT KILL");
    waitpid(pid, NULL, 0);
    assert_true(get(subject, key)->found);
    redis_servers_do("cli 1 CONFIG SET busy-reply-threshold 5000");
}

static void a_full_server_keeps_leases_and_lets_them_end(void **state)
{
    struct subject *subject = *state;
    struct registry_lease lease = subject_lease(subject);
    struct str key = fresh_key();
    put(subject, key, "1", lease, 0);
    redis_servers_do("cli 1 CONFIG SET maxmemory 1");
    expect(subject_put(subject, fresh_key(), STR("v"), NO_LEASE, 0), REGISTRY_OVERLOADED, "OOM");
    assert_int_equal(subject_do(subject, keepalive(lease))->ttl_ms, 60000);
    assert_true(get(subject, key)->found);
    subject_do(subject, (struct registry_request){.op = REGISTRY_REVOKE, .lease = lease});
    assert_false(get(subject, key)->found);
    redis_servers_do("cli 1 CONFIG SET maxmemory 0");
}

static void without_enough_replicas_nothing_is_written(void **state)
{
    struct subject *subject = *state;
    struct str key = fresh_key();
    put(subject, key, "1", NO_LEASE, 0);
    redis_servers_do("cli 1 CONFIG SET min-replicas-to-write 1");
    expect(subject_put(subject, fresh_key(), STR("v"), NO_LEASE, 0), REGISTRY_OVERLOADED, "NOREPLICAS");
    assert_true(get(subject, key)->found);
    redis_servers_do("cli 1 CONFIG SET min-replicas-to-write 0");
    put(subject, fresh_key(), "v", NO_LEASE, 0);
}

static void a_master_that_becomes_a_replica_is_left_and_an_epoch_begins(void **state)
{
    struct subject *subject = *state;
    struct str key = fresh_key();
    int64_t revision = put(subject, key, "1", NO_LEASE, 0);
    uint64_t cluster = subject->reply.cluster, epoch = subject->reply.epoch;
    redis_servers_do("cli 1 REPLICAOF 127.0.0.1 1");
    struct registry_request request = {.op = REGISTRY_DELETE, .key = key, .timeout_ms = 300};
    expect(subject_ask(subject, request), REGISTRY_RETRY, "replica");
    redis_servers_do("cli 1 REPLICAOF NO ONE");
    while (subject_put(subject, key, STR("2"), NO_LEASE, revision)->failure != REGISTRY_OK) {
        subject_pass_time(subject);
    }
    assert_true(subject->reply.succeeded);
    assert_int_equal(subject->reply.cluster, cluster);
    assert_int_equal(subject->reply.epoch, epoch + 1);
    assert_true(subject->reply.revision > revision + (1 << 20));
}

static void a_server_that_is_full_of_clients_ends_a_watch_and_no_request(void **state)
{
    struct subject *subject = *state;
    struct watcher watcher = {0};
    char end[128];
    struct registry_range range = range_under(STR("/contract/"), end);
    put(subject, fresh_key(), "1", NO_LEASE, 0);
    redis_servers_do("cli 1 CONFIG SET maxclients 1");
    watcher_start(&watcher, subject, &range, 1, 0);
    watcher_wait_ended(&watcher);
    assert_int_equal(watcher.ending.failure, REGISTRY_RETRY);
    assert_non_null(strstr(buf_text(&watcher.error), "max number of clients"));
    put(subject, fresh_key(), "1", NO_LEASE, 0);
    watcher_fini(&watcher);
    server_signal(SIGKILL);
    redis_servers_do("revive");
}

/* While it reads its data it lets clients subscribe. */
static void a_server_that_loads_its_data_is_waited_for(void **state)
{
    struct subject *subject = *state;
    struct str key = fresh_key();
    put(subject, key, "1", NO_LEASE, 0);
    uint64_t cluster = subject->reply.cluster;
    redis_servers_do("cli 1 EVAL \"for i = 1, 60 do redis.call('SET', 'load:' .. i, string.rep('x', 60000)) "
                     "end return 1\" 0");
    redis_servers_do("cli 1 CONFIG SET rdbcompression no");
    redis_servers_do("cli 1 SAVE");
    server_signal(SIGKILL);
    redis_servers_do("begin-slow 1");
    assert_int_equal(
        subject_ask(subject, (struct registry_request){.op = REGISTRY_GET, .key = key, .timeout_ms = 20000})
            ->failure,
        REGISTRY_OK);
    assert_true(subject->reply.kv.found);
    assert_int_equal(subject->reply.cluster, cluster);
}

/* ---- time ---- */

static void a_clock_that_jumps_ends_no_lease(void **state)
{
    struct subject *subject = *state;
    struct registry_request grant = {.op = REGISTRY_GRANT, .lease = fresh_lease_id(), .ttl_ms = 9000};
    struct registry_lease lease = subject_do(subject, grant)->lease;
    redis_servers_do("cli 1 HSET " NS ":meta t 1"); /* it was fifty years ago */
    assert_int_equal(subject_do(subject, keepalive(lease))->ttl_ms, 9000);
    redis_servers_do("cli 1 HSET " NS ":meta t 9999999999999");
    assert_int_equal(subject_do(subject, keepalive(lease))->ttl_ms, 9000);
}

/* Twenty agents, whose heartbeats are in the socket when it goes on. */
static void a_server_that_stands_still_for_longer_than_the_ttl_ends_no_lease(void **state)
{
    enum { AGENTS = 20, TTL_MS = 6000, STILL_MS = 7000 };
    struct subject *subject = *state;
    struct registry_lease leases[AGENTS];
    for (int i = 0; i < AGENTS; i++) {
        struct registry_request grant = {.op = REGISTRY_GRANT, .lease = fresh_lease_id(), .ttl_ms = TTL_MS};
        leases[i] = subject_do(subject, grant)->lease;
    }
    server_pause(subject, STILL_MS);
    for (int i = 0; i < AGENTS; i++) {
        assert_int_equal(subject_do(subject, keepalive(leases[i]))->ttl_ms, TTL_MS);
    }
}

/* ---- other programs in the namespace ---- */

static void what_is_of_another_kind_is_refused(void **state)
{
    struct subject *subject = *state;
    struct registry_request request = {.op = REGISTRY_GET, .key = STR("k")};
    redis_servers_do("cli 1 SET " NS ":meta x");
    expect(subject_ask(subject, request), REGISTRY_REFUSED, "WRONGTYPE");
    redis_servers_do("cli 1 DEL " NS ":meta");
    redis_servers_do("cli 1 HSET " NS ":meta id 5 schema 2");
    expect(subject_ask(subject, request), REGISTRY_REFUSED, "OUTRIDER-SCHEMA 2");
    assert_non_null(strstr(redis_servers_do("cli 1 HGETALL " NS ":meta"), "\"id\", \"5\""));
    redis_servers_do("cli 1 DEL " NS ":meta");
    assert_int_equal(subject_ask(subject, request)->failure, REGISTRY_OK);
    redis_servers_do("cli 1 HSET " NS ":kv k nonsense");
    redis_servers_do("cli 1 HINCRBY " NS ":meta keys 1");
    redis_servers_do("cli 1 ZADD " NS ":idx 0 k");
    expect(subject_ask(subject, request), REGISTRY_REFUSED, "used by something else");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, subject_tear_down)

/* Each begins with an empty server. */
static int set_up(void **state)
{
    redis_servers_do("cli 1 FLUSHALL");
    return subject_set_up(state);
}

int main(int argc, char **argv)
{
    if (!subject_chosen(argc, argv, NULL)) {
        return 64;
    }
    const struct CMUnitTest tests[] = {
        TEST(what_is_emptied_under_a_watch_is_another_store),
        TEST(a_single_key_that_goes_takes_the_store_along),
        TEST(a_server_that_evicts_is_noted_and_found_out),
        TEST(a_counter_behind_the_log_is_a_damaged_store),
        TEST(a_script_that_is_forgotten_is_sent_whole),
        TEST(a_server_that_is_busy_is_overloaded_until_its_script_is_killed),
        TEST(a_full_server_keeps_leases_and_lets_them_end),
        TEST(without_enough_replicas_nothing_is_written),
        TEST(a_master_that_becomes_a_replica_is_left_and_an_epoch_begins),
        TEST(a_clock_that_jumps_ends_no_lease),
        TEST(a_server_that_stands_still_for_longer_than_the_ttl_ends_no_lease),
        TEST(what_is_of_another_kind_is_refused),
        TEST(a_server_that_is_full_of_clients_ends_a_watch_and_no_request),
        TEST(a_server_that_loads_its_data_is_waited_for),
    };
    return cmocka_run_group_tests_name(argv[1], tests, NULL, NULL);
}
