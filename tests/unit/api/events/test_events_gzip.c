/* Subscribers that take gzip: each of them reads what one that does not reads. */
#include "events_world.h"

#include "api/events/events_internal.h"
#include "support/inflate.h"

#include <stdio.h>
#include <stdlib.h>

#define GZIP "Accept-Encoding: gzip\r\n"

enum { ROWS = 400, KEY_SIZE = 32, PAD = 700 };

struct fleet {
    struct row rows[ROWS];
    char keys[ROWS][KEY_SIZE];
    char *json[ROWS];
};

/* What does not compress well, as pads of random hex digits, and what does. */
static void write_record(struct fleet *fleet, size_t i, unsigned players, size_t pad)
{
    struct buf text = {0};
    snprintf(fleet->keys[i], KEY_SIZE, "/services/%s/%04zu", i % 2 == 0 ? "w" : "l", i);
    buf_printf(&text,
               "{\"id\":\"%04zu\",\"type\":\"%s\",\"status\":\"ready\",\"players\":%u,\"customState\":\"", i,
               i % 2 == 0 ? "w" : "l", players);
    unsigned seed = (unsigned)i * 77 + players;
    for (size_t at = 0; at < pad; at++) {
        seed = seed * 1103515245U + 12345U;
        buf_printf(&text, "%x", seed >> 28);
    }
    buf_str(&text, STR("\"}"));
    free(fleet->json[i]);
    fleet->json[i] = text.data;
    fleet->rows[i] = (struct row){fleet->keys[i], fleet->json[i]};
}

static struct fleet *fleet_new(struct world *world)
{
    struct fleet *fleet = calloc(1, sizeof(*fleet));
    for (size_t i = 0; i < ROWS; i++) {
        write_record(fleet, i, 0, i % 3 == 0 ? PAD : 0);
    }
    world_list(world, 0xcafe, fleet->rows, ROWS);
    return fleet;
}

static void fleet_free(struct fleet *fleet)
{
    for (size_t i = 0; i < ROWS; i++) {
        free(fleet->json[i]);
    }
    free(fleet);
}

static void put(struct world *world, struct fleet *fleet, size_t i, unsigned players)
{
    write_record(fleet, i, players, 0);
    world_put(world, fleet->keys[i], fleet->json[i]);
}

static void change_many(struct world *world, struct fleet *fleet, size_t count, unsigned players)
{
    for (size_t i = 0; i < count; i++) {
        write_record(fleet, i, players, PAD);
    }
    world_change(world, fleet->rows, count);
}

/* Turns until the reader has read `text` in all. */
static void expect_text(struct world *world, struct reader *reader, struct str text)
{
    struct buf back = {0};
    for (int turn = 0;; turn++) {
        reader_read(reader);
        buf_clear(&back);
        assert_int_equal(inflate_text(buf_view(&reader->in), &back), 0);
        assert_true(back.size <= text.size);
        assert_memory_equal(back.data == NULL ? "" : back.data, text.data, back.size);
        if (back.size == text.size) {
            break;
        }
        assert_false(reader->ended);
        world_turn(world);
    }
    buf_fini(&back);
}

static void settle(struct world *world, struct reader *reader)
{
    for (size_t before = SIZE_MAX; before != reader->in.size;) {
        before = reader->in.size;
        for (int i = 0; i < 30; i++) {
            world_turn(world);
            reader_read(reader);
        }
    }
}

static void it_reads_what_others_read(void **state)
{
    struct world world;
    (void)state;
    world_begin(&world, 0, 0);
    struct fleet *fleet = fleet_new(&world);
    struct reader text = reader_dial(&world, "/api/subscribe", "");
    struct reader gzip = reader_dial(&world, "/api/subscribe", GZIP);
    assert_null(strstr(buf_text(&text.head), "Encoding"));
    assert_non_null(strstr(buf_text(&gzip.head), "\r\nContent-Encoding: gzip\r\n"));
    assert_non_null(strstr(buf_text(&gzip.head), "\r\nVary: Accept-Encoding\r\n"));
    reader_hear(&world, &text, "event: synced");
    settle(&world, &text);
    expect_text(&world, &gzip, buf_view(&text.in));
    assert_true(gzip.in.size < text.in.size);
    for (unsigned step = 1; step < 60; step++) {
        if (step % 20 == 0) {
            change_many(&world, fleet, 60, step); /* more than is sent at once */
        } else if (step % 7 == 0) {
            world_change(&world, &(struct row){fleet->keys[step], NULL}, 1);
        } else if (step % 11 == 0) {
            events_comment(world.events);
        } else {
            put(&world, fleet, step * 3 % ROWS, step);
        }
        settle(&world, &text);
        expect_text(&world, &gzip, buf_view(&text.in));
    }
    reader_hang_up(&text);
    reader_hang_up(&gzip);
    world_end(&world);
    fleet_free(fleet);
}

