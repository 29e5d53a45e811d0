#include "outrider/codec/record/view_item.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "record_scan_internal.h"

#include <stdlib.h>

enum { KEY_MAX = 1024 };

static int check_names(const struct record_scan *record, struct str type, struct str id, struct error *err)
{
    if (!str_eq(record->type, type)) {
        return error_set(err, ERROR_INVALID, "type: \"%.*s\" is not the type in the key",
                         STR_ARG(record->type));
    }
    if (!str_eq(record->id, id)) {
        return error_set(err, ERROR_INVALID, "id: \"%.*s\" is not the id in the key", STR_ARG(record->id));
    }
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
    struct record_scan record = {0};
    int result = record_scan(&record, json, err) < 0 ? -1 : check_names(&record, type, id, err);
    if (result == 0) {
        struct view_place exact = *place;
        exact.prefix_size = prefix.size;
        *ret_entry = view_entry_new(&exact, json, &record.facts);
    }
    record_scan_fini(&record);
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
                                   .leased = !registry_lease_is_none(change->lease)};
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
                                   .leased = !registry_lease_is_none(one->kv.lease)};
        append_value(items, prefix, &place, one->kv.value);
    }
}
