#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/seats/amend.h"
#include "support/add_reservation.h"

#include <stdio.h>
#include <string.h>

static const struct instant now = {.mono = 1000, .boot = 5000, .wall = 100000};

/* The keys as a read finds them: a list with "p-7" until `until`, and the key of its id. */
static struct seats_reply found(int64_t until)
{
    struct seats_reply reply = {.made = true,
                                .revision = 20,
                                .seats = {.read = true, .found = true, .revision = 11},
                                .id = {.read = true, .found = true, .revision = 12},
                                .place = {.server = "w1", .seats = 4}};
    add_reservation(&reply.list, "old", 1, 1000);
    add_reservation(&reply.list, "p-7", 4, until);
    return reply;
}

static struct amend begin(enum amend_op op)
{
    struct amend amend;
    amend_init(&amend, op, STR("w1"), op == AMEND_CLEAN ? STR("") : STR("p-7"), 30000, 4000);
    assert_int_equal(amend.state, AMEND_READING);
    assert_true(amend.change.reads);
    return amend;
}

static void answer(struct amend *amend, struct seats_reply reply)
{
    amend_reply(amend, &reply, &now);
    reservations_fini(&reply.list);
}

static void ends(struct amend *amend, enum amend_result result)
{
    assert_int_equal(amend->state, AMEND_DONE);
    assert_int_equal(amend->result, result);
    amend_fini(amend);
}

static void test_get(void **state)
{
    (void)state;
    struct amend amend = begin(AMEND_GET);
    answer(&amend, found(99000)); /* past, and live for 2 s more */
    assert_int_equal(amend.reservation.seats, 4);
    ends(&amend, AMEND_OK);
    amend = begin(AMEND_GET);
    answer(&amend, found(98000));
    ends(&amend, AMEND_NOT_FOUND);
    amend = begin(AMEND_GET);
    answer(&amend, (struct seats_reply){.made = true, .seats = {.read = true}});
    ends(&amend, AMEND_NOT_FOUND);
    amend = begin(AMEND_GET);
    answer(&amend,
           (struct seats_reply){.made = true, .seats = {.read = true, .found = true, .foreign = true}});
    ends(&amend, AMEND_FOREIGN);
}

static void test_extend(void **state)
{
    (void)state;
    struct amend amend = begin(AMEND_EXTEND);
    answer(&amend, found(110000));
    assert_int_equal(amend.state, AMEND_WRITING);
    const struct seats_change *change = &amend.change;
    assert_int_equal(change->of.revision, 11);
    assert_int_equal(change->of.list.count, 1);
    assert_int_equal(change->of.list.items[0].until_wall, 130000);
    assert_int_equal(change->id_action, SEATS_ID_WRITE);
    assert_int_equal(change->id_revision, 12);
    assert_int_equal(change->place.until_wall, 130000);
    assert_string_equal(change->place.server, "w1");
    assert_string_equal(change->dropped[0], "old");
    answer(&amend, (struct seats_reply){.made = true});
    assert_int_equal(amend.reservation.until_wall, 130000);
    ends(&amend, AMEND_OK);
    amend = begin(AMEND_EXTEND); /* it is never shorter for that */
    answer(&amend, found(190000));
    assert_int_equal(amend.change.of.list.items[0].until_wall, 190000);
    amend_fini(&amend);
}

static void test_release(void **state)
{
    (void)state;
    struct amend amend = begin(AMEND_RELEASE);
    answer(&amend, found(110000));
    assert_int_equal(amend.change.of.list.count, 0);
    assert_int_equal(amend.change.id_action, SEATS_ID_REMOVE);
    answer(&amend, (struct seats_reply){.made = true});
    assert_int_equal(amend.reservation.seats, 4);
    ends(&amend, AMEND_OK);
}

/* The key of the id names another server: it is that one's. */
static void test_a_key_of_another_server_is_left(void **state)
{
    (void)state;
    struct amend amend = begin(AMEND_RELEASE);
    struct seats_reply reply = found(110000);
    snprintf(reply.place.server, sizeof(reply.place.server), "w2");
    answer(&amend, reply);
    assert_int_equal(amend.change.id_action, SEATS_ID_KEEP);
    amend_fini(&amend);
}

static void test_others_write(void **state)
{
    (void)state;
    struct amend amend = begin(AMEND_RELEASE);
    for (int i = 0; i < 9; i++) {
        struct seats_reply reply = found(110000);
        reply.made = i == 0;
        answer(&amend, reply);
        assert_int_equal(amend.state, AMEND_WRITING);
    }
    struct seats_reply reply = found(110000);
    reply.made = false;
    answer(&amend, reply);
    ends(&amend, AMEND_CONFLICT);
}

