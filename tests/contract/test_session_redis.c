/* What the store in Redis alone has: several agents, faults of the servers, and whatever else is in the namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis_agents.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* ---- several agents ---- */

static void every_agent_hears_what_any_of_them_does(void **state)
{
    (void)state;
    struct agent *a = &agents[0], *b = &agents[1];
    must(b, (struct session_request){.op = SESSION_GET, .session_id = STR("none")}); /* it listens by now */
    must(a, put_of("s1", "p 1", "world/w1"));
    assert_non_null(strstr(buf_text(&a->events), "created s1\n")); /* before the answer */
    must(a, put_of("s1", "p 1", "world/w2"));
    must(a, (struct session_request){.op = SESSION_ORPHAN, .server = STR("world/w2"), .ttl_ms = HOUR_MS});
    must(a, (struct session_request){.op = SESSION_RESTORE, .server = STR("world/w2"), .ttl_ms = HOUR_MS});
    must(a, put_of("s2", "p 1", "world/w1"));
    assert_string_equal(a->replaced, "s1");
    must(b, (struct session_request){.op = SESSION_END, .session_id = STR("s2"), .why = SESSION_DELETED});
    static const char all[] =
        "gap \ncreated s1\nmoved s1 from world/w1\norphaned s1\nrestored s1\nended s1 replaced\n"
        "created s2\nended s2 deleted\n";
    for (size_t i = 0; i < AGENTS; i++) {
        hears(&agents[i], "ended s2 deleted\n");
        assert_string_equal(buf_text(&agents[i].events), all);
    }
    assert_false(has(a, "s1"));
    assert_false(has(a, "s2"));
}

static void an_id_of_another_player_is_a_conflict_while_it_lives(void **state)
{
    (void)state;
    struct agent *a = &agents[0], *b = &agents[1];
    struct session_request brief = put_of("s1", "p1", "world/w1");
    must(a, brief);
    ask(b, put_of("s1", "p2", "world/w1"));
    assert_int_equal(b->failure, SESSION_CONFLICT);
    assert_true(b->found);
    assert_string_equal(b->player, "p1");
    brief.ttl_ms = 100;
    must(a, brief);
    run_for(150);
    must(b, put_of("s1", "p2", "world/w1")); /* the index still says p1 */
    assert_true(has(a, "s1"));
    assert_string_equal(a->player, "p2");
}

static void ends_are_told_and_every_key_goes_by_itself(void **state)
{
    (void)state;
    struct agent *a = &agents[0], *b = &agents[1];
    struct session_request brief = put_of("s1", "p1", "world/w1");
    brief.ttl_ms = 200;
    must(a, brief);
    must(a, put_of("s2", "p2", "world/w1"));
    must(a, (struct session_request){.op = SESSION_TOUCH, .session_id = STR("s2"), .ttl_ms = HOUR_MS});
    must(a, (struct session_request){.op = SESSION_ORPHAN, .server = STR("world/w1"), .ttl_ms = 300});
    hears(b, "ended s1 expired\n");
    hears(b, "ended s2 server_gone\n");
    const char *keys =
        redis_servers_do("cli 1 EVAL \"local out = {} for _, k in ipairs(redis.call('KEYS', '*%s:*')) do "
                         "out[#out + 1] = k .. ' ' .. tostring(redis.call('PTTL', k)) end return out\" 0",
                         space);
    assert_null(strstr(keys, " -1\""));
}

/* ---- whatever else is there ---- */

