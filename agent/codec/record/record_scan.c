#include "record_scan_internal.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"

enum member {
    MEMBER_ID,
    MEMBER_TYPE,
    MEMBER_STATUS,
    MEMBER_HOST,
    MEMBER_REGION,
    MEMBER_ZONE,
    MEMBER_GROUP,
    MEMBER_VERSION,
    MEMBER_PORTS,
    MEMBER_PLAYERS,
    MEMBER_CAPACITY,
    MEMBER_TAGS,
    MEMBER_LABELS,
    MEMBER_CUSTOM_STATE, /* from here on: details */
    MEMBER_REASON,
    MEMBER_UPDATED_AT,
    MEMBER_STARTED_AT,
    MEMBER_DRAIN,
    MEMBER_COUNT
};

static const struct {
    struct str name;
    enum view_field field; /* of texts that filters look at */
} members[MEMBER_COUNT] = {
    [MEMBER_ID] = {STR_INIT("id"), VIEW_FIELD_COUNT},
    [MEMBER_TYPE] = {STR_INIT("type"), VIEW_FIELD_COUNT},
    [MEMBER_STATUS] = {STR_INIT("status"), VIEW_STATUS},
    [MEMBER_HOST] = {STR_INIT("host"), VIEW_HOST},
    [MEMBER_REGION] = {STR_INIT("region"), VIEW_REGION},
    [MEMBER_ZONE] = {STR_INIT("zone"), VIEW_ZONE},
    [MEMBER_GROUP] = {STR_INIT("group"), VIEW_GROUP},
    [MEMBER_VERSION] = {STR_INIT("version"), VIEW_VERSION},
    [MEMBER_PORTS] = {STR_INIT("ports"), VIEW_FIELD_COUNT},
    [MEMBER_PLAYERS] = {STR_INIT("players"), VIEW_FIELD_COUNT},
    [MEMBER_CAPACITY] = {STR_INIT("capacity"), VIEW_FIELD_COUNT},
    [MEMBER_TAGS] = {STR_INIT("tags"), VIEW_FIELD_COUNT},
    [MEMBER_LABELS] = {STR_INIT("labels"), VIEW_FIELD_COUNT},
    [MEMBER_CUSTOM_STATE] = {STR_INIT("customState"), VIEW_FIELD_COUNT},
    [MEMBER_REASON] = {STR_INIT("reason"), VIEW_FIELD_COUNT},
    [MEMBER_UPDATED_AT] = {STR_INIT("updatedAt"), VIEW_FIELD_COUNT},
    [MEMBER_STARTED_AT] = {STR_INIT("startedAt"), VIEW_FIELD_COUNT},
    [MEMBER_DRAIN] = {STR_INIT("drain"), VIEW_FIELD_COUNT},
};

typedef int read_fn(struct record_scan *record);

/* Reads a container, each member or element with `read_one`. */
static int read_all(struct record_scan *record, char open, char close, read_fn *read_one)
{
    bool more;
    if (json_scan_open(&record->scan, open) < 0) {
        return -1;
    }
    for (bool first = true;; first = false) {
        if (json_scan_more(&record->scan, close, first, &more) < 0) {
            return -1;
        }
        if (!more) {
            return 0;
        }
        if (read_one(record) < 0) {
            return -1;
        }
    }
}

