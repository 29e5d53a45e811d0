/* Durations and timestamps as text. Inside the program every time is whole milliseconds in an int64_t. */
#ifndef OUTRIDER_BASE_DURATION_H
#define OUTRIDER_BASE_DURATION_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdint.h>

/* Parses digits with one of the units ms, s, m, h ("500ms", "10s"), at most ten years. Returns 0, or -1 when
 * there is no unit, no number, or more than that. */
int duration_parse(struct str text, int64_t *ret_ms) MUST_CHECK;

/* Writes `ms` with the largest unit that keeps it whole ("90s", "5m", "1500ms", "0s"); returns `out`. */
const char *duration_format(int64_t ms, char out[static 24]);

/* Writes `ms` in short form for people ("0.4 s", "12 s", "5 min 3 s", "2 h 10 min"). A negative value, possible after a clock
 * step, is written as "0.0 s". Returns `out`. */
const char *duration_human(int64_t ms, char out[static 32]);

/* Writes milliseconds since 1970 as RFC 3339 in UTC with milliseconds ("2026-11-21T02:14:00.123Z"); returns
 * `out`. */
const char *timestamp_format(int64_t wall_ms, char out[static 32]);

/* Parses what timestamp_format writes for the years 0 to 9999: RFC 3339, zone "Z" only, the fraction optional
 * and cut to milliseconds, second 60 refused (Unix time has no leap seconds). Returns 0, or -1 for
 * anything else, also for a day or a time that does not exist. */
int timestamp_parse(struct str text, int64_t *ret_wall_ms) MUST_CHECK;

/* The last ms of the year 9999, the largest that timestamp_parse reads. */
#define TIMESTAMP_MAX_MS INT64_C(253402300799999)

#endif
