#include "record_scan_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <stdarg.h>
#include <stdlib.h>

/* Reads a value to where its member is kept. */
typedef int read_fn(struct record_scan *record, void *to);

/* Reads one element of an array, or one member of an object. */
typedef int read_one_fn(struct record_scan *record);

struct member {
    struct str name;
    read_fn *read;
    size_t at;         /* of what it is read to, in struct record_scan */
    char close;        /* of a container; NUL: a value that `read` reads */
    read_one_fn *each; /* of a container */
};

#define AT(member) offsetof(struct record_scan, member)
#define DIGITS "-0123456789"

/* ---- kinds ---- */

static int PRINTF_LIKE(2, 3) wrong(struct record_scan *record, const char *format, ...)
{
    va_list args;
    char text[256];
    va_start(args, format);
    brief_vformat(text, sizeof(text), format, args);
    va_end(args);
    record->skip = VIEW_SKIP_KIND;
    return error_set(record->scan.err, ERROR_INVALID, "%s", text);
}

/* Whether the next value begins with one of `firsts`; otherwise an error says that it is `what`. What is no value at all is no
 * JSON, which is said first. */
static int expect(struct record_scan *record, const char *firsts, const char *what)
{
    char first = json_scan_peek(&record->scan);
    if (first != '\0' && strchr(firsts, first) != NULL) {
        return 0;
    }
    return json_scan_skip(&record->scan) < 0 ? -1 : wrong(record, "%s", what);
}

/* Reads a container, each member or element with `read_one`. */
static int read_all(struct record_scan *record, char close, read_one_fn *read_one)
{
    int more;
    for (bool first = true; (more = json_scan_next(&record->scan, close, first)) > 0; first = false) {
        if (read_one(record) < 0) {
            return -1;
        }
    }
    return more;
}

/* Whom a string is for: programs compare, filter and connect by it; people read it. */
enum reader { FOR_PROGRAMS, FOR_PEOPLE };

