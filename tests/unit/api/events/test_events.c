#include "events_world.h"

#include "outrider/core/fleet/view_read.h"
#include "outrider/io/http/server/http_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define A "/services/world/a"
#define B "/services/world/b"
#define C "/services/gate/c"
#define JSON(type, id, status)                                                                               \
    "{\"id\":\"" id "\",\"type\":\"" type "\",\"host\":\"h\",\"ports\":[1],\"status\":\"" status "\"}"
#define REMOVE(type, id, clean)                                                                              \
    "event: remove\ndata: {\"key\":\"/services/" type "/" id "\",\"type\":\"" type "\",\"id\":\"" id         \
    "\",\"clean\":" clean "}\n"
#define A_READY JSON("world", "a", "ready")
#define A_ERROR JSON("world", "a", "error")
#define A_STOPS JSON("world", "a", "shutting_down")
#define B_READY JSON("world", "b", "ready")
#define B_ERROR JSON("world", "b", "error")
#define C_READY JSON("gate", "c", "ready")
#define SYNCED(total, revision)                                                                              \
    "event: synced\ndata: {\"total\":" total ",\"revision\":" revision ",\"stale\":false}\nid: " revision    \
    "-cafe\n\n"

static const struct row fleet[] = {{C, C_READY}, {A, A_READY}, {B, B_READY}};

static int set_up(void **state)
{
    struct world *world = malloc(sizeof(*world));
    world_begin(world, 3, 8);
    *state = world;
    return 0;
}

static int set_up_listed(void **state)
{
    set_up(state);
    world_list(*state, 0xcafe, fleet, COUNT_OF(fleet)); /* at 801 */
    return 0;
}

static int tear_down(void **state)
{
    world_end(*state);
    free(*state);
    return 0;
}

static void test_init_and_changes(void **state)
{
    struct world *world = *state;
    struct reader reader = reader_dial(world, "/api/subscribe", "");
    assert_non_null(strstr(buf_text(&reader.head), "200 OK\r\n"));
    assert_non_null(strstr(buf_text(&reader.head), "Content-Type: text/event-stream\r\n"));
    reader_expect(world, &reader,
                  "event: init\ndata: " C_READY "\n\n"
                  "event: init\ndata: " A_READY "\n\n"
                  "event: init\ndata: " B_READY "\n\n" SYNCED("3", "801"));
    assert_int_equal(world->counted, 1);
    world_put(world, A, A_ERROR);
    reader_expect(world, &reader, "event: update\ndata: " A_ERROR "\nid: 802-cafe\n\n");
    world_put(world, B, NULL);
    reader_expect(world, &reader, REMOVE("world", "b", "false") "id: 803-cafe\n\n");
    world_put(world, A, A_STOPS);
    world_put(world, A, NULL);
    reader_expect(world, &reader,
                  "event: update\ndata: " A_STOPS
                  "\nid: 804-cafe\n\n" REMOVE("world", "a", "true") "id: 805-cafe\n\n");
    reader_hang_up(&reader);
    while (world->counted != 0) {
        world_turn(world);
    }
    assert_int_equal(events_counters(world->events)->subscribers, 0);
    assert_int_equal(events_counters(world->events)->subscribed, 1);
    assert_int_equal(events_counters(world->events)->dropped, 0);
}

/* The id is on the last event of a revision that passes the reader's filter. */
static void test_filters(void **state)
{
    struct world *world = *state;
    struct reader ready = reader_dial(world, "/api/subscribe?type=world&status=ready", "");
    struct reader gates = reader_dial(world, "/api/subscribe?type=gate", "");
    struct reader all = reader_dial(world, "/api/subscribe?type=&region=", "");
    reader_expect(world, &ready,
                  "event: init\ndata: " A_READY "\n\nevent: init\ndata: " B_READY "\n\n" SYNCED("2", "801"));
    reader_expect(world, &gates, "event: init\ndata: " C_READY "\n\n" SYNCED("1", "801"));
    reader_hear(world, &all, SYNCED("3", "801"));
    buf_clear(&all.in);
    const struct row rows[] = {{A, A_ERROR}, {C, C_READY}, {B, B_ERROR}};
    world_change(world, rows, COUNT_OF(rows));
    reader_expect(world, &all,
                  "event: update\ndata: " A_ERROR "\n\nevent: update\ndata: " C_READY
                  "\n\nevent: update\ndata: " B_ERROR "\nid: 802-cafe\n\n");
    reader_expect(world, &gates, "event: update\ndata: " C_READY "\nid: 802-cafe\n\n");
    reader_expect(world, &ready,
                  REMOVE("world", "a", "false") "\n" REMOVE("world", "b", "false") "id: 802-cafe\n\n");
    world_put(world, A, A_STOPS); /* did not pass its filter, and does not now */
    world_put(world, B, B_READY);
    reader_expect(world, &ready, "event: update\ndata: " B_READY "\nid: 804-cafe\n\n");
    reader_hang_up(&ready);
    reader_hang_up(&gates);
    reader_hang_up(&all);
}