/* A release without an answer is looked up; gone means released, while another request that finds nothing says so. */
static void test_without_an_answer(void **state)
{
    (void)state;
    struct amend amend = begin(AMEND_RELEASE);
    answer(&amend, found(110000));
    answer(&amend, (struct seats_reply){.failure = REGISTRY_UNKNOWN, .error = STR("timeout")});
    assert_int_equal(amend.state, AMEND_READING);
    assert_true(amend.change.reads);
    answer(&amend, (struct seats_reply){.made = true, .seats = {.read = true}});
    ends(&amend, AMEND_OK);
    amend = begin(AMEND_RELEASE);
    answer(&amend, (struct seats_reply){.failure = REGISTRY_UNKNOWN, .error = STR("timeout")});
    answer(&amend, (struct seats_reply){.made = true, .seats = {.read = true}});
    ends(&amend, AMEND_NOT_FOUND);
    amend = begin(AMEND_EXTEND);
    answer(&amend, found(110000));
    for (int i = 0; i < 9; i++) {
        answer(&amend, (struct seats_reply){.failure = REGISTRY_UNKNOWN, .error = STR("timeout")});
    }
    assert_int_equal(amend.failure, REGISTRY_UNKNOWN);
    assert_string_equal(amend.error, "timeout");
    ends(&amend, AMEND_FAILED);
}

/* What is not known when the time is up stays so; what was not begun was not done. */
static void test_too_late(void **state)
{
    (void)state;
    static const struct instant late = {.mono = 4000, .boot = 8000, .wall = 103000};
    static const struct seats_reply none = {.failure = REGISTRY_UNKNOWN, .error = STR_INIT("timeout")};
    struct amend amend = begin(AMEND_EXTEND);
    answer(&amend, found(110000));
    amend_reply(&amend, &none, &late);
    assert_int_equal(amend.failure, REGISTRY_UNKNOWN);
    ends(&amend, AMEND_FAILED);
    amend = begin(AMEND_RELEASE);
    amend_reply(&amend, &(struct seats_reply){.failure = REGISTRY_RETRY, .error = STR("refused")}, &late);
    assert_int_equal(amend.failure, REGISTRY_RETRY);
    ends(&amend, AMEND_FAILED);
    amend = begin(AMEND_RELEASE);
    amend_late(&amend);
    assert_int_equal(amend.failure, REGISTRY_RETRY);
    assert_true(amend.error[0] != '\0');
    ends(&amend, AMEND_FAILED);
}

static void test_denied(void **state)
{
    (void)state;
    struct amend amend = begin(AMEND_RELEASE);
    answer(&amend, found(110000));
    answer(&amend, (struct seats_reply){.failure = REGISTRY_DENIED, .error = STR("permission denied")});
    assert_int_equal(amend.failure, REGISTRY_DENIED);
    ends(&amend, AMEND_FAILED);
}

static void test_clean(void **state)
{
    (void)state;
    struct amend amend = begin(AMEND_CLEAN);
    struct seats_reply reply = found(1000);
    char id[16];
    for (int i = 0; i < SEATS_DROPS_MAX; i++) {
        snprintf(id, sizeof(id), "o%d", i);
        add_reservation(&reply.list, id, 1, 1000);
    }
    answer(&amend, reply);
    assert_int_equal(amend.change.dropped_count, SEATS_DROPS_MAX);
    assert_int_equal(amend.change.id_action, SEATS_ID_KEEP);
    answer(&amend, (struct seats_reply){.made = true});
    assert_int_equal(amend.state, AMEND_READING); /* there may be more */
    answer(&amend, found(110000));
    assert_int_equal(amend.change.of.list.count, 1);
    answer(&amend, (struct seats_reply){.made = true});
    ends(&amend, AMEND_OK);
    amend = begin(AMEND_CLEAN);
    answer(&amend, (struct seats_reply){.made = true, .seats = {.read = true}});
    ends(&amend, AMEND_OK);
    amend = begin(AMEND_CLEAN); /* an empty list is deleted */
    answer(&amend, (struct seats_reply){.made = true, .seats = {.read = true, .found = true, .revision = 3}});
    assert_int_equal(amend.state, AMEND_WRITING);
    amend_fini(&amend);
}

static void test_moves(void **state)
{
    (void)state;
    assert_true(amend_may_move(AMEND_READING, AMEND_WRITING));
    assert_true(amend_may_move(AMEND_WRITING, AMEND_READING));
    assert_false(amend_may_move(AMEND_DONE, AMEND_READING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),          cmocka_unit_test(test_extend),
        cmocka_unit_test(test_release),      cmocka_unit_test(test_a_key_of_another_server_is_left),
        cmocka_unit_test(test_others_write), cmocka_unit_test(test_without_an_answer),
        cmocka_unit_test(test_denied),       cmocka_unit_test(test_clean),
        cmocka_unit_test(test_moves),        cmocka_unit_test(test_too_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
