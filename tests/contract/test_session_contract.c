/* What every session store must do: `contract_session memory`. */
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

/* ---- one session ---- */

static void a_session_that_was_put_is_there(void **state)
{
    struct session_subject *s = *state;
    struct session_request request = session_put_of("s1", "p1", "world/w1");
    request.session.data = STR("{\"party\":7}");
    const struct session_reply *reply = session_subject_do(s, request);
    assert_false(reply->found);
    is(reply->replaced, "");
    struct session made = reply->session;
    assert_true(made.created_ms > INT64_C(1700000000000));
    assert_int_equal(made.touched_ms, made.created_ms);
    assert_int_equal(made.expires_ms, made.created_ms + HOUR_MS);
    for (int i = 0; i < 2; i++) {
        reply = i == 0 ? by_id(s, SESSION_GET, "s1") : find(s, "p1", "world");
        assert_true(reply->found);
        is(reply->session.id, "s1");
        is(reply->session.player, "p1");
        is(reply->session.type, "world");
        is(reply->session.server, "world/w1");
        is(reply->session.data, "{\"party\":7}");
        assert_int_equal(reply->session.state, SESSION_ACTIVE);
        assert_int_equal(reply->session.created_ms, made.created_ms);
        assert_in_range(reply->session.expires_ms, made.expires_ms - 2, made.expires_ms + 2);
    }
    session_subject_events(s, 1);
    event_is(s, 0, SESSION_ON_CREATED, "s1");
    is(s->events[0].session.data, "{\"party\":7}");
}

static void what_is_not_there_is_no_error(void **state)
{
    struct session_subject *s = *state;
    assert_false(is_there(s, "none"));
    assert_false(by_id(s, SESSION_TOUCH, "none")->found);
    assert_false(by_id(s, SESSION_END, "none")->found);
    assert_false(find(s, "none", "world")->found);
    assert_false(find(s, "none", "")->found);
    assert_int_equal(sweep(s, SESSION_ORPHAN, "world/none", 1000), 0);
    assert_int_equal(sweep(s, SESSION_RESTORE, "world/none", 1000), 0);
    session_subject_events(s, 0);
}

static void the_same_id_again_changes_the_session(void **state)
{
    struct session_subject *s = *state;
    int64_t created = put(s, "s1", "p1", "world/w1")->session.created_ms;
    session_subject_pass(s, 50);
    struct session_request request = session_put_of("s1", "p1", "world/w1");
    request.session.data = STR("{\"a\":1}");
    const struct session_reply *reply = session_subject_do(s, request);
    assert_true(reply->found);
    assert_int_equal(reply->session.created_ms, created);
    assert_true(reply->session.touched_ms > created);
    is(reply->session.data, "{\"a\":1}");
    is(by_id(s, SESSION_GET, "s1")->session.data, "{\"a\":1}");
    session_subject_events(s, 1); /* it was made; data alone is no event */
    reply = put(s, "s1", "p1", "world/w2");
    assert_true(reply->found);
    is(reply->session.server, "world/w2");
    is(reply->session.data, "");
    session_subject_events(s, 1);
    event_is(s, 0, SESSION_ON_MOVED, "s1");
    is(s->events[0].from, "world/w1");
    is(s->events[0].session.server, "world/w2");
    is(find(s, "p1", "world")->session.server, "world/w2");
}

static void a_player_has_one_session_of_a_type(void **state)
{
    struct session_subject *s = *state;
    put(s, "s1", "p1", "world/w1");
    const struct session_reply *reply = put(s, "s2", "p1", "world/w1");
    assert_false(reply->found);
    is(reply->replaced, "s1");
    is(reply->session.id, "s2");
    assert_false(is_there(s, "s1"));
    is(find(s, "p1", "world")->session.id, "s2");
    session_subject_events(s, 3);
    event_is(s, 0, SESSION_ON_CREATED, "s1");
    ended(s, 1, "s1", SESSION_REPLACED);
    event_is(s, 2, SESSION_ON_CREATED, "s2");
    /* Another player may take the id now. */
    put(s, "s1", "p2", "world/w1");
    is(find(s, "p2", "world")->session.id, "s1");
}