static void test_resume(void **state)
{
    struct world *world = *state;
    world_put(world, A, A_ERROR);
    world_put(world, C, NULL);
    world_put(world, A, A_READY);
    struct reader all = reader_dial(world, "/api/subscribe", "Last-Event-ID: 802-cafe\r\n");
    reader_expect(world, &all,
                  REMOVE("gate", "c", "false") "id: 803-cafe\n\nevent: update\ndata: " A_READY
                                               "\nid: 804-cafe\n\n");
    struct reader gates = reader_dial(world, "/api/subscribe?type=gate", "last-event-id: 801-cafe\r\n");
    reader_expect(world, &gates, REMOVE("gate", "c", "false") "id: 803-cafe\n\n");
    struct reader now = reader_dial(world, "/api/subscribe", "Last-Event-ID: 804-cafe\r\n");
    world_put(world, A, A_ERROR);
    reader_expect(world, &now, "event: update\ndata: " A_ERROR "\nid: 805-cafe\n\n");
    reader_expect(world, &all, "event: update\ndata: " A_ERROR "\nid: 805-cafe\n\n");
    reader_expect(world, &gates, "");
    assert_int_equal(events_counters(world->events)->resumed, 3);
    reader_hang_up(&all);
    reader_hang_up(&gates);
    reader_hang_up(&now);
}

/* Clients that cannot set a header: the parameter, in the letters of each of them. The header counts first. */
static void test_resume_by_a_parameter(void **state)
{
    struct world *world = *state;
    world_put(world, A, A_ERROR);
    world_put(world, A, A_READY);
    static const char *const targets[] = {"/api/subscribe?lastEventId=802-cafe",
                                          "/api/subscribe?type=world&lastEventID=802%2dcafe&_=1795252693759",
                                          "/api/subscribe?Last-Event-ID=802-cafe&status=ready",
                                          "/api/subscribe?lastEventId=&last-event-id=802-cafe"};
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct reader reader = reader_dial(world, targets[i], "");
        reader_expect(world, &reader, "event: update\ndata: " A_READY "\nid: 803-cafe\n\n");
        reader_hang_up(&reader);
        while (events_counters(world->events)->subscribers > 0) {
            world_turn(world);
        }
    }
    struct reader header = reader_dial(world, targets[0], "Last-Event-ID: 801-cafe\r\n");
    reader_expect(world, &header,
                  "event: update\ndata: " A_ERROR "\nid: 802-cafe\n\nevent: update\ndata: " A_READY
                  "\nid: 803-cafe\n\n");
    struct reader empty = reader_dial(world, targets[0], "Last-Event-ID:\r\n");
    reader_expect(world, &empty, "event: update\ndata: " A_READY "\nid: 803-cafe\n\n");
    assert_int_equal(events_counters(world->events)->resumed, COUNT_OF(targets) + 2);
    struct reader wrong = reader_dial(
        world,
        "/api/"
        "subscribe?type=gate&lastEventId=803-cafe00000000000000000000000000000000000000000000000000000000",
        "");
    reader_expect(world, &wrong, "event: init\ndata: " C_READY "\n\n" SYNCED("1", "803"));
    reader_hang_up(&header);
    reader_hang_up(&empty);
    reader_hang_up(&wrong);
    while (events_counters(world->events)->subscribers > 0) { /* there is room for three */
        world_turn(world);
    }
    struct reader discovery = reader_dial(world, "/service-discovery/events?lastEventId=803-cafe&_=1", "");
    assert_non_null(strstr(buf_text(&discovery.head), "200 OK\r\n"));
    reader_hang_up(&discovery);
}

