#include "etcd_watch_held_internal.h"

#include "etcd_codec_internal.h"

#include "outrider/base/base64.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

/* Room that one large batch has stretched is given back. */
enum { ROOM_KEPT = 64 * 1024 };

struct held_change {
    bool deleted;
    size_t at, key_size, value_size;
    int64_t mod_revision, create_revision;
    struct registry_lease lease;
};

void etcd_watch_held_fini(struct etcd_watch_held *held)
{
    free(held->list);
    free(held->shown);
    buf_fini(&held->bytes);
    *held = (struct etcd_watch_held){0};
}

size_t etcd_watch_held_size(const struct etcd_watch_held *held)
{
    return held->bytes.size + held->count * sizeof(held->list[0]);
}

static void add(struct etcd_watch_held *held, const struct held_change *change)
{
    if (held->count == held->capacity) {
        held->capacity = held->capacity == 0 ? 16 : held->capacity * 2;
        held->list = mem_resize(held->list, held->capacity, sizeof(held->list[0]));
    }
    held->list[held->count++] = *change;
}

static int read_type(const json_t *event, bool *ret_deleted)
{
    const json_t *type = json_object_get(event, "type");
    if (json_is_string(type)) {
        struct str name = {json_string_value(type), json_string_length(type)};
        *ret_deleted = str_eq(name, STR("DELETE"));
        return *ret_deleted || str_eq(name, STR("PUT")) ? 0 : -1;
    }
    /* zero values are left out: PUT is 0 (gateway, "JSON mapping") */
    *ret_deleted = json_is_integer(type) && json_integer_value(type) == 1;
    return type == NULL || json_is_null(type) || *ret_deleted ||
                   (json_is_integer(type) && json_integer_value(type) == 0)
               ? 0
               : -1;
}

/* Appends the bytes at `name`, of which there may be none. */
static int read_bytes(const json_t *kv, const char *name, struct buf *out, size_t *ret_size)
{
    const json_t *value = json_object_get(kv, name);
    size_t before = out->size;
    if (value != NULL && !json_is_null(value)) {
        struct str text = {json_string_value(value), json_string_length(value)};
        if (!json_is_string(value) || base64_decode(text, out) < 0) {
            return -1;
        }
    }
    *ret_size = out->size - before;
    return 0;
}

static int read_event(const json_t *event, struct buf *bytes, struct held_change *ret_change)
{
    const json_t *kv = json_object_get(event, "kv");
    struct held_change change = {.at = bytes->size};
    if (!json_is_object(kv) || read_type(event, &change.deleted) < 0 ||
        etcd_json_i64(kv, "mod_revision", &change.mod_revision) < 0 ||
        etcd_json_i64(kv, "create_revision", &change.create_revision) < 0 ||
        etcd_json_lease(kv, "lease", &change.lease) < 0 || change.mod_revision <= 0 ||
        read_bytes(kv, "key", bytes, &change.key_size) < 0) {
        return -1;
    }
    if (!change.deleted && read_bytes(kv, "value", bytes, &change.value_size) < 0) {
        return -1;
    }
    *ret_change = change;
    return 0;
}

static bool is_inside(struct str key, const struct registry_range *range)
{
    return range->end.size == 0 ? str_eq(key, range->key)
                                : str_compare(key, range->key) >= 0 && str_compare(key, range->end) < 0;
}

static struct str key_of(const struct etcd_watch_held *held, const struct held_change *change)
{
    return (struct str){held->bytes.data + change->at, change->key_size};
}

static int64_t keep(struct etcd_watch_held *held, const json_t *event, const struct registry_range *range,
                    int64_t known)
{
    size_t before = held->bytes.size;
    struct held_change change;
    if (read_event(event, &held->bytes, &change) < 0) {
        held->bytes.size = before;
        return -1;
    }
    if (change.key_size == 0 || !is_inside(key_of(held, &change), range) ||
        (change.mod_revision > known && change.mod_revision < etcd_watch_held_newest(held))) {
        held->bytes.size = before;
        return -1;
    }
    if (change.mod_revision <= known) {
        held->bytes.size = before;
    } else {
        add(held, &change);
    }
    return change.mod_revision;
}

int64_t etcd_watch_held_add(struct etcd_watch_held *held, struct str event,
                            const struct registry_range *range, int64_t known)
{
    json_t *root = etcd_json_parse(event, ETCD_VALUES_MAX);
    int64_t revision = keep(held, root, range, known);
    json_decref(root);
    return revision;
}

size_t etcd_watch_held_until(const struct etcd_watch_held *held, int64_t revision)
{
    size_t count = 0;
    while (count < held->count && held->list[count].mod_revision <= revision) {
        count++;
    }
    return count;
}

int64_t etcd_watch_held_newest(const struct etcd_watch_held *held)
{
    return held->count == 0 ? 0 : held->list[held->count - 1].mod_revision;
}

const struct registry_change *etcd_watch_held_show(struct etcd_watch_held *held, size_t count)
{
    if (count > held->shown_capacity) {
        held->shown_capacity = count;
        held->shown = mem_resize(held->shown, count, sizeof(held->shown[0]));
    }
    for (size_t i = 0; i < count; i++) {
        const struct held_change *change = &held->list[i];
        struct str key = key_of(held, change);
        held->shown[i] = (struct registry_change){
            .deleted = change->deleted,
            .key = key,
            .value = {key.data + key.size, change->value_size},
            .mod_revision = change->mod_revision,
            .create_revision = change->create_revision,
            .lease = change->lease,
        };
    }
    return held->shown;
}

static void give_back_room(struct etcd_watch_held *held)
{
    if (held->count == 0 &&
        (held->bytes.capacity > ROOM_KEPT || held->capacity * sizeof(held->list[0]) > ROOM_KEPT ||
         held->shown_capacity * sizeof(held->shown[0]) > ROOM_KEPT)) {
        etcd_watch_held_fini(held);
    }
}

void etcd_watch_held_drop(struct etcd_watch_held *held, size_t count)
{
    size_t left = held->count - count;
    size_t gone = left > 0 ? held->list[count].at : held->bytes.size;
    buf_consume(&held->bytes, gone);
    for (size_t i = 0; i < left; i++) {
        held->list[i] = held->list[count + i];
        held->list[i].at -= gone;
    }
    held->count = left;
    give_back_room(held);
}
