#include "etcd_watch_held_internal.h"

#include "outrider/base/base64.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

/* Room that one large batch has stretched is given back. */
enum { ROOM_KEPT = 64 * 1024 };

void etcd_watch_held_fini(struct etcd_watch_held *held)
{
    free(held->list);
    buf_fini(&held->bytes);
    *held = (struct etcd_watch_held){0};
}

size_t etcd_watch_held_size(const struct etcd_watch_held *held)
{
    return held->bytes.size + held->count * sizeof(held->list[0]);
}

/* ---- events: zero values are left out (docs/design/etcd-gateway.md, "JSON mapping"), and null is one ---- */

/* A 64-bit number, written as decimal string or bare number. */
static int read_i64(struct json_scan *scan, int64_t *ret_value)
{
    struct str text;
    if (json_scan_null(scan)) {
        *ret_value = 0;
        return 0;
    }
    if (json_scan_peek(scan) == '"') {
        return json_scan_string(scan, &text) < 0 ? -1 : str_to_i64(text, ret_value);
    }
    size_t from = scan->at;
    if (json_scan_skip(scan) < 0) {
        return -1;
    }
    return str_to_i64((struct str){scan->text.data + from, scan->at - from}, ret_value);
}

static int read_revision(struct json_scan *scan, int64_t *ret_revision)
{
    return read_i64(scan, ret_revision) < 0 || *ret_revision < 0 || *ret_revision > REGISTRY_REVISION_MAX ? -1
                                                                                                          : 0;
}

static int read_text(struct json_scan *scan, struct str *ret_text)
{
    *ret_text = STR("");
    return json_scan_null(scan) ? 0 : json_scan_string(scan, ret_text);
}

/* PUT is 0, DELETE 1. */
static int read_type(struct json_scan *scan, bool *ret_deleted)
{
    struct str name;
    int64_t number = 0;
    bool named = json_scan_peek(scan) == '"';
    if (named ? json_scan_string(scan, &name) < 0 : read_i64(scan, &number) < 0) {
        return -1;
    }
    *ret_deleted = named ? str_eq(name, STR("DELETE")) : number == 1;
    return *ret_deleted || (named ? str_eq(name, STR("PUT")) : number == 0) ? 0 : -1;
}

/* Leaves key and value in base64. */
static int read_kv(struct json_scan *scan, struct registry_change *change)
{
    struct str name;
    int more;
    for (bool first = true; (more = json_scan_member(scan, first, &name)) > 0; first = false) {
        int64_t lease;
        int rc;
        if (str_eq(name, STR("key"))) {
            rc = read_text(scan, &change->key);
        } else if (str_eq(name, STR("value"))) {
            rc = read_text(scan, &change->value);
        } else if (str_eq(name, STR("mod_revision"))) {
            rc = read_revision(scan, &change->mod_revision);
        } else if (str_eq(name, STR("create_revision"))) {
            rc = read_revision(scan, &change->create_revision);
        } else if (str_eq(name, STR("lease"))) {
            rc = read_i64(scan, &lease);
            change->lease.lo = rc < 0 ? 0 : (uint64_t)lease;
        } else {
            rc = json_scan_skip(scan);
        }
        if (rc < 0) {
            return -1;
        }
    }
    return more;
}

static int read_event(struct json_scan *scan, struct registry_change *change)
{
    struct str name;
    int more;
    for (bool first = true; (more = json_scan_member(scan, first, &name)) > 0; first = false) {
        int rc = str_eq(name, STR("kv"))     ? read_kv(scan, change)
                 : str_eq(name, STR("type")) ? read_type(scan, &change->deleted)
                                             : json_scan_skip(scan);
        if (rc < 0) {
            return -1;
        }
    }
    return more;
}

/* Moves the bytes of `text` to the end of `bytes`. */
static int decode(struct str *text, struct buf *bytes)
{
    size_t before = bytes->size;
    if (base64_decode(*text, bytes) < 0) {
        return -1;
    }
    *text = (struct str){buf_text(bytes) + before, bytes->size - before};
    return 0;
}

static bool is_inside(struct str key, const struct registry_range *range)
{
    return range->end.size == 0 ? str_eq(key, range->key)
                                : str_compare(key, range->key) >= 0 && str_compare(key, range->end) < 0;
}

int etcd_watch_held_add(struct etcd_watch_held *held, struct json_scan *scan,
                        const struct registry_range *range, int64_t known)
{
    struct registry_change change = {0};
    size_t before = held->bytes.size;
    if (read_event(scan, &change) < 0 || change.mod_revision <= 0 || decode(&change.key, &held->bytes) < 0) {
        return -1;
    }
    change.value = change.deleted ? STR("") : change.value;
    bool is_next = change.mod_revision <= known || change.mod_revision >= etcd_watch_held_newest(held);
    if (!is_next || change.key.size == 0 || !is_inside(change.key, range) ||
        decode(&change.value, &held->bytes) < 0) {
        held->bytes.size = before;
        return -1;
    }
    if (change.mod_revision <= known) {
        held->bytes.size = before;
        return 0;
    }
    held->list = mem_grow(held->list, held->count, &held->capacity, sizeof(held->list[0]));
    held->list[held->count++] = change;
    return 0;
}

/* ---- what is held ---- */

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
    const char *at = buf_text(&held->bytes);
    for (size_t i = 0; i < count; i++) {
        struct registry_change *change = &held->list[i];
        change->key.data = at;
        change->value.data = at + change->key.size;
        at = change->value.data + change->value.size;
    }
    return held->list;
}

void etcd_watch_held_drop(struct etcd_watch_held *held, size_t count)
{
    size_t gone = 0;
    for (size_t i = 0; i < count; i++) {
        gone += held->list[i].key.size + held->list[i].value.size;
    }
    buf_consume(&held->bytes, gone);
    held->count -= count;
    if (held->count > 0) {
        memmove(held->list, held->list + count, held->count * sizeof(held->list[0]));
    } else if (held->bytes.capacity > ROOM_KEPT || held->capacity * sizeof(held->list[0]) > ROOM_KEPT) {
        etcd_watch_held_fini(held);
    }
}
