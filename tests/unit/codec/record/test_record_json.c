#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/base/random.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/server/record.h"

#include <stdio.h>
#include <stdlib.h>

#define AT INT64_C(1795227240123) /* 2026-11-21T02:14:00.123Z */

/* The contract's example, key by key in its order. */
static const char contract[] =
    "{\"id\":\"01J\",\"type\":\"world\",\"host\":\"10.0.0.5\",\"ports\":[8001,8002],\"status\":\"ready\","
    "\"updatedAt\":\"2026-11-21T02:14:00.123Z\",\"customState\":\"\xed\x95\x9c \\\"1\\\"\","
    "\"reason\":\"probe game: connection refused (3 of "
    "3)\",\"region\":\"kr\",\"zone\":\"kr-a\",\"group\":\"main\","
    "\"version\":\"1.4.2\",\"tags\":[\"pvp\",\"eu\"],\"labels\":{\"map\":\"harbor\",\"mode\":\"duel\"},"
    "\"players\":12,\"capacity\":500,\"drain\":{\"holds\":[\"ops\",\"self\"],\"by\":\"signal\",\"reason\":"
    "\"patch\","
    "\"since\":\"2026-11-21T02:14:00.123Z\",\"deadline\":\"2026-11-21T02:44:00.123Z\"},"
    "\"startedAt\":\"2026-11-21T02:13:00.000Z\"}";

static struct record full_record(void)
{
    return (struct record){
        .id = mem_strdup("01J"),
        .type = mem_strdup("world"),
        .host = mem_strdup("10.0.0.5"),
        .ports = {8001, 8002},
        .port_count = 2,
        .status = STATUS_READY,
        .updated_wall = AT,
        .custom_state = mem_strdup("\xed\x95\x9c \"1\""),
        .reason = mem_strdup("probe game: connection refused (3 of 3)"),
        .region = mem_strdup("kr"),
        .zone = mem_strdup("kr-a"),
        .group = mem_strdup("main"),
        .version = mem_strdup("1.4.2"),
        .tags = {mem_strdup("pvp"), mem_strdup("eu")},
        .tag_count = 2,
        .labels = {{mem_strdup("map"), mem_strdup("harbor")}, {mem_strdup("mode"), mem_strdup("duel")}},
        .label_count = 2,
        .has_players = true,
        .has_capacity = true,
        .players = 12,
        .capacity = 500,
        .drain = {.set = true,
                  .holds = mem_strdup("ops,self"),
                  .by = mem_strdup("signal"),
                  .reason = mem_strdup("patch"),
                  .since_wall = AT,
                  .deadline_wall = AT + 30 * 60 * 1000},
        .started_wall = AT - 60123,
    };
}

static void test_contract_form(void **state)
{
    (void)state;
    struct record record = full_record(), back;
    struct buf out = {0};
    struct error err;
    record_encode(&record, &out);
    assert_string_equal(buf_text(&out), contract);
    assert_int_equal(record_decode(str_of(contract), &back, &err), 0);
    assert_true(record_equal(&record, &back));
    assert_true(back.updated_wall == AT);
    record_fini(&back);
    record_fini(&record);
    buf_fini(&out);
}

static void test_absent_means_unset(void **state)
{
    (void)state;
    char id[] = "a", type[] = "t";
    struct record record = {.id = id, .type = type, .status = STATUS_INITIALIZING, .updated_wall = AT}, back;
    struct buf out = {0};
    record_encode(&record, &out);
    assert_string_equal(buf_text(&out), "{\"id\":\"a\",\"type\":\"t\",\"status\":\"initializing\","
                                        "\"updatedAt\":\"2026-11-21T02:14:00.123Z\"}");
    assert_int_equal(record_decode(buf_view(&out), &back, NULL), 0);
    assert_true(record_equal(&record, &back));
    record_fini(&back);
    buf_fini(&out);
}

static void test_tolerant(void **state)
{
    (void)state;
    struct record record;
    struct error err;
    assert_int_equal(
        record_decode(STR(" {\"future\":{\"deep\":[1,{\"x\":null}]},\"status\":\"draining\",\"type\":\"t\","
                          "\"id\":\"a\",\"players\":null,\"labels\":{\"b\":\"2\",\"a\":\"1\",\"c\":null},"
                          "\"updatedAt\":\"2026-11-21T02:14:00Z\",\"drain\":{\"new\":1}}\n"),
                      &record, &err),
        0);
    assert_int_equal(record.status, STATUS_DRAINING);
    assert_false(record.has_players);
    assert_int_equal(record.label_count, 2);
    assert_string_equal(record.labels[0].name, "a");
    assert_string_equal(record.labels[1].value, "2");
    assert_true(record.drain.set);
    assert_null(record.drain.holds);
    assert_true(record.updated_wall == AT - 123);
    record_fini(&record);
}

