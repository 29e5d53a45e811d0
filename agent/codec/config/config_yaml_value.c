/* Values: from nodes of the tree to settings. */
#include "config_yaml_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/config/settings.h"

#include <stdio.h>

bool config_load_is_value(struct config_load *load, const struct yaml_node *node, const char *path)
{
    if (node->kind == YAML_KIND_ALIAS || node->anchored) {
        config_load_problem(load, node->at, path,
                            "anchors and aliases are not supported: write the value out");
        return false;
    }
    if (node->tagged) {
        config_load_problem(load, node->at, path, "tags are not supported: write the value alone");
        return false;
    }
    return true;
}

/* The text of a scalar with its variables replaced, in `out`. */
enum scalar { SCALAR_WRONG, SCALAR_ABSENT, SCALAR_NULL, SCALAR_TEXT };

static enum scalar read_scalar(struct config_load *load, const struct yaml_node *node, const char *path,
                               struct buf *out, struct str *ret_text)
{
    struct error err;
    if (env_replace(yaml_text(node), load->env, load->user, out, &err) < 0) {
        config_load_problem(load, node->at, path, "%s", err.text);
        return SCALAR_WRONG;
    }
    struct str text = node->plain ? str_trim(buf_view(out)) : (struct str){buf_text(out), out->size};
    *ret_text = text;
    if (!node->plain) {
        return SCALAR_TEXT;
    }
    bool null = str_eq(text, STR("null")) || str_eq(text, STR("~")) || str_eq(text, STR("Null")) ||
                str_eq(text, STR("NULL"));
    return text.size == 0 ? SCALAR_ABSENT : null ? SCALAR_NULL : SCALAR_TEXT;
}

static void apply_scalar(struct config_load *load, const struct setting *row, void *base,
                         const struct yaml_node *node, const char *path)
{
    struct buf replaced = {0};
    struct str text;
    struct error err;
    int result = 0;
    switch (read_scalar(load, node, path, &replaced, &text)) {
    case SCALAR_TEXT: result = setting_parse(row, base, text, &err); break;
    case SCALAR_NULL: result = setting_parse_null(row, base, &err); break;
    case SCALAR_WRONG:
    case SCALAR_ABSENT: break;
    }
    if (result < 0) {
        config_load_problem(load, node->at, path, "%s", err.text);
    }
    buf_fini(&replaced);
}

/* The text of a value in a list or a mapping of labels, which is a scalar and not null. Returns false when
 * there is none; reported unless it is absent. */
static bool read_item(struct config_load *load, const struct yaml_node *node, const char *path,
                      struct buf *out, struct str *ret_text)
{
    if (!config_load_is_value(load, node, path)) {
        return false;
    }
    if (node->kind != YAML_KIND_SCALAR) {
        config_load_problem(load, node->at, path, "want one value, not %s",
                            node->kind == YAML_KIND_LIST ? "a list" : "a mapping");
        return false;
    }
    enum scalar scalar = read_scalar(load, node, path, out, ret_text);
    if (scalar == SCALAR_NULL) {
        config_load_problem(load, node->at, path, "cannot be null");
    }
    return scalar == SCALAR_TEXT;
}

/* The items of a list, or the names and values of a mapping of labels. */
static void apply_items(struct config_load *load, const struct setting *row, void *base,
                        const struct yaml_node *list, const char *path)
{
    const struct yaml_node *nodes = load->tree.nodes;
    bool labels = list->kind == YAML_KIND_MAP;
    size_t problems = load->problems->count, index = 0, value;
    struct error err = {0};
    setting_list_begin(row, base);
    for (size_t item = list->first; item != 0 && err.code != ERROR_LIMIT; item = nodes[value].next) {
        char item_path[CONFIG_PATH_MAX + 24];
        struct buf replaced = {0};
        struct str text;
        value = labels ? nodes[item].next : item;
        snprintf(item_path, sizeof(item_path), "%s[%zu]", path, index++);
        if ((!labels || config_load_key(load, list, item, path, item_path)) &&
            read_item(load, &nodes[value], item_path, &replaced, &text) &&
            (labels ? setting_label_add(row, base, yaml_text(&nodes[item]), text, &err)
                    : setting_list_add(row, base, text, &err)) < 0) {
            config_load_problem(load, nodes[item].at, err.code == ERROR_LIMIT ? path : item_path, "%s",
                                err.text);
        }
        buf_fini(&replaced);
    }
    if (!labels && problems == load->problems->count && setting_list_end(row, base, &err) < 0) {
        config_load_problem(load, list->at, path, "%s", err.text);
    }
}

static void apply_entries(struct config_load *load, const struct setting *row, const struct yaml_node *list)
{
    const struct yaml_node *nodes = load->tree.nodes;
    size_t index = 0;
    setting_list_begin(row, load->config);
    for (size_t item = list->first; item != 0; item = nodes[item].next, index++) {
        struct error err;
        char path[32];
        void *entry = setting_entry_add(row, load->config, &err);
        if (entry == NULL) {
            config_load_problem(load, nodes[item].at, row->path, "%s", err.text);
            return;
        }
        snprintf(path, sizeof(path), "%s[%zu]", row->path, index);
        config_load_place(load, path, nodes[item].at);
        if (!config_load_is_value(load, &nodes[item], path)) {
            continue;
        }
        if (nodes[item].kind == YAML_KIND_MAP) {
            config_load_walk_entry(load, item, path, setting_entries(row), entry);
        } else {
            config_load_problem(load, nodes[item].at, path, "want the keys of %s",
                                row->type == SETTING_PROBES  ? "a probe: name, type, port and so on"
                                : row->type == SETTING_HOOKS ? "a hook: on, command, timeout and user"
                                                             : "a candidacy: scope, ttl and renew");
        }
    }
}

void config_load_apply(struct config_load *load, const struct setting *row, void *base, size_t value,
                       const char *path)
{
    const struct yaml_node *node = &load->tree.nodes[value];
    bool list = row->type == SETTING_PORTS || row->type == SETTING_STRINGS || row->type == SETTING_FACTS;
    if (!config_load_is_value(load, node, path)) {
        return;
    }
    if (node->kind == YAML_KIND_SCALAR) {
        apply_scalar(load, row, base, node, path);
    } else if (node->kind == YAML_KIND_LIST && list) {
        apply_items(load, row, base, node, path);
    } else if (node->kind == YAML_KIND_LIST && setting_entries(row) != NULL) {
        apply_entries(load, row, node);
    } else if (node->kind == YAML_KIND_MAP && (row->type == SETTING_LABELS || row->type == SETTING_FACTS)) {
        apply_items(load, row, base, node, path);
    } else {
        config_load_problem(load, node->at, path, "want %s, not %s", setting_wants(row),
                            node->kind == YAML_KIND_LIST ? "a list" : "a mapping");
    }
}
