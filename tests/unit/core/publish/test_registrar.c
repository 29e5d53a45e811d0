#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registrar_world.h"

#include <string.h>

static void test_new_one_is_quiet(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    assert_int_equal(w.requests, 0);
    assert_int_equal(registrar_deadline(w.registrar).latest, NEVER_MS);
    assert_int_equal(registrar_facts(w.registrar).lease_state, LEASE_NONE);
    assert_true(registry_lease_is_none(registrar_facts(w.registrar).lease));
    assert_true(registrar_facts(w.registrar).in_sync);
    assert_false(registrar_facts(w.registrar).visible);
    assert_false(registrar_facts(w.registrar).settled);
    assert_false(registrar_facts(w.registrar).published);
    assert_true(registry_lease_is_none(registrar_facts(w.registrar).conflict_lease));
    assert_int_equal(registrar_facts(w.registrar).conflict_left_ms, -1);
    world_finish(&w);
    registrar_free(NULL);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(lease_state_name(LEASE_NONE), "none");
    assert_string_equal(lease_state_name(LEASE_RECOVERING), "recovering");
    assert_string_equal(lease_state_name(LEASE_GRANTING), "granting");
    assert_string_equal(lease_state_name(LEASE_HELD), "held");
}

/* docs/design/etcd-gateway.md, "Lease deadline". */
static void test_what_is_granted_counts(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_offer(&w, "one", true);
    w.now.mono += 300;
    w.now.boot += 300;
    world_reply(&w, (struct registry_reply){.ttl_ms = 12000});
    assert_int_equal(registrar_facts(w.registrar).ttl_ms, 12000);
    assert_int_equal(registrar_facts(w.registrar).lease_deadline_boot, 500000 + 12000);
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 5});
    assert_int_equal(registrar_deadline(w.registrar).earliest, 10000 + 3000);
    assert_int_equal(registrar_deadline(w.registrar).latest, 10000 + 4000);
    assert_int_equal(registrar_facts(w.registrar).revision, 5);
    assert_int_equal(registrar_facts(w.registrar).written_wall, 9000000);
    assert_int_equal(registrar_facts(w.registrar).registrations, 1);
    assert_true(registrar_facts(w.registrar).settled);
    world_finish(&w);
}

static void test_configured_heartbeat(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 2000);
    world_register_it(&w);
    assert_int_equal(registrar_deadline(w.registrar).latest, 12000);
    assert_int_equal(registrar_deadline(w.registrar).earliest, 11500);
    world_finish(&w);
}

static void test_stale_replies_are_ignored(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    struct registry_reply stale = {.id = 999, .op = REGISTRY_PUT, .failure = REGISTRY_LEASE_LOST};
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_REPLY, .reply = &stale});
    assert_int_equal(registrar_facts(w.registrar).lease_state, LEASE_HELD);
    /* A second reply to one request. */
    unsigned before = w.requests;
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 77});
    assert_int_equal(registrar_facts(w.registrar).revision, 5);
    assert_int_equal(w.requests, before);
    world_finish(&w);
}

static void test_outage_is_logged_once_and_its_start_kept(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_offer(&w, "one", true);
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_RETRY, .error = STR("connection refused")});
    assert_string_equal(registrar_facts(w.registrar).last_error, "connection refused");
    assert_int_equal(registrar_facts(w.registrar).last_error_wall, 9000000);
    unsigned notes = w.notes;
    for (int i = 0; i < 20; i++) {
        struct window window = registrar_deadline(w.registrar);
        assert_in_range(window.latest, w.now.mono + 1, w.now.mono + 5000);
        w.now.mono = window.latest;
        w.now.wall += 1000;
        world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
        /* A reply without an error text. */
        world_reply(&w, (struct registry_reply){.failure = REGISTRY_RETRY});
    }
    assert_string_equal(registrar_facts(w.registrar).last_error, "grant failed");
    assert_int_equal(registrar_facts(w.registrar).last_error_wall, 9000000);
    assert_int_equal(w.notes, notes);
    w.now.mono = registrar_deadline(w.registrar).latest;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    world_reply(&w, (struct registry_reply){.ttl_ms = 10000});
    assert_int_equal(w.note, REGISTRAR_NOTE_RECOVERED);
    assert_string_equal(registrar_facts(w.registrar).last_error, "");
    world_finish(&w);
}

