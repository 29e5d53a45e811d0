#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/server/record.h"

#include <stdio.h>
#include <string.h>

static int decode_at(const char *key, struct str json, struct view_entry **ret_entry, struct error *err)
{
    struct view_place place = {.key = str_of(key), .mod_revision = 9, .create_revision = 5};
    return view_record_decode(STR("/services"), &place, json, ret_entry, err);
}

static struct view_entry *good(const char *json)
{
    struct view_entry *entry = NULL;
    struct error err = {0};
    if (decode_at("/services/world/w1", str_of(json), &entry, &err) < 0) {
        fail_msg("%s: %s", json, err.text);
    }
    return entry;
}

static void a_record_of_ours_is_read(void **state)
{
    (void)state;
    struct view_entry *entry = good(
        "{\"id\":\"w1\",\"type\":\"world\",\"host\":\"10.0.0.5\",\"ports\":[8001,8002],\"status\":\"ready\","
        "\"updatedAt\":\"2026-11-21T02:14:00.123Z\",\"customState\":\"a\\tb\",\"region\":\"kr\","
        "\"zone\":\"kr-a\",\"group\":\"main\",\"version\":\"1.4.2\",\"tags\":[\"pvp\",\"a\\\"b\"],"
        "\"labels\":{\"map\":\"harbor\",\"m\\u00f6de\":\"\\ud83d\\ude00\"},\"players\":12,\"capacity\":500,"
        "\"drain\":{\"holds\":[\"ops\"],\"since\":\"2026-11-21T02:14:00.123Z\"},\"x\":[{},[],[[1.5e-3]]]}");
    assert_true(str_eq(view_entry_type(entry), STR("world")));
    assert_true(str_eq(view_entry_id(entry), STR("w1")));
    assert_true(str_eq(view_entry_text(entry, VIEW_HOST), STR("10.0.0.5")));
    assert_true(str_eq(view_entry_text(entry, VIEW_REGION), STR("kr")));
    assert_true(str_eq(view_entry_text(entry, VIEW_ZONE), STR("kr-a")));
    assert_true(str_eq(view_entry_text(entry, VIEW_GROUP), STR("main")));
    assert_true(str_eq(view_entry_text(entry, VIEW_VERSION), STR("1.4.2")));
    assert_true(str_eq(view_entry_text(entry, VIEW_STATUS), STR("ready")));
    assert_int_equal(entry->status, STATUS_READY);
    assert_int_equal(entry->port, 8001);
    assert_true(view_entry_has_tag(entry, STR("pvp")));
    assert_true(view_entry_has_tag(entry, STR("a\"b")));
    assert_true(str_eq(view_entry_label(entry, STR("map")), STR("harbor")));
    assert_true(str_eq(view_entry_label(entry, STR("m\xc3\xb6"
                                                   "de")),
                       STR("\xf0\x9f\x98\x80")));
    assert_int_equal(entry->mod_revision, 9);
    assert_int_equal(entry->create_revision, 5);
    view_entry_unref(entry);
}

#define WHO "\"id\":\"w1\",\"type\":\"world\","
#define REST "\"status\":\"ready\"}"

