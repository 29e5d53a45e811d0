/* The transaction of a reservation on every registry: `contract_seats memory`, `contract_seats etcd` with the endpoints in
 * $OUTRIDER_TEST_ETCD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shell/router/seats_txn_internal.h"
#include "subject.h"

#include <stdio.h>
#include <string.h>

/* A real registry keeps what the tests before have written. */
static char prefix[16], control_prefix[16];

static int set_up(void **state)
{
    static int number;
    snprintf(prefix, sizeof(prefix), "/s%d", ++number);
    snprintf(control_prefix, sizeof(control_prefix), "/o%d", number);
    return subject_set_up(state);
}

/* Sends a change; the answer's list is the caller's. */
static struct seats_reply send(struct subject *subject, const struct seats_change *change)
{
    struct seats_txn txn;
    struct seats_reply answer;
    seats_txn_make(&txn, prefix, control_prefix, STR("world"), change);
    assert_null(registry_txn_problem(&txn.txn));
    subject_submit(subject, (struct registry_request){.op = REGISTRY_TXN, .txn = &txn.txn});
    subject_run_until(subject, subject->answers + 1);
    seats_txn_answer(&txn, &subject->reply, &answer);
    assert_int_equal(answer.failure, REGISTRY_OK);
    seats_txn_fini(&txn);
    return answer;
}

static int64_t put_record(struct subject *subject, const char *value, int64_t expected)
{
    char key[32];
    snprintf(key, sizeof(key), "%s/world/w1", prefix);
    const struct registry_reply *reply =
        subject_put(subject, str_of(key), str_of(value), (struct registry_lease){0}, expected);
    assert_true(reply->succeeded);
    return reply->revision;
}

/* Reserves on w1 under `id`, beside what `of` has already. */
static struct seats_change reservation(const char *id, const struct reservations *of, int64_t revision,
                                       int64_t record)
{
    struct seats_change change = {.record_revision = record, .id_action = SEATS_ID_WRITE};
    snprintf(change.of.server, sizeof(change.of.server), "w1");
    snprintf(change.id, sizeof(change.id), "%s", id);
    snprintf(change.place.server, sizeof(change.place.server), "w1");
    reservations_copy(&change.of.list, of);
    change.of.revision = revision;
    struct reservation *entry = reservations_add(&change.of.list);
    *entry = (struct reservation){.seats = 4, .until_wall = 1795227240123};
    snprintf(entry->id, sizeof(entry->id), "%s", id);
    change.place.seats = 4;
    change.place.until_wall = entry->until_wall;
    return change;
}

static void test_an_allocation(void **state)
{
    struct subject *subject = *state;
    const struct reservations none = {0};
    int64_t record = put_record(subject, "{}", 0);
    struct seats_change change = reservation("p-7", &none, 0, record);
    struct seats_reply answer = send(subject, &change);
    assert_true(answer.made);
    int64_t made = answer.revision;
    /* Asked for again it is not made, and says why. */
    answer = send(subject, &change);
    assert_false(answer.made);
    assert_int_equal(answer.seats.revision, made);
    assert_int_equal(answer.list.count, 1);
    assert_string_equal(answer.list.items[0].id, "p-7");
    assert_int_equal(answer.record.revision, record);
    assert_int_equal(answer.id.revision, made);
    assert_string_equal(answer.place.server, "w1");
    assert_int_equal(answer.place.seats, 4);
    seats_change_fini(&change);
    /* Another one beside it; and none once the record is another. */
    change = reservation("p-8", &answer.list, made, record);
    reservations_fini(&answer.list);
    answer = send(subject, &change);
    assert_true(answer.made);
    struct seats_change late = reservation("p-9", &change.of.list, answer.revision, record);
    int64_t next = put_record(subject, "{\"players\":1}", record);
    answer = send(subject, &late);
    assert_false(answer.made);
    assert_int_equal(answer.record.revision, next);
    assert_false(answer.id.found);
    assert_int_equal(answer.list.count, 2);
    reservations_fini(&answer.list);
    seats_change_fini(&late);
    seats_change_fini(&change);
}

/* A release takes list and id along; a read finds neither. */
static void test_a_release(void **state)
{
    struct subject *subject = *state;
    const struct reservations none = {0};
    int64_t record = put_record(subject, "{}", 0);
    struct seats_change change = reservation("p-7", &none, 0, record);
    struct seats_reply answer = send(subject, &change);
    assert_true(answer.made);
    change.of.revision = change.id_revision = answer.revision;
    change.of.list.count = 0;
    change.record_revision = 0;
    change.id_action = SEATS_ID_REMOVE;
    assert_true(send(subject, &change).made);
    change.reads = true;
    answer = send(subject, &change);
    assert_true(answer.made);
    assert_true(answer.seats.read && !answer.seats.found && answer.id.read && !answer.id.found);
    seats_change_fini(&change);
}

/* An id that moves from one server to another: four keys change, or none. */
static void test_an_id_that_moves(void **state)
{
    struct subject *subject = *state;
    const struct reservations none = {0};
    int64_t record = put_record(subject, "{}", 0);
    struct seats_change change = reservation("p-7", &none, 0, record);
    snprintf(change.of.server, sizeof(change.of.server), "w2");
    snprintf(change.place.server, sizeof(change.place.server), "w2");
    change.record_revision = 0;
    struct seats_reply answer = send(subject, &change);
    assert_true(answer.made);
    int64_t made = answer.revision;
    seats_change_fini(&change);
    change = reservation("p-7", &none, 0, record);
    change.id_revision = made;
    snprintf(change.former.server, sizeof(change.former.server), "w2");
    change.former.revision = made + 1;
    answer = send(subject, &change);
    assert_false(answer.made);
    assert_int_equal(answer.id.revision, made);
    change.former.revision = made;
    answer = send(subject, &change);
    assert_true(answer.made);
    snprintf(change.of.server, sizeof(change.of.server), "w2");
    change.reads = true;
    answer = send(subject, &change);
    assert_false(answer.seats.found);
    assert_string_equal(answer.place.server, "w1");
    seats_change_fini(&change);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_allocation, set_up, subject_tear_down),
        cmocka_unit_test_setup_teardown(test_a_release, set_up, subject_tear_down),
        cmocka_unit_test_setup_teardown(test_an_id_that_moves, set_up, subject_tear_down),
    };
    return subject_chosen(argc, argv, NULL) ? cmocka_run_group_tests(tests, NULL, NULL) : 2;
}