static void test_a_refused_record_is_retried_slowly(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    world_offer(&w, "too large", true);
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_REFUSED, .error = STR("larger than max")});
    unsigned before = w.requests;
    for (int i = 0; i < 14; i++) {
        w.now.mono += 1000;
        world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
        if (w.asked.op == REGISTRY_KEEPALIVE && w.requests > before) {
            before = w.requests;
            world_reply(&w, (struct registry_reply){.ttl_ms = 10000});
        }
        assert_false(w.asked.op == REGISTRY_PUT && w.requests > before);
    }
    assert_true(registrar_facts(w.registrar).visible);
    world_finish(&w);
}

static void test_offer_of_the_published_record_requests_nothing(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    unsigned before = w.requests;
    world_offer(&w, "one", true);
    assert_int_equal(w.requests, before);
    /* And the next one is not urgent because of it. */
    world_offer(&w, "two", false);
    world_offer(&w, "three", false);
    assert_int_equal(w.requests, before + 1);
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 6});
    assert_int_equal(w.requests, before + 1);
    assert_false(registrar_facts(w.registrar).in_sync);
    world_finish(&w);
}

static void offer_promise(struct world *w, const char *value, enum registrar_promise promise)
{
    struct blob *blob = blob_new(str_of(value));
    world_step(w, (struct registrar_event){
                      .type = REGISTRAR_ON_OFFER, .value = blob, .urgent = true, .promise = promise});
    blob_unref(blob);
}

/* A record with older players is published all the same; one that promises something else is not. */
static void test_published_is_the_record_with_the_present_promise(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_offer(&w, "one", true);
    assert_false(registrar_facts(w.registrar).published);
    world_reply(&w, (struct registry_reply){.ttl_ms = 12000});
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_DENIED, .error = STR("permission denied")});
    assert_false(registrar_facts(w.registrar).published);
    do {
        world_reply(&w, (struct registry_reply){.ttl_ms = 12000}); /* of a keepalive */
        w.now.boot += registrar_deadline(w.registrar).latest - w.now.mono;
        w.now.mono = registrar_deadline(w.registrar).latest;
        world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    } while (w.asked.op != REGISTRY_PUT);
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 5});
    assert_true(registrar_facts(w.registrar).published);
    offer_promise(&w, "more players", REGISTRAR_PROMISE_READY);
    assert_false(registrar_facts(w.registrar).in_sync);
    assert_true(registrar_facts(w.registrar).published);
    offer_promise(&w, "down", REGISTRAR_PROMISE_DOWN);
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 6});
    assert_false(registrar_facts(w.registrar).published);
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 7});
    assert_true(registrar_facts(w.registrar).published);
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_WITHDRAW});
    assert_false(registrar_facts(w.registrar).published);
    world_finish(&w);
}

static void test_reload_changes_the_interval(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_RELOAD, .min_publish_interval_ms = 100});
    world_offer(&w, "two", false);
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 6});
    unsigned before = w.requests;
    world_offer(&w, "three", false);
    assert_int_equal(registrar_deadline(w.registrar).latest, w.now.mono + 100);
    w.now.mono += 100;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    assert_int_equal(w.requests, before + 1);
    world_finish(&w);
}

/* What a restart needs is on disk before the registry hears of it. */
static void test_saves_precede_requests(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_offer(&w, "one", true);
    assert_int_equal(w.asked.op, REGISTRY_GRANT);
    assert_string_equal(w.order, "SR");
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_UNKNOWN});
    w.now.mono = registrar_deadline(w.registrar).latest;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    assert_int_equal(w.asked.op, REGISTRY_GRANT);
    assert_string_equal(w.order, "R"); /* the same id */
    world_reply(&w, (struct registry_reply){.ttl_ms = 10000});
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    assert_string_equal(w.order, "sdR");
    world_finish(&w);
}

