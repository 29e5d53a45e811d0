#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/attr.h"
#include "outrider/core/command/inbox.h"

#include <stdio.h>
#include <string.h>

static char say[] = "say", map[] = "map.*";
static char *const accepted[] = {say, map};

static struct inbox inbox;
static struct queue effects;
static struct instant now;
static size_t watching;
static struct inbox_effect taken[200];
static size_t taken_count;

static int begin(void **state)
{
    (void)state;
    inbox_init(&inbox, accepted, COUNT_OF(accepted));
    queue_init(&effects, sizeof(struct inbox_effect));
    now = (struct instant){.mono = 1000, .boot = 1000, .wall = 100000};
    watching = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    inbox_fini(&inbox);
    queue_fini(&effects);
    return 0;
}

static void step(struct inbox_event event)
{
    event.now = now;
    event.watching = watching;
    inbox_step(&inbox, &event, &effects);
    taken_count = 0;
    while (queue_take(&effects, &taken[taken_count])) {
        taken_count++;
    }
}

static const struct inbox_effect *effect(enum inbox_effect_type type, size_t number)
{
    for (size_t i = 0; i < taken_count; i++) {
        if (taken[i].type == type && number-- == 0) {
            return &taken[i];
        }
    }
    return NULL;
}

static size_t count(enum inbox_effect_type type)
{
    size_t sum = 0;
    for (size_t i = 0; i < taken_count; i++) {
        sum += taken[i].type == type;
    }
    return sum;
}

static void id_of(unsigned number, char id[static ULID_LENGTH + 1])
{
    snprintf(id, ULID_LENGTH + 1, "01J%023u", number);
}

/* The key of command `number` as it is. */
static void item(unsigned number, const char *name, enum command_state as, int64_t revision)
{
    struct server_command command = {.at_wall = 100000, .until_wall = 130000, .state = as};
    id_of(number, command.id);
    snprintf(command.name, sizeof(command.name), "%s", name);
    snprintf(command.from, sizeof(command.from), "op:olga");
    step((struct inbox_event){.type = INBOX_ON_ITEM,
                              .id = str_of(command.id),
                              .found = true,
                              .command = &command,
                              .revision = revision,
                              .lease = {0, 7}});
}

static void gone(unsigned number)
{
    char id[ULID_LENGTH + 1];
    id_of(number, id);
    step((struct inbox_event){.type = INBOX_ON_ITEM, .id = str_of(id)});
}

static enum inbox_verdict result(unsigned number, bool good, const char *text)
{
    char id[ULID_LENGTH + 1];
    id_of(number, id);
    step((struct inbox_event){.type = INBOX_ON_RESULT, .id = str_of(id), .good = good, .text = str_of(text)});
    assert_non_null(effect(INBOX_DO_ANSWER, 0));
    return effect(INBOX_DO_ANSWER, 0)->verdict;
}

static void written(uint64_t request, int64_t revision)
{
    step((struct inbox_event){
        .type = INBOX_ON_REPLY, .request = request, .succeeded = true, .revision = revision});
}

static void watch(uint64_t peer)
{
    watching++;
    step((struct inbox_event){.type = INBOX_ON_WATCH, .peer = peer});
}

static const struct server_command *find(unsigned number)
{
    char id[ULID_LENGTH + 1];
    id_of(number, id);
    return inbox_find(&inbox, str_of(id));
}

/* From the registry to the server and back. */
static void test_way(void **state)
{
    (void)state;
    item(1, "say", COMMAND_QUEUED, 10);
    assert_int_equal(taken_count, 0); /* no connection watches */
    assert_int_equal(result(1, true, ""), INBOX_UNKNOWN);
    watch(5);
    assert_int_equal(effect(INBOX_DO_DELIVER, 0)->peer, 5);
    const struct inbox_effect *write = effect(INBOX_DO_WRITE, 0);
    assert_int_equal(write->revision, 10);
    assert_int_equal(write->lease.lo, 7);
    assert_int_equal(find(1)->state, COMMAND_DELIVERED);
    uint64_t request = write->request;
    assert_int_equal(result(1, true, "done"), INBOX_TAKEN);
    assert_null(effect(INBOX_DO_WRITE, 0)); /* one write at a time */
    written(request, 11);
    write = effect(INBOX_DO_WRITE, 0);
    assert_int_equal(write->revision, 11);
    assert_int_equal(find(1)->state, COMMAND_OK);
    written(write->request, 12);
    assert_int_equal(inbox.count, 0);
    assert_int_equal(inbox_due(&inbox, &now), NEVER_MS);
    /* Again the same, another one. */
    assert_int_equal(result(1, true, "done"), INBOX_TAKEN);
    assert_int_equal(result(1, true, "else"), INBOX_DECIDED);
    assert_int_equal(result(1, false, "done"), INBOX_DECIDED);
    assert_int_equal(result(2, true, ""), INBOX_UNKNOWN);
    assert_int_equal(inbox.counters.ok, 1);
}

