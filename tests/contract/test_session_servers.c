/* What every session store must do with servers, lists and a restart: `contract_session_servers memory`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session_subject.h"

#include "outrider/base/attr.h"
#include "outrider/io/loop/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = SESSION_HOUR_MS };

/* ---- servers that go ---- */

static void a_server_that_goes_takes_its_sessions_after_the_grace(void **state)
{
    struct session_subject *s = *state;
    put(s, "s1", "p1", "world/w1");
    put(s, "s2", "p2", "world/w1");
    put(s, "s3", "p3", "world/w2");
    put(s, "s4", "p4", "world/w10");
    session_subject_events(s, 4);
    assert_int_equal(sweep(s, SESSION_ORPHAN, "world/w1", 500), 2);
    session_subject_events(s, 2);
    assert_int_equal(s->events[0].type, SESSION_ON_ORPHANED);
    assert_int_equal(s->events[1].type, SESSION_ON_ORPHANED);
    assert_int_equal(s->events[0].session.state, SESSION_ORPHANED);
    const struct session_reply *reply = by_id(s, SESSION_GET, "s1");
    assert_int_equal(reply->session.state, SESSION_ORPHANED);
    assert_in_range(reply->session.expires_ms - reply->session.touched_ms, 1, 5000);
    assert_int_equal(by_id(s, SESSION_GET, "s3")->session.state, SESSION_ACTIVE);
    assert_int_equal(by_id(s, SESSION_GET, "s4")->session.state, SESSION_ACTIVE);
    /* Neither a touch nor the same again makes the grace longer. */
    session_subject_pass(s, 200);
    reply = by_id(s, SESSION_TOUCH, "s1");
    assert_int_equal(reply->session.state, SESSION_ORPHANED);
    assert_true(reply->session.expires_ms - reply->session.touched_ms <= 500);
    assert_int_equal(sweep(s, SESSION_ORPHAN, "world/w1", 5000), 0);
    session_subject_pass(s, 300);
    session_subject_events(s, 2);
    assert_int_equal(s->events[0].type, SESSION_ON_ENDED);
    assert_int_equal(s->events[0].why, SESSION_SERVER_GONE);
    assert_int_equal(s->events[1].why, SESSION_SERVER_GONE);
    assert_false(is_there(s, "s1"));
    assert_false(is_there(s, "s2"));
    assert_true(is_there(s, "s3"));
    assert_true(is_there(s, "s4"));
}

static void a_server_that_returns_has_its_sessions(void **state)
{
    struct session_subject *s = *state;
    put(s, "s1", "p1", "world/w1");
    put(s, "s2", "p2", "world/w1");
    assert_int_equal(sweep(s, SESSION_ORPHAN, "world/w1", 400), 2);
    session_subject_pass(s, 100);
    assert_int_equal(sweep(s, SESSION_RESTORE, "world/w1", HOUR_MS), 2);
    assert_int_equal(sweep(s, SESSION_RESTORE, "world/w1", HOUR_MS), 0);
    session_subject_events(s, 6);
    assert_int_equal(s->events[4].type, SESSION_ON_RESTORED);
    assert_int_equal(s->events[5].type, SESSION_ON_RESTORED);
    assert_int_equal(s->events[5].session.state, SESSION_ACTIVE);
    session_subject_pass(s, 400);
    const struct session_reply *reply = by_id(s, SESSION_GET, "s1");
    assert_true(reply->found);
    assert_int_equal(reply->session.state, SESSION_ACTIVE);
    assert_true(reply->session.expires_ms - reply->session.touched_ms > HOUR_MS / 2);
    session_subject_events(s, 0);
}