#define WITH(rest) "{\"id\":\"a\",\"type\":\"t\",\"status\":\"ready\"," rest "}"

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum error_code code;
        const char *what;
    } rows[] = {
        {"", ERROR_INVALID, "object expected"},
        {"{", ERROR_INVALID, "string expected"},
        {"[]", ERROR_INVALID, "object expected"},
        {"\"x\"", ERROR_INVALID, "object expected"},
        {"{}", ERROR_INVALID, "id: missing"},
        {"{}{}", ERROR_INVALID, "unexpected data after the end"},
        {"{\"id\":\"a\",\"id\":\"b\"}", ERROR_INVALID, "id: duplicate"},
        {"{\"id\":\"\xff\"}", ERROR_INVALID, "not UTF-8"},
        {"{\"id\":\"a\\u0000b\"}", ERROR_INVALID, "not JSON: NUL character"},
        {"{\"id\":\"\",\"type\":\"t\",\"status\":\"ready\"}", ERROR_INVALID, "id: missing"},
        {"{\"id\":1,\"type\":\"t\",\"status\":\"ready\"}", ERROR_INVALID, "id: not a string"},
        {"{\"id\":\"a\",\"status\":\"ready\"}", ERROR_INVALID, "type: missing"},
        {"{\"id\":\"a\",\"type\":\"t\"}", ERROR_INVALID, "status: missing"},
        {"{\"id\":\"a\",\"type\":\"t\",\"status\":7}", ERROR_INVALID, "status: not a string"},
        {"{\"id\":\"a\",\"type\":\"t\",\"status\":\"warming\"}", ERROR_NOT_FOUND, "warming"},
        {WITH("\"host\":[]"), ERROR_INVALID, "host: not a string"},
        {WITH("\"ports\":8001"), ERROR_INVALID, "ports: not an array"},
        {WITH("\"ports\":[\"8001\"]"), ERROR_INVALID, "ports: not a number"},
        {WITH("\"ports\":[0]"), ERROR_LIMIT, "ports: 0 is no port"},
        {WITH("\"ports\":[65536]"), ERROR_LIMIT, "ports: 65536"},
        {WITH("\"players\":12.5"), ERROR_LIMIT, "players: 12.5 is not an integer"},
        {WITH("\"players\":-1"), ERROR_LIMIT, "players: -1"},
        {WITH("\"capacity\":4294967296"), ERROR_LIMIT, "capacity: 4294967296"},
        {WITH("\"tags\":{}"), ERROR_INVALID, "tags: not an array"},
        {WITH("\"tags\":[1]"), ERROR_INVALID, "tags: not a string"},
        {WITH("\"labels\":[]"), ERROR_INVALID, "labels: not an object"},
        {WITH("\"labels\":{\"a\":1}"), ERROR_INVALID, "labels: not a string"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record = {.players = 4711};
        struct error err = {0};
        if (record_decode(str_of(rows[i].json), &record, &err) == 0) {
            fail_msg("accepted: %s", rows[i].json);
        }
        if (err.code != rows[i].code || strstr(err.text, rows[i].what) == NULL) {
            fail_msg("%s gave code %d: \"%s\"", rows[i].json, (int)err.code, err.text);
        }
        assert_int_equal(record.players, 4711);
    }
}

