/* Everything that servers can make grow has a limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "support/past.h"

#include <malloc.h>
#include <stdlib.h>

#define NOTHING ((struct past_record){0})

static void transitions_of_one_server_are_bounded(void **state)
{
    struct past *past = *state;
    past_put(past, "a/2", STATUS_READY, NOTHING);
    for (int i = 0; i < 10000; i++) {
        past_put(past, "a/1", i % 2 == 0 ? STATUS_ERROR : STATUS_READY, NOTHING);
    }
    assert_int_equal(past_find(past, "a/1")->transition_count, HISTORY_TRANSITIONS_MAX);
    assert_int_equal(past_find(past, "a/2")->transition_count, 1); /* it lost nothing for it */
    assert_int_equal(history_facts(past->history)->dropped, 0);
    past_check(past);
}

static void all_transitions_are_bounded(void **state)
{
    (void)state;
    struct past past;
    char name[32];
    past_begin(&past, &(struct history_settings){.bytes_max = 20000});
    past_on(&past, HISTORY_ON_SYNCED);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "a/%d", i % 50);
        past_put(&past, name, i / 50 % 2 == 0 ? STATUS_READY : STATUS_ERROR,
                 (struct past_record){.reason = i / 50 % 2 == 0 ? "" : "a probe failed"});
        assert_true(history_facts(past.history)->bytes <= 20000);
    }
    assert_true(history_facts(past.history)->dropped > 1000);
    const struct history_transition *newest = history_before(past.history, UINT64_MAX);
    assert_int_equal(newest->seq, 2000);
    past_check(&past);
    past_end(&past);
}

static void servers_that_come_and_go_are_bounded(void **state)
{
    (void)state;
    struct past past;
    char name[32];
    past_begin(&past, &(struct history_settings){.gone_max = 300, .servers_max = 1000});
    past_on(&past, HISTORY_ON_SYNCED);
    size_t middle = 0;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "a/%d", i);
        past_put(&past, name, STATUS_READY, NOTHING);
        past_drop(&past, name, i % 2 == 0, false);
        assert_true(history_facts(past.history)->gone <= 300);
        middle = i == 2000 ? mallinfo2().uordblks : middle;
    }
    size_t after = mallinfo2().uordblks;
    assert_int_equal(history_facts(past.history)->gone, 300);
    assert_true(middle == 0 || after < middle + 65536);
    past_check(&past);
    past_end(&past);
}

static void records_of_those_that_are_gone_are_bounded(void **state)
{
    (void)state;
    struct past past;
    char name[32];
    past_begin(&past, &(struct history_settings){.record_bytes = 8000});
    past_on(&past, HISTORY_ON_SYNCED);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "a/%d", i);
        past_put(&past, name, STATUS_READY, NOTHING);
        past_drop(&past, name, i % 2 == 0, false);
    }
    size_t size = blob_view(past_find(&past, "a/999")->entry->json).size;
    assert_int_equal(history_facts(past.history)->gone, 8000 / size);
    past_check(&past);
    past_end(&past);
}

static void beyond_the_limit_servers_have_none(void **state)
{
    (void)state;
    struct past past;
    past_begin(&past, &(struct history_settings){.servers_max = 2});
    past_on(&past, HISTORY_ON_SYNCED);
    past_put(&past, "a/1", STATUS_READY, NOTHING);
    past_put(&past, "a/2", STATUS_READY, NOTHING);
    past_put(&past, "a/3", STATUS_READY, NOTHING);
    past_drop(&past, "a/3", false, false);
    assert_null(past_find(&past, "a/3"));
    assert_int_equal(history_facts(past.history)->untracked, 1);
    past_drop(&past, "a/1", false, false);
    past_put(&past, "a/3", STATUS_READY, NOTHING); /* one that is gone makes room */
    assert_non_null(past_find(&past, "a/3"));
    assert_null(past_find(&past, "a/1"));
    past_check(&past);
    past_end(&past);
}