/* Others write records too: what is not read here may be anything, blanks stay as they are. */
static void others_may_write_it_their_way(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{" WHO REST,
        " \r\n\t{ " WHO "\n  \"status\" : \"ready\" } \n",
        "{" WHO "\"host\":null,\"ports\":null,\"tags\":null,\"labels\":null,\"players\":null," REST,
        "{" WHO "\"labels\":{\"a\":null},\"ports\":[],\"tags\":[]," REST,
        "{" WHO "\"startedAt\":null,\"customState\":null,\"drain\":null,\"version\":\"\"," REST,
        "{" WHO "\"score\":[17,\"a\\nb\"],\"modes\":{\"a\":[]}," REST,
        "{" WHO "\"n\":[-0,0.5,1E+9,-1e-9,123456789012345678901234567890]," REST,
        "{" WHO "\"n\":[9e307,0.009E310,-1e-99999999999999999999,0e999,0.0e+999,1000e304]," REST,
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view_entry *entry = good(rows[i]);
        assert_true(str_eq(blob_view(entry->json), str_of(rows[i])));
        view_entry_unref(entry);
    }
    /* Without the byte order mark, which no element of a list may have. */
    struct view_entry *marked = good("\xef\xbb\xbf{" WHO REST);
    assert_true(str_eq(blob_view(marked->json), STR("{" WHO REST)));
    view_entry_unref(marked);
    struct view_entry *entry =
        good("{\"\\u0069d\":\"w\\u0031\",\"t\\u0079pe\":\"world\",\"status\":\"sleeping\"}");
    assert_int_equal(entry->status, STATUS_UNKNOWN);
    assert_true(str_eq(view_entry_text(entry, VIEW_STATUS), STR("sleeping")));
    view_entry_unref(entry);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum error_code code;
        const char *text;
    } rows[] = {
        {"", ERROR_INVALID, "not JSON: object expected at byte 0"},
        {"[]", ERROR_INVALID, "object expected"},
        {"{", ERROR_INVALID, "string expected at byte 1"},
        {"{}", ERROR_INVALID, "id: missing"},
        {"{" WHO "\"status\":\"\"}", ERROR_INVALID, "status: missing"},
        {"{\"id\":\"w2\",\"type\":\"world\"," REST, ERROR_INVALID, "id: \"w2\" is not the id in the key"},
        {"{\"id\":\"w1\",\"type\":\"map\"," REST, ERROR_INVALID, "type: \"map\" is not the type in the key"},
        {"{" WHO REST "x", ERROR_INVALID, "unexpected data after the end at byte 43"},
        {"{" WHO REST "{}", ERROR_INVALID, "unexpected data after the end"},
        {"{" WHO "\"status\":\"ready\",}", ERROR_INVALID, "string expected"},
        {"{" WHO "\"status\" \"ready\"}", ERROR_INVALID, "colon expected"},
        {"{" WHO "\"status\":\"ready\" \"a\":1}", ERROR_INVALID, "comma or"},
        {"{" WHO "\"status\":ready}", ERROR_INVALID, "status: not JSON: value expected"},
        {"{" WHO "\"status\":\"ready", ERROR_INVALID, "unterminated string"},
        {"{" WHO "\"x\":\"a\nb\"," REST, ERROR_INVALID, "control character in it"},
        {"{" WHO "\"x\":\"\\x\"," REST, ERROR_INVALID, "unknown escape"},
        {"{" WHO "\"x\":\"\\u12g4\"," REST, ERROR_INVALID, "four hexadecimal digits"},
        {"{" WHO "\"x\":\"\\u0000\"," REST, ERROR_INVALID, "NUL character"},
        {"{" WHO "\"x\":\"\\ud800\"," REST, ERROR_INVALID, "unpaired surrogate"},
        {"{" WHO "\"x\":\"\\ud800\\u0041\"," REST, ERROR_INVALID, "unpaired surrogate"},
        {"{" WHO "\"x\":\"\\udc00\"," REST, ERROR_INVALID, "unpaired surrogate"},
        {"{" WHO "\"x\":01," REST, ERROR_INVALID, "comma or closing bracket"},
        {"{" WHO "\"x\":-," REST, ERROR_INVALID, "malformed number"},
        {"{" WHO "\"x\":1.," REST, ERROR_INVALID, "malformed number"},
        {"{" WHO "\"x\":1e," REST, ERROR_INVALID, "malformed number"},
        {"{" WHO "\"x\":[1,1e308]," REST, ERROR_INVALID, "number too large for a double at byte 33"},
        {"{" WHO "\"x\":-1E+999," REST, ERROR_INVALID, "number too large for a double"},
        {"{" WHO "\"x\":0.01e310," REST, ERROR_INVALID, "number too large for a double"},
        {"{" WHO "\"x\":1e99999999999999999999," REST, ERROR_INVALID, "number too large for a double"},
        {"{" WHO "\"players\":1e999," REST, ERROR_INVALID,
         "players: not JSON: number too large for a double"},
        {"{" WHO "\"x\":nul," REST, ERROR_INVALID, "value expected"},
        {"{" WHO "\"x\":[1,]," REST, ERROR_INVALID, "value expected"},
        {"{" WHO "\"x\":[1}," REST, ERROR_INVALID, "comma or closing bracket"},
        {"{" WHO "\"host\":7," REST, ERROR_INVALID, "host: not a string"},
        {"{" WHO "\"id\":\"w1\"," REST, ERROR_INVALID, "id: duplicate"},
        {"{" WHO "\"i\\u0064\":\"w1\"," REST, ERROR_INVALID, "id: duplicate"},
        {"{" WHO "\"labels\":{\"a\":\"b\",\"a\":\"c\"}," REST, ERROR_INVALID, "labels: a: duplicate"},
        {"{" WHO "\"labels\":[]," REST, ERROR_INVALID, "labels: not an object"},
        {"{" WHO "\"labels\":{\"a\":1}," REST, ERROR_INVALID, "labels: not a string"},
        {"{" WHO "\"tags\":[1]," REST, ERROR_INVALID, "tags: not a string"},
        {"{" WHO "\"ports\":[0]," REST, ERROR_LIMIT, "ports: 0 is no port"},
        {"{" WHO "\"ports\":[65536]," REST, ERROR_LIMIT, "ports: 65536 is not an integer from 0 to 65535"},
        {"{" WHO "\"ports\":[\"80\"]," REST, ERROR_INVALID, "ports: not a number"},
        {"{" WHO "\"players\":-1," REST, ERROR_LIMIT, "players: -1 is not an integer"},
        {"{" WHO "\"players\":1.0," REST, ERROR_LIMIT, "players: 1.0 is not an integer"},
        {"{" WHO "\"capacity\":4294967296," REST, ERROR_LIMIT, "capacity: 4294967296"},
        {"{" WHO "\"x\":\"\xff\"," REST, ERROR_INVALID, "not UTF-8"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct view_entry *entry = NULL;
        struct error err = {0};
        assert_int_equal(decode_at("/services/world/w1", str_of(rows[i].json), &entry, &err), -1);
        if (err.code != rows[i].code || strstr(err.text, rows[i].text) == NULL) {
            fail_msg("%s: said \"%s\"", rows[i].json, err.text);
        }
        assert_null(entry);
    }
}