/* What the fleet view lists can be continued by a takeover, and nothing else: both have the same rules. */
static void test_every_member_has_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *json, *what;
    } rows[] = {
        {WITH("\"customState\":7"), "customState: not a string"},
        {WITH("\"customState\":{\"a\":[]}"), "customState: not a string"},
        {WITH("\"reason\":[\"x\"]"), "reason: not a string"},
        {WITH("\"updatedAt\":5"), "updatedAt: not a string"},
        {WITH("\"updatedAt\":\"yesterday\""), "updatedAt: not a time"},
        {WITH("\"startedAt\":\"1969-12-31T23:59:59.999Z\""), "startedAt: not a time"},
        {WITH("\"startedAt\":true"), "startedAt: not a string"},
        {WITH("\"drain\":true"), "drain: not an object"},
        {WITH("\"drain\":\"x\""), "drain: not an object"},
        {WITH("\"drain\":{\"holds\":\"ops\"}"), "drain: holds: not an array"},
        {WITH("\"drain\":{\"holds\":[1]}"), "drain: holds: not a string"},
        {WITH("\"drain\":{\"by\":1}"), "drain: by: not a string"},
        {WITH("\"drain\":{\"since\":\"x\"}"), "drain: since: not a time"},
        {WITH("\"drain\":{\"by\":\"a\",\"by\":\"b\"}"), "drain: by: duplicate"},
        {WITH("\"customState\":\"a\",\"customState\":\"b\""), "customState: duplicate"},
        {WITH("\"x\":1,\"y\":2,\"x\":3"), "an unknown member: duplicate"},
        {WITH("\"\\u0078\":1,\"x\":3"), "an unknown member: duplicate"},
        {WITH("\"host\":\"a\\u001b[2J\""), "host: a control character"},
        {WITH("\"region\":\"a\\tb\""), "region: a control character"},
        {WITH("\"version\":\"a\x7f\""), "version: a control character"},
        {WITH("\"zone\":\"\xc2\x9b\""), "zone: a control character"},
        {WITH("\"tags\":[\"a\\n\"]"), "tags: a control character"},
        {WITH("\"labels\":{\"a\\n\":\"b\"}"), "labels: a control character"},
        {WITH("\"labels\":{\"a\":\"b\\r\"}"), "labels: a control character"},
        {WITH("\"customState\":\"a\\nb\""), "customState: a control character"},
        {WITH("\"sig\":5"), "sig: not a string"},
        {WITH("\"signed\":true"), "signed: reserved"},
        {"{\"id\":\"..\",\"type\":\"t\",\"status\":\"ready\"}", "id: would not survive"},
        {"{\"id\":\"a\",\"type\":\".\",\"status\":\"ready\"}", "type: would not survive"},
        {"{\"id\":\"a\\u0007\",\"type\":\"t\",\"status\":\"ready\"}", "id: a control character"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record;
        struct error err = {0};
        if (record_decode(str_of(rows[i].json), &record, &err) == 0) {
            fail_msg("accepted: %s", rows[i].json);
        }
        if (err.code != ERROR_INVALID || strstr(err.text, rows[i].what) == NULL) {
            fail_msg("%s gave code %d: \"%s\"", rows[i].json, (int)err.code, err.text);
        }
    }
}