static void types_are_bounded(void **state)
{
    struct past *past = *state;
    char name[32];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "type%d/1", i);
        past_put(past, name, STATUS_READY, NOTHING);
    }
    past_minutes(past, 2);
    assert_int_equal(HASH_COUNT(history_facts(past->history)->types), HISTORY_TYPES_MAX);
}

/* Anything may happen in any order. */
static void whatever_happens(void **state)
{
    (void)state;
    struct past past;
    char name[32];
    uint64_t random = 88172645463325252U;
    past_begin(&past, &(struct history_settings){.servers_max = 40, .gone_max = 12, .bytes_max = 9000});
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        unsigned what = random % 32, which = (unsigned)(random >> 8) % 60;
        snprintf(name, sizeof(name), "%c/%u", 'a' + (int)(which % 3), which);
        if (what < 18) {
            past_put(&past, name, (enum status)((random >> 20) % STATUS_COUNT),
                     (struct past_record){.reason = (random >> 30) % 2 == 0 ? NULL : "why",
                                          .holds = (random >> 31) % 4 == 0 ? "ops" : NULL,
                                          .players = (int)(random >> 33) % 50 - 1,
                                          .started_wall = (int64_t)(random >> 40) % 4});
        } else if (what < 26) {
            past_drop(&past, name, what % 2 == 0, what % 3 == 0);
        } else if (what == 26) {
            past_on(&past, HISTORY_ON_STALE);
        } else if (what == 27) {
            past_on(&past, HISTORY_ON_SYNCED);
        } else {
            past_pass(&past, (int64_t)((random >> 24) % 200000) - (what == 28 ? 90000 : 0));
            past_on(&past, HISTORY_ON_TICK);
        }
        if (i % 64 == 0) {
            past_check(&past);
        }
        assert_true(history_facts(past.history)->bytes <= 9000);
        assert_true(history_facts(past.history)->there + history_facts(past.history)->gone <= 40);
    }
    past_end(&past);
}

/* What the header promises of memory, by the allocator's own count. */
static void memory_of_an_idle_server(void **state)
{
    (void)state;
    enum { SERVERS = 5000 };
    struct past past;
    char name[64];
    past_begin(&past, &(struct history_settings){0});
    past_on(&past, HISTORY_ON_SYNCED);
    struct view_entry **entries = calloc(SERVERS, sizeof(struct view_entry *));
    struct past_record record = {.players = 3, .started_wall = 5};
    for (int i = 0; i < SERVERS; i++) { /* the view has these anyway */
        snprintf(name, sizeof(name), "world/01JD%06d", i);
        entries[i] = past_entry(name, STATUS_READY, &record);
    }
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < SERVERS; i++) {
        struct history_sight sight = {.entry = entries[i], .started_wall = 5};
        past_step(&past, (struct history_event){.type = HISTORY_ON_SIGHTED, .sight = &sight});
    }
    past_minutes(&past, 61);
    size_t after = mallinfo2().uordblks;
    print_message("%zu bytes of each of %d idle servers\n", (after - before) / SERVERS, SERVERS);
    assert_true((after - before) / SERVERS < 4096);
    for (int i = 0; i < SERVERS; i++) {
        view_entry_unref(entries[i]);
    }
    free(entries);
    past_end(&past);
}

#define WITH_PAST(test) cmocka_unit_test_setup_teardown(test, past_set_up, past_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PAST(transitions_of_one_server_are_bounded),
        cmocka_unit_test(all_transitions_are_bounded),
        cmocka_unit_test(servers_that_come_and_go_are_bounded),
        cmocka_unit_test(records_of_those_that_are_gone_are_bounded),
        cmocka_unit_test(beyond_the_limit_servers_have_none),
        WITH_PAST(types_are_bounded),
        cmocka_unit_test(whatever_happens),
        cmocka_unit_test(memory_of_an_idle_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
