/* Whether the view is certain, servers that are gone and the end of the stream, for those that ask; and the cursor of a list. */
#include "events_world.h"

#include "api/events/events_internal.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A "/services/world/a"
#define JSON(id, status)                                                                                     \
    "{\"id\":\"" id "\",\"type\":\"world\",\"host\":\"h\",\"ports\":[1],\"status\":\"" status "\"}"
#define UPDATE(status, id) "event: update\ndata: " JSON("a", status) "\nid: " id "-cafe\n\n"

static int set_up(void **state)
{
    static const struct row fleet[] = {{A, JSON("a", "ready")}};
    struct world *world = malloc(sizeof(*world));
    world_begin(world, 0, 8);
    world_list(world, 0xcafe, fleet, 1); /* at 801 */
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    world_end(*state);
    free(*state);
    return 0;
}

/* What has arrived, whose first event is `name`, up to its end; dropped. */
static char *next_event(struct world *world, struct reader *reader, const char *name)
{
    static char text[4096];
    char begin[64];
    snprintf(begin, sizeof(begin), "event: %s\n", name);
    reader_hear(world, reader, "\n\n");
    const char *end = strstr(buf_text(&reader->in), "\n\n");
    assert_non_null(end);
    snprintf(text, sizeof(text), "%.*s", (int)(end - buf_text(&reader->in)), buf_text(&reader->in));
    buf_consume(&reader->in, (size_t)(end + 2 - buf_text(&reader->in)));
    if (strncmp(text, begin, strlen(begin)) != 0) {
        fail_msg("want %s, got %s", name, text);
    }
    return text;
}

static void expect_state(struct world *world, struct reader *reader, const char *text)
{
    const char *event = next_event(world, reader, "state");
    if (strstr(event, text) == NULL || strstr(event, ",\"now\":\"20") == NULL) {
        fail_msg("want %s, got %s", text, event);
    }
}

static void the_state_comes_with_synced_and_whenever_it_changes(void **state)
{
    struct world *world = *state;
    struct reader plain = reader_dial(world, "/api/subscribe", "");
    struct reader reader = reader_dial(world, "/api/subscribe?include=state", "");
    next_event(world, &reader, "init");
    next_event(world, &reader, "synced");
    expect_state(world, &reader, "data: {\"stale\":false,\"ageMs\":0,\"reason\":null,");
    world_put(world, A, JSON("a", "error"));
    reader_expect(world, &reader, UPDATE("error", "802"));
    world_cut(world, false);
    expect_state(world, &reader, "data: {\"stale\":true,\"ageMs\":");
    reader_hear(world, &plain, UPDATE("error", "802"));
    assert_null(strstr(buf_text(&plain.in), "state")); /* it did not ask */
    reader_hang_up(&plain);
    reader_hang_up(&reader);
}

static void comments_tell_the_time(void **state)
{
    struct world *world = *state;
    struct reader plain = reader_dial(world, "/api/subscribe", "");
    struct reader reader = reader_dial(world, "/api/subscribe?include=state", "");
    reader_hear(world, &plain, "synced");
    reader_hear(world, &reader, "event: state");
    events_comment(world->events);
    reader_hear(world, &plain, "\n: \n\n");
    reader_hear(world, &reader, "\n: now=20");
    reader_hang_up(&plain);
    reader_hang_up(&reader);
}

