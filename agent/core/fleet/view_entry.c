#include "outrider/core/fleet/view_entry.h"

#include "outrider/base/attr.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <stdlib.h>

/* Where a text stands: in the JSON, or, counted on from its end, in the bytes after the key that hold what
 * was written with escapes. 18 and 14 bits do: no text is longer than VIEW_TEXT_MAX, and decoded ones take no
 * more room than the JSON they come from. */
struct slice {
    uint32_t place;
};

#define SLICE_SIZE_BITS 14
#define SLICE_SIZE_MASK ((1u << SLICE_SIZE_BITS) - 1)

_Static_assert(VIEW_TEXT_MAX <= SLICE_SIZE_MASK, "a text fits a slice");
_Static_assert(2 * VIEW_RECORD_MAX <= 1 << (32 - SLICE_SIZE_BITS), "every place in a record fits a slice");

struct view_entry {
    struct blob *json;
    int64_t mod_revision, create_revision;
    uint32_t references;
    uint32_t players, capacity;
    uint32_t spare_size;
    struct slice fields[VIEW_FIELD_COUNT];
    uint16_t key_size, type_at;
    uint16_t type_size, port;
    uint8_t status, tag_count, label_count;
    bool has_players, has_capacity, leased;
    struct slice slices[]; /* tags, names and values of labels; then the key and what had escapes */
};

/* The key, then what had escapes. */
static char *text_area(struct view_entry *entry)
{
    return (char *)(entry->slices + entry->tag_count + 2 * (size_t)entry->label_count);
}

static const char *const_text_area(const struct view_entry *entry)
{
    return (const char *)(entry->slices + entry->tag_count + 2 * (size_t)entry->label_count);
}

static bool stands_in(struct str json, struct str text)
{
    uintptr_t first = (uintptr_t)json.data, at = (uintptr_t)text.data;
    return at >= first && at - first <= json.size && text.size <= json.size - (at - first);
}

static size_t spare_needed(struct str json, struct str text)
{
    return text.size == 0 || stands_in(json, text) ? 0 : text.size;
}

static size_t count_spare(struct str json, const struct view_facts *facts)
{
    size_t size = 0;
    for (size_t i = 0; i < VIEW_FIELD_COUNT; i++) {
        size += spare_needed(json, facts->fields[i]);
    }
    for (size_t i = 0; i < facts->tag_count; i++) {
        size += spare_needed(json, facts->tags[i]);
    }
    for (size_t i = 0; i < facts->label_count; i++) {
        size += spare_needed(json, facts->labels[i].name) + spare_needed(json, facts->labels[i].value);
    }
    return size;
}

static struct slice keep(struct view_entry *entry, struct str json, struct str text)
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
    return (struct slice){(uint32_t)at << SLICE_SIZE_BITS | (uint32_t)text.size};
}

static void keep_all(struct view_entry *entry, struct str json, const struct view_facts *facts)
{
    struct slice *slice = entry->slices;
    for (size_t i = 0; i < VIEW_FIELD_COUNT; i++) {
        entry->fields[i] = keep(entry, json, facts->fields[i]);
    }
    for (size_t i = 0; i < facts->tag_count; i++) {
        *slice++ = keep(entry, json, facts->tags[i]);
    }
    for (size_t i = 0; i < facts->label_count; i++) {
        *slice++ = keep(entry, json, facts->labels[i].name);
        *slice++ = keep(entry, json, facts->labels[i].value);
    }
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
                                  const struct view_facts *facts)
{
    assert(json.size <= VIEW_RECORD_MAX && place->key.size <= UINT16_MAX);
    assert(place->prefix_size + 1 < place->key.size);
    assert(facts->tag_count <= RECORD_TAGS_MAX && facts->label_count <= RECORD_LABELS_MAX);
    size_t slices = facts->tag_count + 2 * facts->label_count;
    size_t spare = count_spare(json, facts);
    assert(spare <= VIEW_RECORD_MAX);
    struct view_entry *entry =
        mem_zalloc(sizeof(*entry) + slices * sizeof(struct slice) + place->key.size + spare);
    entry->references = 1;
    entry->json = blob_new(json);
    entry->mod_revision = place->mod_revision;
    entry->create_revision = place->create_revision;
    entry->leased = place->leased;
    entry->key_size = (uint16_t)place->key.size;
    entry->status = (uint8_t)facts->status;
    entry->port = facts->port;
    entry->has_players = facts->has_players;
    entry->has_capacity = facts->has_capacity;
    entry->players = facts->players;
    entry->capacity = facts->capacity;
    entry->tag_count = (uint8_t)facts->tag_count;
    entry->label_count = (uint8_t)facts->label_count;
    keep_key(entry, place);
    keep_all(entry, json, facts);
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
    return (struct str){const_text_area(entry), entry->key_size};
}

