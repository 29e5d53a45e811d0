#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "support/past.h"

#define NOTHING ((struct past_record){0})

/* The kinds of the transitions of a server, a letter each. */
static const char *kinds(const struct past *past, const char *name)
{
    static char text[HISTORY_TRANSITIONS_MAX + 1];
    size_t count = 0;
    const struct history_server *server = past_find(past, name);
    assert_non_null(server);
    for (const struct history_transition *t = server->first; t != NULL; t = t->next) {
        text[count++] = "=+srduRx"[t->kind];
    }
    text[count] = '\0';
    past_check(past);
    return text;
}

static void each_change_is_a_transition(void **state)
{
    struct past *past = *state;
    past_put(past, "a/2", STATUS_INITIALIZING, NOTHING);
    past_pass(past, 1000);
    past_put(past, "a/2", STATUS_READY, (struct past_record){.players = 3});
    past_put(past, "a/2", STATUS_READY, (struct past_record){.players = 4}); /* no transition */
    past_put(past, "a/2", STATUS_ERROR, (struct past_record){.reason = "probe game: refused"});
    past_put(past, "a/2", STATUS_ERROR, (struct past_record){.reason = "probe game: timed out"});
    struct past_record drain = {.holds = "ops", .by = "olga", .why = "patch"};
    past_put(past, "a/2", STATUS_DRAINING, drain);
    past_put(past, "a/2", STATUS_DRAINING, drain);
    drain.by = "igor";
    past_put(past, "a/2", STATUS_DRAINING, drain);
    past_put(past, "a/2", STATUS_READY, NOTHING);
    assert_string_equal(kinds(past, "a/2"), "+ssrsddsu");
    assert_string_equal(kinds(past, "a/1"), "="); /* it was there before */
    const struct history_server *server = past_find(past, "a/2");
    const struct history_transition *t = server->first->next;
    assert_int_equal(t->from, STATUS_INITIALIZING);
    assert_int_equal(t->to, STATUS_READY);
    assert_int_equal(t->wall, past->now.wall);
    assert_int_equal(t->after_wall, 0);
    assert_true(str_eq(history_reason(t->next), STR("probe game: refused")));
    t = t->next->next->next->next; /* the first drain */
    assert_true(str_eq(history_reason(t), STR("patch")));
    assert_true(str_eq(history_by(t), STR("olga")));
    assert_true(str_eq(history_holds(t), STR("ops")));
}

static void a_long_text_is_cut(void **state)
{
    struct past *past = *state;
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    past_put(past, "a/1", STATUS_ERROR, (struct past_record){.reason = text});
    past_put(past, "a/1", STATUS_ERROR, (struct past_record){.reason = text});
    assert_string_equal(kinds(past, "a/1"), "=s");
    assert_int_equal(history_reason(past_find(past, "a/1")->last).size, HISTORY_TEXT_MAX - 3);
}

static void lives_follow_the_process(void **state)
{
    struct past *past = *state;
    const struct history_server *server = past_find(past, "a/1");
    assert_int_equal(server->life_count, 1);
    assert_false(server->lives[0].exact);
    past_put(past, "a/1", STATUS_READY, (struct past_record){.started_wall = 500});
    assert_int_equal(server->life_count, 1); /* now it is known when it began */
    assert_int_equal(server->lives[0].began_wall, 500);
    past_put(past, "a/1", STATUS_READY, NOTHING); /* and a record that does not say so changes nothing */
    assert_int_equal(server->life_count, 1);
    past_put(past, "a/1", STATUS_ERROR, (struct past_record){.started_wall = 900});
    assert_string_equal(kinds(past, "a/1"), "=Rs");
    assert_int_equal(server->life_count, 2);
    assert_int_equal(server->lives[0].end, HISTORY_REPLACED);
    assert_int_equal(server->lives[1].began_wall, 900);
    /* Its lease ends and comes back: the same process. */
    past_drop(past, "a/1", false, false);
    assert_int_equal(server->lives[1].end, HISTORY_EXPIRED);
    past_put(past, "a/1", STATUS_READY, (struct past_record){.started_wall = 900});
    assert_int_equal(server->life_count, 2);
    assert_int_equal(server->lives[1].end, HISTORY_STILL);
    assert_string_equal(kinds(past, "a/1"), "=Rsx+");
    for (int i = 0; i < 40; i++) {
        past_put(past, "a/1", STATUS_READY, (struct past_record){.started_wall = 1000 + i});
    }
    assert_int_equal(server->life_count, HISTORY_LIVES_MAX);
    assert_int_equal(server->lives[HISTORY_LIVES_MAX - 1].began_wall, 1039);
}

