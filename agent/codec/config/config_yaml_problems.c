/* The problems of a file, and the position of each of its keys, for rules that check values afterwards. */
#include "config_yaml_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Whether `path` is `above` or stands below it. */
static bool is_within(const char *path, const char *above)
{
    size_t size = strlen(above);
    return strncmp(path, above, size) == 0 && (path[size] == '\0' || path[size] == '.' || path[size] == '[');
}

static struct config_place *add_place(struct config_load *load, const char *path, struct yaml_position at)
{
    if (load->place_count == load->place_capacity) {
        load->place_capacity = load->place_capacity == 0 ? 64 : load->place_capacity * 2;
        load->places = mem_resize(load->places, load->place_capacity, sizeof(load->places[0]));
    }
    struct config_place *place = &load->places[load->place_count++];
    *place = (struct config_place){.path = mem_strdup(path), .at = at};
    return place;
}

void config_load_place(struct config_load *load, const char *path, struct yaml_position at)
{
    (void)add_place(load, path, at);
}

void config_load_suspect(struct config_load *load, const char *path)
{
    add_place(load, path, (struct yaml_position){0})->faulty = true;
}

static void add_problem(struct config_load *load, struct yaml_position at, const char *path, const char *text,
                        bool warning)
{
    struct config_problems *problems = load->problems;
    problems->rows = mem_resize(problems->rows, problems->count + 1, sizeof(problems->rows[0]));
    problems->rows[problems->count++] =
        (struct config_problem){at.line, at.column, mem_strdup(path), mem_strdup(text), warning};
    load->failed = load->failed || !warning;
}

void config_load_warning(struct config_load *load, struct yaml_position at, const char *path,
                         const char *text)
{
    add_problem(load, at, path, text, true);
}

void config_load_problem(struct config_load *load, struct yaml_position at, const char *path,
                         const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    add_problem(load, at, path, text, false);
    config_load_suspect(load, path);
}

bool config_load_is_faulty(const char *path, void *user)
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

bool config_load_is_written(const char *path, void *user)
{
    const struct config_load *load = user;
    for (size_t i = 0; i < load->place_count; i++) {
        if (load->places[i].at.line > 0 && strcmp(load->places[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

struct yaml_position config_load_find(const struct config_load *load, const char *path)
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

void config_load_forget(struct config_load *load)
{
    for (size_t i = 0; i < load->place_count; i++) {
        free(load->places[i].path);
    }
    free(load->places);
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
