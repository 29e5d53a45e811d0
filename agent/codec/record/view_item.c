#include "outrider/codec/record/view_item.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_scan.h"

#include <stdlib.h>

enum { PORTS_MAX = 64, KEY_MAX = 1024 };

/* What is read of a record. */
enum part {
    PART_ID,
    PART_TYPE,
    PART_STATUS,
    PART_HOST,
    PART_REGION,
    PART_ZONE,
    PART_GROUP,
    PART_VERSION,
    PART_PORTS,
    PART_PLAYERS,
    PART_CAPACITY,
    PART_TAGS,
    PART_LABELS,
    PART_COUNT
};

static const struct {
    struct str name;
    enum view_field field; /* of texts */
} parts[PART_COUNT] = {
    [PART_ID] = {STR_INIT("id"), VIEW_FIELD_COUNT},
    [PART_TYPE] = {STR_INIT("type"), VIEW_FIELD_COUNT},
    [PART_STATUS] = {STR_INIT("status"), VIEW_STATUS},
    [PART_HOST] = {STR_INIT("host"), VIEW_HOST},
    [PART_REGION] = {STR_INIT("region"), VIEW_REGION},
    [PART_ZONE] = {STR_INIT("zone"), VIEW_ZONE},
    [PART_GROUP] = {STR_INIT("group"), VIEW_GROUP},
    [PART_VERSION] = {STR_INIT("version"), VIEW_VERSION},
    [PART_PORTS] = {STR_INIT("ports"), VIEW_FIELD_COUNT},
    [PART_PLAYERS] = {STR_INIT("players"), VIEW_FIELD_COUNT},
    [PART_CAPACITY] = {STR_INIT("capacity"), VIEW_FIELD_COUNT},
    [PART_TAGS] = {STR_INIT("tags"), VIEW_FIELD_COUNT},
    [PART_LABELS] = {STR_INIT("labels"), VIEW_FIELD_COUNT},
};

struct reading {
    struct json_scan scan;
    struct view_facts facts;
    struct str id, type;
    unsigned seen; /* one bit for each part */
};

static int read_text(struct reading *reading, struct str *ret_text)
{
    struct str text;
    if (json_scan_string(&reading->scan, &text) < 0) {
        return -1;
    }
    if (text.size > VIEW_TEXT_MAX) {
        return error_set(reading->scan.err, ERROR_LIMIT, "longer than %d bytes", VIEW_TEXT_MAX);
    }
    *ret_text = text;
    return 0;
}

static int read_ports(struct reading *reading)
{
    struct json_scan *scan = &reading->scan;
    bool more;
    if (json_scan_open(scan, '[') < 0) {
        return -1;
    }
    for (size_t count = 0;; count++) {
        uint64_t port;
        if (json_scan_more(scan, ']', count == 0, &more) < 0) {
            return -1;
        }
        if (!more) {
            return 0;
        }
        if (json_scan_uint(scan, UINT16_MAX, &port) < 0) {
            return -1;
        }
        if (port == 0 || count == PORTS_MAX) {
            return error_set(scan->err, ERROR_LIMIT, port == 0 ? "0 is no port" : "more than %d", PORTS_MAX);
        }
        reading->facts.port = count == 0 ? (uint16_t)port : reading->facts.port;
    }
}

static int read_tags(struct reading *reading)
{
    struct view_facts *facts = &reading->facts;
    bool more;
    if (json_scan_open(&reading->scan, '[') < 0) {
        return -1;
    }
    for (;;) {
        if (json_scan_more(&reading->scan, ']', facts->tag_count == 0, &more) < 0) {
            return -1;
        }
        if (!more) {
            return 0;
        }
        if (facts->tag_count == RECORD_TAGS_MAX) {
            return error_set(reading->scan.err, ERROR_LIMIT, "more than %d", RECORD_TAGS_MAX);
        }
        if (read_text(reading, &facts->tags[facts->tag_count]) < 0) {
            return -1;
        }
        facts->tag_count++;
    }
}