static void why_it_went(void **state)
{
    struct past *past = *state;
    past_put(past, "a/2", STATUS_READY, NOTHING);
    past_put(past, "a/3", STATUS_READY, NOTHING);
    past_drop(past, "a/1", true, false);
    past_drop(past, "a/2", false, false);
    past_drop(past, "a/3", false, true);
    past_drop(past, "a/3", false, true); /* it is gone already */
    past_drop(past, "a/9", false, true); /* never heard of */
    assert_int_equal(past->offline, 3);
    assert_string_equal(past->last_offline, "a/3");
    assert_int_equal(past_find(past, "a/1")->last->end, HISTORY_LEFT);
    assert_int_equal(past_find(past, "a/2")->last->end, HISTORY_EXPIRED);
    assert_int_equal(past_find(past, "a/3")->last->end, HISTORY_DELETED);
    assert_null(past_find(past, "a/9"));
    assert_true(str_starts(blob_view(past_find(past, "a/1")->entry->json), STR("{\"id\":\"1\"")));
    past_check(past);
}

static void what_is_gone_is_forgotten_after_a_day(void **state)
{
    struct past *past = *state;
    past_put(past, "a/2", STATUS_READY, NOTHING);
    past_drop(past, "a/1", true, false);
    past_pass(past, 12 * 3600 * 1000);
    past_drop(past, "a/2", true, false);
    past_pass(past, 12 * 3600 * 1000 - 1);
    past_on(past, HISTORY_ON_TICK);
    assert_non_null(past_find(past, "a/1"));
    past_pass(past, 1);
    past_on(past, HISTORY_ON_TICK);
    assert_null(past_find(past, "a/1"));
    assert_non_null(past_find(past, "a/2"));
    past_check(past);
}

static void what_is_found_out_later_says_so(void **state)
{
    struct past *past = *state;
    int64_t stale = past->now.wall;
    past_on(past, HISTORY_ON_STALE);
    past_pass(past, 30000);
    past_on(past, HISTORY_ON_STALE); /* again: it is stale since the first time */
    past_pass(past, 30000);
    past_put(past, "a/1", STATUS_ERROR, NOTHING);
    assert_int_equal(past_find(past, "a/1")->last->after_wall, stale);
    assert_int_equal(past_find(past, "a/1")->last->wall, stale + 60000);
    past_on(past, HISTORY_ON_SYNCED);
    past_put(past, "a/1", STATUS_READY, NOTHING);
    assert_int_equal(past_find(past, "a/1")->last->after_wall, 0);
}

static void players_by_the_minute(void **state)
{
    struct past *past = *state;
    const struct history_server *server = past_find(past, "a/1");
    int64_t first = history_facts(past->history)->minute;
    past_put(past, "a/1", STATUS_READY, (struct past_record){.players = 5});
    past_minutes(past, 1);
    past_put(past, "a/1", STATUS_READY, (struct past_record){.players = -1});
    past_minutes(past, 1);
    past_put(past, "a/1", STATUS_READY, NOTHING);
    past_minutes(past, 1);
    assert_int_equal(history_facts(past->history)->minute, first + 3);
    assert_int_equal(history_players(server, first + 1), 5);
    assert_int_equal(history_players(server, first + 2), 0);
    assert_int_equal(history_players(server, first + 3), HISTORY_UNKNOWN); /* not told is not 0 */
    assert_int_equal(history_players(server, first + 4), HISTORY_UNKNOWN);
    assert_int_equal(history_players(server, first), HISTORY_UNKNOWN);
    past_put(past, "a/1", STATUS_READY, (struct past_record){.players = 7});
    past_minutes(past, 58);
    assert_int_equal(history_players(server, first + 1), HISTORY_UNKNOWN); /* more than an hour ago */
    assert_int_equal(history_players(server, first + 2), 0);
    assert_int_equal(history_players(server, first + 61), 7);
}

