/* The load: reads the tree, applies its values, checks the rules, sorts the problems. */
#include "config_yaml_internal.h"

#include "outrider/base/mem.h"
#include "outrider/core/config/config_check.h"
#include "outrider/core/config/settings.h"

#include <stdlib.h>

static void on_broken_rule(const char *path, const char *text, void *user)
{
    struct config_load *load = user;
    config_load_problem(load, config_load_find(load, path), path, "%s", text);
}

static void on_warning(const char *path, const char *text, void *user)
{
    struct config_load *load = user;
    config_load_warning(load, config_load_find(load, path), path, text);
}

static int compare(const void *a, const void *b)
{
    const struct config_problem *left = a, *right = b;
    if (left->line != right->line) {
        return left->line < right->line ? -1 : 1;
    }
    if (left->column != right->column) {
        return left->column < right->column ? -1 : 1;
    }
    int order = strcmp(left->path, right->path);
    return order != 0 ? order : strcmp(left->text, right->text);
}

static void load_text(struct config_load *load, struct str text)
{
    struct yaml_fault fault;
    if (yaml_tree_read(text, &load->tree, &fault) < 0) {
        config_load_problem(load, fault.at, "yaml", "%s", fault.text);
        return;
    }
    settings_defaults(&settings_of_file, load->config);
    if (config_load_walk(load)) {
        config_check(load->config, &(struct config_check){.is_faulty = config_load_is_faulty,
                                                          .report = on_broken_rule,
                                                          .warn = on_warning,
                                                          .is_written = config_load_is_written,
                                                          .user = load});
    }
}

int config_yaml_load(struct str file_name, struct str text, config_env_fn *env, void *user,
                     struct config *ret_config, struct config_problems *ret_problems)
{
    struct config config = {0};
    struct config_problems problems = {.file = mem_copy(file_name.data, file_name.size)};
    struct config_load load = {.config = &config, .env = env, .user = user, .problems = &problems};
    load_text(&load, text);
    yaml_tree_fini(&load.tree);
    config_load_forget(&load);
    *ret_problems = problems;
    if (problems.count > 0) {
        qsort(problems.rows, problems.count, sizeof(problems.rows[0]), compare);
    }
    if (load.failed) {
        config_fini(&config);
        return -1;
    }
    config_resolve(&config, env, user);
    *ret_config = config;
    return 0;
}
