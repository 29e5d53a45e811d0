#include "events_world.h"

#include "api/events/events_internal.h"
#include "outrider/base/random.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 3000, RECORD = 900 };

struct fleet {
    struct row rows[LARGE];
    char keys[LARGE][32];
    char *json[LARGE];
};

static void write_record(struct fleet *fleet, size_t i, const char *status)
{
    char pad[RECORD];
    memset(pad, 'p', sizeof(pad));
    snprintf(fleet->keys[i], sizeof(fleet->keys[i]), "/services/w/%04zu", i);
    free(fleet->json[i]);
    struct buf text = {0};
    buf_printf(&text, "{\"id\":\"%04zu\",\"type\":\"w\",\"status\":\"%s\",\"customState\":\"%.*s\"}", i,
               status, RECORD, pad);
    fleet->json[i] = text.data;
    fleet->rows[i] = (struct row){fleet->keys[i], fleet->json[i]};
}

static struct fleet *fleet_new(void)
{
    struct fleet *fleet = calloc(1, sizeof(*fleet));
    for (size_t i = 0; i < LARGE; i++) {
        write_record(fleet, i, "ready");
    }
    return fleet;
}

static void fleet_free(struct fleet *fleet)
{
    for (size_t i = 0; i < LARGE; i++) {
        free(fleet->json[i]);
    }
    free(fleet);
}

static void list(struct world *world, const struct fleet *fleet)
{
    world_list(world, 0xcafe, fleet->rows, LARGE);
}

static void put_small(struct world *world, const char *status)
{
    char json[64];
    snprintf(json, sizeof(json), "{\"id\":\"s\",\"type\":\"small\",\"status\":\"%s\"}", status);
    world_put(world, "/services/small/s", json);
}

static size_t count_of(const struct reader *reader, const char *text)
{
    size_t found = 0;
    for (const char *at = buf_text(&reader->in); (at = strstr(at, text)) != NULL; at++) {
        found++;
    }
    return found;
}

static void turns(struct world *world)
{
    for (int i = 0; i < 200; i++) {
        world_turn(world);
    }
}

static const struct events_counters *counters_of(const struct world *world)
{
    return events_counters(world->events);
}

/* A large fleet is no backlog; changes during the init follow it; other subscribers do not wait. */
static void test_large_init_is_read_slowly(void **state)
{
    (void)state;
    struct world world;
    struct fleet *fleet = fleet_new();
    world_begin(&world, 10, 1000);
    list(&world, fleet);
    struct reader slow = reader_dial(&world, "/api/subscribe", "");
    struct reader other = reader_dial(&world, "/api/subscribe?type=small", "");
    turns(&world);
    for (size_t i = 0; i < 100; i++) {
        put_small(&world, i % 2 == 0 ? "ready" : "error");
        world_turn(&world);
    }
    reader_hear(&world, &other, "\nid: 901-cafe\n");
    assert_int_equal(counters_of(&world)->dropped, 0);
    assert_int_equal(world.events->batch_count, 1); /* two subscribers used it, one is done */
    assert_non_null(world.events->blocked);
    assert_true(http_push_facts(world.events->blocked->push)->behind <= EVENTS_PORTION_BYTES + 2 * RECORD);
    reader_hear(&world, &slow, "\nid: 901-cafe\n");
    assert_int_equal(count_of(&slow, "event: init\n"), LARGE);
    assert_int_equal(
        count_of(&slow, "event: synced\ndata: {\"total\":3000,\"revision\":801,\"stale\":false}\n"), 1);
    assert_int_equal(count_of(&slow, "event: update\n"), 100);
    const char *at = strstr(buf_text(&slow.in), "event: synced");
    for (int revision = 801; revision <= 901; revision++) {
        char want[32];
        snprintf(want, sizeof(want), "\nid: %d-cafe\n\n", revision);
        at = strstr(at, want);
        assert_non_null(at);
    }
    assert_int_equal(world.events->batch_count, 0);
    assert_int_equal(counters_of(&world)->dropped, 0);
    reader_hang_up(&slow);
    reader_hang_up(&other);
    world_end(&world);
    fleet_free(fleet);
}

static void keep_line(enum log_level level, struct str line, void *user)
{
    (void)level;
    buf_str(user, line);
}

