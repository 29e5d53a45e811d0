/* What the files of config_yaml share: one load. */
#ifndef OUTRIDER_CODEC_CONFIG_CONFIG_YAML_INTERNAL_H
#define OUTRIDER_CODEC_CONFIG_CONFIG_YAML_INTERNAL_H

#include "outrider/codec/config/config_yaml.h"
#include "yaml_tree_internal.h"

/* The position of a key or of an item of a list, and whether it is wrong. */
struct config_place {
    char *path;
    struct yaml_position at;
    bool faulty;
};

struct error;
struct setting;
struct settings;

struct config_load {
    struct yaml_tree tree;
    struct config *config;
    config_env_fn *env;
    void *user;
    struct config_problems *problems;
    struct config_place *places;
    size_t place_count, place_capacity;
    bool failed; /* there is a problem that is no warning */
};

/* Records that `path` is at `at`. */
void config_load_place(struct config_load *load, const char *path, struct yaml_position at);

/* Records that `path` is wrong and reported, so that rules which read it are skipped. */
void config_load_suspect(struct config_load *load, const char *path);

/* Reports a problem, and records that `path` is wrong. */
void config_load_problem(struct config_load *load, struct yaml_position at, const char *path,
                         const char *format, ...) PRINTF_LIKE(4, 5);

/* Applies the values of the tree to the configuration, which has its defaults. Returns whether the document
 * is a mapping, so that rules about absent keys make sense. */
bool config_load_walk(struct config_load *load);

/* Gives one setting the value of `node`. `base` is the structure that the offsets of the row are of. */
void config_load_apply(struct config_load *load, const struct setting *row, void *base, size_t node,
                       const char *path);

/* Whether the node has neither alias nor anchor nor tag; reports what it has. */
bool config_load_is_value(struct config_load *load, const struct yaml_node *node, const char *path);

/* Applies the keys of one entry of a list, with these settings; `path` is "probes[0]". */
void config_load_walk_entry(struct config_load *load, size_t map, const char *path,
                            const struct settings *settings, void *entry);

/* Checks the key `key` of the map `map` and writes its path below `prefix` to `out`: a plain word that is
 * there for the first time. Returns whether it can be used; what is wrong is reported. */
enum { CONFIG_PATH_MAX = 192 };
bool config_load_key(struct config_load *load, const struct yaml_node *map, size_t key, const char *prefix,
                     char out[static CONFIG_PATH_MAX]);

enum { ENV_REPLACED_MAX = 64 << 10 };

/* Appends `text` to `out` with ${NAME}, ${NAME:-default} and $$ replaced (docs/design/protocol.md, "Configuration").
 * Returns 0, or -1 and what is wrong; `out` then holds a part of it. */
int env_replace(struct str text, config_env_fn *env, void *user, struct buf *out,
                struct error *err) MUST_CHECK;

#endif
