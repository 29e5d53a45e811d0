/* Sizes: a whole number and a unit of 1024s. */
#include "settings_internal.h"

#include <stdio.h>

static const struct {
    const char *name;
    int64_t bytes;
} units[] = {{"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}};

const char *settings_format_size(int64_t bytes, char out[static 24])
{
    size_t unit = 0;
    while (unit + 1 < COUNT_OF(units) && bytes % units[unit].bytes != 0) {
        unit++;
    }
    snprintf(out, 24, "%lld%s", (long long)(bytes / units[unit].bytes), units[unit].name);
    return out;
}

int settings_parse_size(const struct setting *row, void *value, struct str text, struct error *err)
{
    uint64_t number;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        struct str unit = str_of(units[i].name);
        if (text.size <= unit.size ||
            !str_eq((struct str){text.data + text.size - unit.size, unit.size}, unit)) {
            continue;
        }
        struct str digits = {text.data, text.size - unit.size};
        if (str_to_u64(digits, (uint64_t)(INT64_MAX / units[i].bytes), &number) < 0) {
            break;
        }
        int64_t bytes = (int64_t)number * units[i].bytes;
        if (bytes < row->min || bytes > row->max) {
            char low[24], high[24], what[96];
            snprintf(what, sizeof(what), "is out of range: from %s to %s",
                     settings_format_size(row->min, low), settings_format_size(row->max, high));
            return settings_wrong(err, text, what);
        }
        *(int64_t *)value = bytes;
        return 0;
    }
    return settings_wrong(err, text, "is not a size such as 512kB, 64MB or 1GB");
}