/* Null counts as absent everywhere, a text for people may have a tab, and what a later version adds may be anything. */
static void test_what_may_be_there(void **state)
{
    (void)state;
    struct record record;
    struct error err = {0};
    struct str json =
        STR(WITH("\"customState\":\"a\\tb\",\"reason\":null,\"updatedAt\":null,\"x\":{\"a\":1,\"a\":2},"
                 "\"drain\":{\"holds\":[\"a,b\",\"ops\"],\"by\":null,\"since\":null,\"x\":5},\"sig\":null"));
    if (record_decode(json, &record, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(record.custom_state, "a\tb");
    assert_true(record.drain.set && record.drain.by == NULL && record.drain.reason == NULL);
    assert_string_equal(record.drain.holds, "ops");
    assert_int_equal(record.drain.since_wall, 0);
    record_fini(&record);
}

/* `count` times `item` (with its number) between `head` and `tail`. */
static void assert_limit(const char *head, const char *item, const char *tail, int count, bool fits)
{
    struct buf buf = {0};
    buf_str(&buf, str_of(head));
    for (int i = 1; i <= count; i++) {
        char number[16];
        snprintf(number, sizeof(number), "%d", i);
        buf_str(&buf, i > 1 ? STR(",") : STR(""));
        for (struct str rest = str_of(item), part; rest.size > 0;) {
            bool more = memchr(rest.data, '@', rest.size) != NULL;
            part = str_split(rest, '@', &rest);
            buf_str(&buf, part);
            buf_str(&buf, more ? str_of(number) : STR(""));
        }
    }
    buf_str(&buf, str_of(tail));
    struct record record;
    struct error err = {0};
    int result = record_decode(buf_view(&buf), &record, &err);
    if ((result == 0) != fits) {
        fail_msg("%d of %s: %s", count, item, err.text);
    }
    assert_int_equal(err.code, fits ? ERROR_NONE : ERROR_LIMIT);
    if (result == 0) {
        record_fini(&record);
    }
    buf_fini(&buf);
}

static void test_limits(void **state)
{
    (void)state;
    const char *head = "{\"id\":\"a\",\"type\":\"t\",\"status\":\"ready\",";
    char text[128];
    static const struct {
        const char *open, *item, *close;
        int max;
    } rows[] = {{"\"ports\":[", "@", "]}", RECORD_PORTS_MAX},
                {"\"tags\":[", "\"t@\"", "]}", RECORD_TAGS_MAX},
                {"\"labels\":{", "\"l@\":\"v@\"", "}}", RECORD_LABELS_MAX},
                /* depth: the root is one level */
                {"\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "[]", "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", 64}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(text, sizeof(text), "%s%s", head, rows[i].open);
        bool depth = i == COUNT_OF(rows) - 1;
        assert_limit(text, rows[i].item, rows[i].close, rows[i].max, true);
        assert_limit(text, depth ? "[[]]" : rows[i].item, rows[i].close, rows[i].max + 1, false);
    }

    struct buf buf = {0};
    struct record record;
    struct error err;
    static const struct {
        const char *key;
        int max;
    } texts[] = {{"host", 1024}, {"region", 1024}, {"version", 1024}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        for (int over = 0; over <= 1; over++) {
            buf_clear(&buf);
            buf_printf(&buf, "%s\"%s\":\"%0*d\"}", head, texts[i].key, texts[i].max + over, 0);
            assert_int_equal(record_decode(buf_view(&buf), &record, &err), -over);
            if (over == 0) {
                record_fini(&record);
            } else {
                assert_int_equal(err.code, ERROR_LIMIT);
            }
        }
    }

    buf_clear(&buf);
    buf_printf(&buf, "%s\"x\":\"%0*d\"}", head, VIEW_RECORD_MAX, 0);
    assert_int_equal(record_decode(buf_view(&buf), &record, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
    buf_clear(&buf);
    buf_printf(&buf, "%s\"x\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"}", head);
    assert_int_equal(record_decode(buf_view(&buf), &record, &err), 0);
    record_fini(&record);
    buf_fini(&buf);
}

static char *random_text(struct random *random, size_t max)
{
    static const char *const pieces[] = {
        "a", "Z", "0", "\"", "\\", "/", "%", "\xe2\x80\xa8", "\xc3\xa9", "\xed\x95\x9c", "\xf0\x9f\x9a\x80",
        " "};
    char text[64] = "x";
    size_t size = 1, count = random_below(random, 8);
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[random_below(random, COUNT_OF(pieces))];
        if (size + strlen(piece) < max) {
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s", piece);
        }
    }
    return mem_strdup(text);
}

static bool coin(struct random *random)
{
    return random_below(random, 2) == 1;
}

static char *maybe_text(struct random *random)
{
    return coin(random) ? random_text(random, 60) : NULL;
}

static int64_t random_time(struct random *random)
{
    return 1 + (int64_t)random_below(random, INT64_C(253402300799999));
}

static void random_lists(struct random *random, struct record *record)
{
    for (size_t count = random_below(random, 6); record->port_count < count;) {
        record->ports[record->port_count++] = (uint16_t)(1 + random_below(random, 65535));
    }
    for (size_t count = random_below(random, 4); record->tag_count < count;) {
        record->tags[record->tag_count++] = random_text(random, 60);
    }
    for (size_t count = random_below(random, 10); record->label_count < count;) {
        char name[32];
        snprintf(name, sizeof(name), "k%03zu", record->label_count);
        record->labels[record->label_count++] =
            (struct record_label){mem_strdup(name), random_text(random, 60)};
    }
}

static struct record random_record(struct random *random)
{
    struct record record = {
        .id = random_text(random, 60),
        .type = random_text(random, 60),
        .host = maybe_text(random),
        .status = (enum status)random_below(random, STATUS_COUNT),
        .updated_wall = random_time(random),
        .custom_state = maybe_text(random),
        .reason = maybe_text(random),
        .region = maybe_text(random),
        .zone = maybe_text(random),
        .group = maybe_text(random),
        .version = maybe_text(random),
        .has_players = coin(random),
        .has_capacity = coin(random),
        .started_wall = coin(random) ? random_time(random) : 0,
    };
    record.players = record.has_players ? (uint32_t)random_next(random) : 0;
    record.capacity = record.has_capacity ? (uint32_t)random_next(random) : 0;
    random_lists(random, &record);
    if (coin(random)) {
        record.drain = (struct record_drain){.set = true,
                                             .holds = mem_strdup(coin(random) ? "ops" : "self,reload,stop"),
                                             .by = maybe_text(random),
                                             .reason = maybe_text(random),
                                             .operation = maybe_text(random),
                                             .since_wall = random_time(random),
                                             .deadline_wall = coin(random) ? random_time(random) : 0};
    }
    return record;
}

/* What is written is read back as the same record, and that is written as the same bytes. */
static void test_round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct random random;
        random_seed(&random, seed);
        struct record record = random_record(&random), back;
        struct buf first = {0}, second = {0};
        struct error err;
        record_encode(&record, &first);
        if (record_decode(buf_view(&first), &back, &err) < 0) {
            fail_msg("seed %d: %s: %s", (int)seed, err.text, buf_text(&first));
        }
        record_encode(&back, &second);
        if (!record_equal(&record, &back) || record.updated_wall != back.updated_wall ||
            !str_eq(buf_view(&first), buf_view(&second))) {
            fail_msg("seed %d: %s became %s", (int)seed, buf_text(&first), buf_text(&second));
        }
        record_fini(&record);
        record_fini(&back);
        buf_fini(&first);
        buf_fini(&second);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract_form),
        cmocka_unit_test(test_absent_means_unset),
        cmocka_unit_test(test_tolerant),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_every_member_has_its_kind),
        cmocka_unit_test(test_what_may_be_there),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
