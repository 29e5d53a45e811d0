#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/audit/audit_copies.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

struct world {
    struct audit_copies *copies;
    struct queue effects;
    struct instant now;
    struct registry_request request; /* the last */
    char key[200];
    unsigned requests, failed, recovered, dropped;
};

static int set_up(void **state)
{
    static struct world world;
    struct world *w = *state = &world;
    *w = (struct world){.now = {.mono = 1000, .wall = 100 * HOUR_MS}};
    w->copies = audit_copies_new(&(struct audit_copies_settings){.prefix = STR("/c/audit/"),
                                                                 .keep_ms = 720 * HOUR_MS,
                                                                 .request_timeout_ms = 2000,
                                                                 .chooses_id = true,
                                                                 .seed = 7});
    queue_init(&w->effects, sizeof(struct audit_copies_effect));
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    audit_copies_free(w->copies);
    queue_fini(&w->effects);
    return 0;
}

static void step(struct world *w, struct audit_copies_event event)
{
    struct audit_copies_effect effect;
    event.now = w->now;
    audit_copies_step(w->copies, &event, &w->effects);
    while (queue_take(&w->effects, &effect)) {
        switch (effect.type) {
        case COPIES_DO_REQUEST:
            w->requests++;
            w->request = effect.request;
            snprintf(w->key, sizeof(w->key), "%.*s", STR_ARG(effect.request.key));
            break;
        case COPIES_DO_FAILED: w->failed++; break;
        case COPIES_DO_RECOVERED: w->recovered++; break;
        case COPIES_DO_DROPPED: w->dropped++; break;
        }
    }
}

static void add(struct world *w, const char *id)
{
    struct blob *value = blob_new(str_of(id));
    step(w, (struct audit_copies_event){.type = COPIES_ON_ENTRY, .id = id, .value = value});
    blob_unref(value);
}

static void reply(struct world *w, enum registry_failure failure, bool succeeded)
{
    struct registry_reply reply = {.id = w->request.id,
                                   .op = w->request.op,
                                   .failure = failure,
                                   .succeeded = succeeded,
                                   .error = failure == REGISTRY_OK ? STR("") : STR("away")};
    step(w, (struct audit_copies_event){.type = COPIES_ON_REPLY, .reply = &reply});
}

static struct audit_copies_facts look(const struct world *w)
{
    struct audit_copies_facts facts;
    audit_copies_look(w->copies, &facts);
    return facts;
}

static void assert_asks(const struct world *w, enum registry_op op, const char *key, unsigned requests)
{
    assert_int_equal(w->request.op, op);
    assert_string_equal(w->key, key);
    assert_int_equal(w->requests, requests);
}

static void one_lease_for_an_hour(void **state)
{
    struct world *w = *state;
    add(w, "A");
    assert_asks(w, REGISTRY_GRANT, "", 1);
    assert_true(w->request.ttl_ms == 721 * HOUR_MS); /* the last of the hour stays as long */
    uint64_t lease = w->request.lease.lo;
    assert_true(lease > 0 && lease <= INT64_MAX);
    add(w, "B");
    assert_int_equal(w->requests, 1);
    reply(w, REGISTRY_OK, false);
    assert_asks(w, REGISTRY_PUT, "/c/audit/A", 2);
    assert_true(w->request.lease.lo == lease && w->request.expect_revision == 0);
    assert_true(str_eq(blob_view(w->request.value), STR("A")));
    reply(w, REGISTRY_OK, true);
    assert_asks(w, REGISTRY_PUT, "/c/audit/B", 3);
    reply(w, REGISTRY_OK, true);
    assert_int_equal(look(w).state, COPIES_IDLE);
    assert_int_equal(look(w).copied, 2);
    w->now.wall += HOUR_MS - 1;
    add(w, "C");
    assert_asks(w, REGISTRY_PUT, "/c/audit/C", 4);
    reply(w, REGISTRY_OK, true);
    w->now.wall += 1;
    add(w, "D");
    assert_asks(w, REGISTRY_GRANT, "", 5);
    assert_true(w->request.lease.lo != lease);
}

static void what_failed_is_tried_again(void **state)
{
    struct world *w = *state;
    add(w, "A");
    reply(w, REGISTRY_RETRY, false);
    assert_int_equal(w->failed, 1);
    assert_int_equal(look(w).state, COPIES_WAITING);
    assert_string_equal(look(w).last_error, "away");
    add(w, "B"); /* waits as well */
    step(w, (struct audit_copies_event){.type = COPIES_ON_TICK});
    assert_int_equal(w->requests, 1);
    w->now.mono = audit_copies_due(w->copies);
    step(w, (struct audit_copies_event){.type = COPIES_ON_TICK});
    assert_asks(w, REGISTRY_GRANT, "", 2);
    reply(w, REGISTRY_OK, false);
    assert_int_equal(w->recovered, 1);
    reply(w, REGISTRY_UNKNOWN, false);
    assert_int_equal(w->failed, 2);
    w->now.mono = audit_copies_due(w->copies);
    step(w, (struct audit_copies_event){.type = COPIES_ON_TICK});
    assert_asks(w, REGISTRY_PUT, "/c/audit/A", 4);
    reply(w, REGISTRY_OK, false); /* it was written the first time */
    assert_asks(w, REGISTRY_PUT, "/c/audit/B", 5);
    reply(w, REGISTRY_OK, true);
    assert_int_equal(look(w).waiting, 0);
    assert_int_equal(look(w).copied, 2);
    assert_int_equal(look(w).failures, 2);
    assert_true(audit_copies_due(w->copies) == NEVER_MS);
}

static void a_lost_lease_is_granted_again(void **state)
{
    struct world *w = *state;
    add(w, "A");
    reply(w, REGISTRY_LEASE_EXISTS, false);
    assert_asks(w, REGISTRY_GRANT, "", 2);
    reply(w, REGISTRY_OK, false);
    reply(w, REGISTRY_LEASE_LOST, false);
    assert_asks(w, REGISTRY_GRANT, "", 4);
    assert_int_equal(w->failed, 0);
    assert_int_equal(look(w).waiting, 1);
}

/* A reply to a request of before says nothing. */
static void a_stale_reply_is_ignored(void **state)
{
    struct world *w = *state;
    add(w, "A");
    reply(w, REGISTRY_OK, false);
    uint64_t id = w->request.id;
    w->request.id = id - 1;
    reply(w, REGISTRY_OK, true);
    assert_int_equal(look(w).copied, 0);
    w->request.id = id;
    reply(w, REGISTRY_OK, true);
    assert_int_equal(look(w).copied, 1);
}

static void only_so_many_wait(void **state)
{
    struct world *w = *state;
    add(w, "A");
    reply(w, REGISTRY_OK, false);
    for (int i = 0; i < AUDIT_COPIES_MAX + 9; i++) {
        char id[16];
        snprintf(id, sizeof(id), "N%d", i);
        add(w, id);
    }
    assert_int_equal(look(w).waiting, AUDIT_COPIES_MAX);
    assert_int_equal(look(w).dropped, 10);
    assert_int_equal(w->dropped, 1);
    reply(w, REGISTRY_OK, true); /* of A, which does not wait any more */
    assert_asks(w, REGISTRY_PUT, "/c/audit/N9", 3);
    assert_int_equal(look(w).waiting, AUDIT_COPIES_MAX);
    assert_true(look(w).since_wall == w->now.wall);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_lease_for_an_hour),    TEST(what_failed_is_tried_again), TEST(a_lost_lease_is_granted_again),
        TEST(a_stale_reply_is_ignored), TEST(only_so_many_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