/* One that comes later has not got what the messages would refer to. */
static void who_comes_later_reads_it_too(void **state)
{
    struct world world;
    (void)state;
    world_begin(&world, 0, 0);
    struct fleet *fleet = fleet_new(&world);
    struct reader text = reader_dial(&world, "/api/subscribe?type=w", ""), gzip[8];
    reader_hear(&world, &text, "event: synced");
    size_t first = 0, later = 0;
    for (unsigned i = 0; i < COUNT_OF(gzip); i++) {
        char target[128];
        buf_clear(&text.in);
        snprintf(target, sizeof(target), "/api/subscribe?type=w&after=%lld-cafe", (long long)world.revision);
        gzip[i] = reader_dial(&world, target, GZIP);
        settle(&world, &gzip[i]);
        for (unsigned j = 0; j < 6; j++) {
            size_t before = gzip[0].in.size;
            put(&world, fleet, 2 * j, 100 * i + j);
            settle(&world, &gzip[0]);
            first = j == 0 ? gzip[0].in.size - before : first;
            later = gzip[0].in.size - before;
        }
        assert_true(later < first / 2); /* it refers to those before */
        settle(&world, &text);
        expect_text(&world, &gzip[i], buf_view(&text.in));
    }
    struct buf all = {0};
    for (size_t i = 0; i < COUNT_OF(gzip); i++) { /* the others as well, over all the time */
        buf_clear(&all);
        reader_read(&gzip[i]);
        assert_int_equal(inflate_text(buf_view(&gzip[i].in), &all), 0);
        assert_non_null(strstr(buf_text(&all), "\"players\":705"));
        reader_hang_up(&gzip[i]);
    }
    buf_fini(&all);
    assert_int_equal(events_counters(world.events)->gzip, COUNT_OF(gzip));
    reader_hang_up(&text);
    world_end(&world);
    fleet_free(fleet);
}

/* What is told to one alone when it goes live is nothing that the others have got. */
static void what_one_alone_is_told_misleads_no_other(void **state)
{
    struct world world;
    (void)state;
    world_begin(&world, 0, 0);
    struct fleet *fleet = fleet_new(&world);
    struct reader gzip[4];
    for (unsigned i = 0; i < COUNT_OF(gzip); i++) {
        gzip[i] = reader_dial(&world, "/api/subscribe?include=state&type=w", GZIP);
        settle(&world, &gzip[i]);
        put(&world, fleet, 2, i + 1);
        events_comment(world.events);
        settle(&world, &gzip[i]);
        put(&world, fleet, 4, i + 1);
        settle(&world, &gzip[i]);
    }
    events_close(world.events, "stopping");
    for (unsigned i = 0; i < COUNT_OF(gzip); i++) {
        struct buf all = {0};
        reader_hear_end(&world, &gzip[i]);
        assert_int_equal(inflate_text(buf_view(&gzip[i].in), &all), 0);
        for (const char *const *each = (const char *const[]){"event: synced\n", "event: state\n",
                                                             ": now=", "\"players\":4", "event: bye\n", NULL};
             *each != NULL; each++) {
            if (strstr(buf_text(&all), *each) == NULL) {
                fail_msg("no %s in %s", *each, buf_text(&all) + (all.size > 700 ? all.size - 700 : 0));
            }
        }
        buf_fini(&all);
        reader_hang_up(&gzip[i]);
    }
    world_end(&world);
    fleet_free(fleet);
}

/* Those that come together read the same portions, and some leave on the way. */
static void a_crowd_catches_up(void **state)
{
    enum { CROWD = 24 };
    struct world world;
    (void)state;
    world_begin(&world, 0, 0);
    struct fleet *fleet = fleet_new(&world);
    struct reader text = reader_dial(&world, "/api/subscribe", ""), gzip[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        gzip[i] = reader_dial(&world, "/api/subscribe", GZIP);
    }
    for (size_t i = 0; i < CROWD; i += 5) {
        reader_hang_up(&gzip[i]);
    }
    put(&world, fleet, 5, 9);
    change_many(&world, fleet, 60, 10);
    reader_hear(&world, &text, "\"players\":10");
    settle(&world, &text);
    for (size_t i = 0; i < CROWD; i++) {
        if (i % 5 != 0) {
            /* Each has the same fleet in the end, though not by the same events: some came before the changes. */
            struct buf all = {0};
            settle(&world, &gzip[i]);
            assert_int_equal(inflate_text(buf_view(&gzip[i].in), &all), 0);
            size_t records = 0, last = 0;
            for (const char *at = buf_text(&all); (at = strstr(at, "event: ")) != NULL; at++) {
                records += strncmp(at + 7, "init", 4) == 0 ? 1 : 0;
                last += strncmp(at + 7, "synced", 6) == 0 ? 1 : 0;
            }
            assert_int_equal(records, ROWS);
            assert_int_equal(last, 1);
            assert_non_null(strstr(buf_text(&all), "\"total\":400"));
            assert_non_null(strstr(buf_text(&all), "\"players\":10"));
            buf_fini(&all);
            reader_hang_up(&gzip[i]);
        }
    }
    assert_null(world.events->batches);
    for (size_t i = 0; i < EVENTS_PORTIONS_MAX;
         i++) { /* none is taken for one of a later batch at the same address */
        assert_null(world.events->portions[i].batch);
    }
    reader_hang_up(&text);
    world_end(&world);
    fleet_free(fleet);
}