static int read_text(struct record_scan *record, struct str *ret_text)
{
    struct str text;
    if (json_scan_string(&record->scan, &text) < 0) {
        return -1;
    }
    if (text.size > VIEW_TEXT_MAX) {
        return error_set(record->scan.err, ERROR_LIMIT, "longer than %d bytes", VIEW_TEXT_MAX);
    }
    *ret_text = text;
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

static int read_count(struct record_scan *record, uint32_t *ret_value, bool *ret_has)
{
    uint64_t value;
    if (json_scan_uint(&record->scan, UINT32_MAX, &value) < 0) {
        return -1;
    }
    *ret_value = (uint32_t)value;
    *ret_has = true;
    return 0;
}

/* ---- details ---- */

static int read_detail_text(struct record_scan *record, size_t max, struct str *ret_text)
{
    struct str text;
    if (json_scan_peek(&record->scan) != '"') {
        return json_scan_skip(&record->scan);
    }
    if (json_scan_string(&record->scan, &text) < 0) {
        return -1;
    }
    *ret_text = text.size <= max ? text : *ret_text;
    return 0;
}

static int read_detail_time(struct record_scan *record, int64_t *ret_wall_ms)
{
    struct str text = {NULL, 0};
    int64_t wall_ms;
    if (read_detail_text(record, VIEW_TEXT_MAX, &text) < 0) {
        return -1;
    }
    if (timestamp_parse(text, &wall_ms) == 0 && wall_ms >= 0) {
        *ret_wall_ms = wall_ms;
    }
    return 0;
}

/* Names of holds are joined by commas in a struct record, so a name with a comma is none. */
static int read_hold(struct record_scan *record)
{
    struct record_details *details = &record->details;
    struct str name = {NULL, 0};
    if (read_detail_text(record, RECORD_HOLD_NAME_MAX, &name) < 0) {
        return -1;
    }
    if (name.size > 0 && memchr(name.data, ',', name.size) == NULL &&
        details->hold_count < RECORD_HOLDS_MAX) {
        details->holds[details->hold_count++] = name;
    }
    return 0;
}

static int read_drain_member(struct record_scan *record)
{
    struct record_details *details = &record->details;
    struct str name;
    if (json_scan_name(&record->scan, &name) < 0) {
        return -1;
    }
    if (str_eq(name, STR("holds"))) {
        details->hold_count = 0;
        return json_scan_peek(&record->scan) == '[' ? read_all(record, '[', ']', read_hold)
                                                    : json_scan_skip(&record->scan);
    }
    if (str_eq(name, STR("by"))) {
        return read_detail_text(record, VIEW_TEXT_MAX, &details->drain_by);
    }
    if (str_eq(name, STR("reason"))) {
        return read_detail_text(record, VIEW_TEXT_MAX, &details->drain_reason);
    }
    if (str_eq(name, STR("since"))) {
        return read_detail_time(record, &details->drain_since_wall);
    }
    if (str_eq(name, STR("deadline"))) {
        return read_detail_time(record, &details->drain_deadline_wall);
    }
    return json_scan_skip(&record->scan);
}

static int read_drain(struct record_scan *record)
{
    if (json_scan_peek(&record->scan) != '{') {
        return json_scan_skip(&record->scan);
    }
    record->details.drain = true;
    return read_all(record, '{', '}', read_drain_member);
}

/* ---- the record ---- */

static int read_value(struct record_scan *record, enum member member)
{
    struct view_entry_facts *facts = &record->facts;
    struct record_details *details = &record->details;
    switch (member) {
    case MEMBER_ID: return read_text(record, &record->id);
    case MEMBER_TYPE: return read_text(record, &record->type);
    case MEMBER_STATUS:
    case MEMBER_HOST:
    case MEMBER_REGION:
    case MEMBER_ZONE:
    case MEMBER_GROUP:
    case MEMBER_VERSION: return read_text(record, &facts->fields[members[member].field]);
    case MEMBER_PORTS: return read_all(record, '[', ']', read_port);
    case MEMBER_PLAYERS: return read_count(record, &facts->players, &facts->has_players);
    case MEMBER_CAPACITY: return read_count(record, &facts->capacity, &facts->has_capacity);
    case MEMBER_TAGS: return read_all(record, '[', ']', read_tag);
    case MEMBER_LABELS: return read_all(record, '{', '}', read_label);
    case MEMBER_CUSTOM_STATE: return read_detail_text(record, VIEW_TEXT_MAX, &details->custom_state);
    case MEMBER_REASON: return read_detail_text(record, VIEW_TEXT_MAX, &details->reason);
    case MEMBER_UPDATED_AT: return read_detail_time(record, &details->updated_wall);
    case MEMBER_STARTED_AT: return read_detail_time(record, &details->started_wall);
    case MEMBER_DRAIN: return read_drain(record);
    case MEMBER_COUNT: break;
    }
    return -1;
}

static int read_member(struct record_scan *record)
{
    struct str name;
    if (json_scan_name(&record->scan, &name) < 0) {
        return -1;
    }
    int count = record->want_details ? MEMBER_COUNT : MEMBER_CUSTOM_STATE;
    for (int member = 0; member < count; member++) {
        if (!str_eq(name, members[member].name)) {
            continue;
        }
        if ((record->seen & 1u << member) != 0 && member < MEMBER_CUSTOM_STATE) {
            return error_set(record->scan.err, ERROR_INVALID, "%s: duplicate", members[member].name.data);
        }
        record->seen |= 1u << member;
        if (json_scan_null(&record->scan)) {
            return 0;
        }
        return read_value(record, (enum member)member) < 0
                   ? error_wrap(record->scan.err, "%s", members[member].name.data)
                   : 0;
    }
    return json_scan_skip(&record->scan);
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
    record->scan = (struct json_scan){.text = json, .err = err};
    if (json.size > VIEW_RECORD_MAX) {
        return error_set(err, ERROR_LIMIT, "%zu bytes, a record has at most %d", json.size, VIEW_RECORD_MAX);
    }
    if (!str_is_utf8(json)) {
        return error_set(err, ERROR_INVALID, "not UTF-8");
    }
    if (read_all(record, '{', '}', read_member) < 0 || json_scan_end(&record->scan) < 0) {
        return -1;
    }
    return check_present(record);
}

void record_scan_fini(struct record_scan *record)
{
    json_scan_fini(&record->scan);
}
