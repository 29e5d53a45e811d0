/* What changes: by a watch or a lesson one by one, by a listing as its difference to what is held. */
#include "mirror_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

/* The effect points to `was`, so it lives on until the next step. */
static void bury(struct mirror *mirror, struct mirror_key *was)
{
    struct mirror_table *dead = &mirror->dead;
    if (was != NULL) {
        dead->keys = mem_grow(dead->keys, dead->count, &dead->capacity, sizeof(struct mirror_key *));
        dead->keys[dead->count++] = was;
    }
}

void mirror_free_dead(struct mirror *mirror)
{
    for (size_t i = 0; i < mirror->dead.count; i++) {
        mirror_key_free(mirror->dead.keys[i]);
    }
    mirror->dead.count = 0;
}

static void push_change(struct mirror *mirror, struct mirror_key *was, const struct mirror_key *is)
{
    struct mirror_effect *effect = mirror_push(mirror, MIRROR_DO_CHANGED, STR(""));
    effect->was = was;
    effect->is = is;
}

/* ---- lessons ---- */

struct mirror_lesson *mirror_lesson_of(const struct mirror *mirror, struct str key)
{
    uint64_t hash = mirror->lesson_count == 0 ? 0 : mirror_hash(key);
    for (size_t i = 0; i < mirror->lesson_count; i++) {
        if (mirror->lessons[i].hash == hash) {
            return &mirror->lessons[i];
        }
    }
    return NULL;
}

static int64_t revision_of(const struct mirror_table *table, struct str key)
{
    const struct mirror_key *held = mirror_table_get(table, key);
    return held != NULL ? held->mod_revision : mirror_hashes_has(&table->left, mirror_hash(key)) ? -1 : 0;
}

bool mirror_remember(struct mirror *mirror, struct str key, int64_t revision, bool gone)
{
    struct mirror_lesson *lesson = mirror_lesson_of(mirror, key);
    if (lesson == NULL && mirror->lesson_count == LESSONS_MAX) {
        return false;
    }
    if (lesson == NULL) {
        mirror->lessons =
            mem_grow(mirror->lessons, mirror->lesson_count, &mirror->lesson_capacity, sizeof(*lesson));
        lesson = &mirror->lessons[mirror->lesson_count++];
        *lesson =
            (struct mirror_lesson){.hash = mirror_hash(key), .delivered = revision_of(&mirror->table, key)};
    }
    lesson->revision = revision;
    lesson->gone = gone;
    return true;
}

void mirror_forget_lessons(struct mirror *mirror)
{
    size_t kept = 0;
    for (size_t i = 0; i < mirror->lesson_count; i++) {
        if (mirror->lessons[i].revision > mirror->follow.delivered) {
            mirror->lessons[kept++] = mirror->lessons[i];
        }
    }
    mirror->lesson_count = kept;
}

static bool is_gone(const struct mirror *mirror, struct str key, int64_t mod_revision)
{
    const struct mirror_lesson *lesson = mirror_lesson_of(mirror, key);
    return lesson != NULL && lesson->gone && lesson->revision >= mod_revision;
}

/* ---- one change ---- */

static bool fits(const struct mirror *mirror, const struct mirror_table *table, const struct mirror_key *key,
                 const struct mirror_key *instead_of)
{
    size_t without = instead_of == NULL ? 0 : mirror_key_bytes(instead_of);
    return table->count + (instead_of == NULL ? 1 : 0) <= mirror->settings.keys_max &&
           table->bytes - without + mirror_key_bytes(key) <= mirror->settings.bytes_max;
}

static void remove_key(struct mirror *mirror, struct str key)
{
    struct mirror_key *was = mirror_table_take(&mirror->table, key);
    if (was != NULL) {
        push_change(mirror, was, NULL);
        bury(mirror, was);
    }
}

void mirror_apply(struct mirror *mirror, const struct registry_change *change)
{
    const struct mirror_key *before = mirror_table_get(&mirror->table, change->key);
    if ((before != NULL && change->mod_revision <= before->mod_revision) ||
        (!change->deleted && is_gone(mirror, change->key, change->mod_revision))) {
        return;
    }
    if (change->deleted) {
        remove_key(mirror, change->key);
        mirror_hashes_drop(&mirror->table.left, mirror_hash(change->key));
        return;
    }
    struct mirror_key *is = mirror_key_new(change->key, change->value, change->mod_revision,
                                           change->create_revision, change->lease);
    if (!fits(mirror, &mirror->table, is, before)) {
        mirror_key_free(is);
        remove_key(mirror, change->key);
        mirror_hashes_add(&mirror->table.left, mirror_hash(change->key));
        return;
    }
    struct mirror_key *was = mirror_table_put(&mirror->table, is);
    mirror_hashes_drop(&mirror->table.left, mirror_hash(change->key));
    push_change(mirror, was, is);
    bury(mirror, was);
}

