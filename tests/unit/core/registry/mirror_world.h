/* A mirror over a store in memory, and one reader who has only what the changes say. Fails when a change does not follow
 * from those before it. */
#ifndef OUTRIDER_TESTS_MIRROR_WORLD_H
#define OUTRIDER_TESTS_MIRROR_WORLD_H

#include "outrider/base/random.h"
#include "outrider/core/registry/mirror.h"
#include "outrider/registry/memory/memory.h"

enum { KEYS = 9, TEXT_SIZE = 48 };

/* What one knows that has only the changes. */
struct reader_key {
    bool there;
    char value[TEXT_SIZE];
    int64_t revision; /* newest seen, of this past of the registry */
};

struct world {
    struct registry *registry;
    struct registry_client *reader, *writer;
    struct mirror *mirror;
    struct mirror_settings settings;
    struct queue effects;
    struct random random;
    struct instant now;
    uint64_t last_write, seed;
    int64_t revision;
    bool may_undo; /* the registry may have lost writes */
    struct reader_key reader_keys[KEYS];
    char asked_key[TEXT_SIZE];
    unsigned synced, stale, changes, notes[8];
};

/* The name of a key below KEYS. */
void mirror_world_key_name(unsigned number, char out[TEXT_SIZE]);

/* Makes a world with a mirror that has not started; with `keys` of them, settled. */
void mirror_world_begin(struct world *world, const struct memory_kind *kind,
                        const struct mirror_settings *settings);
void mirror_world_start_with(struct world *world, const struct mirror_settings *settings, unsigned keys);
void mirror_world_end(struct world *world);

/* Attaches the mirror and the writer to `world->registry`. */
void mirror_world_attach(struct world *world);

/* One event at the present time. Time passes. */
void mirror_world_step(struct world *world, struct mirror_event event);
void mirror_world_pass(struct world *world, int64_t ms);

/* Writes (NULL: deletes), or reads for the mirror to learn. */
void mirror_world_write_key(struct world *world, const char *key, const char *value);
void mirror_world_read_key(struct world *world, const char *key);

/* The mirror learns a value, or with NULL that the key is gone. */
void mirror_world_learn(struct world *world, const char *key, const char *value, int64_t mod, int64_t at);

/* Starts, lets everything come to rest, and fails unless mirror, reader and store agree then. */
void mirror_world_settle(struct world *world);

#endif