static void what_is_not_ours_is_an_error_or_nothing_at_all(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    must(a, put_of("s1", "p1", "world/w1"));
    /* a session that is none, an index that is none, and one that is of another kind */
    redis_servers_do("cli 1 EVAL \"for _, k in ipairs(redis.call('KEYS', '*%s:*')) do if string.find(k, "
                     "':p:p1', 1, true) then "
                     "redis.call('HSET', k, 'world', 'nonsense') end end return 1\" 0",
                     space);
    assert_false(has(a, "s1"));
    must(a, (struct session_request){.op = SESSION_LIST, .server = STR("world/w1")});
    assert_int_equal(a->count, 0);
    must(a, put_of("s1", "p1", "world/w1"));
    redis_servers_do("cli 1 EVAL \"for _, k in ipairs(redis.call('KEYS', '*%s:*')) do if string.find(k, "
                     "':i:s1', 1, true) then "
                     "redis.call('SET', k, 'nonsense') end end return 1\" 0",
                     space);
    assert_false(has(a, "s1"));
    ask(a, put_of("s1", "p1", "world/w1"));
    assert_int_equal(a->failure, SESSION_AWAY);
    assert_non_null(strstr(a->error, "used by something else"));
    redis_servers_do("cli 1 EVAL \"for _, k in ipairs(redis.call('KEYS', '*%s:*')) do redis.call('DEL', k) "
                     "redis.call('SET', k, 'x') end return 1\" 0",
                     space);
    ask(a, (struct session_request){.op = SESSION_FIND, .player = STR("p1"), .type = STR("world")});
    assert_int_equal(a->failure, SESSION_AWAY);
    assert_non_null(strstr(a->error, "WRONGTYPE"));
    redis_servers_do("cli 1 PUBLISH %s:sessions nonsense", space);
    redis_servers_do("cli 1 EVAL \"for _, k in ipairs(redis.call('KEYS', '*%s:*')) do redis.call('DEL', k) "
                     "end return 1\" 0",
                     space);
    must(a, put_of("s2", "p1", "world/w1"));
    hears(a, "created s2\n");
}

/* ---- faults ---- */

static void signal_server(int number, int signo)
{
    char path[300];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/%d/pid", getenv("OUTRIDER_TEST_REDIS_DIR"), number);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    assert_int_equal(kill(pid, signo), 0);
}

static void a_server_that_stops_is_away_and_comes_back(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    struct session_facts facts;
    must(a, put_of("s1", "p1", "world/w1"));
    signal_server(1, SIGSTOP);
    for (int i = 0; i < 3; i++) {
        submit(a, put_of("s2", "p2", "world/w1"), 300);
        await(a);
        assert_int_equal(a->failure, SESSION_AWAY);
    }
    session_facts(a->store, &facts);
    assert_false(facts.up);
    assert_true(facts.error[0] != '\0');
    signal_server(1, SIGCONT);
    must(a, put_of("s3", "p3", "world/w1"));
    assert_true(has(a, "s1"));
    session_facts(a->store, &facts);
    assert_true(facts.up);
    assert_non_null(strstr(buf_text(&logged), "sessions cannot be read or written"));
    assert_non_null(strstr(buf_text(&logged), "can be read and written again"));
}

static void a_server_that_is_killed_and_started_is_used_again(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    must(a, put_of("s1", "p1", "world/w1"));
    buf_clear(&a->events);
    signal_server(1, SIGKILL);
    submit(a, put_of("s2", "p2", "world/w1"), 300);
    await(a);
    assert_int_equal(a->failure, SESSION_AWAY);
    submit(a, put_of("s3", "p3", "world/w1"), 5000); /* waits, and is done by the new one */
    redis_servers_do("revive");
    await(a);
    assert_int_equal(a->failure, SESSION_OK);
    assert_false(has(a, "s1")); /* it keeps nothing over a restart */
    hears(a, "gap");
    must(a, put_of("s4", "p4", "world/w1"));
    hears(a, "created s4\n");
}

static void scripts_that_are_forgotten_are_sent_again(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    for (int i = 0; i < 30; i++) {
        char id[16];
        snprintf(id, sizeof(id), "s%d", i);
        submit(a, put_of(id, id, "world/w1"), 5000);
    }
    redis_servers_do("cli 1 SCRIPT FLUSH");
    await(a);
    assert_int_equal(a->failures, 0);
    must(a, (struct session_request){.op = SESSION_LIST, .server = STR("world/w1")});
    assert_int_equal(a->count, 30);
}

