/* Keys: which of them are known, and which known one is most like an unknown one. */
#include "config_yaml_internal.h"

#include "outrider/base/buf.h"
#include "outrider/codec/text/printable.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/settings.h"

#include <stdint.h>
#include <stdio.h>

enum { KEY_SHOWN_MAX = 64 };

/* The keys that may stand in one mapping: rows of the file below `section`, or the rows of an entry. */
struct level {
    const struct settings *settings;
    struct str section; /* "server", "registry.tls", or empty for the top of the file and for an entry */
};

/* The part of the path of the row at `index` below this level; empty when the row belongs elsewhere. */
static struct str below(const struct level *level, size_t index)
{
    struct str path = str_of(level->settings->rows[index].path);
    size_t size = level->section.size;
    if (size == 0) {
        return path;
    }
    bool inside = str_starts(path, level->section) && path.size > size && path.data[size] == '.';
    return inside ? (struct str){path.data + size + 1, path.size - size - 1} : (struct str){NULL, 0};
}

/* The key of the row at `index` at this level; empty when the row belongs elsewhere or an earlier row has the
 * key. */
static struct str level_key(const struct level *level, size_t index)
{
    struct str ignored;
    struct str key = str_split(below(level, index), '.', &ignored);
    bool again = index > 0 && str_eq(key, str_split(below(level, index - 1), '.', &ignored));
    return again ? (struct str){NULL, 0} : key;
}

/* The distance of two keys; one that contains the other (publish_interval, min_publish_interval) is close. */
static size_t unlikeness(struct str written, struct str known)
{
    bool inside = (written.size >= 4 && memmem(known.data, known.size, written.data, written.size) != NULL) ||
                  (known.size >= 4 && memmem(written.data, written.size, known.data, known.size) != NULL);
    char lower[KEY_SHOWN_MAX];
    if (written.size > sizeof(lower)) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i < written.size; i++) {
        char c = written.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '-' ? '_' : c;
    }
    size_t distance = str_distance((struct str){lower, written.size}, known);
    return inside && distance > 1 ? 1 : distance;
}

/* The key of this level that is closest to `written`; empty when none is close. */
static struct str nearest(const struct level *level, struct str written)
{
    size_t best = written.size <= 3 ? 2 : written.size <= 6 ? 3 : 4;
    struct str found = {NULL, 0};
    for (size_t i = 0; i < level->settings->count; i++) {
        struct str known = level_key(level, i);
        size_t distance = known.size == 0 ? SIZE_MAX : unlikeness(written, known);
        if (distance < best) {
            best = distance;
            found = known;
        }
    }
    return found;
}

/* A setting elsewhere in the file with this key; NULL when there is none. Of `ui` none is meant: its words are those that
 * people try anywhere. */
static const char *find_elsewhere(struct str written)
{
    for (size_t i = 0; i < settings_of_file.count; i++) {
        const char *path = settings_of_file.rows[i].path, *dot = strrchr(path, '.');
        if (str_eq(str_of(dot != NULL ? dot + 1 : path), written) && !str_starts(str_of(path), STR("ui."))) {
            return path;
        }
    }
    return NULL;
}

static void report_unknown(struct config_load *load, const struct level *level, const struct yaml_node *key,
                           const char *prefix, const char *path)
{
    struct str known = nearest(level, yaml_text(key));
    const char *elsewhere = find_elsewhere(yaml_text(key));
    if (elsewhere != NULL) {
        config_load_problem(load, key->at, path, "unknown key here, did you mean `%s`%s?", elsewhere,
                            strchr(elsewhere, '.') == NULL ? " at the top of the file" : "");
        config_load_suspect(load, elsewhere);
        return;
    }
    if (known.size > 0) {
        char meant[CONFIG_PATH_MAX];
        snprintf(meant, sizeof(meant), "%s%s%.*s", prefix, prefix[0] == '\0' ? "" : ".", STR_ARG(known));
        config_load_problem(load, key->at, path, "unknown key, did you mean `%.*s`?", STR_ARG(known));
        config_load_suspect(load, meant);
        return;
    }
    struct buf all = {0};
    for (size_t i = 0; i < level->settings->count; i++) {
        struct str one = level_key(level, i);
        buf_printf(&all, "%s%.*s", one.size == 0 || all.size == 0 ? "" : ", ", STR_ARG(one));
    }
    config_load_problem(load, key->at, path, "unknown key: known here are %s", buf_text(&all));
    buf_fini(&all);
}

