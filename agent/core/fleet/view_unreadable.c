#include "view_internal.h"

#include "outrider/base/hash.h"
#include "outrider/base/mem.h"

#include <stdlib.h>

enum { KEY_SHOWN_MAX = 256, WHY_SHOWN_MAX = 256 };

struct view_unreadable_hash {
    uint64_t hash;
    enum view_skip skip;
    UT_hash_handle hh;
};

static struct view_unreadable_hash *find_hash(const struct view_unreadable *unreadable, struct str key)
{
    struct view_unreadable_hash *found;
    uint64_t hash = str_hash(key, 0);
    HASH_FIND(hh, unreadable->hashes, &hash, sizeof(hash), found);
    return found;
}

static void remove_at(struct view_unreadable *unreadable, size_t at)
{
    free((void *)(uintptr_t)unreadable->names[at].key.data);
    free((void *)(uintptr_t)unreadable->names[at].why.data);
    unreadable->name_count--;
    memmove(unreadable->names + at, unreadable->names + at + 1,
            (unreadable->name_count - at) * sizeof(unreadable->names[0]));
}

void view_unreadable_fini(struct view_unreadable *unreadable)
{
    while (unreadable->name_count > 0) {
        remove_at(unreadable, unreadable->name_count - 1);
    }
    struct view_unreadable_hash *hash, *next;
    HASH_ITER(hh, unreadable->hashes, hash, next)
    {
        HASH_DEL(unreadable->hashes, hash);
        free(hash);
    }
    unreadable->count = 0;
    memset(unreadable->skipped, 0, sizeof(unreadable->skipped));
}

static struct str cut(struct str text, size_t max)
{
    return text.size <= max ? text : (struct str){text.data, max};
}

/* The place of the key's name; `name_count` when it is not kept. */
static size_t find(const struct view_unreadable *unreadable, struct str key)
{
    size_t at = 0;
    while (at < unreadable->name_count && !str_eq(unreadable->names[at].key, cut(key, KEY_SHOWN_MAX))) {
        at++;
    }
    return at;
}

bool view_unreadable_names(const struct view_unreadable *unreadable, struct str key)
{
    return find(unreadable, key) < unreadable->name_count;
}

bool view_unreadable_has(const struct view_unreadable *unreadable, struct str key)
{
    return find_hash(unreadable, key) != NULL;
}

static void count(struct view_unreadable *unreadable, struct str key, enum view_skip skip)
{
    struct view_unreadable_hash *hash = find_hash(unreadable, key);
    if (hash == NULL) {
        hash = mem_zalloc(sizeof(*hash));
        hash->hash = str_hash(key, 0);
        HASH_ADD(hh, unreadable->hashes, hash, sizeof(hash->hash), hash);
        unreadable->count++;
    } else {
        unreadable->skipped[hash->skip]--;
    }
    hash->skip = skip;
    unreadable->skipped[skip]++;
}

bool view_unreadable_add(struct view_unreadable *unreadable, struct str key, enum view_skip skip,
                         struct str why)
{
    count(unreadable, key, skip);
    size_t at = find(unreadable, key);
    bool known = at < unreadable->name_count;
    if (known) {
        remove_at(unreadable, at);
    } else if (unreadable->name_count == VIEW_NAMES_MAX) {
        remove_at(unreadable, 0);
    }
    key = cut(key, KEY_SHOWN_MAX);
    why = cut(why, WHY_SHOWN_MAX);
    unreadable->names[unreadable->name_count++] = (struct view_unreadable_key){
        {mem_copy(key.data, key.size), key.size}, {mem_copy(why.data, why.size), why.size}, skip};
    return !known;
}

void view_unreadable_forget(struct view_unreadable *unreadable, struct str key)
{
    size_t at = find(unreadable, key);
    struct view_unreadable_hash *hash = find_hash(unreadable, key);
    if (hash != NULL) {
        HASH_DEL(unreadable->hashes, hash);
        unreadable->skipped[hash->skip]--;
        free(hash);
        unreadable->count--;
    }
    if (at < unreadable->name_count) {
        remove_at(unreadable, at);
    }
}