static void keys_of_others_are_foreign(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "/services",       "/services/",          "/services/world", "/services/world/",    "/services//w1",
        "/services/a/b/c", "/servicesx/world/w1", "/other/world/w1", "/services/world/w1/", ""};
    struct error err;
    struct view_entry *entry = NULL;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_int_equal(decode_at(keys[i], STR("{" WHO REST), &entry, &err), -1);
        assert_int_equal(err.code, ERROR_NOT_FOUND);
    }
    char key[300];
    snprintf(key, sizeof(key), "/services/world/%0200d", 1);
    assert_int_equal(decode_at(key, STR("{" WHO REST), &entry, &err), -1);
    assert_int_equal(err.code, ERROR_LIMIT);
}

static void repeat(struct buf *out, const char *text, int count)
{
    for (int i = 0; i < count; i++) {
        buf_str(out, str_of(text));
    }
}

static int decode_with(const char *before, const char *repeated, int count, const char *after)
{
    struct buf json = {0};
    struct view_entry *entry = NULL;
    struct error err;
    buf_str(&json, STR("{" WHO));
    buf_str(&json, str_of(before));
    repeat(&json, repeated, count);
    buf_str(&json, str_of(after));
    buf_str(&json, STR("," REST));
    int result = decode_at("/services/world/w1", buf_view(&json), &entry, &err);
    result = result == 0 ? 0 : err.code == ERROR_LIMIT ? -1 : -2;
    view_entry_unref(entry);
    buf_fini(&json);
    return result;
}

static void digits_without_end_are_no_number(void **state)
{
    (void)state;
    assert_int_equal(decode_with("\"x\":", "9", 308, ""), 0);
    assert_int_equal(decode_with("\"x\":", "9", 309, ""), -2);
    assert_int_equal(decode_with("\"x\":0.", "9", 4000, ""), 0);
    assert_int_equal(decode_with("\"x\":0.", "0", 4000, "1e4300"), 0);
    assert_int_equal(decode_with("\"x\":0.", "0", 4000, "1e4400"), -2);
}

static void limits_are_kept(void **state)
{
    (void)state;
    assert_int_equal(decode_with("\"region\":\"", "x", 1024, "\""), 0);
    assert_int_equal(decode_with("\"region\":\"", "x", 1025, "\""), -1);
    assert_int_equal(decode_with("\"region\":\"", "\\/", 1024, "\""), 0);
    assert_int_equal(decode_with("\"customState\":\"", "x", 60000, "\""), 0);
    assert_int_equal(decode_with("\"customState\":\"", "x", 66000, "\""), -1);
    assert_int_equal(decode_with("\"ports\":[1", ",2", 63, "]"), 0);
    assert_int_equal(decode_with("\"ports\":[1", ",2", 64, "]"), -1);
    assert_int_equal(decode_with("\"tags\":[\"a\"", ",\"b\"", 63, "]"), 0);
    assert_int_equal(decode_with("\"tags\":[\"a\"", ",\"b\"", 64, "]"), -1);
    assert_int_equal(decode_with("\"x\":", "[", 31, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), 0);
    assert_int_equal(decode_with("\"x\":", "[", 32, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), -1);
    assert_int_equal(decode_with("\"x\":", "{\"a\":", 30000, "1"), -1);
    /* As many escapes as there is room for: nothing moves while it is in use. */
    assert_int_equal(decode_with("\"tags\":[\"a\"", ",\"\\u00e4\\/\\\\\"", 60, "]"), 0);
}