static void test_a_stalled_subscriber_is_dropped(void **state)
{
    (void)state;
    struct world world;
    struct fleet *fleet = fleet_new();
    world_begin(&world, 10, 1000);
    list(&world, fleet);
    struct buf log = {0};
    log_set_sink(keep_line, &log);
    struct reader lazy = reader_dial(&world, "/api/subscribe", "");
    struct reader also = reader_dial(&world, "/api/subscribe", "");
    struct reader live = reader_dial(&world, "/api/subscribe?type=small", "");
    reader_hear(&world, &live, "event: synced");
    turns(&world);
    buf_clear(&live.in);
    events_comment(world.events);
    assert_true(timer_is_armed(world.events->stalls));
    static_assert(EVENTS_STALLED_MS + EVENTS_LOOK_MS <= 20000, "from 15 to 20 s without a byte");
    struct events_subscriber *first = world.events->blocked, *second = first->next;
    int64_t due = first->progress_ms + EVENTS_STALLED_MS;
    second->progress_ms = first->progress_ms;
    events_drop_stalled(world.events, due - 1);
    assert_int_equal(counters_of(&world)->dropped, 0);
    second->sent_bytes -= 1; /* as if it had read a byte since */
    events_drop_stalled(world.events, due);
    assert_int_equal(counters_of(&world)->dropped, 1);
    assert_ptr_equal(world.events->blocked, second);
    events_drop_stalled(world.events, due + EVENTS_STALLED_MS - 1);
    assert_int_equal(counters_of(&world)->dropped, 1);
    events_drop_stalled(world.events, due + EVENTS_STALLED_MS);
    assert_int_equal(counters_of(&world)->dropped, 2);
    assert_int_equal(world.events->batch_count, 0);
    /* One line for the first; those that follow are logged together, later. */
    const char *line = strstr(buf_text(&log), "subscribers closed\" count=1 reason=\"nothing read for 15 s");
    assert_non_null(line);
    assert_null(strstr(line + 1, "subscribers closed"));
    assert_int_equal(world.events->dropped_unlogged, 1);
    reader_expect(&world, &live, ": \n\n");
    reader_hear_end(&world, &lazy);
    reader_hear_end(&world, &also);
    log_set_sink(NULL, NULL);
    buf_fini(&log);
    reader_hang_up(&lazy);
    reader_hang_up(&also);
    reader_hang_up(&live);
    world_end(&world);
    fleet_free(fleet);
}

/* The change log no longer reaches back to the batch: closed, so that the subscriber begins again. */
static void test_log_overtakes(void **state)
{
    (void)state;
    struct world world;
    struct fleet *fleet = fleet_new();
    world_begin(&world, 10, 8);
    list(&world, fleet);
    struct reader slow = reader_dial(&world, "/api/subscribe", "");
    turns(&world);
    for (size_t i = 0; i < 20; i++) {
        put_small(&world, i % 2 == 0 ? "ready" : "error");
    }
    reader_hear_end(&world, &slow);
    assert_int_equal(count_of(&slow, "event: synced"), 1);
    assert_int_equal(count_of(&slow, "event: update"), 0);
    assert_int_equal(counters_of(&world)->dropped, 1);
    assert_int_equal(counters_of(&world)->subscribers, 0);
    reader_hang_up(&slow);
    world_end(&world);
    fleet_free(fleet);
}

/* After an outage all records may differ at once. */
static void test_great_difference(void **state)
{
    (void)state;
    struct world world;
    struct fleet *fleet = fleet_new();
    world_begin(&world, 10, 1000);
    list(&world, fleet);
    struct reader live = reader_dial(&world, "/api/subscribe?status=error", "");
    struct reader other = reader_dial(&world, "/api/subscribe", "");
    struct reader discovery = reader_dial(&world, "/service-discovery/events", "");
    reader_hear(&world, &live, "event: synced");
    reader_hear(&world, &other, "event: synced");
    buf_clear(&live.in);
    buf_clear(&other.in);
    world_cut(&world, true);
    for (size_t i = 0; i < LARGE; i++) {
        write_record(fleet, i, i % 2 == 0 ? "error" : "draining");
    }
    list(&world, fleet); /* at 822 */
    put_small(&world, "error");
    turns(&world);
    assert_int_equal(counters_of(&world)->dropped, 0);
    assert_int_equal(world.events->batch_count, 1);
    reader_hear(&world, &live, "\nid: 823-cafe\n");
    assert_int_equal(count_of(&live, "event: update\n"), LARGE / 2 + 1);
    assert_int_equal(count_of(&live, "\nid: "), 2);
    assert_non_null(strstr(buf_text(&live.in), "\nid: 822-cafe\n"));
    reader_hear(&world, &other, "\nid: 823-cafe\n");
    assert_int_equal(count_of(&other, "event: update\n"), LARGE + 1);
    assert_int_equal(count_of(&other, "\nid: "), 2);
    reader_hear(&world, &discovery, "serviceJoined");
    assert_int_equal(count_of(&discovery, "serviceHealthChanged"), LARGE);
    assert_int_equal(world.events->batch_count, 0);
    reader_hang_up(&live);
    reader_hang_up(&other);
    reader_hang_up(&discovery);
    world_end(&world);
    fleet_free(fleet);
}