static void a_subscription_that_ends_is_a_gap(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    must(a, put_of("s1", "p1", "world/w1"));
    buf_clear(&a->events);
    redis_servers_do("cli 1 CLIENT KILL TYPE pubsub");
    hears(a, "gap");
    must(a, put_of("s2", "p2", "world/w1"));
    hears(a, "created s2\n");
}

static void full_memory_is_told_as_full(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    must(a, put_of("s1", "p1", "world/w1"));
    redis_servers_do("cli 1 CONFIG SET maxmemory 1");
    ask(a, put_of("s2", "p2", "world/w1"));
    assert_int_equal(a->failure, SESSION_FULL);
    assert_true(has(a, "s1"));
    redis_servers_do("cli 1 CONFIG SET maxmemory 0");
    must(a, put_of("s2", "p2", "world/w1"));
}

/* ---- Sentinel and cluster, under load ---- */

/* A put at a time, and another one as soon as it is answered, until the program ends and 20 more are done. Returns how many there
 * were until it ended; `ret_done` of all. */
static int put_until_it_ends(struct agent *a, int pid, bool same_shard, int *ret_done)
{
    int status = 0, done = 0, before = 0;
    while (before == 0 || done < before + 20) {
        char id[24], player[24];
        snprintf(id, sizeof(id), "s%d", done);
        snprintf(player, sizeof(player), "p%d", same_shard ? done % 3 : done);
        must(a, put_of(id, player, "world/w1"));
        done++;
        if (before == 0 && waitpid(pid, &status, WNOHANG) == pid) {
            assert_int_equal(status, 0);
            before = done;
        }
    }
    *ret_done = done;
    return before;
}

/* Puts the sessions PREFIX0 to PREFIX(COUNT-1) of as many players on `server`. */
static void put_some(struct agent *a, const char *prefix, int count, const char *server)
{
    for (int i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof(name), "%s%d", prefix, i);
        must(a, put_of(name, name, server));
    }
}

/* Whether `player` has the session `id` on world/w1. By its id, by its player and on its server it is the same, or it is not
 * there at all. */
static bool is_whole(struct agent *a, const char *id, const char *player)
{
    bool there = has(a, id);
    if (there) {
        assert_string_equal(a->player, player);
        assert_string_equal(a->server, "world/w1");
    }
    must(a, (struct session_request){.op = SESSION_FIND, .player = str_of(player), .type = STR("world")});
    assert_int_equal(a->found, there);
    assert_true(!there || strcmp(a->id, id) == 0);
    must(a,
         (struct session_request){.op = SESSION_LIST, .player = str_of(player), .server = STR("world/w1")});
    assert_int_equal(a->count, there ? 1 : 0);
    return there;
}

/* What is lost is what the old master took last: docs/operating.md, "What is lost, and when". The replica gets every change in its
 * order, so that there is one run of lost ones, and nothing is half there. */
static void a_failover_loses_only_what_no_replica_had(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    int done = 0, runs = 0;
    put_some(a, "kept", 20, "world/w1");
    redis_servers_do("replicated");
    buf_clear(&a->events);
    int before = put_until_it_ends(a, redis_servers_begin("failover"), false, &done);
    put_some(a, "later", 5, "world/w1");
    for (int i = 0; i < 20; i++) {
        char id[24];
        snprintf(id, sizeof(id), "kept%d", i);
        assert_true(is_whole(a, id, id));
    }
    bool there = true;
    for (int i = 0; i < done; i++) {
        char id[24], player[24];
        snprintf(id, sizeof(id), "s%d", i);
        snprintf(player, sizeof(player), "p%d", i);
        bool is = is_whole(a, id, player);
        assert_true(is || i < before); /* the new master took it */
        runs += there && !is ? 1 : 0;
        there = is;
    }
    assert_in_range(runs, 0, 1);
    hears(a, "gap");
    redis_servers_do("revive");
}

