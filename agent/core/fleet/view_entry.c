#include "outrider/core/fleet/view_entry.h"

#include "outrider/base/blob.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <stdlib.h>

/* A slice says where a text stands: in the JSON, or, counted on from its end, in the bytes after the key that hold
 * what was written with escapes. 18 and 14 bits do: no text is longer than VIEW_TEXT_MAX, and decoded ones take no
 * more room than the JSON they come from. */
#define SLICE_SIZE_BITS 14
#define SLICE_SIZE_MASK ((1u << SLICE_SIZE_BITS) - 1)

_Static_assert(VIEW_TEXT_MAX <= SLICE_SIZE_MASK, "a text fits a slice");
_Static_assert(2 * VIEW_RECORD_MAX <= 1 << (32 - SLICE_SIZE_BITS), "every place in a record fits a slice");

static size_t slice_count(const struct view_entry *entry)
{
    return VIEW_FIELD_COUNT + entry->tag_count + 2 * (size_t)entry->label_count;
}

/* The key, then what had escapes. */
static char *text_area(const struct view_entry *entry)
{
    return (char *)(uintptr_t)(entry->slices + slice_count(entry));
}

static bool stands_in(struct str json, struct str text)
{
    uintptr_t first = (uintptr_t)json.data, at = (uintptr_t)text.data;
    return at >= first && at - first <= json.size && text.size <= json.size - (at - first);
}

/* The texts in the order of their slices: fields, tags, names and values of labels. */
static struct str text_at(const struct view_entry_facts *facts, size_t i)
{
    if (i < VIEW_FIELD_COUNT) {
        return facts->fields[i];
    }
    i -= VIEW_FIELD_COUNT;
    if (i < facts->tag_count) {
        return facts->tags[i];
    }
    const struct view_label *label = &facts->labels[(i - facts->tag_count) / 2];
    return (i - facts->tag_count) % 2 == 0 ? label->name : label->value;
}

static uint32_t keep(struct view_entry *entry, struct str json, struct str text)
{
    assert(text.size <= VIEW_TEXT_MAX);
    size_t at = 0;
    if (text.size > 0 && stands_in(json, text)) {
        at = (size_t)(text.data - json.data);
    } else if (text.size > 0) {
        at = json.size + entry->spare_size;
        memcpy(text_area(entry) + entry->key_size + entry->spare_size, text.data, text.size);
        entry->spare_size += (uint32_t)text.size;
    }
    return (uint32_t)at << SLICE_SIZE_BITS | (uint32_t)text.size;
}

static void keep_key(struct view_entry *entry, const struct view_place *place)
{
    memcpy(text_area(entry), place->key.data, place->key.size);
    size_t type_at = place->prefix_size + 1;
    const char *slash = memchr(place->key.data + type_at, '/', place->key.size - type_at);
    assert(slash != NULL);
    entry->type_at = (uint16_t)type_at;
    entry->type_size = (uint16_t)(slash - place->key.data - (ptrdiff_t)type_at);
}

struct view_entry *view_entry_new(const struct view_place *place, struct str json,
                                  const struct view_entry_facts *facts)
{
    assert(json.size <= VIEW_RECORD_MAX && place->key.size <= UINT16_MAX);
    assert(place->prefix_size + 1 < place->key.size);
    assert(!facts->weight.has || facts->weight.value <= VIEW_WEIGHT_MAX);
    assert(facts->tag_count <= RECORD_TAGS_MAX && facts->label_count <= RECORD_LABELS_MAX);
    size_t slices = VIEW_FIELD_COUNT + facts->tag_count + 2 * facts->label_count, spare = 0;
    for (size_t i = 0; i < slices; i++) {
        struct str text = text_at(facts, i);
        spare += text.size == 0 || stands_in(json, text) ? 0 : text.size;
    }
    assert(spare <= VIEW_RECORD_MAX);
    struct view_entry *entry =
        mem_zalloc(sizeof(*entry) + slices * sizeof(entry->slices[0]) + place->key.size + spare);
    entry->references = 1;
    entry->json = blob_new(json);
    entry->mod_revision = place->mod_revision;
    entry->create_revision = place->create_revision;
    entry->leased = place->leased;
    entry->key_size = (uint16_t)place->key.size;
    entry->status = (uint8_t)facts->status;
    entry->port = facts->port;
    entry->has_players = facts->players.has;
    entry->players = facts->players.value;
    entry->has_capacity = facts->capacity.has;
    entry->capacity = facts->capacity.value;
    entry->weight = facts->weight.has ? (uint8_t)facts->weight.value : VIEW_WEIGHT;
    entry->tag_count = (uint8_t)facts->tag_count;
    entry->label_count = (uint8_t)facts->label_count;
    keep_key(entry, place);
    for (size_t i = 0; i < slices; i++) {
        entry->slices[i] = keep(entry, json, text_at(facts, i));
    }
    return entry;
}

