#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/core/fleet/view_entry.h"

#include <stdio.h>
#include <string.h>

static const struct view_place place = {.key = STR_INIT("/some/prefix/world/01J"),
                                        .prefix_size = 12,
                                        .mod_revision = 9,
                                        .create_revision = 4,
                                        .leased = true};

static struct str part(struct str json, const char *what)
{
    const char *at = memmem(json.data, json.size, what, strlen(what));
    assert_non_null(at);
    return (struct str){at, strlen(what)};
}

static void texts_are_found_in_the_json(void **state)
{
    (void)state;
    char json_text[] = "region=kr host=10.0.0.5 tag=pvp label=map:harbor";
    struct str json = str_of(json_text);
    struct view_entry_facts facts = {
        .status = STATUS_DRAINING,
        .fields = {[VIEW_STATUS] = STR("draining"),
                   [VIEW_HOST] = part(json, "10.0.0.5"),
                   [VIEW_REGION] = part(json, "kr")},
        .tags = {part(json, "pvp"), STR("with \"escape\"")},
        .tag_count = 2,
        .labels = {{part(json, "map"), part(json, "harbor")}, {STR("ünï"), STR("\n")}},
        .label_count = 2,
        .port = 8001};
    struct view_entry *entry = view_entry_new(&place, json, &facts);
    memset(json_text, 'x', sizeof(json_text)); /* the entry has copies of its own */
    assert_true(str_eq(view_entry_key(entry), place.key));
    assert_true(str_eq(view_entry_type(entry), STR("world")));
    assert_true(str_eq(view_entry_id(entry), STR("01J")));
    assert_true(str_eq(view_entry_text(entry, VIEW_STATUS), STR("draining")));
    assert_true(str_eq(view_entry_text(entry, VIEW_HOST), STR("10.0.0.5")));
    assert_true(str_eq(view_entry_text(entry, VIEW_REGION), STR("kr")));
    assert_int_equal(view_entry_text(entry, VIEW_ZONE).size, 0);
    assert_int_equal(entry->status, STATUS_DRAINING);
    assert_true(view_entry_has_tag(entry, STR("pvp")));
    assert_true(view_entry_has_tag(entry, STR("with \"escape\"")));
    assert_false(view_entry_has_tag(entry, STR("pv")));
    assert_true(str_eq(view_entry_label(entry, STR("map")), STR("harbor")));
    assert_true(str_eq(view_entry_label(entry, STR("ünï")), STR("\n")));
    assert_int_equal(view_entry_label(entry, STR("mode")).size, 0);
    assert_int_equal(entry->port, 8001);
    assert_int_equal(entry->mod_revision, 9);
    assert_int_equal(entry->create_revision, 4);
    assert_true(entry->leased);
    struct blob *kept = blob_ref(entry->json);
    assert_ptr_equal(view_entry_ref(entry), entry);
    view_entry_unref(entry);
    view_entry_unref(entry);
    assert_true(str_starts(blob_view(kept), STR("region=kr host")));
    blob_unref(kept);
    view_entry_unref(NULL);
    assert_null(view_entry_ref(NULL));
}

/* At most 1 kB beside the JSON, however many texts the record has. */
static void an_entry_is_small(void **state)
{
    (void)state;
    static char json_text[VIEW_RECORD_MAX];
    memset(json_text, 'j', sizeof(json_text));
    struct str json = {json_text, sizeof(json_text)};
    struct view_entry_facts facts = {.tag_count = RECORD_TAGS_MAX, .label_count = RECORD_LABELS_MAX};
    for (size_t i = 0; i < RECORD_TAGS_MAX; i++) {
        facts.tags[i] = (struct str){json_text + i, 200};
        facts.labels[i].name = (struct str){json_text + sizeof(json_text) - i - 1, i % 2};
        facts.labels[i].value = (struct str){json_text + sizeof(json_text) - 1024, 1024};
    }
    for (size_t i = 0; i < VIEW_FIELD_COUNT; i++) {
        facts.fields[i] = (struct str){json_text, 1024};
    }
    struct view_entry *entry = view_entry_new(&place, json, &facts);
    assert_in_range(view_entry_size(entry) - json.size, 1, 1024);
    assert_int_equal(view_entry_label(entry, STR("j")).size, 1024);
    view_entry_unref(entry);

    struct str record = STR("{\"id\":\"1\",\"tags\":[\"a\"]}");
    struct view_entry_facts usual = {.tags = {{record.data + 18, 1}}, .tag_count = 1};
    entry = view_entry_new(&place, record, &usual);
    assert_in_range(view_entry_size(entry) - record.size, 1, 200);
    view_entry_unref(entry);
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(view_status_name(STATUS_READY), "ready");
    assert_string_equal(view_status_name(STATUS_UNKNOWN), "unknown");
    assert_string_equal(view_status_name(77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_found_in_the_json),
        cmocka_unit_test(an_entry_is_small),
        cmocka_unit_test(statuses_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