/* Of two that look for the place of one player, the other may find the server there again, and touch the session. */
static void a_session_that_was_touched_is_not_replaced(void **state)
{
    struct session_subject *s = *state;
    put(s, "s1", "p1", "world/w1");
    struct session_request request = session_put_of("s2", "p1", "world/w2");
    request.expect = SESSION_EXPECT_ID;
    request.replaces = STR("s1");
    request.version = find(s, "p1", "world")->session.version;
    assert_true(request.version != 0);
    session_subject_pass(s, 5);
    assert_true(by_id(s, SESSION_GET, "s1")->session.version == request.version);
    by_id(s, SESSION_TOUCH, "s1");
    const struct session_reply *reply = session_subject_ask(s, request);
    assert_int_equal(reply->failure, SESSION_CONFLICT);
    assert_true(reply->found);
    is(reply->session.id, "s1");
    assert_true(reply->session.version != request.version);
    request.version = reply->session.version;
    session_subject_pass(s, 5);
    put(s, "s1", "p1", "world/w1");
    assert_int_equal(session_subject_ask(s, request)->failure, SESSION_CONFLICT);
    request.version = by_id(s, SESSION_GET, "s1")->session.version;
    is(session_subject_do(s, request)->replaced, "s1");
}

static void an_orphaned_session_moves(void **state)
{
    struct session_subject *s = *state;
    put(s, "s1", "p1", "world/w1");
    put(s, "s2", "p2", "world/w1");
    sweep(s, SESSION_ORPHAN, "world/w1", 400);
    session_subject_events(s, 4);
    const struct session_reply *reply = session_subject_do(s, session_put_of("s1", "p1", "world/w2"));
    assert_int_equal(reply->session.state, SESSION_ACTIVE);
    /* What is put on the same server is active there. */
    reply = put(s, "s2", "p2", "world/w1");
    assert_int_equal(reply->session.state, SESSION_ACTIVE);
    session_subject_events(s, 2);
    event_is(s, 0, SESSION_ON_MOVED, "s1");
    is(s->events[0].from, "world/w1");
    event_is(s, 1, SESSION_ON_RESTORED, "s2");
    session_subject_pass(s, 400);
    assert_true(is_there(s, "s1"));
    assert_true(is_there(s, "s2"));
}

static void a_late_session_is_not_orphaned(void **state)
{
    struct session_subject *s = *state;
    put(s, "s1", "p1", "world/w1");
    sweep(s, SESSION_ORPHAN, "world/w1", 300);
    put(s, "s2", "p2", "world/w1");
    assert_int_equal(by_id(s, SESSION_GET, "s2")->session.state, SESSION_ACTIVE);
    assert_int_equal(by_id(s, SESSION_GET, "s1")->session.state, SESSION_ORPHANED);
    session_subject_pass(s, 300);
    assert_false(is_there(s, "s1"));
    assert_true(is_there(s, "s2"));
    /* An orphaned session that is not touched ends with its TTL. */
    struct session_request request = session_put_of("s3", "p3", "world/w3");
    request.ttl_ms = 200;
    session_subject_do(s, request);
    sweep(s, SESSION_ORPHAN, "world/w3", 60000);
    s->event_count = 0;
    session_subject_pass(s, 200);
    assert_false(is_there(s, "s3"));
}

/* ---- lists ---- */

/* Lists all pages of `limit`. Returns how many sessions there were; at most one of each id `sN`, which `seen` gets. */
static size_t list(struct session_subject *s, struct session_request request, size_t limit,
                   bool seen[static 64])
{
    char after[200] = "";
    size_t count = 0;
    memset(seen, 0, 64 * sizeof(seen[0]));
    request.op = SESSION_LIST;
    request.limit = limit;
    do {
        request.after = str_of(after);
        const struct session_reply *reply = session_subject_do(s, request);
        bool once = (session_can(s->store) & SESSION_CAN_LIST_ONCE) != 0;
        assert_true(!once || reply->count <= limit);
        for (size_t i = 0; i < reply->count; i++) {
            uint64_t number = 0;
            struct str id = reply->sessions[i].id;
            assert_int_equal(str_to_u64((struct str){id.data + 1, id.size - 1}, 63, &number), 0);
            assert_false(once && seen[number]);
            count += seen[number] ? 0 : 1;
            seen[number] = true;
        }
        assert_true(reply->next.size < sizeof(after));
        snprintf(after, sizeof(after), "%.*s", STR_ARG(reply->next));
    } while (after[0] != '\0');
    return count;
}

static void fill(struct session_subject *s, int count)
{
    char id[16], player[16], server[32];
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        snprintf(player, sizeof(player), "p%d", i / 2);
        snprintf(server, sizeof(server), "%s/w%d", i % 2 == 0 ? "world" : "lobby", i % 3);
        put(s, id, player, server);
    }
    s->event_count = 0;
}