bool config_load_key(struct config_load *load, const struct yaml_node *map, size_t key, const char *prefix,
                     char out[static CONFIG_PATH_MAX])
{
    const struct yaml_node *nodes = load->tree.nodes, *node = &nodes[key];
    char shown[KEY_SHOWN_MAX + 1];
    const char *at = prefix[0] == '\0' ? "yaml" : prefix;
    if (node->kind != YAML_KIND_SCALAR) {
        config_load_problem(load, node->at, at, "a key must be a plain word");
        return false;
    }
    if (node->size == 0) {
        config_load_problem(load, node->at, at, "a key is missing before this `:`");
        return false;
    }
    printable_copy(shown, sizeof(shown), yaml_text(node), '?');
    snprintf(out, CONFIG_PATH_MAX, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", shown);
    if (str_eq(yaml_text(node), STR("<<"))) {
        config_load_problem(load, node->at, out, "merge keys are not supported: write the keys out");
        return false;
    }
    for (size_t other = map->first; other != key; other = nodes[nodes[other].next].next) {
        if (nodes[other].kind == YAML_KIND_SCALAR && str_eq(yaml_text(&nodes[other]), yaml_text(node))) {
            config_load_problem(load, node->at, out, "repeated key, given first on line %u",
                                nodes[other].at.line);
            return false;
        }
    }
    return config_load_is_value(load, node, out);
}

static const struct setting *find_row(const struct level *level, struct str key)
{
    for (size_t i = 0; i < level->settings->count; i++) {
        if (str_eq(below(level, i), key)) {
            return &level->settings->rows[i];
        }
    }
    return NULL;
}

static void walk_section(struct config_load *load, const struct level *level, const char *path, void *base,
                         size_t value);

/* Applies the keys of a mapping that are settings, and walks into its sections. */
static void walk_map(struct config_load *load, size_t map, const struct level *level, const char *prefix,
                     void *base)
{
    const struct yaml_node *nodes = load->tree.nodes;
    for (size_t key = nodes[map].first; key != 0; key = nodes[nodes[key].next].next) {
        char path[CONFIG_PATH_MAX], inside[CONFIG_PATH_MAX];
        if (!config_load_key(load, &nodes[map], key, prefix, path)) {
            continue;
        }
        bool dotted =
            strchr(nodes[key].text, '.') != NULL; /* a dotted key does not name a setting further below */
        const struct setting *row = dotted ? NULL : find_row(level, yaml_text(&nodes[key]));
        snprintf(inside, sizeof(inside), "%.*s%s%s", STR_ARG(level->section),
                 level->section.size == 0 ? "" : ".", nodes[key].text);
        if (row == NULL && (dotted || !settings_is_section(level->settings, str_of(inside)))) {
            report_unknown(load, level, &nodes[key], prefix, path);
            continue;
        }
        config_load_place(load, path, nodes[key].at);
        if (row != NULL) {
            config_load_apply(load, row, base, nodes[key].next, path);
        } else {
            const struct level below = {.settings = level->settings, .section = str_of(inside)};
            walk_section(load, &below, path, base, nodes[key].next);
        }
    }
}

static bool is_absent(const struct yaml_node *node)
{
    return node->kind == YAML_KIND_SCALAR && node->plain &&
           (node->size == 0 || str_eq(yaml_text(node), STR("null")) || str_eq(yaml_text(node), STR("~")));
}

/* Sections nest as deep as the settings do: two levels. */
static void walk_section(struct config_load *load, const struct level *level, const char *path, void *base,
                         size_t value)
{
    const struct yaml_node *node = &load->tree.nodes[value];
    if (!config_load_is_value(load, node, path)) {
        return;
    }
    if (is_absent(node)) {
        if (level->settings == &settings_of_file && str_eq(level->section, STR("server.flapping")) &&
            node->size > 0) {
            load->config->server.flapping.changes = 0; /* null: off */
        }
        if (level->settings == &settings_of_file && str_eq(level->section, STR("server"))) {
            /* It would silently make an observer. */
            config_load_problem(load, node->at, path,
                                "is empty: give it type and ports, or remove it to run an observer");
        }
        return;
    }
    if (node->kind != YAML_KIND_MAP) {
        config_load_problem(load, node->at, path, "want keys below it, not %s",
                            node->kind == YAML_KIND_LIST ? "a list" : "text");
        return;
    }
    settings_note_section(level->settings, level->section, base);
    walk_map(load, value, level, path, base);
}

void config_load_walk_entry(struct config_load *load, size_t map, const char *path,
                            const struct settings *settings, void *entry)
{
    const struct level level = {.settings = settings};
    walk_map(load, map, &level, path, entry);
}

bool config_load_walk(struct config_load *load)
{
    const struct level level = {.settings = &settings_of_file};
    const struct yaml_node *root = &load->tree.nodes[1];
    bool is_empty = load->tree.count < 2;
    if (!is_empty && !config_load_is_value(load, root, "yaml")) {
        return false;
    }
    if (is_empty || is_absent(root)) {
        /* Often a file that was cut off: it would silently make an observer. */
        config_load_problem(load, is_empty ? (struct yaml_position){1, 1} : root->at, "yaml",
                            "the file is empty: a sidecar needs the section server, an observer registry");
        return false;
    }
    if (root->kind != YAML_KIND_MAP) {
        config_load_problem(load, root->at, "yaml", "want keys and values, not %s",
                            root->kind == YAML_KIND_LIST ? "a list" : "text");
        return false;
    }
    walk_map(load, 1, &level, "", load->config);
    return true;
}