static void test_key_transitions(void **state)
{
    (void)state;
    static const char *const rows[] = {
        /* to: unknown, synced, dirty, maybe written, conflict */
        [KEY_UNKNOWN] = ".xx.x",       [KEY_SYNCED] = "x.xxx",   [KEY_DIRTY] = ".x.xx",
        [KEY_MAYBE_WRITTEN] = ".xx.x", [KEY_CONFLICT] = ".xx..",
    };
    for (int from = 0; from < KEY_STATE_COUNT; from++) {
        for (int to = 0; to < KEY_STATE_COUNT; to++) {
            assert_int_equal(key_may_move((enum key_state)from, (enum key_state)to), rows[from][to] == 'x');
        }
    }
}

static void test_states_of_the_key(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_SYNCED);
    assert_int_equal(registrar_facts(w.registrar).goal, REGISTRAR_IDLE);
    world_offer(&w, "one", true);
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_DIRTY);
    assert_int_equal(registrar_facts(w.registrar).goal, REGISTRAR_PUBLISH);
    world_reply(&w, (struct registry_reply){.ttl_ms = 10000});
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 5});
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_SYNCED);
    world_offer(&w, "two", true);
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_UNKNOWN});
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_MAYBE_WRITTEN);
    assert_true(registrar_facts(w.registrar).visible);
    /* What stands there is wanted again, and the write may have been done all the same: read it. */
    world_offer(&w, "one", true);
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_MAYBE_WRITTEN);
    assert_false(registrar_facts(w.registrar).in_sync);
    w.now.mono = registrar_deadline(w.registrar).latest;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    assert_int_equal(w.asked.op, REGISTRY_GET);
    world_reply(&w, (struct registry_reply){.revision = 6,
                                            .kv = {.found = true,
                                                   .value = STR("two"),
                                                   .mod_revision = 6,
                                                   .lease = registrar_facts(w.registrar).lease}});
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    assert_int_equal(w.asked.expect_revision, 6);
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_DIRTY);
    world_reply(&w,
                (struct registry_reply){
                    .revision = 8,
                    .kv = {.found = true, .value = STR("theirs"), .mod_revision = 8, .lease = {.lo = 4242}}});
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_CONFLICT);
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_WITHDRAW});
    assert_int_equal(registrar_facts(w.registrar).goal, REGISTRAR_WITHDRAW);
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_LEAVE});
    assert_int_equal(registrar_facts(w.registrar).goal, REGISTRAR_LEAVE);
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_OK});
    assert_int_equal(registrar_facts(w.registrar).goal, REGISTRAR_GONE);
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_SYNCED);
    world_finish(&w);
}

static void test_restart_reads_before_it_writes(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_step(&w,
               (struct registrar_event){.type = REGISTRAR_ON_RECOVER, .lease = {.lo = 77}, .ttl_ms = 10000});
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_UNKNOWN);
    assert_true(registrar_facts(w.registrar).visible);
    assert_true(registrar_facts(w.registrar).leased);
    assert_int_equal(w.asked.op, REGISTRY_KEEPALIVE);
    world_reply(&w, (struct registry_reply){.ttl_ms = 10000});
    assert_int_equal(w.asked.op, REGISTRY_GET);
    world_reply(&w, (struct registry_reply){
                        .revision = 6,
                        .kv = {.found = true, .value = STR("one"), .mod_revision = 6, .lease = {.lo = 77}}});
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_SYNCED);
    assert_int_equal(registrar_facts(w.registrar).goal, REGISTRAR_PUBLISH);
    world_finish(&w);
}

