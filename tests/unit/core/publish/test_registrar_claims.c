#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registrar_world.h"

#include <stdio.h>

/* Claims `id` and lets the next step ask for it. */
static void claim(struct world *w, const char *id)
{
    world_step(w, (struct registrar_event){.type = REGISTRAR_ON_CLAIM, .claim = str_of(id), .ticket = 7});
    assert_string_equal(w->order, "");
    world_step(w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
}

/* The answer to the latest request, which shows that `live` is reserved. */
static void show(struct world *w, struct registry_reply reply, const char *live)
{
    struct str id = str_of(live);
    struct blob *value = blob_new(STR("list"));
    struct registrar_seats seats = {.revision = 40, .value = value, .live = &id, .live_count = id.size > 0};
    reply.id = w->asked.id;
    reply.op = w->asked.op;
    world_step(w, (struct registrar_event){.type = REGISTRAR_ON_REPLY, .reply = &reply, .seats = &seats});
    blob_unref(value);
}

static void put_one(struct world *w, const char *id)
{
    claim(w, id);
    assert_int_equal(w->asked.op, REGISTRY_GET);
    assert_true(str_eq(w->asked.key, STR("/o/seats/w/1")));
    assert_int_equal(registrar_facts(w->registrar).seats_request, w->asked.id);
    show(w, (struct registry_reply){.kv = {.found = true}}, id);
    assert_int_equal(w->asked.op, REGISTRY_PUT);
}

static void test_claims_are_counted_by_how_they_end(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    put_one(&w, "a");
    assert_string_equal(w.order, "SdR"); /* what was reported is on disk before the write */
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 50});
    claim(&w, "b");
    show(&w, (struct registry_reply){.kv = {.found = true}}, "");
    claim(&w, "c");
    world_reply(&w, (struct registry_reply){.failure = REGISTRY_DENIED, .error = STR("denied")});
    struct registrar_facts facts = registrar_facts(w.registrar);
    assert_int_equal(facts.claims[REGISTRAR_CLAIMED], 1);
    assert_int_equal(facts.claims[REGISTRAR_CLAIM_UNKNOWN], 1);
    assert_int_equal(facts.claims[REGISTRAR_CLAIM_AWAY], 1);
    world_finish(&w);
}

/* The seat of a claim that comes while the key is read may have been reserved since: only the next read can say that it is not. */
static void test_a_read_of_before_refuses_nothing(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    claim(&w, "first");
    assert_int_equal(w.asked.op, REGISTRY_GET);
    claim(&w, "second");
    show(&w, (struct registry_reply){.kv = {.found = true}}, "first");
    assert_int_equal(registrar_facts(w.registrar).claims[REGISTRAR_CLAIM_UNKNOWN], 0);
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 50});
    w.now.mono += 60;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    assert_int_equal(w.asked.op, REGISTRY_GET);
    show(&w, (struct registry_reply){.kv = {.found = true}}, "second");
    assert_int_equal(w.asked.op, REGISTRY_PUT);
    world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 51});
    assert_int_equal(registrar_facts(w.registrar).claims[REGISTRAR_CLAIMED], 2);
    assert_int_equal(registrar_facts(w.registrar).claims[REGISTRAR_CLAIM_UNKNOWN], 0);
    world_finish(&w);
}

/* What the next agent is told comes in the order in which it is to be forgotten, and no more than it keeps. */
static void test_the_oldest_is_forgotten_first(void **state)
{
    (void)state;
    struct world w;
    const char *ids[REGISTRAR_CLAIMED_MAX];
    char id[16];
    world_begin(&w, 0);
    world_register_it(&w);
    for (int i = 0; i < REGISTRAR_CLAIMED_MAX + 3; i++) {
        snprintf(id, sizeof(id), "p%d", i);
        w.now.mono += 1000;
        put_one(&w, id);
        world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 50 + i});
    }
    assert_int_equal(registrar_claimed(w.registrar, ids), REGISTRAR_CLAIMED_MAX);
    assert_string_equal(ids[0], "p3");
    assert_string_equal(ids[REGISTRAR_CLAIMED_MAX - 1], "p130");
    w.now.mono += 1000;
    put_one(&w, "under-way");
    assert_int_equal(registrar_claimed(w.registrar, ids), REGISTRAR_CLAIMED_MAX);
    assert_string_equal(ids[0], "p4");
    assert_string_equal(ids[REGISTRAR_CLAIMED_MAX - 1], "under-way");
    w.now.boot += 600001;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_CLAIM, .claim = STR("other")});
    assert_int_equal(registrar_claimed(w.registrar, ids), 1); /* the one under way */
    world_finish(&w);
}

/* A game that claims what is not there, in a loop, asks the registry 20 times a second. */
static void test_reads_are_limited(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    unsigned before = w.requests;
    for (int i = 0; i < 100; i++) {
        claim(&w, "nothing");
        if (registrar_facts(w.registrar).seats_request != 0) {
            show(&w, (struct registry_reply){.kv = {.found = false}}, "");
        }
    }
    assert_int_equal(w.requests - before, 20);
    assert_true(registrar_deadline(w.registrar).latest <= w.now.mono + 50);
    w.now.mono += 60;
    world_step(&w, (struct registrar_event){.type = REGISTRAR_ON_TICK});
    show(&w, (struct registry_reply){.kv = {.found = false}}, "");
    for (int i = 0; i < 40; i++) {
        w.now.mono += i == 0 ? 60 : 1;
        put_one(&w, "there"); /* what is reserved costs no slot */
        world_reply(&w, (struct registry_reply){.succeeded = true, .revision = 50 + i});
    }
    world_finish(&w);
}

static void test_too_many_wait(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, 0);
    world_register_it(&w);
    for (int i = 0; i < REGISTRAR_CLAIMS_MAX + 2; i++) {
        claim(&w, "same");
    }
    assert_int_equal(registrar_facts(w.registrar).claims[REGISTRAR_CLAIM_AWAY], 2);
    world_finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims_are_counted_by_how_they_end),
        cmocka_unit_test(test_a_read_of_before_refuses_nothing),
        cmocka_unit_test(test_the_oldest_is_forgotten_first),
        cmocka_unit_test(test_reads_are_limited),
        cmocka_unit_test(test_too_many_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