static void lists_have_all(void **state)
{
    struct session_subject *s = *state;
    bool seen[64];
    assert_int_equal(list(s, (struct session_request){0}, 10, seen), 0);
    fill(s, 30);
    static const size_t limits[] = {1, 4, 5, 29, 30, 1000, 0};
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        size_t limit = limits[i] == 0 ? SESSION_PAGE_MAX : limits[i];
        assert_int_equal(list(s, (struct session_request){0}, limit, seen), 30);
        assert_int_equal(list(s, (struct session_request){.server = STR("world/w1")}, limit, seen), 5);
        assert_true(seen[4] && seen[10] && seen[16] && seen[22] && seen[28]);
        assert_int_equal(list(s, (struct session_request){.player = STR("p3")}, limit, seen), 2);
        assert_true(seen[6] && seen[7]);
        assert_int_equal(
            list(s, (struct session_request){.player = STR("p3"), .server = STR("lobby/w1")}, limit, seen),
            1);
        assert_true(seen[7]);
        assert_int_equal(list(s, (struct session_request){.player = STR("none")}, limit, seen), 0);
        assert_int_equal(list(s, (struct session_request){.server = STR("world/w9")}, limit, seen), 0);
    }
    const struct session_reply *reply =
        session_subject_do(s, (struct session_request){.op = SESSION_LIST, .player = STR("p3")});
    is(reply->sessions[0].player, "p3");
    assert_int_equal(reply->sessions[0].state, SESSION_ACTIVE);
}

/* Notes what a page has; of a store that lists once none twice. */
static void see(struct session_subject *s, const struct session_reply *reply, bool seen[static 64])
{
    for (size_t i = 0; i < reply->count; i++) {
        int number = atoi(reply->sessions[i].id.data + 1);
        assert_true(!seen[number] || (session_can(s->store) & SESSION_CAN_LIST_ONCE) == 0);
        seen[number] = true;
    }
}

/* Sessions that live throughout are in the pages, whatever comes and goes meanwhile: also the one where a page ended. */
static void pages_go_on_over_changes(void **state)
{
    struct session_subject *s = *state;
    for (int server = 0; server < 2; server++) {
        session_subject_reopen(s, 1000000, false);
        fill(s, 30);
        struct session_request request = {.op = SESSION_LIST, .limit = 2};
        request.server = server == 1 ? STR("world/w1") : STR("");
        const struct session_reply *reply = session_subject_do(s, request);
        char after[200], last[8] = "";
        bool seen[64] = {false};
        while (see(s, reply, seen), reply->next.size > 0) {
            snprintf(after, sizeof(after), "%.*s", STR_ARG(reply->next));
            if (reply->count > 0) {
                snprintf(last, sizeof(last), "%.*s", STR_ARG(reply->sessions[reply->count - 1].id));
                by_id(s, SESSION_END, last);
            }
            put(s, "s60", "p60", "world/w2");
            by_id(s, SESSION_END, "s60");
            s->event_count = 0;
            request.after = str_of(after);
            reply = session_subject_do(s, request);
        }
        for (int i = 0; i < 30; i++) {
            assert_true(seen[i] || (server == 1 && (i % 2 != 0 || i % 3 != 1)));
        }
    }
}

static void lists_say_the_state(void **state)
{
    struct session_subject *s = *state;
    fill(s, 6);
    sweep(s, SESSION_ORPHAN, "world/w1", 60000);
    put(s, "s40", "p40", "world/w1");
    const struct session_reply *reply =
        session_subject_do(s, (struct session_request){.op = SESSION_LIST, .server = STR("world/w1")});
    assert_int_equal(reply->count, 2);
    size_t orphaned = 0;
    for (size_t i = 0; i < reply->count; i++) {
        orphaned += reply->sessions[i].state == SESSION_ORPHANED ? 1 : 0;
        assert_int_equal(reply->sessions[i].state == SESSION_ORPHANED,
                         str_eq(reply->sessions[i].id, STR("s4")));
    }
    assert_int_equal(orphaned, 1);
}

/* ---- over a restart ---- */