/* One that reads nothing is closed as any other, and the others go on. */
static void who_does_not_read_is_closed(void **state)
{
    struct world world;
    (void)state;
    world_begin(&world, 0, 0);
    struct fleet *fleet = fleet_new(&world);
    struct reader stalled = reader_dial(&world, "/api/subscribe?type=w", GZIP);
    struct reader reads = reader_dial(&world, "/api/subscribe?type=w", GZIP);
    settle(&world, &stalled);
    settle(&world, &reads);
    for (unsigned i = 1; events_counters(world.events)->dropped == 0; i++) {
        change_many(&world, fleet, 12, i); /* below what is caught up with */
        for (int turn = 0; turn < 3; turn++) {
            world_turn(&world);
            reader_read(&reads);
        }
        assert_true(i < 3000);
    }
    put(&world, fleet, 2, 4711);
    settle(&world, &reads);
    struct buf all = {0};
    assert_int_equal(inflate_text(buf_view(&reads.in), &all), 0);
    assert_non_null(strstr(buf_text(&all), "\"players\":4711"));
    buf_fini(&all);
    reader_hang_up(&stalled);
    reader_hang_up(&reads);
    world_end(&world);
    fleet_free(fleet);
}

static void too_many_filters_are_sent_as_text(void **state)
{
    struct world world;
    (void)state;
    world_begin(&world, 0, 0);
    struct fleet *fleet = fleet_new(&world);
    struct reader gzip[EVENTS_GZIP_CHANNELS_MAX], more;
    for (size_t i = 0; i < EVENTS_GZIP_CHANNELS_MAX; i++) {
        char target[64];
        snprintf(target, sizeof(target), "/api/subscribe?tag=t%zu", i);
        gzip[i] = reader_dial(&world, target, GZIP);
    }
    more = reader_dial(&world, "/api/subscribe?tag=other", GZIP);
    assert_null(strstr(buf_text(&more.head), "Encoding"));
    assert_int_equal(events_counters(world.events)->gzip_refused, 1);
    reader_hear(&world, &more, "event: synced");
    reader_hang_up(&more);
    more = reader_dial(&world, "/api/subscribe?tag=t3", GZIP); /* one of those that are compressed */
    assert_non_null(strstr(buf_text(&more.head), "\r\nContent-Encoding: gzip\r\n"));
    reader_hang_up(&more);
    reader_hang_up(&gzip[0]);
    while (events_counters(world.events)->subscribers > EVENTS_GZIP_CHANNELS_MAX - 1) {
        world_turn(&world);
    }
    gzip[0] = reader_dial(&world, "/api/subscribe?tag=other", GZIP);
    assert_non_null(strstr(buf_text(&gzip[0].head), "\r\nContent-Encoding: gzip\r\n"));
    for (size_t i = 0; i < EVENTS_GZIP_CHANNELS_MAX; i++) {
        reader_hang_up(&gzip[i]);
    }
    while (events_counters(world.events)->subscribers > 0) {
        world_turn(&world);
    }
    assert_int_equal(world.events->gzip_channels, 0);
    assert_null(world.events->alone);
    more = reader_dial(&world, "/service-discovery/events", GZIP);
    assert_null(strstr(buf_text(&more.head), "Encoding"));
    reader_hang_up(&more);
    world_end(&world);
    fleet_free(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_what_others_read),
        cmocka_unit_test(who_comes_later_reads_it_too),
        cmocka_unit_test(what_one_alone_is_told_misleads_no_other),
        cmocka_unit_test(a_crowd_catches_up),
        cmocka_unit_test(who_does_not_read_is_closed),
        cmocka_unit_test(too_many_filters_are_sent_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
