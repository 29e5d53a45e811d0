#include "outrider/base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define TEN_YEARS_MS (3650LL * 24 * 3600000)

int duration_parse(struct str text, int64_t *ret_ms)
{
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    struct str unit = {text.data + digits, text.size - digits};
    uint64_t number;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (str_eq(unit, str_of(units[i].name))) {
            if (str_to_u64((struct str){text.data, digits}, (uint64_t)(TEN_YEARS_MS / units[i].ms), &number) < 0) {
                return -1;
            }
            *ret_ms = (int64_t)number * units[i].ms;
            return 0;
        }
    }
    return -1;
}

const char *duration_format(int64_t ms, char out[static 24])
{
    size_t unit = COUNT_OF(units) - 1;
    if (ms == 0) {
        unit = 2;
    }
    for (size_t i = 0; i < COUNT_OF(units) && ms != 0; i++) {
        if (ms % units[i].ms == 0) {
            unit = i;
            break;
        }
    }
    snprintf(out, 24, "%" PRId64 "%s", ms / units[unit].ms, units[unit].name);
    return out;
}

const char *duration_human(int64_t ms, char out[static 32])
{
    int64_t seconds = ms / 1000;
    if (ms < 10000) {
        snprintf(out, 32, "%" PRId64 ".%" PRId64 " s", seconds, ms < 0 ? 0 : ms % 1000 / 100);
    } else if (seconds < 60) {
        snprintf(out, 32, "%" PRId64 " s", seconds);
    } else if (seconds < 3600) {
        snprintf(out, 32, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
    } else {
        snprintf(out, 32, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds % 3600 / 60);
    }
    return out;
}

const char *timestamp_format(int64_t wall_ms, char out[static 32])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t used = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + used, 32 - used, ".%03dZ", (int)(wall_ms % 1000));
    return out;
}

int timestamp_parse(struct str text, int64_t *ret_wall_ms)
{
    char copy[32];
    if (text.size >= sizeof(copy)) {
        return -1;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    struct tm tm = {0};
    const char *rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL) {
        return -1;
    }
    int64_t fraction = 0;
    if (*rest == '.') {
        rest++;
        for (int64_t weight = 100; *rest >= '0' && *rest <= '9'; rest++, weight /= 10) {
            fraction += (*rest - '0') * weight;
        }
    }
    if (strcmp(rest, "Z") != 0) {
        return -1;
    }
    *ret_wall_ms = (int64_t)timegm(&tm) * 1000 + fraction;
    return 0;
}