static void minutes_without_the_registry_are_unknown(void **state)
{
    struct past *past = *state;
    const struct history_server *server = past_find(past, "a/1");
    const struct history_type *type = NULL;
    past_put(past, "a/1", STATUS_READY, (struct past_record){.players = 5, .seats = 10});
    past_minutes(past, 2);
    past_on(past, HISTORY_ON_STALE);
    past_minutes(past, 3);
    past_on(past, HISTORY_ON_SYNCED);
    past_minutes(past, 1);
    past_pass(past, 4 * 60000); /* the agent did not run */
    past_minutes(past, 1);
    int64_t now = history_facts(past->history)->minute;
    type = history_facts(past->history)->types;
    static const bool known[] = {true, false, false, false, false, true, false, false, false, true, true};
    for (int i = 0; i < 11; i++) {
        const struct history_totals *totals = history_totals(past->history, type, now - i);
        assert_int_equal(history_players(server, now - i), known[i] ? 5 : HISTORY_UNKNOWN);
        assert_int_equal(totals != NULL, known[i]);
        assert_true(totals == NULL || (totals->players == 5 && totals->seats == 10));
        assert_true(totals == NULL || totals->servers[STATUS_READY] == 1);
    }
}

static void totals_are_of_each_type(void **state)
{
    struct past *past = *state;
    past_put(past, "a/2", STATUS_ERROR, (struct past_record){.players = 2, .seats = 20});
    past_put(past, "a/3", STATUS_READY, (struct past_record){.players = 3});
    past_put(past, "b/1", STATUS_READY, NOTHING);
    past_minutes(past, 1);
    const struct history_facts *facts = history_facts(past->history);
    const struct history_type *a = facts->types, *b = a->hh.next;
    assert_string_equal(b->name, "b");
    const struct history_totals *of_a = history_totals(past->history, a, facts->minute);
    const struct history_totals *of_b = history_totals(past->history, b, facts->minute);
    assert_int_equal(of_a->players, 5);
    assert_int_equal(of_a->seats, 20);
    assert_int_equal(of_a->servers[STATUS_READY], 2);
    assert_int_equal(of_a->servers[STATUS_ERROR], 1);
    assert_int_equal(of_b->players, HISTORY_UNKNOWN); /* none tells */
    assert_int_equal(of_b->servers[STATUS_READY], 1);
    past_drop(past, "b/1", true, false);
    past_minutes(past, 1);
    assert_int_equal(history_totals(past->history, b, facts->minute)->servers[STATUS_READY], 0);
    past_minutes(past, 1500);
    assert_int_equal(HASH_COUNT(facts->types), 1); /* no server of it for a day */
    assert_non_null(history_totals(past->history, facts->types, facts->minute - 1439));
    assert_null(history_totals(past->history, facts->types, facts->minute - 1440));
    assert_true(facts->types->count <= HISTORY_FLEET_MINUTES + 60);
}

static void a_clock_that_is_set(void **state)
{
    struct past *past = *state;
    const struct history_facts *facts = history_facts(past->history);
    past_put(past, "a/1", STATUS_READY, (struct past_record){.players = 5});
    past_minutes(past, 5);
    int64_t minute = facts->minute;
    past_pass(past, -3 * 60000); /* a little: what was recorded stays, and nothing is recorded twice */
    past_on(past, HISTORY_ON_TICK);
    assert_int_equal(facts->minute, minute);
    assert_int_equal(history_players(past_find(past, "a/1"), minute - 4), 5);
    past_pass(past, -3600 * 1000); /* much: the times mean nothing any more */
    past_on(past, HISTORY_ON_TICK);
    assert_int_equal(facts->minute, minute - 63);
    assert_int_equal(facts->types->count, 1);
    assert_int_equal(history_players(past_find(past, "a/1"), minute - 64), HISTORY_UNKNOWN);
    assert_int_equal(history_players(past_find(past, "a/1"), minute - 63), 5);
    past_pass(past, INT64_C(400) * 24 * 3600 * 1000);
    past_on(past, HISTORY_ON_TICK);
    assert_int_equal(facts->types->count, 1);
    assert_int_equal(history_deadline(past->history, &past->now).latest, past->now.mono + 60000);
    past_pass(past, 59999);
    assert_int_equal(history_deadline(past->history, &past->now).latest, past->now.mono + 1);
}