static int read_label(struct reading *reading)
{
    struct view_facts *facts = &reading->facts;
    struct view_label label;
    if (json_scan_name(&reading->scan, &label.name) < 0) {
        return -1;
    }
    if (label.name.size > VIEW_TEXT_MAX || facts->label_count == RECORD_LABELS_MAX) {
        return error_set(reading->scan.err, ERROR_LIMIT, "more than %d, or a longer name than %d bytes",
                         RECORD_LABELS_MAX, VIEW_TEXT_MAX);
    }
    for (size_t i = 0; i < facts->label_count; i++) {
        if (str_eq(facts->labels[i].name, label.name)) {
            return error_set(reading->scan.err, ERROR_INVALID, "%.*s: twice", STR_ARG(label.name));
        }
    }
    if (json_scan_null(&reading->scan)) {
        return 0;
    }
    if (read_text(reading, &label.value) < 0) {
        return -1;
    }
    facts->labels[facts->label_count++] = label;
    return 0;
}

/* An object, each member of it by `read_one`. */
static int read_object(struct reading *reading, int (*read_one)(struct reading *reading))
{
    bool more;
    if (json_scan_open(&reading->scan, '{') < 0) {
        return -1;
    }
    for (bool first = true;; first = false) {
        if (json_scan_more(&reading->scan, '}', first, &more) < 0) {
            return -1;
        }
        if (!more) {
            return 0;
        }
        if (read_one(reading) < 0) {
            return -1;
        }
    }
}

static int read_count(struct reading *reading, uint32_t *ret_value, bool *ret_has)
{
    uint64_t value;
    if (json_scan_uint(&reading->scan, UINT32_MAX, &value) < 0) {
        return -1;
    }
    *ret_value = (uint32_t)value;
    *ret_has = true;
    return 0;
}

static int read_part(struct reading *reading, enum part part)
{
    struct view_facts *facts = &reading->facts;
    switch (part) {
    case PART_ID: return read_text(reading, &reading->id);
    case PART_TYPE: return read_text(reading, &reading->type);
    case PART_STATUS:
    case PART_HOST:
    case PART_REGION:
    case PART_ZONE:
    case PART_GROUP:
    case PART_VERSION: return read_text(reading, &facts->fields[parts[part].field]);
    case PART_PORTS: return read_ports(reading);
    case PART_PLAYERS: return read_count(reading, &facts->players, &facts->has_players);
    case PART_CAPACITY: return read_count(reading, &facts->capacity, &facts->has_capacity);
    case PART_TAGS: return read_tags(reading);
    case PART_LABELS: return read_object(reading, read_label);
    case PART_COUNT: break;
    }
    return -1;
}

static int read_member(struct reading *reading)
{
    struct str name;
    if (json_scan_name(&reading->scan, &name) < 0) {
        return -1;
    }
    for (int part = 0; part < PART_COUNT; part++) {
        if (!str_eq(name, parts[part].name)) {
            continue;
        }
        if ((reading->seen & 1u << part) != 0) {
            return error_set(reading->scan.err, ERROR_INVALID, "%s: twice", parts[part].name.data);
        }
        reading->seen |= 1u << part;
        if (json_scan_null(&reading->scan)) {
            return 0;
        }
        return read_part(reading, (enum part)part) < 0
                   ? error_wrap(reading->scan.err, "%s", parts[part].name.data)
                   : 0;
    }
    return json_scan_skip(&reading->scan);
}

static int read_record(struct reading *reading)
{
    return read_object(reading, read_member) < 0 ? -1 : json_scan_end(&reading->scan);
}

static int check_record(struct reading *reading, struct str type, struct str id)
{
    struct error *err = reading->scan.err;
    enum status status = STATUS_ERROR;
    if (!str_eq(reading->type, type)) {
        return error_set(err, ERROR_INVALID, "the type in it is \"%.*s\", not that of its key",
                         STR_ARG(reading->type));
    }
    if (!str_eq(reading->id, id)) {
        return error_set(err, ERROR_INVALID, "the id in it is \"%.*s\", not that of its key",
                         STR_ARG(reading->id));
    }
    struct str name = reading->facts.fields[VIEW_STATUS];
    if (name.size == 0) {
        return error_set(err, ERROR_INVALID, "it has no status");
    }
    reading->facts.status = status_parse(name, &status) < 0 ? (unsigned)STATUS_UNKNOWN : (unsigned)status;
    return 0;
}