static void test_gone_stays_gone(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_LEAVE});
    assert_int_equal(w.asked.op, REGISTRY_REVOKE);
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_LEASE_LOST});
    assert_int_equal(registrar_deadline(w.registrar).latest, NEVER_MS);
    unsigned before = w.requests;
    world_offer(&w, "back", true);
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    assert_int_equal(w.requests, before);
    world_finish(&w);
}

/* shutdown.timeout is short: while leaving no wait between tries is long, whatever the failure and however
 * often. */
static void test_leaving_retries_soon(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_LEAVE});
    for (int i = 0; i < 40; i++) {
        assert_int_equal(w.asked.op, REGISTRY_REVOKE);
        world_reply(&w, (struct registry_reply){.failure = i % 2 == 0 ? REGISTRY_DENIED : REGISTRY_RETRY});
        struct window window = registrar_deadline(w.registrar);
        assert_in_range(window.latest, w.now.mono + 1, w.now.mono + 500);
        w.now.mono = window.latest;
        world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    }
    world_finish(&w);
}

/* Withdrawn while a write is in flight: the write may find its lease gone, and that is no loss. */
static void test_withdraw_races_with_a_put(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    world_offer(&w, "two", true);
    struct registry_request put = w.asked;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_WITHDRAW});
    struct registry_request revoke = w.asked;
    assert_int_equal(revoke.op, REGISTRY_REVOKE);
    unsigned notes = w.notes;
    w.asked = put;
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_LEASE_LOST});
    assert_int_equal(w.notes, notes);
    w.asked = revoke;
    world_reply(&w, (struct registry_reply){0});
    assert_int_equal(w.note, REGISTRAR_NOTE_WITHDRAWN);
    assert_int_equal(registrar_facts(w.registrar).lease_state, LEASE_NONE);
    assert_true(registrar_facts(w.registrar).in_sync);
    world_finish(&w);
}

static void test_conflict_is_reported(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_offer(&w, "one", true);
    world_reply(&w, (struct registry_reply){.ttl_ms = 10000});
    world_reply(&w,
                (struct registry_reply){
                    .kv = {.found = true, .value = STR("theirs"), .mod_revision = 9, .lease = {.lo = 4242}}});
    assert_int_equal(w.asked.op, REGISTRY_LEASE_TTL);
    assert_int_equal(w.asked.lease.lo, 4242);
    assert_int_equal(w.note, REGISTRAR_NOTE_CONFLICT); /* before it is known when the other lease ends */
    world_reply(&w, (struct registry_reply){.ttl_ms = 7000, .ttl_known = true});
    assert_int_equal(w.note, REGISTRAR_NOTE_CONFLICT_LEFT);
    assert_true(str_eq(registrar_facts(w.registrar).conflict_value, STR("theirs")));
    assert_int_equal(registrar_facts(w.registrar).conflict_lease.lo, 4242);
    assert_int_equal(registrar_facts(w.registrar).conflict_left_ms, 7000);
    assert_false(registrar_facts(w.registrar).visible);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_one_is_quiet),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_is_granted_counts),
        cmocka_unit_test(test_configured_heartbeat),
        cmocka_unit_test(test_stale_replies_are_ignored),
        cmocka_unit_test(test_outage_is_logged_once_and_its_start_kept),
        cmocka_unit_test(test_a_refused_record_is_retried_slowly),
        cmocka_unit_test(test_offer_of_the_published_record_requests_nothing),
        cmocka_unit_test(test_published_is_the_record_with_the_present_promise),
        cmocka_unit_test(test_reload_changes_the_interval),
        cmocka_unit_test(test_saves_precede_requests),
        cmocka_unit_test(test_key_transitions),
        cmocka_unit_test(test_states_of_the_key),
        cmocka_unit_test(test_restart_reads_before_it_writes),
        cmocka_unit_test(test_gone_stays_gone),
        cmocka_unit_test(test_leaving_retries_soon),
        cmocka_unit_test(test_withdraw_races_with_a_put),
        cmocka_unit_test(test_conflict_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