/* An id that is too old, from the future, of another cluster or malformed: the stream begins with init. */
static void test_cannot_resume(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 5; i++) {
        world_put(world, A, i % 2 == 0 ? A_ERROR : A_READY);
        world_put(world, B, i % 2 == 0 ? B_ERROR : B_READY);
    }
    static const char *const ids[] = {"802-cafe",
                                      "812-cafe",
                                      "811-beef",
                                      "811",
                                      "-1-cafe",
                                      "",
                                      "811-cafe-and-so-on",
                                      "nonsense",
                                      "99999999999999999999-cafe"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct buf header = {0};
        buf_printf(&header, "Last-Event-ID: %s\r\n", ids[i]);
        struct reader reader = reader_dial(world, "/api/subscribe?type=gate", buf_text(&header));
        reader_expect(world, &reader, "event: init\ndata: " C_READY "\n\n" SYNCED("1", "811"));
        reader_hang_up(&reader);
        buf_fini(&header);
    }
    while (events_counters(world->events)->subscribers > 0) {
        world_turn(world);
    }
    assert_int_equal(events_counters(world->events)->resumed, 0);
}

static void expect_refusal(struct world *world, const char *target, const char *status, const char *text)
{
    struct reader reader = reader_dial(world, target, "");
    reader_hear(world, &reader, text);
    assert_non_null(strstr(buf_text(&reader.head), status));
    assert_non_null(strstr(buf_text(&reader.head), "Content-Type: application/json\r\n"));
    assert_true(strncmp(status, "503", 3) != 0 || strstr(buf_text(&reader.head), "Retry-After: ") != NULL);
    reader_hang_up(&reader);
}

static void test_refusals(void **state)
{
    struct world *world = *state;
    expect_refusal(world, "/api/subscribe", "503", "\"code\":\"not_known\"");
    world_list(world, 0xcafe, fleet, COUNT_OF(fleet));
    expect_refusal(world, "/api/subscribe?colour=red", "400", "unknown parameter `colour`");
    expect_refusal(world, "/api/subscribe?status=red", "400", "status: `red` is not one of");
    expect_refusal(world, "/api/subscribe?type=a&type=b", "400", "type: given twice");
    expect_refusal(world, "/api/subscribe?include=offline", "400", "include: ");
    expect_refusal(world, "/api/subscribe?limit=5", "400", "limit: the stream has no pages");
    expect_refusal(world, "/api/subscribe?after=w", "400", "after: want the `cursor` of a list");
    expect_refusal(world, "/api/subscribe?type=%zz", "400", "\"code\":\"bad_query\"");
    struct reader readers[3];
    for (size_t i = 0; i < 3; i++) {
        readers[i] = reader_dial(world, "/api/subscribe", "");
    }
    expect_refusal(world, "/api/subscribe", "503", "\"code\":\"too_many_subscribers\"");
    assert_int_equal(events_counters(world->events)->refused, 1);
    assert_int_equal(events_counters(world->events)->subscribers, 3);
    for (size_t i = 0; i < 3; i++) {
        reader_hang_up(&readers[i]);
    }
}

static void test_empty_fleet(void **state)
{
    struct world *world = *state;
    world_list(world, 0xcafe, NULL, 0);
    struct reader reader = reader_dial(world, "/api/subscribe", "");
    reader_expect(world, &reader, SYNCED("0", "801"));
    world_put(world, A, A_READY);
    reader_expect(world, &reader, "event: update\ndata: " A_READY "\nid: 802-cafe\n\n");
    reader_hang_up(&reader);
}

/* While the view is stale there are no events; then comes the difference. */
static void test_outage(void **state)
{
    struct world *world = *state;
    struct reader reader = reader_dial(world, "/api/subscribe", "");
    reader_hear(world, &reader, SYNCED("3", "801"));
    buf_clear(&reader.in);
    world_cut(world, true);
    reader_expect(world, &reader, "");
    struct reader late = reader_dial(world, "/api/subscribe?type=gate", "");
    reader_expect(world, &late,
                  "event: init\ndata: " C_READY
                  "\n\nevent: synced\ndata: {\"total\":1,\"revision\":801,\"stale\":true}\nid: 801-cafe\n\n");
    const struct row rows[] = {{C, C_READY}, {A, A_ERROR}};
    world_list(world, 0xcafe, rows, COUNT_OF(rows)); /* at 822 */
    reader_expect(world, &reader,
                  "event: update\ndata: " A_ERROR "\n\n" REMOVE("world", "b", "false") "id: 822-cafe\n\n");
    reader_hang_up(&reader);
    reader_hang_up(&late);
}