static void sessions_of_other_types_stand_beside_it(void **state)
{
    struct session_subject *s = *state;
    put(s, "s1", "p1", "world/w1");
    session_subject_pass(s, 30);
    is(put(s, "s2", "p1", "lobby/w1")->replaced, "");
    assert_true(is_there(s, "s1"));
    is(find(s, "p1", "world")->session.id, "s1");
    is(find(s, "p1", "lobby")->session.id, "s2");
    assert_false(find(s, "p1", "arena")->found);
    is(find(s, "p1", "")->session.id, "s2");
    session_subject_pass(s, 30);
    assert_true(by_id(s, SESSION_TOUCH, "s1")->found);
    is(find(s, "p1", "")->session.id, "s1");
}

static void sessions_of_one_player_have_a_limit(void **state)
{
    struct session_subject *s = *state;
    char id[16], server[32];
    for (int i = 0; i <= SESSION_TYPES_MAX; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        snprintf(server, sizeof(server), "type%d/w", i);
        const struct session_reply *reply = session_subject_ask(s, session_put_of(id, "p1", server));
        assert_int_equal(reply->failure, i == SESSION_TYPES_MAX ? SESSION_FULL : SESSION_OK);
    }
    put(s, "again", "p1", "type0/w"); /* takes the place of one */
    by_id(s, SESSION_END, "s1");
    put(s, "more", "p1", "another/w");
}

/* ---- conditions ---- */

static struct session_request expecting(enum session_expect expect, const char *replaces, const char *id,
                                        const char *server)
{
    struct session_request request = session_put_of(id, "p1", server);
    request.expect = expect;
    request.replaces = str_of(replaces);
    return request;
}

static void a_put_may_expect_none(void **state)
{
    struct session_subject *s = *state;
    session_subject_do(s, expecting(SESSION_EXPECT_NONE, "", "s1", "world/w1"));
    const struct session_reply *reply =
        session_subject_ask(s, expecting(SESSION_EXPECT_NONE, "", "s2", "world/w2"));
    assert_int_equal(reply->failure, SESSION_CONFLICT);
    assert_true(reply->found);
    is(reply->session.id, "s1");
    is(reply->session.server, "world/w1");
    assert_false(is_there(s, "s2"));
    /* Of another type there is none. */
    session_subject_do(s, expecting(SESSION_EXPECT_NONE, "", "s3", "lobby/w1"));
    by_id(s, SESSION_END, "s1");
    session_subject_do(s, expecting(SESSION_EXPECT_NONE, "", "s2", "world/w2"));
}

static void a_put_may_expect_a_certain_one(void **state)
{
    struct session_subject *s = *state;
    const struct session_reply *reply =
        session_subject_ask(s, expecting(SESSION_EXPECT_ID, "s1", "s2", "world/w2"));
    assert_int_equal(reply->failure, SESSION_CONFLICT);
    assert_false(reply->found);
    put(s, "s1", "p1", "world/w1");
    reply = session_subject_ask(s, expecting(SESSION_EXPECT_ID, "s9", "s2", "world/w2"));
    assert_int_equal(reply->failure, SESSION_CONFLICT);
    assert_true(reply->found);
    is(reply->session.id, "s1");
    /* It moves, */
    reply = session_subject_do(s, expecting(SESSION_EXPECT_ID, "s1", "s1", "world/w2"));
    assert_true(reply->found);
    /* and gives way to another. */
    is(session_subject_do(s, expecting(SESSION_EXPECT_ID, "s1", "s2", "world/w3"))->replaced, "s1");
    session_subject_events(s, 4);
    event_is(s, 1, SESSION_ON_MOVED, "s1");
    ended(s, 2, "s1", SESSION_REPLACED);
    event_is(s, 3, SESSION_ON_CREATED, "s2");
}