/* The same id comes again only to who begins to watch. */
static void test_delivery(void **state)
{
    (void)state;
    watch(1);
    item(1, "say", COMMAND_QUEUED, 10);
    assert_int_equal(effect(INBOX_DO_DELIVER, 0)->peer, 0);
    uint64_t request = effect(INBOX_DO_WRITE, 0)->request;
    item(1, "say", COMMAND_QUEUED, 10);
    assert_int_equal(count(INBOX_DO_DELIVER), 0);
    written(request, 11);
    item(1, "say", COMMAND_DELIVERED, 11);
    assert_int_equal(taken_count, 0);
    watch(2);
    assert_int_equal(count(INBOX_DO_DELIVER), 1);
    assert_int_equal(effect(INBOX_DO_DELIVER, 0)->peer, 2);
    assert_int_equal(count(INBOX_DO_WRITE), 0);
    item(2, "map.change", COMMAND_QUEUED, 12);
    assert_int_equal(result(1, false, "no"), INBOX_TAKEN);
    watch(3);
    assert_int_equal(count(INBOX_DO_DELIVER), 1); /* not the one that has its result */
}

/* The agent has restarted: what the one before delivered goes to the next connection. */
static void test_restart(void **state)
{
    (void)state;
    step((struct inbox_event){.type = INBOX_ON_OPENED});
    uint64_t list = effect(INBOX_DO_LIST, 0)->request;
    item(1, "say", COMMAND_DELIVERED, 10);
    item(2, "say", COMMAND_OK, 11);
    item(3, "say", COMMAND_EXPIRED, 12);
    step((struct inbox_event){.type = INBOX_ON_PAGE, .request = list});
    assert_int_equal(inbox.count, 1);
    assert_int_equal(inbox.walk, INBOX_LISTED);
    watch(1);
    assert_int_equal(count(INBOX_DO_DELIVER), 1);
    assert_int_equal(count(INBOX_DO_WRITE), 0);
    assert_int_equal(result(1, true, "x"), INBOX_TAKEN);
}

static void test_accept(void **state)
{
    (void)state;
    watch(1);
    item(1, "kick", COMMAND_QUEUED, 10);
    assert_int_equal(count(INBOX_DO_DELIVER), 0);
    assert_int_equal(effect(INBOX_DO_NOTE, 0)->note, INBOX_NOTE_REFUSED);
    assert_int_equal(find(1)->state, COMMAND_ERROR);
    assert_int_equal(count(INBOX_DO_WRITE), 1);
    assert_int_equal(result(1, true, ""), INBOX_DECIDED);
    assert_int_equal(inbox.counters.refused, 1);
}

static void test_foreign(void **state)
{
    (void)state;
    watch(1);
    step((struct inbox_event){.type = INBOX_ON_ITEM, .id = STR("x"), .found = true, .lease = {0, 7}});
    assert_int_equal(effect(INBOX_DO_NOTE, 0)->note, INBOX_NOTE_FOREIGN);
    struct server_command command = {.id = "01J00000000000000000000009", .name = "say", .until_wall = 130000};
    step((struct inbox_event){
        .type = INBOX_ON_ITEM, .id = str_of(command.id), .found = true, .command = &command});
    assert_int_equal(effect(INBOX_DO_NOTE, 0)->note, INBOX_NOTE_FOREIGN); /* under no lease */
    assert_int_equal(inbox.count, 0);
    assert_int_equal(inbox.counters.foreign, 2);
    /* One that is kept and becomes something else is over. */
    item(1, "say", COMMAND_QUEUED, 10);
    char id[ULID_LENGTH + 1];
    id_of(1, id);
    step((struct inbox_event){.type = INBOX_ON_ITEM, .id = str_of(id), .found = true, .revision = 20});
    assert_int_equal(inbox.count, 0);
}

