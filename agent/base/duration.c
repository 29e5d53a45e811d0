#include "outrider/base/duration.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define TEN_YEARS_MS (3650LL * 24 * 3600000)

int duration_parse(struct str text, int64_t *ret_ms)
{
    if (text.size == 0) {
        return -1;
    }
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    struct str unit = {text.data + digits, text.size - digits};
    uint64_t number;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (str_eq(unit, str_of(units[i].name))) {
            if (str_to_u64((struct str){text.data, digits}, (uint64_t)(TEN_YEARS_MS / units[i].ms), &number) <
                0) {
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
    size_t unit = ms == 0 ? 2 : 0; /* 0s, not 0h */
    while (ms % units[unit].ms != 0) {
        unit++;
    }
    snprintf(out, 24, "%" PRId64 "%s", ms / units[unit].ms, units[unit].name);
    return out;
}

const char *duration_human(int64_t ms, char out[static 32])
{
    ms = ms < 0 ? 0 : ms;
    int64_t seconds = ms / 1000;
    if (ms < 10000) {
        snprintf(out, 32, "%" PRId64 ".%" PRId64 " s", seconds, ms % 1000 / 100);
    } else if (seconds < 60) {
        snprintf(out, 32, "%" PRId64 " s", seconds);
    } else if (seconds < 3600) {
        snprintf(out, 32, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
    } else {
        snprintf(out, 32, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds % 3600 / 60);
    }
    return out;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static const int days_before_month[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

/* Days from 1 January of year 0 to the first of `month` (1..13) of `year`. Not gmtime(): the C library reads the time zone
 * files first. */
static int64_t days_to_month(int64_t year, int month)
{
    /* shifted by a multiple of 400 years, so that every division rounds down */
    int64_t past = year - 1 + 400 * 2500000LL;
    int64_t leap_days =
        past / 4 - past / 100 + past / 400 - 97 * 2500000LL + 1; /* 1: year 0 is a leap year */
    return year * 365 + leap_days + days_before_month[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

#define DAY_MS (24LL * 3600000)

static char *put_number(char *at, char before, int digits, int64_t number)
{
    *at = before;
    for (int i = digits; i > 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + 1 + digits;
}

const char *timestamp_format(int64_t wall_ms, char out[static 32])
{
    int64_t in_day = wall_ms % DAY_MS, days = wall_ms / DAY_MS + days_to_month(1970, 1);
    if (in_day < 0) {
        in_day += DAY_MS;
        days--;
    }
    int64_t year = days * 400 / 146097; /* mean year length; at most one off */
    year += days < days_to_month(year, 1) ? -1 : days >= days_to_month(year + 1, 1) ? 1 : 0;
    int month = 12;
    while (month > 1 && days < days_to_month(year, month)) {
        month--;
    }
    char *at = out;
    if (year >= 0 && year <= 9999) { /* printf would cost more than the rest of this function */
        at = put_number(at, (char)('0' + year / 1000), 3, year % 1000);
    } else {
        at += snprintf(out, 32, "%04" PRId64, year);
    }
    at = put_number(at, '-', 2, month);
    at = put_number(at, '-', 2, days - days_to_month(year, month) + 1);
    at = put_number(at, 'T', 2, in_day / 3600000);
    at = put_number(at, ':', 2, in_day / 60000 % 60);
    at = put_number(at, ':', 2, in_day / 1000 % 60);
    at = put_number(at, '.', 3, in_day % 1000);
    memcpy(at, "Z", 2);
    return out;
}

/* Parses `text` by `form`: each run of zeros stands for a number of that many digits, every other character for itself.
 * Returns the rest of the text, or NULL. */
static const char *read_form(const char *at, const char *end, const char *form, int64_t *ret_numbers)
{
    int64_t number = 0;
    for (; *form != '\0'; form++, at++) {
        if (at == end || (*form != '0' && *at != *form) || (*form == '0' && (*at < '0' || *at > '9'))) {
            return NULL;
        }
        if (*form == '0') {
            number = number * 10 + (*at - '0');
            *ret_numbers = number;
        } else {
            ret_numbers++;
            number = 0;
        }
    }
    return at;
}

/* Parses an optional fraction such as ".123", then "Z" and the end. Returns milliseconds, or -1. */
static int64_t read_fraction(const char *at, const char *end)
{
    int64_t fraction = 0;
    if (at < end && *at == '.') {
        const char *first = ++at;
        for (int64_t weight = 100; at < end && *at >= '0' && *at <= '9'; at++, weight /= 10) {
            fraction += (*at - '0') * weight;
        }
        if (at == first) {
            return -1;
        }
    }
    return end - at == 1 && *at == 'Z' ? fraction : -1;
}

int timestamp_parse(struct str text, int64_t *ret_wall_ms)
{
    int64_t n[6] = {0};
    const char *end = text.size == 0 ? NULL : text.data + text.size;
    const char *rest = read_form(text.data, end, "0000-00-00T00:00:00", n);
    if (rest == NULL) {
        return -1;
    }
    int64_t fraction = read_fraction(rest, end);
    int64_t year = n[0], day = n[2] - 1;
    if (fraction < 0 || n[1] < 1 || n[1] > 12 || n[3] > 23 || n[4] > 59 || n[5] > 59) {
        return -1;
    }
    int month = (int)n[1];
    int64_t days = days_to_month(year, month);
    if (day < 0 || days + day >= days_to_month(year, month + 1)) {
        return -1;
    }
    int64_t seconds = (days + day - days_to_month(1970, 1)) * 86400 + n[3] * 3600 + n[4] * 60 + n[5];
    *ret_wall_ms = seconds * 1000 + fraction;
    return 0;
}