static void each_reason_has_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        enum view_skip skip;
    } rows[] = {
        {"/services/world/w1", "{" WHO REST, VIEW_SKIP_NONE},
        {"/services/world", "{" WHO REST, VIEW_SKIP_KEY},
        {"/services/world/w1", "", VIEW_SKIP_NOT_JSON},
        {"/services/world/w1", "{" WHO "\"host\":\"\xff\"," REST, VIEW_SKIP_NOT_JSON},
        {"/services/world/w1", "{" WHO "\"host\":\"a", VIEW_SKIP_NOT_JSON},
        {"/services/world/w1", "{" WHO "\"customState\":5," REST, VIEW_SKIP_KIND},
        {"/services/world/w1", "{" WHO "\"players\":-1," REST, VIEW_SKIP_KIND},
        {"/services/world/w1", "{" WHO "\"ports\":[0]," REST, VIEW_SKIP_KIND},
        {"/services/world/w1", "{" WHO "\"x\":1,\"x\":1," REST, VIEW_SKIP_KIND},
        {"/services/world/w2", "{" WHO REST, VIEW_SKIP_KIND},
        {"/services/world/w1", "{\"id\":\"w1\",\"type\":\"world\"}", VIEW_SKIP_KIND},
        {"/services/world/w1",
         "{" WHO "\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]," REST,
         VIEW_SKIP_LIMIT},
    };
    struct view_items items = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct registry_item listed = {.key = str_of(rows[i].key),
                                       .kv = {.found = true, .value = str_of(rows[i].value)}};
        view_items_clear(&items);
        view_items_listed(&items, STR("/services"), &listed, 1);
        if (items.items[0].skip != rows[i].skip) {
            fail_msg("%s: %s: %s", rows[i].value, view_skip_name(items.items[0].skip),
                     items.items[0].why.data);
        }
    }
    view_items_fini(&items);
}

/* Both decoders of records agree about what an agent writes. */
static void what_an_agent_writes_is_a_record(void **state)
{
    (void)state;
    struct record record = {.id = (char *)(uintptr_t) "w1",
                            .type = (char *)(uintptr_t) "world",
                            .host = (char *)(uintptr_t) "10.0.0.5",
                            .status = STATUS_DRAINING,
                            .custom_state = (char *)(uintptr_t) "tab\tquote\" \xed\x95\x9c",
                            .has_players = true,
                            .players = 3,
                            .ports = {7000},
                            .port_count = 1};
    struct buf json = {0};
    record_encode(&record, &json);
    struct view_entry *entry = good(buf_text(&json));
    assert_int_equal(entry->status, STATUS_DRAINING);
    assert_int_equal(entry->port, 7000);
    view_entry_unref(entry);
    buf_fini(&json);
}

static void items_keep_their_order(void **state)
{
    (void)state;
    struct view_items items = {0};
    const struct registry_change changes[] = {
        {.key = STR("/services/world/w1"),
         .value = STR("{" WHO REST),
         .mod_revision = 7,
         .create_revision = 7,
         .lease = {.lo = 5}},
        {.key = STR("/services/x"), .value = STR("{}"), .mod_revision = 8, .create_revision = 3},
        {.key = STR("/services/world/w1"), .deleted = true, .mod_revision = 9},
    };
    for (int round = 0; round < 2; round++) {
        view_items_clear(&items);
        view_items_changed(&items, STR("/services"), changes, COUNT_OF(changes));
        assert_int_equal(items.count, 3);
        assert_non_null(items.items[0].entry);
        assert_true(items.items[0].entry->leased);
        assert_int_equal(items.items[0].create_revision, 7);
        assert_null(items.items[1].entry);
        assert_true(str_starts(items.items[1].why, STR("the key is not /services/TYPE/ID")));
        assert_int_equal(items.items[1].mod_revision, 8);
        assert_int_equal(items.items[1].create_revision, 3);
        assert_true(items.items[2].deleted);
        assert_int_equal(items.items[2].mod_revision, 9);
    }
    struct registry_item listed = {
        .key = STR("/services/world/w1"),
        .kv = {.found = true, .value = STR("{" WHO REST), .mod_revision = 4, .create_revision = 2}};
    view_items_listed(&items, STR("/services"), &listed, 1);
    assert_int_equal(items.count, 4);
    assert_false(items.items[3].entry->leased);
    assert_int_equal(items.items[3].entry->mod_revision, 4);
    view_items_fini(&items);
    view_items_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_of_ours_is_read),
        cmocka_unit_test(others_may_write_it_their_way),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(keys_of_others_are_foreign),
        cmocka_unit_test(digits_without_end_are_no_number),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(what_an_agent_writes_is_a_record),
        cmocka_unit_test(each_reason_has_its_kind),
        cmocka_unit_test(items_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