static int check_key(struct str prefix, struct str key, struct str *ret_type, struct str *ret_id,
                     struct error *err)
{
    struct str id, type = {NULL, 0};
    if (str_starts(key, prefix) && key.size > prefix.size && key.data[prefix.size] == '/') {
        type = (struct str){key.data + prefix.size + 1, key.size - prefix.size - 1};
    }
    type = str_split(type, '/', &id);
    if (type.size == 0 || id.size == 0 || memchr(id.data, '/', id.size) != NULL) {
        return error_set(err, ERROR_NOT_FOUND, "the key is not %.*s/TYPE/ID", STR_ARG(prefix));
    }
    if (type.size > VIEW_TYPE_MAX || id.size > VIEW_ID_MAX || key.size > KEY_MAX) {
        return error_set(err, ERROR_LIMIT, "the key has a longer type than %d bytes, or a longer id than %d",
                         VIEW_TYPE_MAX, VIEW_ID_MAX);
    }
    *ret_type = type;
    *ret_id = id;
    return 0;
}

int view_record_decode(struct str prefix, const struct view_place *place, struct str json,
                       struct view_entry **ret_entry, struct error *err)
{
    struct str type, id;
    if (check_key(prefix, place->key, &type, &id, err) < 0) {
        return -1;
    }
    if (json.size > VIEW_RECORD_MAX) {
        return error_set(err, ERROR_LIMIT, "%zu bytes, a record has at most %d", json.size, VIEW_RECORD_MAX);
    }
    if (!str_is_utf8(json)) {
        return error_set(err, ERROR_INVALID, "not UTF-8");
    }
    struct reading reading = {.scan = {.text = json, .err = err}};
    int result = read_record(&reading) < 0 ? -1 : check_record(&reading, type, id);
    if (result == 0) {
        struct view_place exact = *place;
        exact.prefix_size = prefix.size;
        *ret_entry = view_entry_new(&exact, json, &reading.facts);
    }
    json_scan_fini(&reading.scan);
    return result;
}

/* ---- many ---- */

struct view_text {
    struct view_text *next;
    char text[];
};

void view_items_clear(struct view_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        view_entry_unref(items->items[i].entry);
    }
    items->count = 0;
    while (items->texts != NULL) {
        struct view_text *next = items->texts->next;
        free(items->texts);
        items->texts = next;
    }
}

void view_items_fini(struct view_items *items)
{
    if (items != NULL) {
        view_items_clear(items);
        free(items->items);
        *items = (struct view_items){0};
    }
}

static struct str keep_text(struct view_items *items, const char *text)
{
    size_t size = strlen(text);
    struct view_text *kept = mem_resize(NULL, sizeof(*kept) + size + 1, 1);
    memcpy(kept->text, text, size + 1);
    kept->next = items->texts;
    items->texts = kept;
    return (struct str){kept->text, size};
}

static struct view_item *append(struct view_items *items)
{
    if (items->count == items->capacity) {
        items->capacity = items->capacity == 0 ? 64 : items->capacity * 2;
        items->items = mem_resize(items->items, items->capacity, sizeof(items->items[0]));
    }
    struct view_item *item = &items->items[items->count++];
    *item = (struct view_item){0};
    return item;
}

static void append_value(struct view_items *items, struct str prefix, const struct view_place *place,
                         struct str value)
{
    struct error err;
    struct view_item *item = append(items);
    item->key = place->key;
    item->mod_revision = place->mod_revision;
    item->create_revision = place->create_revision;
    if (view_record_decode(prefix, place, value, &item->entry, &err) < 0) {
        item->entry = NULL;
        item->why = keep_text(items, err.text);
    }
}

void view_items_changed(struct view_items *items, struct str prefix, const struct registry_change *changes,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct registry_change *change = &changes[i];
        struct view_place place = {.key = change->key,
                                   .mod_revision = change->mod_revision,
                                   .create_revision = change->create_revision,
                                   .leased = change->lease != 0};
        if (change->deleted) {
            struct view_item *item = append(items);
            item->deleted = true;
            item->key = change->key;
            item->mod_revision = change->mod_revision;
        } else {
            append_value(items, prefix, &place, change->value);
        }
    }
}

void view_items_listed(struct view_items *items, struct str prefix, const struct registry_item *listed,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct registry_item *one = &listed[i];
        struct view_place place = {.key = one->key,
                                   .mod_revision = one->kv.mod_revision,
                                   .create_revision = one->kv.create_revision,
                                   .leased = one->kv.lease != 0};
        append_value(items, prefix, &place, one->kv.value);
    }
}