static void what_was_acknowledged_is_kept(void **state)
{
    struct session_subject *s = *state;
    session_subject_need(s, SESSION_CAN_KEEP);
    if (s->dir[0] == '\0') {
        skip(); /* it has nowhere to keep it */
    }
    fill(s, 30);
    struct session_request request = session_put_of("s50", "p50", "world/w1");
    request.ttl_ms = 2000;
    session_subject_do(s, request);
    by_id(s, SESSION_END, "s3");
    put(s, "s2", "p1", "world/w8");
    sweep(s, SESSION_ORPHAN, "world/w1", 5000);
    put(s, "s41", "p41", "world/w1");
    sweep(s, SESSION_ORPHAN, "lobby/w2", 5000);
    sweep(s, SESSION_RESTORE, "lobby/w2", HOUR_MS);
    struct session was = by_id(s, SESSION_TOUCH, "s4")->session;
    int64_t expires = was.expires_ms;
    for (int round = 0; round < 3; round++) {
        session_subject_reopen(s, 1000000, true);
        bool seen[64];
        assert_int_equal(list(s, (struct session_request){0}, 7, seen), 31);
        assert_false(seen[3]);
        is(by_id(s, SESSION_GET, "s2")->session.server, "world/w8");
        const struct session_reply *reply = by_id(s, SESSION_GET, "s4");
        assert_int_equal(reply->session.state, SESSION_ORPHANED);
        assert_in_range(reply->session.expires_ms, expires - 2, expires + 2);
        assert_int_equal(by_id(s, SESSION_GET, "s41")->session.state, SESSION_ACTIVE);
        assert_int_equal(by_id(s, SESSION_GET, "s5")->session.state, SESSION_ACTIVE);
        assert_int_equal(find(s, "p2", "lobby")->session.state, SESSION_ACTIVE);
        /* Enough garbage for the journal to be written again, each time at another place. */
        for (int i = 0; i < 200 * round; i++) {
            by_id(s, SESSION_TOUCH, "s5");
        }
    }
    s->event_count = 0;
    session_subject_pass(s, 2000);
    session_subject_reopen(s, 1000000, true);
    assert_false(is_there(s, "s50"));
    assert_int_equal(sweep(s, SESSION_RESTORE, "world/w1", HOUR_MS), 5);
    session_subject_pass(s, 5000);
    assert_true(is_there(s, "s4"));
}

static void what_ended_while_it_was_away_is_gone(void **state)
{
    struct session_subject *s = *state;
    session_subject_need(s, SESSION_CAN_KEEP);
    if (s->dir[0] == '\0') {
        skip();
    }
    put(s, "s1", "p1", "world/w1");
    put(s, "s2", "p2", "world/w2");
    sweep(s, SESSION_ORPHAN, "world/w1", 300);
    session_subject_pass(s, 300);
    put(s, "s3", "p3", "world/w1");
    sweep(s, SESSION_RESTORE, "world/w1", HOUR_MS); /* nothing to restore: the grace is over */
    sweep(s, SESSION_ORPHAN, "world/w1", 60000);
    sweep(s, SESSION_RESTORE, "world/w1", HOUR_MS);
    s->event_count = 0;
    session_subject_reopen(s, 1000000, true);
    assert_false(is_there(s, "s1"));
    assert_true(is_there(s, "s2"));
    assert_int_equal(by_id(s, SESSION_GET, "s3")->session.state, SESSION_ACTIVE);
    session_subject_pass(s, HOUR_MS);
    session_subject_reopen(s, 1000000, true);
    assert_false(is_there(s, "s2"));
    assert_false(is_there(s, "s3"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, session_subject_set_up, session_subject_tear_down)

int main(int argc, char **argv)
{
    if (!session_subject_chosen(argc, argv)) {
        return 2;
    }
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_goes_takes_its_sessions_after_the_grace),
        TEST(a_server_that_returns_has_its_sessions),
        TEST(a_session_that_was_touched_is_not_replaced),
        TEST(an_orphaned_session_moves),
        TEST(a_late_session_is_not_orphaned),
        TEST(lists_have_all),
        TEST(pages_go_on_over_changes),
        TEST(lists_say_the_state),
        TEST(what_was_acknowledged_is_kept),
        TEST(what_ended_while_it_was_away_is_gone),
    };
    return cmocka_run_group_tests_name("sessions of servers", tests, NULL, NULL);
}
