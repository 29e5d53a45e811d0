/* The load: reads the tree, applies its values, checks the rules, sorts the problems. And the problems of a file, with the
 * position of each of its keys, for rules that check values afterwards. */
#include "config_yaml_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/config_check.h"
#include "outrider/core/config/settings.h"

#include <stdarg.h>
#include <stdlib.h>

/* ---- places ---- */

/* Whether `path` is `above` or stands below it. */
static bool is_within(const char *path, const char *above)
{
    size_t size = strlen(above);
    return strncmp(path, above, size) == 0 && (path[size] == '\0' || path[size] == '.' || path[size] == '[');
}

static void add_place(struct config_load *load, const char *path, struct yaml_position at, bool faulty)
{
    load->places = mem_grow(load->places, load->place_count, &load->place_capacity, sizeof(load->places[0]));
    load->places[load->place_count++] =
        (struct config_place){.path = mem_strdup(path), .at = at, .faulty = faulty};
}

void config_load_place(struct config_load *load, const char *path, struct yaml_position at)
{
    add_place(load, path, at, false);
}

void config_load_suspect(struct config_load *load, const char *path)
{
    add_place(load, path, (struct yaml_position){0}, true);
}

/* The position of `path`: of the key, or of the nearest one above it that is written. */
static struct yaml_position find_place(const struct config_load *load, const char *path)
{
    struct yaml_position at = {1, 1};
    size_t longest = 0;
    for (size_t i = 0; i < load->place_count; i++) {
        const struct config_place *place = &load->places[i];
        size_t size = strlen(place->path);
        if (place->at.line > 0 && size > longest && is_within(path, place->path)) {
            at = place->at;
            longest = size;
        }
    }
    return at;
}

/* Whether something at, above or below `path` was reported already. */
static bool is_faulty(const char *path, void *user)
{
    const struct config_load *load = user;
    for (size_t i = 0; i < load->place_count; i++) {
        const struct config_place *place = &load->places[i];
        if (place->faulty && (is_within(path, place->path) || is_within(place->path, path))) {
            return true;
        }
    }
    return false;
}

static bool is_written(const char *path, void *user)
{
    const struct config_load *load = user;
    for (size_t i = 0; i < load->place_count; i++) {
        if (load->places[i].at.line > 0 && strcmp(load->places[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- problems ---- */

static void add_problem(struct config_load *load, struct yaml_position at, const char *path, const char *text,
                        bool warning)
{
    struct config_problems *problems = load->problems;
    problems->rows = mem_resize(problems->rows, problems->count + 1, sizeof(problems->rows[0]));
    problems->rows[problems->count++] =
        (struct config_problem){at.line, at.column, mem_strdup(path), mem_strdup(text), warning};
    load->failed = load->failed || !warning;
}

void config_load_problem(struct config_load *load, struct yaml_position at, const char *path,
                         const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    brief_vformat(text, sizeof(text), format, args);
    va_end(args);
    add_problem(load, at, path, text, false);
    config_load_suspect(load, path);
}

void config_problems_fini(struct config_problems *problems)
{
    if (problems == NULL) {
        return;
    }
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->rows[i].path);
        free(problems->rows[i].text);
    }
    free(problems->rows);
    free(problems->file);
    *problems = (struct config_problems){0};
}

void config_problems_print(const struct config_problems *problems, struct buf *out)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *row = &problems->rows[i];
        buf_printf(out, "%s:%u:%u: %s: %s%s\n", problems->file, row->line, row->column, row->path,
                   row->warning ? "warning: " : "", row->text);
    }
}

/* ---- the load ---- */

static void on_broken_rule(const char *path, const char *text, void *user)
{
    struct config_load *load = user;
    config_load_problem(load, find_place(load, path), path, "%s", text);
}

static void on_warning(const char *path, const char *text, void *user)
{
    struct config_load *load = user;
    add_problem(load, find_place(load, path), path, text, true);
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
        config_check(load->config, &(struct config_check){.is_faulty = is_faulty,
                                                          .report = on_broken_rule,
                                                          .warn = on_warning,
                                                          .is_written = is_written,
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
    for (size_t i = 0; i < load.place_count; i++) {
        free(load.places[i].path);
    }
    free(load.places);
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