static void an_id_is_of_one_player(void **state)
{
    struct session_subject *s = *state;
    session_subject_need(s, SESSION_CAN_UNIQUE_ID);
    put(s, "s1", "p1", "world/w1");
    put(s, "s2", "p2", "world/w2");
    const struct session_reply *reply = session_subject_ask(s, session_put_of("s1", "p2", "world/w2"));
    assert_int_equal(reply->failure, SESSION_CONFLICT);
    assert_true(reply->found);
    is(reply->session.player, "p1");
    reply = session_subject_ask(s, session_put_of("s1", "p1", "lobby/w2"));
    assert_int_equal(reply->failure, SESSION_CONFLICT);
    is(find(s, "p2", "world")->session.id, "s2"); /* nothing was replaced */
    session_subject_events(s, 2);
}

static void of_many_at_once_one_wins(void **state)
{
    enum { MANY = 20 };
    struct session_subject *s = *state;
    char ids[MANY][16];
    size_t won = 0, there = 0, before = s->answers;
    for (int i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof(ids[i]), "s%d", i);
        session_subject_submit(s, expecting(SESSION_EXPECT_NONE, "", ids[i], "world/w1"));
    }
    for (size_t i = 0; i < MANY; i++) {
        session_subject_run_until(s, before + i + 1);
        if (s->answers == before + i + 1) { /* of several that came at once the last is seen alone */
            won += s->reply.failure == SESSION_OK ? 1 : 0;
        }
    }
    assert_true(won <= 1);
    session_subject_events(s, 1);
    for (int i = 0; i < MANY; i++) {
        if (is_there(s, ids[i])) {
            event_is(s, 0, SESSION_ON_CREATED, ids[i]); /* any of them: they were under way together */
            there++;
        }
    }
    assert_int_equal(there, 1);
}

/* ---- ends ---- */

static void a_touch_keeps_it(void **state)
{
    struct session_subject *s = *state;
    struct session_request request = session_put_of("s1", "p1", "world/w1");
    request.ttl_ms = 400;
    session_subject_do(s, request);
    for (int i = 0; i < 3; i++) {
        session_subject_pass(s, 150);
        const struct session_reply *reply = session_subject_do(
            s, (struct session_request){.op = SESSION_TOUCH, .session_id = STR("s1"), .ttl_ms = 400});
        assert_true(reply->found);
        assert_int_equal(reply->session.expires_ms, reply->session.touched_ms + 400);
    }
    session_subject_events(s, 1);
    session_subject_pass(s, 400);
    assert_false(is_there(s, "s1"));
    assert_false(find(s, "p1", "world")->found);
    session_subject_events(s, 1);
    ended(s, 0, "s1", SESSION_EXPIRED);
    is(s->events[0].session.server, "world/w1");
    put(s, "s1", "p1", "world/w1");
}

static void a_shorter_touch_ends_it_sooner(void **state)
{
    struct session_subject *s = *state;
    put(s, "s1", "p1", "world/w1");
    session_subject_do(s,
                       (struct session_request){.op = SESSION_TOUCH, .session_id = STR("s1"), .ttl_ms = 100});
    session_subject_pass(s, 100);
    session_subject_events(s, 2);
    ended(s, 1, "s1", SESSION_EXPIRED);
    assert_false(is_there(s, "s1"));
}

static void an_end_says_why(void **state)
{
    struct session_subject *s = *state;
    put(s, "s1", "p1", "world/w1");
    const struct session_reply *reply = by_id(s, SESSION_END, "s1");
    assert_true(reply->found);
    is(reply->session.player, "p1");
    is(reply->session.server, "world/w1");
    assert_false(is_there(s, "s1"));
    assert_false(by_id(s, SESSION_END, "s1")->found);
    put(s, "s1", "p1", "world/w1");
    session_subject_do(
        s, (struct session_request){.op = SESSION_END, .session_id = STR("s1"), .why = SESSION_SERVER_GONE});
    session_subject_events(s, 4);
    ended(s, 1, "s1", SESSION_DELETED);
    event_is(s, 2, SESSION_ON_CREATED, "s1");
    ended(s, 3, "s1", SESSION_SERVER_GONE);
}

/* ---- hostile input ---- */