static void test_time(void **state)
{
    (void)state;
    watch(1);
    item(1, "say", COMMAND_QUEUED, 10);
    written(effect(INBOX_DO_WRITE, 0)->request, 11);
    assert_int_equal(inbox_due(&inbox, &now), 31000);
    now.wall = 129999, now.mono = 30999;
    step((struct inbox_event){.type = INBOX_ON_TICK});
    assert_int_equal(inbox.count, 1);
    now.wall++, now.mono++;
    assert_int_equal(result(1, true, ""), INBOX_TOO_LATE);
    assert_int_equal(inbox.count, 0);
    assert_int_equal(inbox.counters.expired, 1);
    item(1, "say", COMMAND_DELIVERED, 11); /* not again, its time is over */
    assert_int_equal(inbox.count, 0);
}

/* A result that was given in time is written for a while longer, and no longer. */
static void test_late(void **state)
{
    (void)state;
    watch(1);
    item(1, "say", COMMAND_QUEUED, 10);
    written(effect(INBOX_DO_WRITE, 0)->request, 11);
    now.wall = 129000;
    assert_int_equal(result(1, true, "x"), INBOX_TAKEN);
    uint64_t request = effect(INBOX_DO_WRITE, 0)->request;
    now.wall = 135000;
    step((struct inbox_event){.type = INBOX_ON_REPLY, .request = request, .failure = REGISTRY_RETRY});
    assert_int_equal(count(INBOX_DO_WRITE), 0);
    now.mono = inbox_due(&inbox, &now);
    step((struct inbox_event){.type = INBOX_ON_TICK});
    assert_int_equal(count(INBOX_DO_WRITE), 1);
    request = effect(INBOX_DO_WRITE, 0)->request;
    now.wall = 140000;
    step((struct inbox_event){.type = INBOX_ON_REPLY, .request = request, .failure = REGISTRY_UNKNOWN});
    assert_int_equal(inbox.count, 0);
    assert_int_equal(inbox.counters.lost, 1);
    assert_int_equal(result(1, true, "x"), INBOX_TAKEN);
}

/* Another agent has written: the write is refused, and the key says what stands. */
static void test_conflict(void **state)
{
    (void)state;
    char id[ULID_LENGTH + 1];
    watch(1);
    item(1, "say", COMMAND_QUEUED, 10);
    uint64_t request = effect(INBOX_DO_WRITE, 0)->request;
    assert_int_equal(result(1, true, "x"), INBOX_TAKEN);
    struct server_command other = {.name = "say", .from = "op:olga", .until_wall = 130000};
    id_of(1, other.id);
    /* The write before this one worked, and its answer was lost. */
    other.state = COMMAND_DELIVERED;
    struct inbox_event reply = {.type = INBOX_ON_REPLY,
                                .request = request,
                                .found = true,
                                .command = &other,
                                .revision = 14,
                                .lease = {0, 8}};
    step(reply);
    assert_int_equal(effect(INBOX_DO_WRITE, 0)->revision, 14);
    assert_int_equal(effect(INBOX_DO_WRITE, 0)->lease.lo, 8);
    reply.request = effect(INBOX_DO_WRITE, 0)->request;
    /* An observer has said that it expired. */
    other.state = COMMAND_EXPIRED;
    step(reply);
    assert_int_equal(inbox.count, 0);
    assert_int_equal(count(INBOX_DO_WRITE), 0);
    assert_int_equal(result(1, true, "x"), INBOX_TOO_LATE);
    id_of(1, id);
}

/* A key that went takes the command along; so does its lease. */
static void test_gone(void **state)
{
    (void)state;
    watch(1);
    item(1, "say", COMMAND_QUEUED, 10);
    gone(1);
    assert_int_equal(inbox.count, 0);
    item(2, "say", COMMAND_QUEUED, 11);
    step((struct inbox_event){.type = INBOX_ON_REPLY,
                              .request = effect(INBOX_DO_WRITE, 0)->request,
                              .failure = REGISTRY_LEASE_LOST});
    assert_int_equal(inbox.count, 0);
    gone(3);
    assert_int_equal(taken_count, 0);
}

static void test_denied(void **state)
{
    (void)state;
    watch(1);
    item(1, "say", COMMAND_QUEUED, 10);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(count(INBOX_DO_WRITE), 1);
        step((struct inbox_event){.type = INBOX_ON_REPLY,
                                  .request = effect(INBOX_DO_WRITE, 0)->request,
                                  .failure = REGISTRY_DENIED});
        assert_int_equal(count(INBOX_DO_NOTE), i == 0 ? 1 : 0);
        now.mono = inbox_due(&inbox, &now);
        step((struct inbox_event){.type = INBOX_ON_TICK});
    }
}

