#include "outrider/codec/record/record_json.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_member.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/server/record.h"

#include <stdlib.h>

/* What record_decode allows in bytes. Not below what configuration, status lines and holds let through. */
enum {
    ID_MAX = 128,
    TYPE_MAX = 63,
    HOST_MAX = 255,
    STATUS_MAX = 64,
    TEXT_MAX = 1024,
    WORD_MAX = 256,
    HOLDS_MAX = 16
};

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
    json_write_key(json, "since");
    json_write_time(json, drain->since_wall);
    if (drain->deadline_wall != 0) {
        json_write_key(json, "deadline");
        json_write_time(json, drain->deadline_wall);
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
    if (record->drain.set) {
        encode_drain(json, &record->drain);
    }
    if (record->started_wall != 0) {
        json_write_key(json, "startedAt");
        json_write_time(json, record->started_wall);
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

static int copy_text(const json_t *object, const char *key, size_t max, char **ret_text, struct error *err)
{
    const char *text = NULL;
    if (json_read_text(object, key, max, &text, err) < 0) {
        return -1;
    }
    *ret_text = mem_strdup(text);
    return 0;
}

static int decode_texts(const json_t *root, struct record *record, struct error *err)
{
    const struct {
        const char *key;
        size_t max;
        char **text;
        bool required;
    } fields[] = {
        {"id", ID_MAX, &record->id, true},
        {"type", TYPE_MAX, &record->type, true},
        {"host", HOST_MAX, &record->host, false},
        {"customState", TEXT_MAX, &record->custom_state, false},
        {"reason", TEXT_MAX, &record->reason, false},
        {"region", WORD_MAX, &record->region, false},
        {"zone", WORD_MAX, &record->zone, false},
        {"group", WORD_MAX, &record->group, false},
        {"version", WORD_MAX, &record->version, false},
    };
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (copy_text(root, fields[i].key, fields[i].max, fields[i].text, err) < 0) {
            return -1;
        }
        const char *text = *fields[i].text;
        if (fields[i].required && (text == NULL || text[0] == '\0')) {
            return error_set(err, ERROR_INVALID, "%s: missing", fields[i].key);
        }
    }
    return 0;
}

static int decode_status(const json_t *root, enum status *ret_status, struct error *err)
{
    const char *name = NULL;
    if (json_read_text(root, "status", STATUS_MAX, &name, err) < 0) {
        return -1;
    }
    if (name == NULL) {
        return error_set(err, ERROR_INVALID, "status: missing");
    }
    if (status_parse(str_of(name), ret_status) < 0) {
        return error_set(err, ERROR_NOT_FOUND, "status: %s is not known here and counts as not ready", name);
    }
    return 0;
}

static int decode_tags(const json_t *root, struct record *record, struct error *err)
{
    json_t *array = NULL;
    if (json_read_array(root, "tags", RECORD_TAGS_MAX, &array, err) < 0) {
        return -1;
    }
    for (size_t i = 0; array != NULL && i < json_array_size(array); i++) {
        const char *tag;
        if (json_read_element(array, i, "tags", WORD_MAX, &tag, err) < 0) {
            return -1;
        }
        record->tags[record->tag_count++] = mem_strdup(tag);
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct record_label *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static int decode_labels(const json_t *root, struct record *record, struct error *err)
{
    json_t *labels = NULL;
    if (json_read_object(root, "labels", RECORD_LABELS_MAX, &labels, err) < 0) {
        return -1;
    }
    for (void *at = json_object_iter(labels); at != NULL; at = json_object_iter_next(labels, at)) {
        const char *name = json_object_iter_key(at), *value = NULL;
        if (name[0] == '\0' || strlen(name) > WORD_MAX) {
            return error_set(err, ERROR_LIMIT, "labels: a name has 1 to %d bytes", WORD_MAX);
        }
        if (json_read_text(labels, name, WORD_MAX, &value, err) < 0) {
            return error_wrap(err, "labels");
        }
        if (value != NULL) {
            record->labels[record->label_count++] =
                (struct record_label){mem_strdup(name), mem_strdup(value)};
        }
    }
    qsort(record->labels, record->label_count, sizeof(record->labels[0]), by_name);
    return 0;
}

/* Holds are kept as names joined by commas, so a name must have none. */
static int decode_holds(const json_t *object, struct record_drain *drain, struct error *err)
{
    json_t *array = NULL;
    if (json_read_array(object, "holds", HOLDS_MAX, &array, err) < 0) {
        return -1;
    }
    size_t count = json_array_size(array);
    char joined[HOLDS_MAX * (STATUS_MAX + 1) + 1] = "";
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *name;
        if (json_read_element(array, i, "holds", STATUS_MAX, &name, err) < 0) {
            return -1;
        }
        if (strchr(name, ',') != NULL) {
            return error_set(err, ERROR_INVALID, "holds: a name has a comma");
        }
        size_t size = strlen(name);
        if (used > 0) {
            joined[used++] = ',';
        }
        memcpy(joined + used, name, size + 1);
        used += size;
    }
    drain->holds = count == 0 ? NULL : mem_strdup(joined);
    return 0;
}

static int decode_drain(const json_t *root, struct record_drain *drain, struct error *err)
{
    json_t *object = NULL;
    if (json_read_object(root, "drain", SIZE_MAX, &object, err) < 0) {
        return -1;
    }
    if (object == NULL) {
        return 0;
    }
    drain->set = true;
    if (decode_holds(object, drain, err) < 0 || copy_text(object, "by", WORD_MAX, &drain->by, err) < 0 ||
        copy_text(object, "reason", TEXT_MAX, &drain->reason, err) < 0 ||
        json_read_time(object, "since", &drain->since_wall, err) < 0 ||
        json_read_time(object, "deadline", &drain->deadline_wall, err) < 0) {
        return error_wrap(err, "drain");
    }
    return 0;
}

static int decode_rest(const json_t *root, struct record *record, struct error *err)
{
    if (json_read_ports(root, "ports", RECORD_PORTS_MAX, record->ports, &record->port_count, err) < 0 ||
        json_read_time(root, "updatedAt", &record->updated_wall, err) < 0 ||
        json_read_time(root, "startedAt", &record->started_wall, err) < 0 ||
        json_read_count(root, "players", &record->players, &record->has_players, err) < 0 ||
        json_read_count(root, "capacity", &record->capacity, &record->has_capacity, err) < 0 ||
        decode_tags(root, record, err) < 0 || decode_labels(root, record, err) < 0 ||
        decode_drain(root, &record->drain, err) < 0) {
        return -1;
    }
    /* The last, so that an unknown status says: all else is well. */
    return decode_status(root, &record->status, err);
}

int record_decode(struct str text, struct record *ret_record, struct error *err)
{
    json_t *root = json_read_document(text, RECORD_JSON_MAX, err);
    if (root == NULL) {
        return error_wrap(err, "record");
    }
    struct record record = {0};
    int result = decode_texts(root, &record, err) < 0 ? -1 : decode_rest(root, &record, err);
    json_decref(root);
    if (result < 0) {
        record_fini(&record);
        return error_wrap(err, "record");
    }
    *ret_record = record;
    return 0;
}
