#include "record_scan_internal.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"

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

static int read_text(struct record_scan *record, void *to)
{
    struct str text;
    if (json_scan_string(&record->scan, &text) < 0) {
        return -1;
    }
    if (text.size > VIEW_TEXT_MAX) {
        return error_set(record->scan.err, ERROR_LIMIT, "longer than %d bytes", VIEW_TEXT_MAX);
    }
    *(struct str *)to = text;
    return 0;
}

static int read_port(struct record_scan *record)
{
    uint64_t port;
    if (json_scan_uint(&record->scan, UINT16_MAX, &port) < 0) {
        return -1;
    }
    if (port == 0) {
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
    if (label.name.size > VIEW_TEXT_MAX || facts->label_count == RECORD_LABELS_MAX) {
        return error_set(record->scan.err, ERROR_LIMIT, "more than %d, or a longer name than %d bytes",
                         RECORD_LABELS_MAX, VIEW_TEXT_MAX);
    }
    for (size_t i = 0; i < facts->label_count; i++) {
        if (str_eq(facts->labels[i].name, label.name)) {
            return error_set(record->scan.err, ERROR_INVALID, "%.*s: duplicate", STR_ARG(label.name));
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
    if (json_scan_uint(&record->scan, UINT32_MAX, &value) < 0) {
        return -1;
    }
    *(struct record_count *)to = (struct record_count){true, (uint32_t)value};
    return 0;
}

/* ---- details ---- */

static int read_detail_text(struct record_scan *record, void *to)
{
    struct str text;
    if (json_scan_peek(&record->scan) != '"') {
        return json_scan_skip(&record->scan);
    }
    if (json_scan_string(&record->scan, &text) < 0) {
        return -1;
    }
    if (text.size <= VIEW_TEXT_MAX) {
        *(struct str *)to = text;
    }
    return 0;
}

static int read_detail_time(struct record_scan *record, void *to)
{
    struct str text = {NULL, 0};
    int64_t wall_ms;
    if (read_detail_text(record, &text) < 0) {
        return -1;
    }
    if (timestamp_parse(text, &wall_ms) == 0 && wall_ms >= 0) {
        *(int64_t *)to = wall_ms;
    }
    return 0;
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

static int read_holds(struct record_scan *record, void *to)
{
    *(size_t *)to = 0;
    return json_scan_peek(&record->scan) == '[' ? read_all(record, ']', read_hold)
                                                : json_scan_skip(&record->scan);
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
    return member->close != '\0' ? read_all(record, member->close, member->each)
                                 : member->read(record, (char *)record + member->at);
}

static int read_drain_member(struct record_scan *record)
{
    static const struct member members[] = {
        {.name = STR_INIT("holds"), .read = read_holds, .at = AT(details.hold_count)},
        {.name = STR_INIT("by"), .read = read_detail_text, .at = AT(details.drain_by)},
        {.name = STR_INIT("reason"), .read = read_detail_text, .at = AT(details.drain_reason)},
        {.name = STR_INIT("since"), .read = read_detail_time, .at = AT(details.drain_since_wall)},
        {.name = STR_INIT("deadline"), .read = read_detail_time, .at = AT(details.drain_deadline_wall)},
    };
    struct str name;
    if (json_scan_name(&record->scan, &name) < 0) {
        return -1;
    }
    const struct member *member = find(members, COUNT_OF(members), name);
    return member == NULL ? json_scan_skip(&record->scan) : read_value(record, member);
}

static int read_drain(struct record_scan *record, void *to)
{
    if (json_scan_peek(&record->scan) != '{') {
        return json_scan_skip(&record->scan);
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
    {.name = STR_INIT("players"), .read = read_count, .at = AT(players)},
    {.name = STR_INIT("capacity"), .read = read_count, .at = AT(capacity)},
    {.name = STR_INIT("tags"), .close = ']', .each = read_tag},
    {.name = STR_INIT("labels"), .close = '}', .each = read_label},
};

/* Members that only a takeover reads. */
static const struct member details[] = {
    {.name = STR_INIT("customState"), .read = read_detail_text, .at = AT(details.custom_state)},
    {.name = STR_INIT("reason"), .read = read_detail_text, .at = AT(details.reason)},
    {.name = STR_INIT("updatedAt"), .read = read_detail_time, .at = AT(details.updated_wall)},
    {.name = STR_INIT("startedAt"), .read = read_detail_time, .at = AT(details.started_wall)},
    {.name = STR_INIT("drain"), .read = read_drain, .at = AT(details.drain)},
};

static int read_member(struct record_scan *record)
{
    struct str name;
    if (json_scan_name(&record->scan, &name) < 0) {
        return -1;
    }
    const struct member *member = find(members, COUNT_OF(members), name);
    if (member != NULL) {
        uint32_t bit = 1u << (member - members);
        if ((record->seen & bit) != 0) {
            return error_set(record->scan.err, ERROR_INVALID, "%s: duplicate", member->name.data);
        }
        record->seen |= bit;
    } else if (record->want_details) {
        member = find(details, COUNT_OF(details), name);
    }
    if (member == NULL) {
        return json_scan_skip(&record->scan);
    }
    if (json_scan_null(&record->scan) || read_value(record, member) == 0) {
        return 0;
    }
    return error_wrap(record->scan.err, "%s", member->name.data);
}

static int check_present(struct record_scan *record)
{
    struct view_entry_facts *facts = &record->facts;
    struct error *err = record->scan.err;
    enum status status;
    if (record->id.size == 0 || record->type.size == 0) {
        return error_set(err, ERROR_INVALID, "%s: missing", record->id.size == 0 ? "id" : "type");
    }
    if (record->id.size > VIEW_ID_MAX || record->type.size > VIEW_TYPE_MAX) {
        return error_set(err, ERROR_LIMIT, "id: longer than %d bytes, or type: longer than %d bytes",
                         VIEW_ID_MAX, VIEW_TYPE_MAX);
    }
    if (facts->fields[VIEW_STATUS].size == 0) {
        return error_set(err, ERROR_INVALID, "status: missing");
    }
    bool known = status_parse(facts->fields[VIEW_STATUS], &status) == 0;
    facts->status = known ? (unsigned)status : (unsigned)STATUS_UNKNOWN;
    return 0;
}

int record_scan(struct record_scan *record, struct str json, struct error *err)
{
    json = str_skip_bom(json);
    record->scan = (struct json_scan){.text = json, .err = err};
    if (json.size > VIEW_RECORD_MAX) {
        return error_set(err, ERROR_LIMIT, "%zu bytes, a record has at most %d", json.size, VIEW_RECORD_MAX);
    }
    if (!str_is_utf8(json)) {
        return error_set(err, ERROR_INVALID, "not UTF-8");
    }
    if (read_all(record, '}', read_member) < 0 || json_scan_end(&record->scan) < 0) {
        return -1;
    }
    return check_present(record);
}
