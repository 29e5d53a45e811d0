#include "outrider/codec/audit/audit_json.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/text/printable.h"

#include <stdio.h>

/* A text as it is kept. */
static struct str clean(struct str text, size_t max, struct buf *scratch)
{
    buf_clear(scratch);
    printable_add(scratch, text, max, '?');
    return buf_view(scratch);
}

/* One that is always there: a reader asks for it first. */
static bool is_always(size_t text)
{
    return text == AUDIT_WHO || text == AUDIT_WHAT;
}

void audit_encode(const struct audit_entry *entry, struct buf *out)
{
    struct json_writer json = {.out = out};
    struct buf scratch = {0};
    json_write_object(&json);
    json_member_text(&json, "id", entry->id);
    json_member_time(&json, "when", entry->when_wall);
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        struct str text = clean(entry->texts[i], audit_text_rows[i].max, &scratch);
        if (is_always(i)) {
            json_member_string_or_null(&json, audit_text_rows[i].name, text);
        } else if (text.size > 0) {
            json_member_string(&json, audit_text_rows[i].name, text);
        }
    }
    json_member_text(&json, "outcome", audit_outcome_names[entry->outcome]);
    if (entry->count > 1) {
        json_member_uint(&json, "count", entry->count);
    }
    json_write_object_end(&json);
    buf_fini(&scratch);
}

static int read_texts(const json_t *root, struct buf *texts, struct audit_entry *entry, struct error *err)
{
    struct str *views[AUDIT_TEXTS];
    struct buf cleaned[AUDIT_TEXTS] = {0};
    int result = 0;
    for (size_t i = 0; i < AUDIT_TEXTS && result == 0; i++) {
        const char *text = NULL;
        result = json_read_text(root, audit_text_rows[i].name, AUDIT_LINE_MAX, &text, err);
        entry->texts[i] = clean(str_of(text), audit_text_rows[i].max, &cleaned[i]);
        views[i] = &entry->texts[i];
    }
    if (result == 0) {
        buf_keep(texts, views, AUDIT_TEXTS);
    }
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        buf_fini(&cleaned[i]);
    }
    return result;
}

static int read_rest(const json_t *root, struct audit_entry *entry, struct error *err)
{
    const char *id = "", *outcome = "";
    int64_t count = 1;
    if (json_read_text(root, "id", ULID_LENGTH, &id, err) < 0 ||
        json_read_text(root, "outcome", 64, &outcome, err) < 0 ||
        json_read_int(root, "count", 1, INT64_C(1) << 53, &count, NULL, err) < 0 ||
        json_read_time(root, "when", &entry->when_wall, err) < 0) {
        return -1;
    }
    if (!ulid_valid(str_of(id))) {
        return error_set(err, ERROR_INVALID, "id: not a ULID");
    }
    if (audit_outcome_parse(str_of(outcome), &entry->outcome) < 0) {
        return error_set(err, ERROR_INVALID, "outcome: not ok, refused or failed");
    }
    snprintf(entry->id, sizeof(entry->id), "%s", id);
    entry->count = (uint64_t)count;
    return 0;
}

int audit_decode(struct str line, struct buf *texts, struct audit_entry *ret_entry, struct error *err)
{
    struct audit_entry entry = {.count = 1};
    json_t *root = json_read_document(line, AUDIT_LINE_MAX, err);
    if (root == NULL) {
        return -1;
    }
    int result = read_rest(root, &entry, err) < 0 || read_texts(root, texts, &entry, err) < 0 ? -1 : 0;
    json_decref(root);
    if (result == 0) {
        *ret_entry = entry;
    }
    return result;
}

/* ---- CSV ---- */

void audit_csv_head(struct buf *out)
{
    buf_str(out, STR("id,when"));
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        buf_printf(out, ",%s", audit_text_rows[i].name);
    }
    buf_str(out, STR(",outcome,count\r\n"));
}

/* Spreadsheets take a cell for a formula that begins so, some also behind blanks. */
static bool is_formula(struct str text)
{
    struct str trimmed = str_trim(text);
    return trimmed.size > 0 && strchr("=+-@", trimmed.data[0]) != NULL;
}

static void add_cell(struct buf *out, struct str text)
{
    buf_str(out, is_formula(text) ? STR(",\"'") : STR(",\""));
    while (text.size > 0) {
        struct str rest, part = str_split(text, '"', &rest);
        buf_str(out, part);
        if (part.size < text.size) {
            buf_str(out, STR("\"\""));
        }
        text = rest;
    }
    buf_str(out, STR("\""));
}

void audit_csv_row(const struct audit_entry *entry, struct buf *out)
{
    char when[32];
    struct buf scratch = {0};
    buf_printf(out, "%s,%s", entry->id, timestamp_format(entry->when_wall, when));
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        add_cell(out, clean(entry->texts[i], audit_text_rows[i].max, &scratch));
    }
    buf_printf(out, ",%s,%llu\r\n", audit_outcome_names[entry->outcome], (unsigned long long)entry->count);
    buf_fini(&scratch);
}