/* Subscribers that do not read pin a bounded number of fleets. */
static void test_batches_are_bounded(void **state)
{
    (void)state;
    enum { READERS = EVENTS_BATCHES_MAX + 8 };
    struct world world;
    struct fleet *fleet = fleet_new();
    struct reader readers[READERS];
    world_begin(&world, READERS, 1000);
    list(&world, fleet);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = reader_dial(&world, "/api/subscribe", "");
        turns(&world);
        put_small(&world, i % 2 == 0 ? "ready" : "error");
        turns(&world);
    }
    assert_int_equal(world.events->batch_count, EVENTS_BATCHES_MAX);
    assert_int_equal(counters_of(&world)->dropped, 0); /* the last ones share the newest batch */
    reader_hear(&world, &readers[READERS - 1], "\nid: 841-cafe\n");
    assert_int_equal(count_of(&readers[READERS - 1], "event: update"), 40 - 31);
    for (size_t i = 0; i < READERS; i++) {
        reader_hang_up(&readers[i]);
    }
    world_end(&world);
    fleet_free(fleet);
}

/* The subscriber with the oldest batch reads on when there are as many batches as there may be. */
static void test_the_slowest_continues_when_all_batches_are_in_use(void **state)
{
    (void)state;
    struct world world;
    struct fleet *fleet = fleet_new();
    struct reader readers[EVENTS_BATCHES_MAX];
    world_begin(&world, EVENTS_BATCHES_MAX, 1000);
    list(&world, fleet);
    for (size_t i = 0; i < EVENTS_BATCHES_MAX; i++) {
        readers[i] = reader_dial(&world, "/api/subscribe", "");
        turns(&world);
        put_small(&world, i % 2 == 0 ? "ready" : "error");
        turns(&world);
    }
    assert_int_equal(world.events->batch_count, EVENTS_BATCHES_MAX);
    reader_hear(&world, &readers[0], "\nid: 833-cafe\n");
    assert_int_equal(count_of(&readers[0], "event: update"), EVENTS_BATCHES_MAX);
    assert_int_equal(counters_of(&world)->dropped, 0);
    for (size_t i = 0; i < EVENTS_BATCHES_MAX; i++) {
        reader_hang_up(&readers[i]);
    }
    world_end(&world);
    fleet_free(fleet);
}

static void test_a_live_subscriber_that_does_not_read(void **state)
{
    (void)state;
    struct world world;
    struct fleet *fleet = fleet_new();
    world_begin(&world, 10, 1000);
    list(&world, fleet);
    struct reader lazy = reader_dial(&world, "/api/subscribe?type=small", "");
    struct reader busy = reader_dial(&world, "/api/subscribe?type=w&status=error", "");
    struct reader also_lazy = reader_dial(&world, "/api/subscribe?type=w&status=error", "");
    reader_hear(&world, &busy, "event: synced");
    for (size_t i = 0, round = 0; counters_of(&world)->dropped == 0; i = (i + 1) % LARGE, round += i == 0) {
        write_record(fleet, i, round % 2 == 0 ? "error" : "ready");
        world_put(&world, fleet->keys[i], fleet->json[i]);
        world_turn(&world);
        reader_read(&busy);
        assert_false(busy.ended);
    }
    assert_int_equal(counters_of(&world)->subscribers, 2);
    char last[64];
    snprintf(last, sizeof(last), "\nid: %lld-cafe\n", (long long)world.revision);
    reader_hear(&world, &busy, last);
    reader_hear_end(&world, &also_lazy);
    reader_hang_up(&lazy);
    reader_hang_up(&busy);
    reader_hang_up(&also_lazy);
    world_end(&world);
    fleet_free(fleet);
}