static void what_no_replica_had_is_gone_as_a_whole(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    put_some(a, "kept", 5, "world/w1");
    redis_servers_do("replicated");
    redis_servers_do("lag");
    put_some(a, "lost", 5, "world/w1");
    must(a, (struct session_request){.op = SESSION_END, .session_id = STR("kept0"), .why = SESSION_DELETED});
    must(a, put_of("kept1", "kept1", "world/w2"));
    must(a, put_of("instead", "kept2", "world/w1"));
    buf_clear(&a->events);
    redis_servers_do("failover-stale");
    hears(a, "gap");
    for (int i = 0; i < 5; i++) { /* as before those changes, whichever kind they were of */
        char id[24];
        snprintf(id, sizeof(id), "kept%d", i);
        assert_true(is_whole(a, id, id));
        snprintf(id, sizeof(id), "lost%d", i);
        assert_false(is_whole(a, id, id));
    }
    assert_false(has(a, "instead"));
    must(a, (struct session_request){.op = SESSION_LIST, .server = STR("world/w2")});
    assert_int_equal(a->count, 0);
    buf_clear(&a->events);
    put_some(a, "lost", 5, "world/w1"); /* the store works on, and nothing of them is in the way */
    for (int i = 0; i < 5; i++) {
        char id[24];
        snprintf(id, sizeof(id), "lost%d", i);
        assert_true(is_whole(&agents[1], id, id));
    }
    hears(a, "created lost4\n");
    redis_servers_do("revive");
}

static void a_master_that_is_replaced_is_left_though_it_answers(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    must(a, put_of("s1", "p1", "world/w1"));
    const char *said = "";
    do { /* the replica of the failover before may still be on its way */
        said = redis_servers_do("switch");
        run_for(50);
    } while (strstr(said, "OK") == NULL);
    /* what is written from now on ends up at the new master, or is lost with the old one within a second or two */
    run_for(1500);
    must(a, put_of("s2", "p2", "world/w1"));
    run_for(200);
    assert_true(has(&agents[1], "s2"));
    close_agent(&agents[1]);
    open_agent(&agents[1]); /* a new one asks the sentinel */
    assert_true(has(&agents[1], "s2"));
}

static void a_slot_that_moves_under_load_costs_nothing(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    must(a, put_of("first", "p0", "world/w1"));
    for (int shard = 0; shard < 3; shard++) {
        char player[16];
        snprintf(player, sizeof(player), "p%d", shard);
        (void)put_until_it_ends(a, redis_servers_begin("move-of %s %s", space, player), true, &(int){0});
    }
    for (int i = 0; i < 3; i++) {
        char player[16];
        snprintf(player, sizeof(player), "p%d", i);
        must(&agents[1],
             (struct session_request){.op = SESSION_FIND, .player = str_of(player), .type = STR("world")});
        assert_true(agents[1].found);
    }
}

static void a_slot_that_is_half_moved_is_waited_for(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    must(a, put_of("s1", "p1", "world/w1"));
    redis_servers_do("half-move-of %s p1", space);
    submit(a, put_of("s1", "p1", "world/w2"), 5000);
    run_for(300);
    redis_servers_do("move-of %s p1", space);
    await(a);
    assert_int_equal(a->failure, SESSION_OK);
    assert_true(has(&agents[1], "s1"));
    assert_string_equal(agents[1].server, "world/w2");
}

/* ---- users and TLS ---- */