/* Agents write texts for people that may have tabs and, in the words of an operator, C1. */
static bool is_text(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

/* A string without control characters: they act on the terminal that shows the record. */
static int read_printable(struct record_scan *record, enum reader reader, struct str *ret_text)
{
    struct str text;
    if (expect(record, "\"", "not a string") < 0 || json_scan_string(&record->scan, &text) < 0) {
        return -1;
    }
    if (reader == FOR_PEOPLE ? !is_text(text) : str_has_control(text)) {
        return wrong(record, "a control character in it");
    }
    *ret_text = text;
    return 0;
}

static int read_text(struct record_scan *record, void *to)
{
    struct str text;
    if (read_printable(record, FOR_PROGRAMS, &text) < 0) {
        return -1;
    }
    if (text.size > VIEW_TEXT_MAX) {
        return error_set(record->scan.err, ERROR_LIMIT, "longer than %d bytes", VIEW_TEXT_MAX);
    }
    *(struct str *)to = text;
    return 0;
}

static int read_number(struct record_scan *record, uint64_t max, uint64_t *ret_value)
{
    if (expect(record, DIGITS, "not a number") < 0) {
        return -1;
    }
    if (json_scan_uint(&record->scan, max, ret_value) < 0) {
        record->skip = VIEW_SKIP_KIND;
        return -1;
    }
    return 0;
}

static int read_port(struct record_scan *record)
{
    uint64_t port;
    if (read_number(record, UINT16_MAX, &port) < 0) {
        return -1;
    }
    if (port == 0) {
        record->skip = VIEW_SKIP_KIND;
        return error_set(record->scan.err, ERROR_LIMIT, "0 is no port");
    }
    if (record->port_count == RECORD_PORTS_MAX) {
        return error_set(record->scan.err, ERROR_LIMIT, "more than %d", RECORD_PORTS_MAX);
    }
    record->ports[record->port_count++] = (uint16_t)port;
    record->facts.port = record->ports[0];
    return 0;
}

static int read_tag(struct record_scan *record)
{
    struct view_entry_facts *facts = &record->facts;
    if (facts->tag_count == RECORD_TAGS_MAX) {
        return error_set(record->scan.err, ERROR_LIMIT, "more than %d", RECORD_TAGS_MAX);
    }
    if (read_text(record, &facts->tags[facts->tag_count]) < 0) {
        return -1;
    }
    facts->tag_count++;
    return 0;
}

static int read_label(struct record_scan *record)
{
    struct view_entry_facts *facts = &record->facts;
    struct view_label label;
    if (json_scan_name(&record->scan, &label.name) < 0) {
        return -1;
    }
    if (str_has_control(label.name)) {
        return wrong(record, "a control character in a name");
    }
    if (label.name.size > VIEW_TEXT_MAX || facts->label_count == RECORD_LABELS_MAX) {
        return error_set(record->scan.err, ERROR_LIMIT, "more than %d, or a longer name than %d bytes",
                         RECORD_LABELS_MAX, VIEW_TEXT_MAX);
    }
    for (size_t i = 0; i < facts->label_count; i++) {
        if (str_eq(facts->labels[i].name, label.name)) {
            return wrong(record, "%.*s: duplicate", STR_ARG(label.name));
        }
    }
    if (json_scan_null(&record->scan)) {
        return 0;
    }
    if (read_text(record, &label.value) < 0) {
        return -1;
    }
    facts->labels[facts->label_count++] = label;
    return 0;
}

static int read_count(struct record_scan *record, void *to)
{
    uint64_t value;
    if (read_number(record, UINT32_MAX, &value) < 0) {
        return -1;
    }
    *(struct view_count *)to = (struct view_count){true, (uint32_t)value};
    return 0;
}

static int read_weight(struct record_scan *record, void *to)
{
    if (read_count(record, to) < 0) {
        return -1;
    }
    return ((const struct view_count *)to)->value <= VIEW_WEIGHT_MAX
               ? 0
               : wrong(record, "not a number from 0 to %d", VIEW_WEIGHT_MAX);
}

/* ---- details ---- */

/* A text for people. A longer one than VIEW_TEXT_MAX is served, and counts as absent for a takeover. */
static int read_detail_text(struct record_scan *record, void *to)
{
    struct str text;
    if (read_printable(record, FOR_PEOPLE, &text) < 0) {
        return -1;
    }
    if (text.size <= VIEW_TEXT_MAX) {
        *(struct str *)to = text;
    }
    return 0;
}

static int read_detail_time(struct record_scan *record, void *to)
{
    struct str text;
    int64_t wall_ms;
    if (read_printable(record, FOR_PROGRAMS, &text) < 0) {
        return -1;
    }
    if (timestamp_parse(text, &wall_ms) < 0 || wall_ms < 0) {
        return wrong(record, "not a time like 2026-11-21T02:14:00.123Z");
    }
    *(int64_t *)to = wall_ms;
    return 0;
}

/* 0 means that there is none: the moment itself has passed like any other. */
static int read_deadline(struct record_scan *record, void *to)
{
    int64_t wall_ms = -1;
    int rc = read_detail_time(record, &wall_ms);
    if (wall_ms >= 0) {
        *(int64_t *)to = wall_ms > 0 ? wall_ms : 1;
    }
    return rc;
}

/* Names of holds are joined by commas in a struct record, so a name with a comma is none. */
static int read_hold(struct record_scan *record)
{
    struct record_details *details = &record->details;
    struct str name = {NULL, 0};
    if (read_detail_text(record, &name) < 0) {
        return -1;
    }
    if (name.size > 0 && name.size <= RECORD_HOLD_NAME_MAX && memchr(name.data, ',', name.size) == NULL &&
        details->hold_count < RECORD_HOLDS_MAX) {
        details->holds[details->hold_count++] = name;
    }
    return 0;
}

/* A reader of the fleet could take the member for what the API says of the record. */
static int read_reserved(struct record_scan *record, void *to)
{
    (void)to;
    return json_scan_skip(&record->scan) < 0 ? -1 : wrong(record, "reserved for what the API adds");
}

/* ---- members ---- */

static const struct member *find(const struct member *members, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(name, members[i].name)) {
            return &members[i];
        }
    }
    return NULL;
}

