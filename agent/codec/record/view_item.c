#include "outrider/codec/record/view_item.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "record_check_internal.h"
#include "record_scan_internal.h"

#include <stdlib.h>

enum { KEY_MAX = 1024 };

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

/* Sets the entry and `skip` of `item`. Of one that fails its check the entry is there, too. */
static int decode(struct str prefix, const struct view_place *place, struct str json,
                  const struct record_check *check, struct view_item *item, struct error *err)
{
    struct str type, id;
    item->skip = VIEW_SKIP_KEY;
    if (check_key(prefix, place->key, &type, &id, err) < 0) {
        return -1;
    }
    struct record_scan record = {0};
    int result = record_scan(&record, json, err);
    item->skip = record.skip;
    if (result == 0 && !str_eq(record.type, type)) {
        result =
            error_set(err, ERROR_INVALID, "type: \"%.*s\" is not the type in the key", STR_ARG(record.type));
    } else if (result == 0 && !str_eq(record.id, id)) {
        result = error_set(err, ERROR_INVALID, "id: \"%.*s\" is not the id in the key", STR_ARG(record.id));
    }
    if (result == 0) {
        struct view_place exact = *place;
        exact.prefix_size = prefix.size;
        /* Records become elements of lists, where a mark would be an error. */
        item->entry = view_entry_new(&exact, str_skip_bom(json), &record.facts);
        result = record_check_scanned(check, &record, item, err);
    } else if (record.skip == VIEW_SKIP_NONE) {
        item->skip = VIEW_SKIP_KIND;
    }
    json_scan_fini(&record.scan);
    return result;
}

int view_record_decode(struct str prefix, const struct view_place *place, struct str json,
                       struct view_entry **ret_entry, struct error *err)
{
    struct view_item item = {0};
    int result = decode(prefix, place, json, NULL, &item, err);
    if (result == 0) {
        *ret_entry = item.entry;
    }
    return result;
}

size_t view_record_ports(struct str json, uint16_t ret_ports[static RECORD_PORTS_MAX])
{
    struct record_scan record = {0};
    size_t count = record_scan(&record, json, NULL) == 0 ? record.port_count : 0;
    for (size_t i = 0; i < count; i++) {
        ret_ports[i] = record.ports[i];
    }
    json_scan_fini(&record.scan);
    return count;
}

/* ---- many ---- */

void view_items_clear(struct view_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        view_entry_unref(items->items[i].entry);
        free((void *)(uintptr_t)items->items[i].why.data);
    }
    items->count = 0;
}

void view_items_fini(struct view_items *items)
{
    if (items != NULL) {
        view_items_clear(items);
        free(items->items);
        *items = (struct view_items){0};
    }
}

static struct view_item *append(struct view_items *items, const struct view_place *place)
{
    items->items = mem_grow(items->items, items->count, &items->capacity, sizeof(items->items[0]));
    struct view_item *item = &items->items[items->count++];
    *item = (struct view_item){
        .key = place->key, .mod_revision = place->mod_revision, .create_revision = place->create_revision};
    return item;
}

static void append_value(struct view_items *items, struct str prefix, const struct view_place *place,
                         struct str value)
{
    struct error err;
    struct view_item *item = append(items, place);
    if (decode(prefix, place, value, items->check, item, &err) < 0) {
        view_entry_unref(item->entry);
        item->entry = NULL;
        item->why = (struct str){mem_strdup(err.text), strlen(err.text)};
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
            append(items, &place)->deleted = true;
        } else {
            append_value(items, prefix, &place, change->value);
        }
    }
}

void view_items_listed(struct view_items *items, struct str prefix, const struct registry_item *listed,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct registry_kv *kv = &listed[i].kv;
        struct view_place place = {.key = listed[i].key,
                                   .mod_revision = kv->mod_revision,
                                   .create_revision = kv->create_revision,
                                   .leased = !registry_lease_is_none(kv->lease)};
        append_value(items, prefix, &place, kv->value);
    }
}