/* A registry that was set back has revisions again that were given before: a subscriber cannot resume to them, but one that
 * receives the fleet as it is now goes on from there. */
static void test_set_back(void **state)
{
    struct world *world = *state;
    const struct row row = {C, C_READY};
    world_cut(world, true);
    world->revision = 700;
    world_list(world, 0xcafe, &row, 1);
    struct reader reader = reader_dial(world, "/api/subscribe", "");
    reader_expect(world, &reader, "event: init\ndata: " C_READY "\n\n" SYNCED("1", "701"));
    world_put(world, A, A_READY);
    reader_expect(world, &reader, "event: update\ndata: " A_READY "\nid: 702-cafe\n\n");
    reader_hang_up(&reader);
}

/* A record may have line ends; in an event each line has a `data:` of its own. */
static void test_record_of_several_lines(void **state)
{
    struct world *world = *state;
    const struct row rows[] = {{A, "{\"id\":\"a\",\r\n\"type\":\"world\",\n\"status\":\"ready\"}"}};
    world_list(world, 0xcafe, rows, 1);
    struct reader reader = reader_dial(world, "/api/subscribe", "");
    reader_expect(world, &reader,
                  "event: init\ndata: {\"id\":\"a\",\ndata: \"type\":\"world\",\ndata: "
                  "\"status\":\"ready\"}\n\n" SYNCED("1", "801"));
    reader_hang_up(&reader);
}

/* A pending change is in the view already: a new subscriber gets it from there, and only once. */
static void test_comes_with_a_change(void **state)
{
    struct world *world = *state;
    static const char request[] = "GET /api/subscribe HTTP/1.1\r\nHost: h\r\nLast-Event-ID: 802-cafe\r\n\r\n";
    struct reader other = reader_dial(world, "/api/subscribe", "");
    struct reader reader = reader_dial(world, "/api/subscribe?colour=red", "");
    reader_hear(world, &other, "event: synced");
    reader_hear(world, &reader, "}}");
    buf_clear(&reader.head);
    buf_clear(&reader.in);
    assert_int_equal(send(reader.fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
    world_put(world, A, A_ERROR); /* 802 */
    while (events_counters(world->events)->subscribers < 2) {
        world_turn(world);
    }
    world_put(world, A, A_READY);
    reader_hear(world, &reader, "\nid: 803-cafe\n");
    assert_null(strstr(buf_text(&reader.in), "\nid: 802-cafe\n"));
    assert_int_equal(events_counters(world->events)->resumed, 1);
    reader_hang_up(&other);
    reader_hang_up(&reader);
}

static void test_discovery(void **state)
{
    struct world *world = *state;
    struct reader reader = reader_dial(world, "/service-discovery/events", "Last-Event-ID: 1-cafe\r\n");
    world_put(world, A, A_ERROR);
    reader_hear(world, &reader, "\n\n");
    assert_int_equal(strncmp(buf_text(&reader.in),
                             "data: {\"type\":\"serviceHealthChanged\",\"service\":{\"id\":\"a\"", 55),
                     0);
    assert_null(strstr(buf_text(&reader.in), "id: "));
    assert_null(strstr(buf_text(&reader.in), "event: "));
    buf_clear(&reader.in);
    world_put(world, A, A_ERROR); /* the same health: nothing */
    world_put(world, A, NULL);
    reader_hear(world, &reader, "\"serviceLeft\"");
    assert_null(strstr(buf_text(&reader.in), "serviceHealthChanged"));
    world_put(world, A, A_READY);
    reader_hear(world, &reader, "\"serviceJoined\"");
    reader_hang_up(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_init_and_changes, set_up_listed, tear_down),
        cmocka_unit_test_setup_teardown(test_filters, set_up_listed, tear_down),
        cmocka_unit_test_setup_teardown(test_resume, set_up_listed, tear_down),
        cmocka_unit_test_setup_teardown(test_resume_by_a_parameter, set_up_listed, tear_down),
        cmocka_unit_test_setup_teardown(test_cannot_resume, set_up_listed, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_empty_fleet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outage, set_up_listed, tear_down),
        cmocka_unit_test_setup_teardown(test_set_back, set_up_listed, tear_down),
        cmocka_unit_test_setup_teardown(test_record_of_several_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_comes_with_a_change, set_up_listed, tear_down),
        cmocka_unit_test_setup_teardown(test_discovery, set_up_listed, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