static void any_name_is_a_player(void **state)
{
    struct session_subject *s = *state;
    char longest[SESSION_PLAYER_MAX + 1] = {0};
    while (strlen(longest) + 4 <= SESSION_PLAYER_MAX) {
        strcat(longest, "\xf0\x9f\xa6\x84");
    }
    const char *const names[] = {"\xf0\x9f\xa6\x84",
                                 "{p}",
                                 "p:1",
                                 "a b",
                                 "\r\n",
                                 "\"\\\x01\x7f",
                                 "*",
                                 "[a-z]*",
                                 "../..",
                                 "%00",
                                 "\xe2\x80\xae",
                                 "p1}{p2",
                                 "\xc3\xa4\xcc\x88",
                                 "nil",
                                 "-1",
                                 "null",
                                 longest};
    char id[16];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(id, sizeof(id), "s%zu", i);
        struct session_request request = session_put_of(id, names[i], "world/w1");
        request.session.data = STR("{\"n\":\"\xf0\x9f\xa6\x84\\u0000\"}");
        session_subject_do(s, request);
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        snprintf(id, sizeof(id), "s%zu", i);
        const struct session_reply *reply = find(s, names[i], "world");
        assert_true(reply->found);
        is(reply->session.id, id);
        is(reply->session.player, names[i]);
        is(reply->session.data, "{\"n\":\"\xf0\x9f\xa6\x84\\u0000\"}");
    }
}

static void names_at_their_limits(void **state)
{
    struct session_subject *s = *state;
    char id[SESSION_ID_MAX + 1], server[SESSION_SERVER_MAX + 1];
    static char data[SESSION_DATA_MAX + 1];
    memset(id, 'i', SESSION_ID_MAX);
    memset(server, 's', SESSION_SERVER_MAX);
    server[63] = '/';
    memset(data, ' ', SESSION_DATA_MAX);
    data[0] = '{';
    data[SESSION_DATA_MAX - 1] = '}';
    id[SESSION_ID_MAX] = server[SESSION_SERVER_MAX] = data[SESSION_DATA_MAX] = '\0';
    struct session_request request = session_put_of(id, "p1", server);
    request.session.data = str_of(data);
    session_subject_do(s, request);
    is(by_id(s, SESSION_GET, id)->session.data, data);
    request.session.data = STR("");
    session_subject_do(s, request);
    is(by_id(s, SESSION_GET, id)->session.data, "");
    is(s->reply.session.server, server);
}

static void invalid(struct session_subject *s, struct session_request request)
{
    const struct session_reply *reply = session_subject_ask(s, request);
    assert_int_equal(reply->failure, SESSION_INVALID);
    assert_true(reply->error.size > 0);
}

static void what_is_wrong_is_refused(void **state)
{
    struct session_subject *s = *state;
    static char many[SESSION_DATA_MAX + 2];
    memset(many, 'x', sizeof(many) - 1);
    invalid(s, session_put_of("", "p1", "world/w1"));
    invalid(s, session_put_of("a/b", "p1", "world/w1"));
    invalid(s, session_put_of(many, "p1", "world/w1"));
    invalid(s, session_put_of("s1", "", "world/w1"));
    invalid(s, session_put_of("s1", many, "world/w1"));
    invalid(s, session_put_of("s1", "\xff", "world/w1"));
    invalid(s, session_put_of("s1", "p1", "world"));
    invalid(s, session_put_of("s1", "p1", many));
    struct session_request request = session_put_of("s1", "p1", "world/w1");
    request.session.data = str_of(many);
    invalid(s, request);
    static const int64_t spans[] = {0, -1, INT64_MIN, INT64_MAX, SESSION_TTL_MAX_MS + 1};
    for (size_t i = 0; i < COUNT_OF(spans); i++) {
        request = session_put_of("s1", "p1", "world/w1");
        request.ttl_ms = spans[i];
        invalid(s, request);
    }
    invalid(s, (struct session_request){.op = SESSION_GET, .session_id = STR("a\n")});
    invalid(s, (struct session_request){.op = SESSION_FIND, .player = STR("")});
    invalid(s, (struct session_request){.op = SESSION_LIST, .server = STR("world")});
    invalid(s, (struct session_request){.op = SESSION_LIST, .after = STR("nonsense!")});
    invalid(s, (struct session_request){.op = SESSION_ORPHAN, .server = STR("*"), .ttl_ms = 5});
    assert_false(is_there(s, "s1"));
    session_subject_events(s, 0);
}