static void page(bool more, const char *last)
{
    step((struct inbox_event){
        .type = INBOX_ON_PAGE, .request = inbox.list_id, .more = more, .id = str_of(last)});
}

static void test_walk(void **state)
{
    (void)state;
    char last[ULID_LENGTH + 1];
    item(9, "say", COMMAND_QUEUED, 5); /* before the listing, and gone by then */
    step((struct inbox_event){.type = INBOX_ON_OPENED});
    assert_string_equal(effect(INBOX_DO_LIST, 0)->id, "");
    item(1, "say", COMMAND_QUEUED, 10);
    id_of(1, last);
    uint64_t first = inbox.list_id;
    page(true, last);
    assert_string_equal(effect(INBOX_DO_LIST, 0)->id, last);
    step((struct inbox_event){.type = INBOX_ON_PAGE, .request = first}); /* an old answer */
    assert_int_equal(inbox.walk, INBOX_LISTING);
    step((struct inbox_event){.type = INBOX_ON_PAGE, .request = inbox.list_id, .failure = REGISTRY_RETRY});
    assert_int_equal(inbox.walk, INBOX_RETRYING);
    now.mono = inbox_due(&inbox, &now);
    step((struct inbox_event){.type = INBOX_ON_TICK});
    assert_string_equal(effect(INBOX_DO_LIST, 0)->id, "");
    item(1, "say", COMMAND_QUEUED, 10);
    page(false, last);
    assert_int_equal(inbox.count, 1);
    assert_non_null(find(1));
}

/* More than are kept: the rest waits in the registry, and is listed when there is room again. */
static void test_full(void **state)
{
    (void)state;
    char last[ULID_LENGTH + 1];
    step((struct inbox_event){.type = INBOX_ON_OPENED});
    size_t notes = 0;
    for (unsigned i = 1; i <= 60; i++) {
        item(i, "say", COMMAND_QUEUED, i);
        notes += count(INBOX_DO_NOTE);
    }
    assert_int_equal(inbox.count, INBOX_WAITING_MAX);
    assert_int_equal(notes, 1);
    id_of(60, last);
    page(true, last);
    assert_int_equal(inbox.walk, INBOX_LISTED);
    size_t lists = 0;
    for (unsigned i = 1; i <= INBOX_WAITING_MAX / 2; i++) {
        gone(i);
        lists += count(INBOX_DO_LIST);
    }
    assert_int_equal(lists, 1);
    item(40, "say", COMMAND_QUEUED, 40);
    assert_non_null(find(40));
    size_t kept = inbox.count;
    for (unsigned i = 0; i < INBOX_PAGES_MAX; i++) {
        page(true, last);
    }
    assert_int_equal(inbox.walk, INBOX_LISTED); /* it does not read a range without end */
    assert_int_equal(inbox.count, kept);        /* what half a listing has not shown may be there */
}

static void test_table(void **state)
{
    (void)state;
    for (int from = 0; from < INBOX_WALK_COUNT; from++) {
        for (int to = 0; to < INBOX_WALK_COUNT; to++) {
            bool expected = to == INBOX_LISTING ||
                            (from == INBOX_LISTING && (to == INBOX_RETRYING || to == INBOX_LISTED));
            assert_int_equal(inbox_may_walk((enum inbox_walk)from, (enum inbox_walk)to), expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_way, begin, end),
        cmocka_unit_test_setup_teardown(test_delivery, begin, end),
        cmocka_unit_test_setup_teardown(test_restart, begin, end),
        cmocka_unit_test_setup_teardown(test_accept, begin, end),
        cmocka_unit_test_setup_teardown(test_foreign, begin, end),
        cmocka_unit_test_setup_teardown(test_time, begin, end),
        cmocka_unit_test_setup_teardown(test_late, begin, end),
        cmocka_unit_test_setup_teardown(test_conflict, begin, end),
        cmocka_unit_test_setup_teardown(test_gone, begin, end),
        cmocka_unit_test_setup_teardown(test_denied, begin, end),
        cmocka_unit_test_setup_teardown(test_walk, begin, end),
        cmocka_unit_test_setup_teardown(test_full, begin, end),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