void mirror_apply_watch(struct mirror *mirror, const struct registry_watch_event *watch)
{
    int64_t known = mirror->follow.delivered, newest = known;
    for (size_t i = 0; i < watch->change_count; i++) {
        const struct registry_change *change = &watch->changes[i];
        /* etcd before 3.4.24 and 3.5.8 may deliver an event twice (docs/design/etcd-gateway.md, "Known bugs"). */
        if (change->mod_revision > known && change->mod_revision >= newest) {
            newest = change->mod_revision;
            mirror_apply(mirror, change);
        }
    }
}

/* ---- a listing ---- */

void mirror_gather(struct mirror *mirror, const struct registry_item *item)
{
    const struct registry_kv *kv = &item->kv;
    struct mirror_table *listed = &mirror->listed;
    struct mirror_key *key =
        mirror_key_new(item->key, kv->value, kv->mod_revision, kv->create_revision, kv->lease);
    if (fits(mirror, listed, key, mirror_table_get(listed, item->key))) {
        mirror_key_free(mirror_table_put(listed, key));
    } else {
        mirror_hashes_add(&listed->left, mirror_hash(item->key));
        mirror_key_free(key);
    }
}

/* The watch continues from this listing. */
static void note_delivered(struct mirror *mirror)
{
    for (size_t i = 0; i < mirror->lesson_count; i++) {
        struct mirror_lesson *lesson = &mirror->lessons[i];
        lesson->delivered = mirror_hashes_has(&mirror->listed.left, lesson->hash) ? -1 : 0;
    }
    for (size_t i = 0; i < mirror->listed.count; i++) {
        const struct mirror_key *key = mirror->listed.keys[i];
        struct mirror_lesson *lesson = mirror_lesson_of(mirror, key->key);
        if (lesson != NULL) {
            lesson->delivered = key->mod_revision;
        }
    }
}

/* What a lesson said is newer than this listing: it stays. */
static void keep_lessons(struct mirror *mirror, int64_t until)
{
    struct mirror_table *listed = &mirror->listed;
    for (size_t i = 0; i < listed->count;) {
        const struct mirror_key *key = listed->keys[i];
        if (is_gone(mirror, key->key, key->mod_revision)) {
            mirror_key_free(mirror_table_take(listed, key->key));
        } else {
            i++;
        }
    }
    for (size_t i = 0; i < mirror->table.count; i++) {
        const struct mirror_key *learned = mirror->table.keys[i];
        const struct mirror_key *read = mirror_table_get(listed, learned->key);
        if (learned->mod_revision > until && mirror_lesson_of(mirror, learned->key) != NULL &&
            (read == NULL || read->mod_revision < learned->mod_revision) &&
            fits(mirror, listed, learned, read)) {
            mirror_hashes_drop(&listed->left, mirror_hash(learned->key));
            mirror_key_free(mirror_table_put(
                listed, mirror_key_new(learned->key, blob_view(learned->value), learned->mod_revision,
                                       learned->create_revision, learned->lease)));
        }
    }
}

/* A walk through both, which are in the same order. What did not change stays as it is in memory. */
static void apply_difference(struct mirror *mirror, const struct mirror_table *old, struct mirror_table *new)
{
    size_t i = 0, j = 0;
    while (i < old->count || j < new->count) {
        struct mirror_key *was = i < old->count ? old->keys[i] : NULL;
        struct mirror_key *is = j < new->count ? new->keys[j] : NULL;
        int order = was == NULL ? 1 : is == NULL ? -1 : str_compare(was->key, is->key);
        was = order <= 0 ? was : NULL;
        is = order >= 0 ? is : NULL;
        bool same = was != NULL && is != NULL && was->mod_revision == is->mod_revision &&
                    was->create_revision == is->create_revision && registry_lease_eq(was->lease, is->lease) &&
                    blob_eq(was->value, is->value);
        if (same) {
            mirror_key_free(is);
            new->keys[j] = was;
        } else {
            push_change(mirror, was, is);
            bury(mirror, was);
        }
        i += order <= 0 ? 1 : 0;
        j += order >= 0 ? 1 : 0;
    }
}

void mirror_complete(struct mirror *mirror, const struct follow_effect *effect)
{
    struct follow_store store = mirror->follow.store;
    bool other_past = mirror->other_past || store.cluster != mirror->store.cluster ||
                      store.epoch != mirror->store.epoch || effect->revision < effect->before;
    if (other_past) {
        mirror->lesson_count = 0;
    } else if (mirror->lesson_count > 0) {
        note_delivered(mirror);
        keep_lessons(mirror, effect->until);
    }
    struct mirror_table old = mirror->table;
    mirror->table = mirror->listed;
    mirror->listed = (struct mirror_table){0};
    apply_difference(mirror, &old, &mirror->table);
    old.count = 0; /* all are in the new table, or dead */
    mirror_table_fini(&old);
    mirror->facts.known = true;
    mirror->facts.lists++;
    mirror->other_past = false;
    mirror->true_boot = mirror->now.boot;
}