static void a_full_store_says_so(void **state)
{
    struct session_subject *s = *state;
    session_subject_need(s, SESSION_CAN_LIMIT);
    session_subject_reopen(s, 3, false);
    put(s, "s1", "p1", "world/w1");
    put(s, "s2", "p2", "world/w1");
    put(s, "s3", "p3", "world/w1");
    assert_int_equal(session_subject_ask(s, session_put_of("s4", "p4", "world/w1"))->failure, SESSION_FULL);
    put(s, "s5", "p3", "world/w1"); /* takes the place of one */
    put(s, "s5", "p3", "world/w2");
    assert_true(by_id(s, SESSION_TOUCH, "s1")->found);
    by_id(s, SESSION_END, "s1");
    put(s, "s4", "p4", "world/w1");
}

/* ---- clients ---- */

static void those_who_listen_hear(void **state)
{
    struct session_subject *s = *state;
    session_listen(s->client, false);
    put(s, "s1", "p1", "world/w1");
    session_subject_events(s, 0);
    session_listen(s->client, true);
    session_listen(s->client, true);
    put(s, "s2", "p2", "world/w1");
    session_subject_events(s, 1);
    event_is(s, 0, SESSION_ON_CREATED, "s2");
}

static void each_client_has_its_own_replies(void **state)
{
    struct session_subject *s = *state;
    struct session_client *other = session_attach(s->store, NULL, NULL, NULL);
    struct session_request request = session_put_of("s1", "p1", "world/w1");
    request.id = 1;
    request.timeout_ms = 5000;
    session_submit(other, &request);
    session_subject_events(s, 1);
    assert_int_equal(s->answers, 0);
    assert_true(is_there(s, "s1"));
    /* A client that is gone hears nothing, and what it asked for is done all the same, or not. */
    struct session_client *mine = s->client;
    session_subject_submit(s, session_put_of("s2", "p2", "world/w1"));
    session_detach(mine);
    s->client = other;
    request.op = SESSION_GET;
    request.session_id = STR("s2");
    request.id = 2;
    session_submit(other, &request);
    for (int i = 0; i < 10; i++) {
        loop_turn_once(s->loop, false);
    }
    assert_int_equal(s->answers, 1);
    session_subject_events(s, 0);
}

static void requests_may_overlap(void **state)
{
    enum { MANY = 300 };
    struct session_subject *s = *state;
    char id[16], player[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        snprintf(player, sizeof(player), "p%d", i);
        session_subject_submit(s, session_put_of(id, player, "world/w1"));
    }
    session_subject_run_until(s, MANY);
    assert_int_equal(s->answers, MANY);
    session_subject_events(s, MANY);
    struct session_facts facts;
    session_facts(s->store, &facts);
    assert_true(facts.up);
    assert_string_equal(facts.error, "");
    assert_true(!facts.counted || facts.sessions[SESSION_ACTIVE] == MANY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, session_subject_set_up, session_subject_tear_down)

int main(int argc, char **argv)
{
    if (!session_subject_chosen(argc, argv)) {
        return 2;
    }
    const struct CMUnitTest tests[] = {
        TEST(a_session_that_was_put_is_there),
        TEST(what_is_not_there_is_no_error),
        TEST(the_same_id_again_changes_the_session),
        TEST(a_player_has_one_session_of_a_type),
        TEST(sessions_of_other_types_stand_beside_it),
        TEST(sessions_of_one_player_have_a_limit),
        TEST(a_put_may_expect_none),
        TEST(a_put_may_expect_a_certain_one),
        TEST(an_id_is_of_one_player),
        TEST(of_many_at_once_one_wins),
        TEST(a_touch_keeps_it),
        TEST(a_shorter_touch_ends_it_sooner),
        TEST(an_end_says_why),
        TEST(any_name_is_a_player),
        TEST(names_at_their_limits),
        TEST(what_is_wrong_is_refused),
        TEST(a_full_store_says_so),
        TEST(those_who_listen_hear),
        TEST(each_client_has_its_own_replies),
        TEST(requests_may_overlap),
    };
    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
