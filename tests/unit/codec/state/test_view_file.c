#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/codec/state/view_file.h"
#include "outrider/core/fleet/view_read.h"
#include "support/read_text.h"
#include "unit/codec/view_fleet.h"

#include <string.h>

#define W1 "{\"id\":\"1\",\"type\":\"world\",\"status\":\"ready\",\"tags\":[\"\\u00e4\"]}"
#define W2 "{\"id\":\"2\",\"type\":\"world\",\"status\":\"error\"}"
#define PREFIX STR("/services")

static const struct fleet_row rows[] = {
    {"/services/map/1", "{\"id\":\"1\",\"type\":\"map\",\"status\":\"ready\"}"},
    {"/services/world/1", W1},
    {"/services/world/2", W2},
};

static void encode(struct buf *out)
{
    struct fleet fleet;
    fleet_begin(&fleet, rows, COUNT_OF(rows));
    fleet_change(&fleet, "/services/world/2", NULL);
    view_file_encode(fleet.view, &fleet.now, out);
    fleet_end(&fleet);
}

static void what_was_kept_comes_back(void **state)
{
    (void)state;
    struct buf once = {0}, twice = {0};
    struct view_file file;
    struct error err = {0};
    struct fleet fleet;
    encode(&once);
    assert_int_equal(view_file_decode(buf_view(&once), PREFIX, &file, &err), 0);
    assert_int_equal(file.kept.revision, 813);
    assert_int_equal(file.kept.cluster, 0xcafe);
    assert_int_equal(file.kept.true_wall, 1795227240123);
    assert_int_equal(file.kept.entry_count, 2);
    assert_true(str_eq(blob_view(file.kept.entries[1]->json), STR(W1)));
    assert_true(view_entry_has_tag(file.kept.entries[1], STR("\xc3\xa4")));
    assert_int_equal(file.kept.entries[1]->mod_revision, 101);
    assert_int_equal(file.kept.entries[1]->create_revision, 51);
    assert_true(file.kept.entries[0]->leased);
    assert_false(file.kept.entries[1]->leased);
    assert_int_equal(file.kept.tombstone_count, 1);
    assert_true(str_eq(blob_view(file.kept.tombstones[0].entry->json), STR(W2)));
    assert_int_equal(file.kept.tombstones[0].gone_wall, 1795227240123);

    /* A view that loads it writes the same. */
    fleet_begin_empty(&fleet);
    fleet_load(&fleet, &file.kept);
    assert_int_equal(view_age(fleet.view, &fleet.now), 0);
    view_file_encode(fleet.view, &fleet.now, &twice);
    assert_true(str_eq(buf_view(&once), buf_view(&twice)));
    fleet_end(&fleet);
    view_file_fini(&file);
    view_file_fini(NULL);
    buf_fini(&once);
    buf_fini(&twice);
}

/* The file is written in slices, so that nothing waits for it: while it is, the view goes on, and the file is what it was. */
static void slices_are_of_the_view_as_it_was(void **state)
{
    (void)state;
    struct buf whole = {0}, slices = {0};
    struct fleet fleet;
    size_t turns = 0, longest = 0;
    bool more = true;
    fleet_begin(&fleet, rows, COUNT_OF(rows));
    fleet_change(&fleet, "/services/map/1", NULL);
    view_file_encode(fleet.view, &fleet.now, &whole);
    struct view_file_writer *writer = view_file_writer_new(fleet.view, &fleet.now);
    while (more) {
        size_t before = slices.size;
        more = view_file_writer_next(writer, 1, &slices);
        longest = slices.size - before > longest ? slices.size - before : longest;
        if (turns++ == 1) { /* after the head and the first record */
            fleet_change(&fleet, "/services/world/1", NULL);
            fleet_change(&fleet, "/services/world/2", W1);
        }
    }
    view_file_writer_free(writer);
    assert_int_equal(turns, 5); /* the head, two records, a tombstone, the end */
    assert_in_range(longest, 1, 200);
    assert_true(str_eq(buf_view(&slices), buf_view(&whole)));
    writer = view_file_writer_new(fleet.view, &fleet.now);
    buf_clear(&slices);
    assert_true(view_file_writer_next(writer, 1, &slices));
    view_file_writer_free(writer); /* with what it has not written */
    view_file_writer_free(NULL);
    fleet_end(&fleet);
    buf_fini(&whole);
    buf_fini(&slices);
}

/* What is known of signed records survives a restart, that of keys which are gone too. */
static void marks_are_kept(void **state)
{
    (void)state;
    static const struct view_mark marks[] = {{7, 1795227240123}, {UINT64_MAX, 0}, {8, 5}};
    struct buf once = {0}, twice = {0};
    struct view_file file;
    struct error err = {0};
    struct fleet fleet;
    fleet_begin_empty(&fleet);
    fleet_load(&fleet, &(struct view_kept){.revision = 1, .marks = marks, .mark_count = COUNT_OF(marks)});
    view_file_encode(fleet.view, &fleet.now, &once);
    fleet_end(&fleet);
    assert_int_equal(view_file_decode(buf_view(&once), PREFIX, &file, &err), 0);
    assert_int_equal(file.kept.mark_count, COUNT_OF(marks));
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        assert_true(file.kept.marks[i].key_hash == marks[i].key_hash);
        assert_true(file.kept.marks[i].wall == marks[i].wall);
    }
    fleet_begin_empty(&fleet);
    fleet_load(&fleet, &file.kept);
    view_file_encode(fleet.view, &fleet.now, &twice);
    assert_true(str_eq(buf_view(&once), buf_view(&twice)));
    fleet_end(&fleet);
    view_file_fini(&file);
    buf_fini(&once);
    buf_fini(&twice);
}