static void a_stream_goes_on_from_the_cursor_of_a_list(void **state)
{
    struct world *world = *state;
    world_put(world, A, JSON("a", "error"));
    struct reader reader = reader_dial(world, "/api/subscribe?after=801-cafe", "");
    reader_expect(world, &reader, UPDATE("error", "802"));
    reader_hang_up(&reader);
    /* What a browser sends when it reconnects is newer than the address of the page. */
    reader = reader_dial(world, "/api/subscribe?after=801-cafe", "Last-Event-ID: 802-cafe\r\n");
    world_put(world, A, JSON("a", "ready"));
    reader_expect(world, &reader, UPDATE("ready", "803"));
    reader_hang_up(&reader);
    reader = reader_dial(world, "/api/subscribe?after=801-cafe&lastEventId=802-cafe", "");
    reader_expect(world, &reader, UPDATE("ready", "803"));
    reader_hang_up(&reader);
    static const char *const foreign[] = {"801-beef", "99-cafe", "9223372036854775807-cafe"};
    for (size_t i = 0; i < COUNT_OF(foreign); i++) { /* it begins again */
        char target[100];
        snprintf(target, sizeof(target), "/api/subscribe?after=%s", foreign[i]);
        reader = reader_dial(world, target, "");
        next_event(world, &reader, "init");
        next_event(world, &reader, "synced");
        reader_hang_up(&reader);
    }
    reader = reader_dial(world, "/api/subscribe?after=", ""); /* a field left blank */
    next_event(world, &reader, "init");
    reader_hang_up(&reader);
    static const char *const bad[] = {
        "w",
        "801",
        "-cafe",
        "801-cafe-1",
        "801-CAFE",
        "801-cafe&after=801-cafe",
        "801-cafe00000000000000000000000000000000000000000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char target[200];
        snprintf(target, sizeof(target), "/api/subscribe?after=%s", bad[i]);
        reader = reader_dial(world, target, "");
        reader_hear(world, &reader, "after: want the `cursor`");
        assert_non_null(strstr(buf_text(&reader.head), " 400 "));
        reader_hang_up(&reader);
    }
}

static void servers_that_are_gone(void **state)
{
    struct world *world = *state;
    struct reader worlds = reader_dial(world, "/api/subscribe?type=world&include=state", "");
    struct reader gates = reader_dial(world, "/api/subscribe?type=gate&include=state", "");
    reader_hear(world, &worlds, "event: state");
    reader_hear(world, &gates, "event: state");
    reader_read(&worlds);
    buf_clear(&worlds.in);
    buf_clear(&gates.in);
    struct view_entry *entry = view_entry_ref(view_facts(world->view)->entries[0]);
    world_put(world, A, NULL);
    events_emit_offline(world->events, entry, STR("{\"id\":\"a\"}"));
    next_event(world, &worlds, "remove"); /* first */
    assert_string_equal(next_event(world, &worlds, "offline"), "event: offline\ndata: {\"id\":\"a\"}");
    /* Many at once are told as a number, and no reader falls behind for them. */
    for (int i = 0; i < 20000; i++) {
        events_emit_offline(world->events, entry, STR("{\"id\":\"a\",\"record\":{}}"));
    }
    size_t told = 0;
    reader_hear(world, &worlds, "many_offline");
    for (const char *at = buf_text(&worlds.in); (at = strstr(at, "event: offline")) != NULL; at++) {
        told++;
    }
    char left[40];
    snprintf(left, sizeof(left), "\"count\":%zu,", 20000 - told);
    assert_non_null(strstr(buf_text(&worlds.in), left));
    assert_true(worlds.in.size < 80000);
    reader_hear(world, &gates, "many_offline");
    assert_null(strstr(buf_text(&gates.in), "event: offline"));
    view_entry_unref(entry);
    reader_hang_up(&worlds);
    reader_hang_up(&gates);
}

static void a_clean_stop_says_bye(void **state)
{
    struct world *world = *state;
    struct reader plain = reader_dial(world, "/api/subscribe", "");
    struct reader reader = reader_dial(world, "/api/subscribe?include=state", "");
    reader_hear(world, &plain, "synced");
    reader_hear(world, &reader, "event: state");
    events_close(world->events, "stopping");
    reader_hear_end(world, &plain);
    reader_hear_end(world, &reader);
    assert_non_null(strstr(buf_text(&reader.in), "event: bye\ndata: {\"reason\":\"stopping\",\"now\":\"20"));
    assert_null(strstr(buf_text(&plain.in), "bye"));
    reader_hang_up(&plain);
    reader_hang_up(&reader);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(the_state_comes_with_synced_and_whenever_it_changes),
        WITH_WORLD(comments_tell_the_time),
        WITH_WORLD(a_stream_goes_on_from_the_cursor_of_a_list),
        WITH_WORLD(servers_that_are_gone),
        WITH_WORLD(a_clean_stop_says_bye),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
