/* The difference of two listings, which a line feed separates: applied to the first one it gives the second one. */
#include "must.h"

#include "outrider/base/mem.h"
#include "outrider/codec/consul/consul_diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool was_known(const struct consul_listing *listing, const struct consul_kv *kv)
{
    for (size_t i = 0; i < listing->count; i++) {
        if (str_eq(listing->list[i].key, kv->key)) {
            return listing->list[i].mod == kv->mod && listing->list[i].create == kv->create;
        }
    }
    return false;
}

/* The last change of a key, or NULL. */
static const struct registry_change *change_of(const struct consul_changes *changes, struct str key)
{
    const struct registry_change *last = NULL;
    for (size_t i = 0; i < changes->count; i++) {
        last = str_eq(changes->list[i].key, key) ? &changes->list[i] : last;
    }
    return last;
}

static void check(const struct consul_listing *before, const struct consul_kvs *now)
{
    static const struct registry_range all = {.key = {"", 0}, .end = {"\0", 1}};
    struct consul_changes changes = {0};
    consul_diff(before, now, all, REGISTRY_REVISION_MAX, -1, &changes);
    consul_changes_sort(&changes);
    for (size_t i = 1; i < changes.count; i++) {
        must(changes.list[i - 1].mod_revision <= changes.list[i].mod_revision);
    }
    for (size_t i = 0; i < now->count; i++) {
        const struct registry_change *change = change_of(&changes, now->list[i].key);
        must((change == NULL) == was_known(before, &now->list[i]));
        must(change == NULL || changes.set_back ||
             (!change->deleted && change->mod_revision == now->list[i].mod));
    }
    for (size_t i = 0; i < before->count; i++) {
        const struct registry_change *change = change_of(&changes, before->list[i].key);
        must(consul_kvs_find(now, before->list[i].key) != NULL || (change != NULL && change->deleted));
    }
    consul_changes_fini(&changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct registry_range all = {.key = {"", 0}, .end = {"\0", 1}};
    struct consul_kvs old = {0}, new = {0};
    struct consul_listing before = {0};
    struct str rest = {(const char *)data, size};
    struct str first = str_split(rest, '\n', &rest);
    if (consul_kvs_decode(first, &old) == 0 && consul_kvs_decode(rest, &new) == 0) {
        consul_listing_keep(&before, &old, all, 1);
        must(before.count == old.count);
        check(&before, &new);
    }
    consul_listing_fini(&before);
    consul_kvs_fini(&old);
    consul_kvs_fini(&new);
    return 0;
}