static enum view_signature signature_by(int64_t mark_wall, bool require)
{
    static const char key[] = "/services/world/world-1";
    const struct view_mark marks[] = {
        {5, INT64_MAX / 4}, {str_hash(str_of(key), 0), mark_wall}, {UINT64_MAX, INT64_MAX / 4}, {6, 0}};
    struct buf value = {0}, pem = {0}, out = {0};
    struct sign_trust *trust = sign_trust_new();
    struct error err;
    struct fleet fleet;
    struct view_file file;
    read_text("docs/design/signed-record/public.pem", &pem);
    read_text("docs/design/signed-record/value.json", &value);
    assert_int_equal(sign_trust_add(trust, buf_view(&pem), &err), 0);
    fleet_begin(&fleet, &(struct fleet_row){key, buf_text(&value)}, 1);
    view_file_encode(fleet.view, &fleet.now, &out);
    fleet_end(&fleet);
    assert_int_equal(view_file_decode(buf_view(&out), PREFIX, &file, &err), 0);
    file.kept.marks = marks;
    file.kept.mark_count = mark_wall == 0 ? 0 : COUNT_OF(marks);
    view_file_check(&file, &(struct record_check){.trust = trust, .require = require});
    enum view_signature signature =
        file.kept.entry_count == 0 ? VIEW_SIGNATURE_COUNT : file.entries[0]->signature;
    view_file_fini(&file);
    sign_trust_free(trust);
    buf_fini(&out);
    buf_fini(&pem);
    buf_fini(&value);
    return signature;
}

/* A record that was put back has a good signature: it does not become good by a restart of who saw a newer one. */
static void what_was_put_back_stays_bad(void **state)
{
    (void)state;
    int64_t later = INT64_C(4102444800000); /* 2100 */
    assert_int_equal(signature_by(0, true), VIEW_SIGNATURE_GOOD);
    assert_int_equal(signature_by(1, true), VIEW_SIGNATURE_GOOD);
    assert_int_equal(signature_by(later, false), VIEW_SIGNATURE_BAD);
    assert_int_equal(signature_by(later, true), VIEW_SIGNATURE_COUNT);
}

/* Written by a version that took it for a record: the rest of the view is used. */
static void what_is_no_record_any_more_is_left_out(void **state)
{
    (void)state;
    struct buf out = {0};
    struct view_file file;
    struct error err = {0};
    encode(&out);
    char *status = memmem(out.data, out.size, "\"status\"", 8);
    assert_non_null(status);
    memcpy(status, "\"signed\"", 8);
    uint64_t sum = str_hash((struct str){out.data, out.size - 8}, 0);
    for (int i = 0; i < 8; i++) {
        out.data[out.size - 8 + (size_t)i] = (char)(unsigned char)(sum >> (8 * i));
    }
    if (view_file_decode(buf_view(&out), PREFIX, &file, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(file.kept.entry_count, 1);
    assert_int_equal(file.kept.tombstone_count, 1);
    view_file_fini(&file);
    buf_fini(&out);
}

static void an_empty_view_is_kept_too(void **state)
{
    (void)state;
    struct buf out = {0};
    struct view_file file;
    struct error err;
    struct fleet fleet;
    fleet_begin(&fleet, rows, 0);
    view_file_encode(fleet.view, &fleet.now, &out);
    assert_int_equal(view_file_decode(buf_view(&out), PREFIX, &file, &err), 0);
    assert_int_equal(file.kept.entry_count, 0);
    view_file_fini(&file);
    fleet_end(&fleet);
    buf_fini(&out);
}

/* Every byte changed, and every length: refused, each time, whole. */
static void any_damage_is_noticed(void **state)
{
    (void)state;
    struct buf out = {0};
    struct view_file file;
    struct error err;
    encode(&out);
    for (size_t i = 0; i < out.size; i++) {
        err = (struct error){0};
        out.data[i] = (char)(out.data[i] ^ 0x10);
        assert_int_equal(view_file_decode(buf_view(&out), PREFIX, &file, &err), -1);
        assert_true(str_starts(str_of(err.text), STR("view file: ")));
        out.data[i] = (char)(out.data[i] ^ 0x10);
        assert_int_equal(view_file_decode((struct str){out.data, i}, PREFIX, &file, &err), -1);
    }
    buf_add(&out, "x", 1);
    assert_int_equal(view_file_decode(buf_view(&out), PREFIX, &file, &err), -1);
    buf_fini(&out);
}

static void what_is_not_ours_is_told_apart(void **state)
{
    (void)state;
    struct buf out = {0};
    struct view_file file;
    struct error err;
    encode(&out);
    assert_int_equal(view_file_decode(buf_view(&out), STR("/other"), &file, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.text, "view file: of the prefix /services, not /other");
    out.data[14] = 2;
    assert_int_equal(view_file_decode(buf_view(&out), PREFIX, &file, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "another version of outrider: format=2 supported=1"));
    assert_int_equal(view_file_decode(STR("{}"), PREFIX, &file, &err), -1);
    assert_string_equal(err.text, "view file: damaged: cut short, or not written by an agent");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_comes_back),
        cmocka_unit_test(slices_are_of_the_view_as_it_was),
        cmocka_unit_test(marks_are_kept),
        cmocka_unit_test(what_was_put_back_stays_bad),
        cmocka_unit_test(what_is_no_record_any_more_is_left_out),
        cmocka_unit_test(an_empty_view_is_kept_too),
        cmocka_unit_test(any_damage_is_noticed),
        cmocka_unit_test(what_is_not_ours_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
