/* What is done to all settings of a structure. */
#include "outrider/core/config/settings.h"

#include "outrider/base/error.h"

#include <stdlib.h>
#include <string.h>

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
}

bool settings_equal(const struct settings *settings, const void *a, const void *b)
{
    bool equal = true;
    for (size_t i = 0; equal && i < settings->count; i++) {
        equal = setting_equal(&settings->rows[i], a, b);
    }
    return equal;
}

void settings_copy(const struct settings *settings, const void *from, void *to)
{
    for (size_t i = 0; i < settings->count; i++) {
        setting_copy(&settings->rows[i], from, to);
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