/* So many servers are counted in one turn, and the minute is there once all are. */
static void a_minute_of_many_servers_takes_turns(void **state)
{
    struct past *past = *state;
    enum { COUNT = 1300 };
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "many/%d", i);
        past_put(past, name, STATUS_READY, (struct past_record){.players = 2});
    }
    past_on(past, HISTORY_ON_TICK);
    const struct history_facts *facts = history_facts(past->history);
    while (history_deadline(past->history, &past->now).latest == past->now.mono) {
        past_on(past, HISTORY_ON_TICK);
    }
    unsigned saves = past->saves, turns = 0;
    int64_t minute = facts->minute;
    uint64_t recorded = facts->recorded;
    past_pass(past, 60000);
    past_on(past, HISTORY_ON_TICK);
    for (; facts->recorded == recorded; turns++) {
        assert_int_equal(facts->minute, minute); /* what can be asked for is the one before */
        assert_int_equal(past->saves, saves);
        assert_int_equal(history_deadline(past->history, &past->now).latest, past->now.mono);
        if (turns == 0) { /* its turn is over, or to come */
            past_drop(past, "many/0", true, false);
            past_drop(past, "many/1299", true, false);
            assert_int_equal(history_players(past_find(past, "many/1298"), minute + 1), HISTORY_UNKNOWN);
        }
        past_on(past, HISTORY_ON_TICK);
    }
    assert_int_equal(turns, 2); /* 512, 512 and the rest */
    assert_int_equal(facts->minute, minute + 1);
    assert_int_equal(past->saves, saves + 1);
    assert_int_equal(history_players(past_find(past, "many/1298"), minute + 1), 2);
    const struct history_type *type = facts->types;
    while (strcmp(type->name, "many") != 0) {
        type = type->hh.next;
    }
    assert_int_equal(history_totals(past->history, type, minute + 1)->players, 2 * (COUNT - 1));
    assert_int_not_equal(history_deadline(past->history, &past->now).latest, past->now.mono);
}

/* What was counted before the view went stale is no minute; the next one is. */
static void a_minute_that_is_broken_off_is_unknown(void **state)
{
    struct past *past = *state;
    char name[32];
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "many/%d", i);
        past_put(past, name, STATUS_READY, (struct past_record){.players = 2});
    }
    past_pass(past, 60000);
    past_on(past, HISTORY_ON_TICK);
    past_on(past, HISTORY_ON_TICK);
    past_pass(past, 60000);
    past_on(past, HISTORY_ON_TICK);
    past_on(past, HISTORY_ON_STALE);
    const struct history_facts *facts = history_facts(past->history);
    int64_t minute = facts->minute;
    assert_int_equal(minute, past->now.wall / 60000);
    past_on(past, HISTORY_ON_SYNCED);
    past_pass(past, 60000);
    past_on(past, HISTORY_ON_TICK);
    past_pass(past, 60000); /* so late that the rest of it is counted at once */
    past_on(past, HISTORY_ON_TICK);
    past_on(past, HISTORY_ON_TICK);
    const struct history_type *type = facts->types;
    while (strcmp(type->name, "many") != 0) {
        type = type->hh.next;
    }
    assert_null(history_totals(past->history, type, minute));
    assert_int_equal(history_totals(past->history, type, minute + 1)->players, 1200);
}

static void a_save_each_minute(void **state)
{
    struct past *past = *state;
    unsigned before = past->saves;
    past_put(past, "a/1", STATUS_ERROR, NOTHING);
    past_on(past, HISTORY_ON_TICK);
    assert_int_equal(past->saves, before);
    past_minutes(past, 3);
    assert_int_equal(past->saves, before + 3);
}

#define WITH_PAST(test) cmocka_unit_test_setup_teardown(test, past_set_up, past_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAST(each_change_is_a_transition),
        WITH_PAST(a_long_text_is_cut),
        WITH_PAST(lives_follow_the_process),
        WITH_PAST(why_it_went),
        WITH_PAST(what_is_gone_is_forgotten_after_a_day),
        WITH_PAST(what_is_found_out_later_says_so),
        WITH_PAST(players_by_the_minute),
        WITH_PAST(minutes_without_the_registry_are_unknown),
        WITH_PAST(totals_are_of_each_type),
        WITH_PAST(a_clock_that_is_set),
        WITH_PAST(a_minute_of_many_servers_takes_turns),
        WITH_PAST(a_minute_that_is_broken_off_is_unknown),
        WITH_PAST(a_save_each_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
