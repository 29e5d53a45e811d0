#include "outrider/codec/record/record_json.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/server/record.h"
#include "record_scan_internal.h"

#include <stdlib.h>

static void encode_who(struct json_writer *json, const struct record *record)
{
    json_member_text_if(json, "id", record->id);
    json_member_text_if(json, "type", record->type);
    json_member_text_if(json, "host", record->host);
    if (record->port_count > 0) {
        json_member_array(json, "ports");
        for (size_t i = 0; i < record->port_count; i++) {
            json_write_uint(json, record->ports[i]);
        }
        json_write_array_end(json);
    }
}

static void encode_tags_and_labels(struct json_writer *json, const struct record *record)
{
    if (record->tag_count > 0) {
        json_member_array(json, "tags");
        for (size_t i = 0; i < record->tag_count; i++) {
            json_write_text(json, record->tags[i]);
        }
        json_write_array_end(json);
    }
    if (record->label_count > 0) {
        json_member_object(json, "labels");
        for (size_t i = 0; i < record->label_count; i++) {
            json_member_text(json, record->labels[i].name, record->labels[i].value);
        }
        json_write_object_end(json);
    }
}

static void encode_drain(struct json_writer *json, const struct record_drain *drain)
{
    json_member_object(json, "drain");
    json_member_array(json, "holds");
    for (struct str rest = str_of(drain->holds); rest.size > 0;) {
        json_write_string(json, str_split(rest, ',', &rest));
    }
    json_write_array_end(json);
    json_member_text_if(json, "by", drain->by);
    json_member_text_if(json, "reason", drain->reason);
    json_member_text_if(json, "operation", drain->operation);
    json_write_key(json, "since");
    json_write_time(json, drain->since_wall);
    if (drain->deadline_wall != 0) {
        json_member_time(json, "deadline", drain->deadline_wall);
    }
    json_write_object_end(json);
}

static void encode_play(struct json_writer *json, const struct record *record)
{
    if (record->has_players) {
        json_member_uint(json, "players", record->players);
    }
    if (record->has_capacity) {
        json_member_uint(json, "capacity", record->capacity);
    }
    if (record->has_weight) {
        json_member_uint(json, "weight", record->weight);
    }
    if (record->drain.set) {
        encode_drain(json, &record->drain);
    }
    if (record->started_wall != 0) {
        json_member_time(json, "startedAt", record->started_wall);
    }
}

void record_encode(const struct record *record, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    encode_who(&json, record);
    json_member_text(&json, "status", status_name(record->status));
    json_write_key(&json, "updatedAt");
    json_write_time(&json, record->updated_wall);
    json_member_text_if(&json, "customState", record->custom_state);
    json_member_text_if(&json, "reason", record->reason);
    json_member_text_if(&json, "region", record->region);
    json_member_text_if(&json, "zone", record->zone);
    json_member_text_if(&json, "group", record->group);
    json_member_text_if(&json, "version", record->version);
    encode_tags_and_labels(&json, record);
    encode_play(&json, record);
    json_write_object_end(&json);
}

/* ---- reading ---- */

/* NULL for an absent text, which has no data. */
static char *copy_text(struct str text)
{
    return text.data == NULL ? NULL : mem_copy(text.data, text.size);
}

static int by_name(const void *a, const void *b)
{
    const struct record_label *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static void copy_lists(const struct record_scan *scan, struct record *record)
{
    const struct view_entry_facts *facts = &scan->facts;
    memcpy(record->ports, scan->ports, sizeof(record->ports));
    record->port_count = scan->port_count;
    for (; record->tag_count < facts->tag_count; record->tag_count++) {
        struct str tag = facts->tags[record->tag_count];
        record->tags[record->tag_count] = mem_copy(tag.data, tag.size);
    }
    for (; record->label_count < facts->label_count; record->label_count++) {
        const struct view_label *label = &facts->labels[record->label_count];
        record->labels[record->label_count] = (struct record_label){
            mem_copy(label->name.data, label->name.size), mem_copy(label->value.data, label->value.size)};
    }
    qsort(record->labels, record->label_count, sizeof(record->labels[0]), by_name);
}

static void copy_details(const struct record_details *details, struct record *record)
{
    record->custom_state = copy_text(details->custom_state);
    record->reason = copy_text(details->reason);
    record->updated_wall = details->updated_wall;
    record->started_wall = details->started_wall;
    if (!details->drain) {
        return;
    }
    struct buf holds = {0};
    for (size_t i = 0; i < details->hold_count; i++) {
        buf_str(&holds, i > 0 ? STR(",") : STR(""));
        buf_str(&holds, details->holds[i]);
    }
    record->drain = (struct record_drain){.set = true,
                                          .holds = copy_text(buf_view(&holds)),
                                          .by = copy_text(details->drain_by),
                                          .reason = copy_text(details->drain_reason),
                                          .operation = copy_text(details->drain_operation),
                                          .since_wall = details->drain_since_wall,
                                          .deadline_wall = details->drain_deadline_wall};
    buf_fini(&holds);
}

int record_decode(struct str text, struct record *ret_record, struct error *err)
{
    struct record_scan scan = {0};
    const struct view_entry_facts *facts = &scan.facts;
    int result = record_scan(&scan, text, err);
    if (result == 0 && facts->status == (unsigned)STATUS_UNKNOWN) {
        result =
            error_set(err, ERROR_NOT_FOUND, "status: \"%.*s\" is not a known status and counts as not ready",
                      STR_ARG(facts->fields[VIEW_STATUS]));
    }
    if (result == 0) {
        struct record record = {.id = copy_text(scan.id),
                                .type = copy_text(scan.type),
                                .host = copy_text(facts->fields[VIEW_HOST]),
                                .status = (enum status)facts->status,
                                .region = copy_text(facts->fields[VIEW_REGION]),
                                .zone = copy_text(facts->fields[VIEW_ZONE]),
                                .group = copy_text(facts->fields[VIEW_GROUP]),
                                .version = copy_text(facts->fields[VIEW_VERSION]),
                                .has_players = facts->players.has,
                                .has_capacity = facts->capacity.has,
                                .has_weight = facts->weight.has,
                                .players = facts->players.value,
                                .capacity = facts->capacity.value,
                                .weight = facts->weight.value};
        copy_lists(&scan, &record);
        copy_details(&scan.details, &record);
        *ret_record = record;
    }
    json_scan_fini(&scan.scan);
    return result < 0 ? error_wrap(err, "record") : 0;
}
