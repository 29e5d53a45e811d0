/* What is done to all settings of a structure. */
#include "outrider/core/config/settings.h"

#include "outrider/base/error.h"

#include <stdlib.h>
#include <string.h>

static bool is_given(const struct settings_section *section, const void *base)
{
    return section->path != NULL && *(const bool *)(const void *)((const char *)base + section->flag_offset);
}

static void set_given(const struct settings_section *section, void *base, bool given)
{
    if (section->path != NULL) {
        *(bool *)(void *)((char *)base + section->flag_offset) = given;
    }
}

void settings_note_section(const struct settings *settings, struct str path, void *base)
{
    for (size_t i = 0; i < SETTINGS_SECTIONS_MAX; i++) {
        const struct settings_section *section = &settings->sections[i];
        if (section->path != NULL && str_eq(path, str_of(section->path))) {
            set_given(section, base, true);
        }
    }
}

void settings_defaults(const struct settings *settings, void *base)
{
    for (size_t i = 0; i < settings->count; i++) {
        const char *text = settings->rows[i].fallback;
        struct error err;
        if (text == NULL || strcmp(text, "null") == 0) {
            continue; /* as zeroed memory has it */
        }
        if (setting_parse(&settings->rows[i], base, str_of(text), &err) < 0) {
            abort(); /* the table contradicts itself */
        }
    }
}

void settings_clear(const struct settings *settings, void *base)
{
    for (size_t i = 0; i < settings->count; i++) {
        setting_clear(&settings->rows[i], base);
    }
    for (size_t i = 0; i < SETTINGS_SECTIONS_MAX; i++) {
        set_given(&settings->sections[i], base, false);
    }
}

bool settings_equal(const struct settings *settings, const void *a, const void *b)
{
    bool equal = true;
    for (size_t i = 0; equal && i < settings->count; i++) {
        equal = setting_equal(&settings->rows[i], a, b);
    }
    for (size_t i = 0; equal && i < SETTINGS_SECTIONS_MAX; i++) {
        equal = is_given(&settings->sections[i], a) == is_given(&settings->sections[i], b);
    }
    return equal;
}

void settings_copy(const struct settings *settings, const void *from, void *to)
{
    for (size_t i = 0; i < settings->count; i++) {
        setting_copy(&settings->rows[i], from, to);
    }
    for (size_t i = 0; i < SETTINGS_SECTIONS_MAX; i++) {
        set_given(&settings->sections[i], to, is_given(&settings->sections[i], from));
    }
}

bool settings_is_section(const struct settings *settings, struct str path)
{
    for (size_t i = 0; i < settings->count; i++) {
        struct str row = str_of(settings->rows[i].path);
        if (path.size > 0 && str_starts(row, path) && row.size > path.size && row.data[path.size] == '.') {
            return true;
        }
    }
    return false;
}