static int read_value(struct record_scan *record, const struct member *member)
{
    if (member->close == '\0') {
        return member->read(record, (char *)record + member->at);
    }
    bool object = member->close == '}';
    if (expect(record, object ? "{" : "[", object ? "not an object" : "not an array") < 0) {
        return -1;
    }
    return read_all(record, member->close, member->each);
}

/* Reads the value of one of `members`, `count` of them. `seen` has a bit for each that was there before. Null counts as absent.
 * Returns 1 where `name` is none of them: its value is not read. */
static int read_known(struct record_scan *record, const struct member *members, size_t count, struct str name,
                      uint32_t *seen)
{
    const struct member *member = find(members, count, name);
    if (member == NULL) {
        return 1;
    }
    uint32_t bit = 1u << (member - members);
    int result = 0;
    if ((*seen & bit) != 0) {
        result = wrong(record, "duplicate");
    } else if (!json_scan_null(&record->scan)) {
        result = read_value(record, member);
    }
    *seen |= bit;
    return result < 0 ? error_wrap(record->scan.err, "%s", member->name.data) : 0;
}

static int read_drain_member(struct record_scan *record)
{
    static const struct member members[] = {
        {.name = STR_INIT("holds"), .close = ']', .each = read_hold},
        {.name = STR_INIT("by"), .read = read_detail_text, .at = AT(details.drain_by)},
        {.name = STR_INIT("reason"), .read = read_detail_text, .at = AT(details.drain_reason)},
        {.name = STR_INIT("operation"), .read = read_detail_text, .at = AT(details.drain_operation)},
        {.name = STR_INIT("since"), .read = read_detail_time, .at = AT(details.drain_since_wall)},
        {.name = STR_INIT("deadline"), .read = read_deadline, .at = AT(details.drain_deadline_wall)},
    };
    struct str name;
    if (json_scan_name(&record->scan, &name) < 0) {
        return -1;
    }
    int result = read_known(record, members, COUNT_OF(members), name, &record->seen_drain);
    return result > 0 ? json_scan_skip(&record->scan) : result;
}

static int read_drain(struct record_scan *record, void *to)
{
    if (expect(record, "{", "not an object") < 0) {
        return -1;
    }
    *(bool *)to = true;
    return read_all(record, '}', read_drain_member);
}

static const struct member members[] = {
    {.name = STR_INIT("id"), .read = read_text, .at = AT(id)},
    {.name = STR_INIT("type"), .read = read_text, .at = AT(type)},
    {.name = STR_INIT("status"), .read = read_text, .at = AT(facts.fields[VIEW_STATUS])},
    {.name = STR_INIT("host"), .read = read_text, .at = AT(facts.fields[VIEW_HOST])},
    {.name = STR_INIT("region"), .read = read_text, .at = AT(facts.fields[VIEW_REGION])},
    {.name = STR_INIT("zone"), .read = read_text, .at = AT(facts.fields[VIEW_ZONE])},
    {.name = STR_INIT("group"), .read = read_text, .at = AT(facts.fields[VIEW_GROUP])},
    {.name = STR_INIT("version"), .read = read_text, .at = AT(facts.fields[VIEW_VERSION])},
    {.name = STR_INIT("ports"), .close = ']', .each = read_port},
    {.name = STR_INIT("players"), .read = read_count, .at = AT(facts.players)},
    {.name = STR_INIT("capacity"), .read = read_count, .at = AT(facts.capacity)},
    {.name = STR_INIT("weight"), .read = read_weight, .at = AT(facts.weight)},
    {.name = STR_INIT("tags"), .close = ']', .each = read_tag},
    {.name = STR_INIT("labels"), .close = '}', .each = read_label},
    {.name = STR_INIT("customState"), .read = read_detail_text, .at = AT(details.custom_state)},
    {.name = STR_INIT("reason"), .read = read_detail_text, .at = AT(details.reason)},
    {.name = STR_INIT("updatedAt"), .read = read_detail_time, .at = AT(details.updated_wall)},
    {.name = STR_INIT("startedAt"), .read = read_detail_time, .at = AT(details.started_wall)},
    {.name = STR_INIT("drain"), .read = read_drain, .at = AT(details.drain)},
    {.name = STR_INIT("sig"), .read = read_text, .at = AT(sig)},
    {.name = STR_INIT("signed"), .read = read_reserved},
};