struct view_entry *view_entry_ref(struct view_entry *entry)
{
    if (entry != NULL) {
        entry->references++;
    }
    return entry;
}

void view_entry_unref(struct view_entry *entry)
{
    if (entry != NULL && --entry->references == 0) {
        blob_unref(entry->json);
        free(entry);
    }
}

struct str view_entry_key(const struct view_entry *entry)
{
    return (struct str){text_area(entry), entry->key_size};
}

struct str view_entry_type(const struct view_entry *entry)
{
    return (struct str){text_area(entry) + entry->type_at, entry->type_size};
}

struct str view_entry_id(const struct view_entry *entry)
{
    size_t at = (size_t)entry->type_at + entry->type_size + 1;
    return (struct str){text_area(entry) + at, entry->key_size - at};
}

static struct str text_of(const struct view_entry *entry, uint32_t slice)
{
    size_t at = slice >> SLICE_SIZE_BITS, size = slice & SLICE_SIZE_MASK;
    struct str json = blob_view(entry->json);
    if (size == 0) {
        return (struct str){NULL, 0};
    }
    return at < json.size ? (struct str){json.data + at, size}
                          : (struct str){text_area(entry) + entry->key_size + (at - json.size), size};
}

struct str view_entry_text(const struct view_entry *entry, enum view_field field)
{
    return text_of(entry, entry->slices[field]);
}

bool view_entry_has_tag(const struct view_entry *entry, struct str tag)
{
    for (size_t i = 0; i < entry->tag_count; i++) {
        if (str_eq(text_of(entry, entry->slices[VIEW_FIELD_COUNT + i]), tag)) {
            return true;
        }
    }
    return false;
}

struct str view_entry_label(const struct view_entry *entry, struct str name)
{
    const uint32_t *labels = entry->slices + VIEW_FIELD_COUNT + entry->tag_count;
    for (size_t i = 0; i < entry->label_count; i++) {
        if (str_eq(text_of(entry, labels[2 * i]), name)) {
            return text_of(entry, labels[2 * i + 1]);
        }
    }
    return (struct str){NULL, 0};
}

struct str view_entry_tag_at(const struct view_entry *entry, size_t index)
{
    assert(index < entry->tag_count);
    return text_of(entry, entry->slices[VIEW_FIELD_COUNT + index]);
}

struct view_label view_entry_label_at(const struct view_entry *entry, size_t index)
{
    assert(index < entry->label_count);
    const uint32_t *label = entry->slices + VIEW_FIELD_COUNT + entry->tag_count + 2 * index;
    return (struct view_label){text_of(entry, label[0]), text_of(entry, label[1])};
}

bool view_entry_keeps_players(const struct view_entry *entry)
{
    return entry->status == STATUS_READY || entry->status == STATUS_INITIALIZING ||
           entry->status == STATUS_DRAINING;
}

size_t view_entry_size(const struct view_entry *entry)
{
    return sizeof(*entry) + slice_count(entry) * sizeof(entry->slices[0]) + entry->key_size +
           entry->spare_size + 4 * sizeof(size_t) + blob_view(entry->json).size + 1;
}

const char *view_status_name(unsigned status)
{
    return status < STATUS_COUNT ? status_name((enum status)status) : "unknown";
}
