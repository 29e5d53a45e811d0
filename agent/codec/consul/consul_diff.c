#include "outrider/codec/consul/consul_diff.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

void consul_listing_fini(struct consul_listing *listing)
{
    free(listing->list);
    buf_fini(&listing->keys);
    *listing = (struct consul_listing){0};
}

static bool is_inside(struct registry_range range, struct str key)
{
    if (range.end.size == 0) {
        return str_eq(key, range.key);
    }
    return str_compare(key, range.key) >= 0 &&
           (str_eq(range.end, STR("\0")) || str_compare(key, range.end) < 0);
}

void consul_listing_keep(struct consul_listing *listing, const struct consul_kvs *kvs,
                         struct registry_range range, int64_t index)
{
    buf_clear(&listing->keys);
    listing->list = mem_resize(listing->list, kvs->count + 1, sizeof(listing->list[0]));
    listing->count = 0;
    listing->index = index;
    for (size_t i = 0; i < kvs->count; i++) {
        const struct consul_kv *kv = &kvs->list[i];
        if (is_inside(range, kv->key)) {
            buf_str(&listing->keys, consul_slashed(kv->key, true));
            listing->list[listing->count++] =
                (struct consul_known){.key = {NULL, kv->key.size}, .mod = kv->mod, .create = kv->create};
        }
    }
    const char *at = buf_text(&listing->keys);
    for (size_t i = 0; i < listing->count; i++) {
        listing->list[i].key.data = at + 1;
        at += 1 + listing->list[i].key.size;
    }
}

void consul_changes_fini(struct consul_changes *changes)
{
    free(changes->list);
    *changes = (struct consul_changes){0};
}

static void add(struct consul_changes *changes, int64_t known, struct registry_change change)
{
    if (change.mod_revision > known) {
        changes->list = mem_grow(changes->list, changes->count, &changes->capacity, sizeof(changes->list[0]));
        changes->list[changes->count++] = change;
    }
}

static void add_deleted(struct consul_changes *changes, int64_t known, struct str key, int64_t index)
{
    changes->deleted++;
    add(changes, known, (struct registry_change){.deleted = true, .key = key, .mod_revision = index});
}

static void add_put(struct consul_changes *changes, int64_t known, const struct consul_kv *kv)
{
    add(changes, known,
        (struct registry_change){.key = kv->key,
                                 .value = kv->value,
                                 .mod_revision = kv->mod,
                                 .create_revision = kv->create,
                                 .lease = kv->session});
}

/* The same key in both. Made again, it was deleted right before at the latest. */
static void compare(const struct consul_known *before, const struct consul_kv *now, int64_t index,
                    int64_t known, struct consul_changes *changes)
{
    if (before->mod == now->mod && before->create == now->create) {
        return;
    }
    changes->set_back = changes->set_back || now->mod <= index;
    if (before->create != now->create) {
        add_deleted(changes, known, now->key, now->create - 1);
    }
    add_put(changes, known, now);
}

void consul_diff(const struct consul_listing *before, const struct consul_kvs *now,
                 struct registry_range range, int64_t index, int64_t known, struct consul_changes *changes)
{
    size_t at = 0;
    for (size_t i = 0; i < now->count; i++) {
        const struct consul_kv *kv = &now->list[i];
        if (!is_inside(range, kv->key)) {
            continue;
        }
        for (; at < before->count && str_compare(before->list[at].key, kv->key) < 0; at++) {
            add_deleted(changes, known, before->list[at].key, index);
        }
        if (at < before->count && str_eq(before->list[at].key, kv->key)) {
            compare(&before->list[at++], kv, before->index, known, changes);
        } else {
            changes->set_back = changes->set_back || kv->mod <= before->index;
            add_put(changes, known, kv);
        }
    }
    for (; at < before->count; at++) {
        add_deleted(changes, known, before->list[at].key, index);
    }
    /* What is deleted moves the index on. */
    changes->set_back = changes->set_back || (changes->deleted > 0 && index <= before->index);
}

static int by_revision(const void *a, const void *b)
{
    const struct registry_change *left = a, *right = b;
    if (left->mod_revision != right->mod_revision) {
        return left->mod_revision < right->mod_revision ? -1 : 1;
    }
    int order = str_compare(left->key, right->key);
    return order != 0 ? order : (int)right->deleted - (int)left->deleted;
}

void consul_changes_sort(struct consul_changes *changes)
{
    if (changes->count > 1) {
        qsort(changes->list, changes->count, sizeof(changes->list[0]), by_revision);
    }
}