struct str view_entry_type(const struct view_entry *entry)
{
    return (struct str){const_text_area(entry) + entry->type_at, entry->type_size};
}

struct str view_entry_id(const struct view_entry *entry)
{
    size_t at = (size_t)entry->type_at + entry->type_size + 1;
    return (struct str){const_text_area(entry) + at, entry->key_size - at};
}

struct blob *view_entry_json(const struct view_entry *entry)
{
    return entry->json;
}

static struct str text_of(const struct view_entry *entry, struct slice slice)
{
    size_t at = slice.place >> SLICE_SIZE_BITS, size = slice.place & SLICE_SIZE_MASK;
    struct str json = blob_view(entry->json);
    if (size == 0) {
        return (struct str){NULL, 0};
    }
    return at < json.size ? (struct str){json.data + at, size}
                          : (struct str){const_text_area(entry) + entry->key_size + (at - json.size), size};
}

struct str view_entry_text(const struct view_entry *entry, enum view_field field)
{
    return text_of(entry, entry->fields[field]);
}

unsigned view_entry_status(const struct view_entry *entry)
{
    return entry->status;
}

bool view_entry_has_tag(const struct view_entry *entry, struct str tag)
{
    for (size_t i = 0; i < entry->tag_count; i++) {
        if (str_eq(text_of(entry, entry->slices[i]), tag)) {
            return true;
        }
    }
    return false;
}

struct str view_entry_label(const struct view_entry *entry, struct str name)
{
    const struct slice *labels = entry->slices + entry->tag_count;
    for (size_t i = 0; i < entry->label_count; i++) {
        if (str_eq(text_of(entry, labels[2 * i]), name)) {
            return text_of(entry, labels[2 * i + 1]);
        }
    }
    return (struct str){NULL, 0};
}

uint16_t view_entry_port(const struct view_entry *entry)
{
    return entry->port;
}

bool view_entry_players(const struct view_entry *entry, uint32_t *ret_players)
{
    if (entry->has_players) {
        *ret_players = entry->players;
    }
    return entry->has_players;
}

bool view_entry_capacity(const struct view_entry *entry, uint32_t *ret_capacity)
{
    if (entry->has_capacity) {
        *ret_capacity = entry->capacity;
    }
    return entry->has_capacity;
}

int64_t view_entry_revision(const struct view_entry *entry)
{
    return entry->mod_revision;
}

int64_t view_entry_created(const struct view_entry *entry)
{
    return entry->create_revision;
}

bool view_entry_leased(const struct view_entry *entry)
{
    return entry->leased;
}

size_t view_entry_size(const struct view_entry *entry)
{
    size_t slices = entry->tag_count + 2 * (size_t)entry->label_count;
    return sizeof(*entry) + slices * sizeof(struct slice) + entry->key_size + entry->spare_size +
           2 * sizeof(size_t) + blob_view(entry->json).size + 1;
}

const char *view_status_name(unsigned status)
{
    return status < STATUS_COUNT ? status_name((enum status)status) : "unknown";
}