static void the_least_rights_do(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    must(a, put_of("s1", "p1", "world/w1"));
    must(a, (struct session_request){.op = SESSION_TOUCH, .session_id = STR("s1"), .ttl_ms = HOUR_MS});
    must(a, (struct session_request){.op = SESSION_FIND, .player = STR("p1")});
    must(a, (struct session_request){.op = SESSION_LIST, .server = STR("world/w1")});
    must(a, (struct session_request){.op = SESSION_LIST});
    must(a, (struct session_request){.op = SESSION_ORPHAN, .server = STR("world/w1"), .ttl_ms = HOUR_MS});
    must(a, (struct session_request){.op = SESSION_RESTORE, .server = STR("world/w1"), .ttl_ms = HOUR_MS});
    must(a, put_of("s2", "p1", "world/w2"));
    must(a, (struct session_request){.op = SESSION_END, .session_id = STR("s2"), .why = SESSION_DELETED});
    hears(a, "ended s2 deleted\n");
    run_for(1200); /* ends are looked for */
    assert_int_equal(a->failures, 0);
}

static void a_wrong_password_and_a_missing_right_are_named_and_no_secret_is(void **state)
{
    (void)state;
    struct agent *a = &agents[0];
    must(a, put_of("s1", "p1", "world/w1"));
    redis_servers_do("cli 1 ACL SETUSER agent -zadd");
    ask(a, put_of("s2", "p2", "world/w1"));
    assert_int_equal(a->failure, SESSION_AWAY);
    assert_non_null(strstr(a->error, "The user executing the script can't"));
    redis_servers_do("cli 1 ACL SETUSER agent +zadd '>another-password' '<agent-password'");
    redis_servers_do("cli 1 CLIENT KILL USER agent");
    submit(a, put_of("s3", "p3", "world/w1"), 1000);
    await(a);
    assert_int_equal(a->failure, SESSION_AWAY);
    assert_non_null(strstr(a->error, "WRONGPASS"));
    redis_servers_do("cli 1 ACL SETUSER agent '>agent-password'");
    must(a, put_of("s4", "p4", "world/w1"));
    assert_null(strstr(buf_text(&logged), "agent-password"));
    assert_null(strstr(a->error, "agent-password"));
}

int main(void)
{
    const struct CMUnitTest single[] = {
        TEST(every_agent_hears_what_any_of_them_does),
        TEST(an_id_of_another_player_is_a_conflict_while_it_lives),
        TEST(ends_are_told_and_every_key_goes_by_itself),
        TEST(what_is_not_ours_is_an_error_or_nothing_at_all),
        TEST(scripts_that_are_forgotten_are_sent_again),
        TEST(a_subscription_that_ends_is_a_gap),
        TEST(full_memory_is_told_as_full),
        TEST(a_server_that_stops_is_away_and_comes_back),
        TEST(a_server_that_is_killed_and_started_is_used_again),
    };
    const struct CMUnitTest sentinel[] = {
        TEST(every_agent_hears_what_any_of_them_does),
        TEST(a_failover_loses_only_what_no_replica_had),
        TEST(what_no_replica_had_is_gone_as_a_whole),
        TEST(a_master_that_is_replaced_is_left_though_it_answers),
    };
    const struct CMUnitTest cluster[] = {
        TEST(every_agent_hears_what_any_of_them_does),
        TEST(a_slot_that_moves_under_load_costs_nothing),
        TEST(a_slot_that_is_half_moved_is_waited_for),
    };
    const struct CMUnitTest secure[] = {
        TEST(the_least_rights_do),
        TEST(a_wrong_password_and_a_missing_right_are_named_and_no_secret_is),
    };
    static char password[300];
    const char *mode = getenv("OUTRIDER_TEST_REDIS_MODE");
    login.certs = getenv("OUTRIDER_TEST_CERTS");
    if (login.certs != NULL) {
        snprintf(password, sizeof(password), "%s/password", getenv("OUTRIDER_TEST_REDIS_DIR"));
        login.username = (char[]){"agent"};
        login.password_file = password;
        return cmocka_run_group_tests(secure, NULL, NULL);
    }
    if (strcmp(mode, "sentinel") == 0) {
        return cmocka_run_group_tests(sentinel, NULL, NULL);
    }
    if (strcmp(mode, "cluster") == 0) {
        return cmocka_run_group_tests(cluster, NULL, NULL);
    }
    return cmocka_run_group_tests(single, NULL, NULL);
}
