/* What other writers of the key cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registrar_world.h"

static void other_agent_writes(struct world *w, int64_t revision)
{
    struct registry_change change = {.key = STR("/s/w/1"),
                                     .value = STR("theirs"),
                                     .mod_revision = revision,
                                     .lease = registrar_facts(w->registrar).lease};
    world_step(w, (struct registrar_event){.type = REGISTRAR_ON_CHANGED, .change = &change});
}

/* The other agent's writes that one bears, counted up to the last that changes nothing. */
static int64_t write_by_turns(struct world *w, int64_t turns)
{
    int64_t revision = 5, turn = 0;
    world_offer(w, "one", true);
    world_reply(w, (struct registry_reply){.ttl_ms = 3000000}); /* no keepalive is due in between */
    world_reply(w, (struct registry_reply){.succeeded = true, .revision = 5});
    while (turn < turns && w->note != REGISTRAR_NOTE_DUPLICATE_AGENT) {
        turn++;
        w->now.mono += 1001;
        w->now.boot += 1001;
        other_agent_writes(w, ++revision);
        if (w->note != REGISTRAR_NOTE_DUPLICATE_AGENT) {
            assert_int_equal(w->asked.op, REGISTRY_PUT);
            world_reply(w, (struct registry_reply){.succeeded = true, .revision = ++revision});
        }
    }
    return turn;
}

/* A lease that is left to another agent while it is being revoked is not one of this agent's: its key is in
 * conflict, not to be taken over. */
static void test_abandoned_while_revoking(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    int64_t limit = write_by_turns(&w, 100);
    world_finish(&w);
    world_begin(&w, 0);
    assert_int_equal(write_by_turns(&w, limit - 1), limit - 1);
    struct registry_lease lease = registrar_facts(w.registrar).lease;
    w.now.mono += 1001;
    w.now.boot += 1001;
    world_offer(&w, "two", true);
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    struct registry_request put = w.asked;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_WITHDRAW});
    assert_int_equal(registrar_facts(w.registrar).lease_state, LEASE_REVOKING);
    w.asked = put;
    world_reply(&w, (struct registry_reply){
                        .revision = 100,
                        .kv = {.found = true, .value = STR("theirs"), .mod_revision = 100, .lease = lease}});
    world_offer(&w, "three", true);
    assert_int_equal(w.note, REGISTRAR_NOTE_DUPLICATE_AGENT);
    assert_int_equal(w.asked.op, REGISTRY_GRANT);
    world_reply(&w, (struct registry_reply){.ttl_ms = 12000});
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    world_reply(&w, (struct registry_reply){
                        .revision = 101,
                        .kv = {.found = true, .value = STR("theirs"), .mod_revision = 100, .lease = lease}});
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_CONFLICT);
    world_finish(&w);
}

/* The change is known only from the watch, the request that would have told of it failed, and nothing is left to
 * write: the key is read. */
static void test_change_during_a_request_that_fails(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    world_offer(&w, "two", true);
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    struct registry_change change = {.key = STR("/s/w/1"), .deleted = true, .mod_revision = 6};
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_CHANGED, .change = &change});
    world_offer(&w, "one", true);
    unsigned before = w.requests;
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_RETRY, .error = STR("no leader")});
    assert_int_equal(registrar_facts(w.registrar).key_state, KEY_SYNCED);
    assert_true(registrar_deadline(w.registrar).latest <= w.now.mono + RETRY_CAP_MS);
    w.now.mono += 1000;
    w.now.boot += 1000;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    assert_int_equal(w.requests, before + 1);
    assert_int_equal(w.asked.op, REGISTRY_GET);
    world_reply(&w, (struct registry_reply){.revision = 6});
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    world_finish(&w);
}

/* A put that was answered after the lease's deadline may be gone with the lease: it counts as published only once a
 * keepalive has found the lease. */
static void test_put_answered_after_the_deadline(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_offer(&w, "one", true);
    world_reply(&w, (struct registry_reply){.ttl_ms = 12000});
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    w.now.boot += 12000;
    w.now.mono += 12000;
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 5});
    struct registrar_facts facts = registrar_facts(w.registrar);
    assert_false(facts.settled || facts.in_sync);
    assert_int_equal(facts.registrations, 0);
    assert_int_equal(facts.key_state, KEY_MAYBE_WRITTEN);
    assert_true(facts.visible);
    assert_int_equal(w.asked.op, REGISTRY_KEEPALIVE);
    world_reply(&w, (struct registry_reply){.ttl_ms = 12000});
    for (int i = 0; i < 20 && w.asked.op == REGISTRY_KEEPALIVE; i++) {
        w.now.boot += 500;
        w.now.mono += 500;
        world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    }
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    world_reply(&w, (struct registry_reply){.revision = 5,
                                            .kv = {.found = true,
                                                   .value = STR("one"),
                                                   .mod_revision = 5,
                                                   .lease = registrar_facts(w.registrar).lease}});
    facts = registrar_facts(w.registrar);
    assert_true(facts.settled && facts.in_sync);
    assert_int_equal(facts.registrations, 1);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_change_during_a_request_that_fails),
        cmocka_unit_test(test_abandoned_while_revoking),
        cmocka_unit_test(test_put_answered_after_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
