/* The parts of core/registry/mirror: mirror.c (the follower), mirror_apply.c (what changes),
 * mirror_table.c (the keys, what is left out). */
#ifndef OUTRIDER_CORE_REGISTRY_MIRROR_INTERNAL_H
#define OUTRIDER_CORE_REGISTRY_MIRROR_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/core/registry/follow.h"
#include "outrider/core/registry/mirror.h"

/* ---- hashes ---- */

/* Of keys that are left out: a set with open addressing, so that a foreign key costs 16 bytes and no more. {0} is empty. */
struct mirror_hashes {
    uint64_t *slots; /* 0: free */
    size_t count, capacity;
};

/* Never 0. */
uint64_t mirror_hash(struct str key);

/* Frees everything. */
void mirror_hashes_fini(struct mirror_hashes *hashes);

bool mirror_hashes_has(const struct mirror_hashes *hashes, uint64_t hash);

/* Adds or removes one. More than MIRROR_HASHES_MAX are not added. */
enum { MIRROR_HASHES_MAX = 1 << 18 };
void mirror_hashes_add(struct mirror_hashes *hashes, uint64_t hash);
void mirror_hashes_drop(struct mirror_hashes *hashes, uint64_t hash);

/* ---- keys ---- */

/* In the order of their bytes: an array of pointers, for the reasons of the table of the view. {0} is empty. */
struct mirror_table {
    struct mirror_key **keys;
    size_t count, capacity;
    size_t bytes; /* of keys and values */
    struct mirror_hashes left;
};

/* Frees all keys, and the memory. */
void mirror_table_fini(struct mirror_table *table);

/* A key with memory of its own, and a reference of its own on the value. */
struct mirror_key *mirror_key_new(struct str key, struct str value, int64_t mod_revision,
                                  int64_t create_revision, struct registry_lease lease);

/* Accepts NULL. */
void mirror_key_free(struct mirror_key *key);

/* The bytes that it counts for. */
size_t mirror_key_bytes(const struct mirror_key *key);

/* Whether `key` is there; `ret_at` is where it stands or would stand. */
bool mirror_table_find(const struct mirror_table *table, struct str key, size_t *ret_at);

/* The key, NULL when there is none. */
const struct mirror_key *mirror_table_get(const struct mirror_table *table, struct str key);

/* Puts `key` in, which is owned by the table then; returns the one it replaces, owned by the caller, or NULL. */
struct mirror_key *mirror_table_put(struct mirror_table *table, struct mirror_key *key);

/* Takes the key out; owned by the caller. NULL when there is none. */
struct mirror_key *mirror_table_take(struct mirror_table *table, struct str key);

/* ---- all of it ---- */

/* What a lesson said of one key that the watch has not told yet. More than LESSONS_MAX at a time are not learned. */
enum { LESSONS_MAX = 1024 };

struct mirror_lesson {
    uint64_t hash;
    int64_t revision;
    bool gone; /* the key does not exist */
    /* Its mod revision as the watch has delivered it; 0: there was no such key, -1: unknown, it was left out. */
    int64_t delivered;
};

struct mirror {
    struct mirror_settings settings;
    char *first, *end;  /* the range */
    struct instant now; /* of the present step, as `effects` */
    struct queue *effects;
    struct follow follow;
    struct queue follow_effects;
    struct mirror_table table, listed; /* held; pages of a listing in progress */
    struct mirror_table dead;          /* what effects may point to, until the next step */
    struct mirror_lesson *lessons;
    size_t lesson_count, lesson_capacity;
    struct follow_store store; /* whose revisions are held */
    int64_t store_count;       /* keys in the range, as the last listing said */
    int64_t true_boot;         /* when it was last certain */
    bool other_past;           /* revisions known before the next listing mean nothing in this registry */
    bool full;                 /* keys are left out, and a note said so */
    struct mirror_facts facts;
};

/* ---- mirror.c ---- */

struct mirror_effect *mirror_push(struct mirror *mirror, enum mirror_effect_type type, struct str text);

/* ---- mirror_apply.c ---- */

/* Effects of the last step are done with: frees what they may point to. */
void mirror_free_dead(struct mirror *mirror);

/* One change, unless what is held is newer. */
void mirror_apply(struct mirror *mirror, const struct registry_change *change);

/* The changes of a watch. */
void mirror_apply_watch(struct mirror *mirror, const struct registry_watch_event *watch);

/* A key of a page; all pages have come. */
void mirror_gather(struct mirror *mirror, const struct registry_item *item);
void mirror_complete(struct mirror *mirror, const struct follow_effect *effect);

/* What is known of the key by a lesson; NULL: nothing. */
struct mirror_lesson *mirror_lesson_of(const struct mirror *mirror, struct str key);

/* Takes note of one; returns whether there was room. */
bool mirror_remember(struct mirror *mirror, struct str key, int64_t revision, bool gone) MUST_CHECK;

/* The watch has delivered as much as some lessons said: they are forgotten. */
void mirror_forget_lessons(struct mirror *mirror);

#endif