/* The id of the last complete event that has arrived; cuts off what follows it. */
static void last_id(struct reader *reader, char ret_id[64])
{
    const char *text = buf_text(&reader->in), *id = NULL;
    for (const char *at = text; (at = strstr(at, "\nid: ")) != NULL; at++) {
        id = strstr(at, "\n\n") != NULL ? at : id;
    }
    ret_id[0] = '\0';
    if (id != NULL) {
        sscanf(id, "\nid: %63s", ret_id);
        reader->in.size = (size_t)(strstr(id, "\n\n") + 2 - text);
        reader->in.data[reader->in.size] = '\0';
    }
}

/* A subscriber that is cut off any number of times, also within an event, gets what an uninterrupted one gets. */
static void test_nothing_missed_nothing_twice(void **state)
{
    (void)state;
    struct world world;
    struct random random;
    static const char *const keys[] = {"/services/w/a", "/services/w/b", "/services/x/a", "/services/x/b"};
    random_seed(&random, 7);
    world_begin(&world, 10, 100000);
    world_list(&world, 0xcafe, NULL, 0);
    struct reader steady = reader_dial(&world, "/api/subscribe", "");
    struct reader cut = reader_dial(&world, "/api/subscribe", "");
    struct buf applied = {0};
    reader_hear(&world, &steady, "event: synced");
    reader_hear(&world, &cut, "event: synced");
    for (size_t i = 0; i < 2000; i++) {
        struct row rows[4];
        char json[4][96];
        size_t count = 0;
        for (size_t k = 0; k < COUNT_OF(keys); k++) {
            if (random_below(&random, 3) == 0) {
                snprintf(json[count], sizeof(json[count]),
                         "{\"id\":\"%c\",\"type\":\"%c\",\"status\":\"ready\",\"players\":%zu}", keys[k][12],
                         keys[k][10], i);
                bool gone = random_below(&random, 4) == 0;
                rows[count] = (struct row){keys[k], gone ? NULL : json[count]};
                count++;
            }
        }
        if (count > 0) {
            world_change(&world, rows, count);
        }
        if (random_below(&random, 4) == 0) {
            world_turn(&world);
            reader_read(&steady);
        }
        if (random_below(&random, 20) == 0) {
            char id[64], header[96];
            world_turn(&world);
            reader_read(&cut);
            if (cut.in.size > 1000 && random_below(&random, 2) == 0) {
                cut.in.size -= 40; /* as if the end had been lost */
                cut.in.data[cut.in.size] = '\0';
            }
            last_id(&cut, id);
            if (id[0] != '\0') { /* otherwise it stays connected: nothing was lost */
                buf_str(&applied, buf_view(&cut.in));
                reader_hang_up(&cut);
                snprintf(header, sizeof(header), "Last-Event-ID: %s\r\n", id);
                cut = reader_dial(&world, "/api/subscribe", header);
            }
        }
    }
    put_small(&world, "shutting_down");
    reader_hear(&world, &steady, "shutting_down");
    reader_hear(&world, &cut, "shutting_down");
    buf_str(&applied, buf_view(&cut.in));
    assert_true(counters_of(&world)->resumed > 30);
    assert_int_equal(counters_of(&world)->resumed, counters_of(&world)->subscribed - 2);
    assert_true(str_eq(buf_view(&applied), buf_view(&steady.in)));
    buf_fini(&applied);
    reader_hang_up(&steady);
    reader_hang_up(&cut);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_init_is_read_slowly),
        cmocka_unit_test(test_a_stalled_subscriber_is_dropped),
        cmocka_unit_test(test_log_overtakes),
        cmocka_unit_test(test_great_difference),
        cmocka_unit_test(test_batches_are_bounded),
        cmocka_unit_test(test_the_slowest_continues_when_all_batches_are_in_use),
        cmocka_unit_test(test_a_live_subscriber_that_does_not_read),
        cmocka_unit_test(test_nothing_missed_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