static int read_member(struct record_scan *record)
{
    struct str name;
    if (json_scan_name(&record->scan, &name) < 0) {
        return -1;
    }
    int result = read_known(record, members, COUNT_OF(members), name, &record->seen);
    if (result <= 0) {
        return result;
    }
    record->others =
        mem_grow(record->others, record->other_count, &record->other_capacity, sizeof(record->others[0]));
    record->others[record->other_count++] = str_hash(name, 0);
    return json_scan_skip(&record->scan);
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right ? 1 : 0;
}

/* Of two members with one name one reader takes the first and another the last. Two names with one hash are refused likewise:
 * they do not come about by chance. */
static int check_others(struct record_scan *record)
{
    if (record->other_count > 1) {
        qsort(record->others, record->other_count, sizeof(record->others[0]), by_number);
    }
    for (size_t i = 1; i < record->other_count; i++) {
        if (record->others[i] == record->others[i - 1]) {
            return wrong(record, "an unknown member: duplicate");
        }
    }
    return 0;
}

/* A browser, a proxy and a file system take it for a step of a path. */
static bool is_dots(struct str name)
{
    return str_eq(name, STR(".")) || str_eq(name, STR(".."));
}

static int check_present(struct record_scan *record)
{
    struct view_entry_facts *facts = &record->facts;
    enum status status;
    if (record->id.size == 0 || record->type.size == 0) {
        return wrong(record, "%s: missing", record->id.size == 0 ? "id" : "type");
    }
    if (is_dots(record->id) || is_dots(record->type)) {
        return wrong(record, "%s: would not survive in a URL", is_dots(record->id) ? "id" : "type");
    }
    if (record->id.size > VIEW_ID_MAX || record->type.size > VIEW_TYPE_MAX) {
        return error_set(record->scan.err, ERROR_LIMIT,
                         "id: longer than %d bytes, or type: longer than %d bytes", VIEW_ID_MAX,
                         VIEW_TYPE_MAX);
    }
    if (facts->fields[VIEW_STATUS].size == 0) {
        return wrong(record, "status: missing");
    }
    bool known = status_parse(facts->fields[VIEW_STATUS], &status) == 0;
    facts->status = known ? (unsigned)status : (unsigned)STATUS_UNKNOWN;
    return 0;
}

static int read_whole(struct record_scan *record)
{
    struct str json = record->scan.text;
    struct error *err = record->scan.err;
    if (json.size > VIEW_RECORD_MAX) {
        return error_set(err, ERROR_LIMIT, "%zu bytes, a record has at most %d", json.size, VIEW_RECORD_MAX);
    }
    if (!str_is_utf8(json)) {
        return error_set(err, ERROR_INVALID, "not UTF-8");
    }
    if (read_all(record, '}', read_member) < 0 || json_scan_end(&record->scan) < 0 ||
        check_others(record) < 0) {
        return -1;
    }
    return check_present(record);
}

int record_scan(struct record_scan *record, struct str json, struct error *err)
{
    struct error own = {0};
    record->scan = (struct json_scan){.text = str_skip_bom(json), .err = err == NULL ? &own : err};
    record->skip = VIEW_SKIP_NONE;
    int result = read_whole(record);
    if (result < 0 && record->skip == VIEW_SKIP_NONE) {
        record->skip = record->scan.err->code == ERROR_LIMIT ? VIEW_SKIP_LIMIT : VIEW_SKIP_NOT_JSON;
    }
    free(record->others);
    record->others = NULL;
    record->scan.err = NULL;
    return result;
}
