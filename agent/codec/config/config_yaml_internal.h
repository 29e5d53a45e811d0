/* What the files of config_yaml share: a load on its way. */
#ifndef OUTRIDER_CODEC_CONFIG_CONFIG_YAML_INTERNAL_H
#define OUTRIDER_CODEC_CONFIG_CONFIG_YAML_INTERNAL_H

#include "outrider/codec/config/config_yaml.h"
#include "yaml_tree_internal.h"

/* Where a key or an item of a list stands, and whether something about it is wrong. */
struct config_place {
    char *path;
    struct yaml_position at;
    bool faulty;
};

struct setting;

struct config_load {
    struct yaml_tree tree;
    struct config *config;
    config_env_fn *env;
    void *user;
    struct config_problems *problems;
    struct config_place *places;
    size_t place_count, place_capacity;
    bool failed; /* a problem is no warning */
};

/* Notes that `path` stands at `at`. */
void config_load_place(struct config_load *load, const char *path, struct yaml_position at);

/* Notes that `path` is wrong in a way already reported, so that no rule speaks of it again. */
void config_load_suspect(struct config_load *load, const char *path);

/* Where a rule's path stands: the key itself, or the nearest thing above it that is written. */
struct yaml_position config_load_find(const struct config_load *load, const char *path);

/* Whether something at, above or below `path` was reported already; `user` is the load. */
bool config_load_is_faulty(const char *path, void *user);

/* Whether the key `path` itself is written; `user` is the load. */
bool config_load_is_written(const char *path, void *user);

/* Forgets the places. */
void config_load_forget(struct config_load *load);

/* Reports what is no fault but deserves a word. */
void config_load_warning(struct config_load *load, struct yaml_position at, const char *path,
                         const char *text);

/* Reports a problem and notes that `path` is wrong. */
void config_load_problem(struct config_load *load, struct yaml_position at, const char *path,
                         const char *format, ...) PRINTF_LIKE(4, 5);

/* Takes the values of the tree over into the configuration, which has its defaults. Returns whether the
 * document is a mapping (or empty), so that rules about what is absent mean something. */
bool config_load_walk(struct config_load *load);

/* Gives one setting the value of `node`, a value of the tree. `base` is the structure the row counts from. */
void config_load_apply(struct config_load *load, const struct setting *row, void *base, size_t node,
                       const char *path);

/* Whether the node may have a value at all: reports aliases, anchors and tags. */
bool config_load_is_value(struct config_load *load, const struct yaml_node *node, const char *path);

/* Takes the keys of one probe over; `path` is "probes[0]". */
void config_load_walk_probe(struct config_load *load, size_t map, const char *path,
                            struct config_probe *probe);

/* Checks the key `key` of the map `map` and writes its path below `prefix` to `out`: a plain word that is
 * there for the first time. Returns whether it can be used; what is wrong is reported. */
enum { CONFIG_PATH_MAX = 192 };
bool config_load_key(struct config_load *load, size_t map, size_t key, const char *prefix,
                     char out[static CONFIG_PATH_MAX]);

#endif
