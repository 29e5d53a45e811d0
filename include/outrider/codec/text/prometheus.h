/* Metrics in the Prometheus text exposition format 0.0.4, appended to a buffer. A family is written first,
 * then all its samples; names are constants of the caller and are not escaped. */
#ifndef OUTRIDER_CODEC_TEXT_PROMETHEUS_H
#define OUTRIDER_CODEC_TEXT_PROMETHEUS_H

#include "outrider/base/str.h"

#include <stddef.h>
#include <stdint.h>

struct buf;

/* The Content-Type of a page of metrics. */
#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum prometheus_type { PROMETHEUS_COUNTER, PROMETHEUS_GAUGE, PROMETHEUS_HISTOGRAM };

/* One label; the value is escaped, and should be UTF-8. */
struct prometheus_label {
    const char *name;
    struct str value;
};

/* A histogram: `counts` has bound_count + 1 elements, one per bucket, not cumulative; the last counts observations above every
 * bound. `bounds` is ascending. */
struct prometheus_histogram {
    const double *bounds;
    size_t bound_count;
    const uint64_t *counts;
    double sum;
};

/* The HELP and TYPE lines of a family. */
void prometheus_family(struct buf *out, const char *name, enum prometheus_type type, const char *help);

/* One sample; `labels` may be NULL when `count` is 0. A double is written in the shortest form that parses
 * to the same number. */
void prometheus_int(struct buf *out, const char *name, const struct prometheus_label *labels, size_t count,
                    int64_t value);
void prometheus_double(struct buf *out, const char *name, const struct prometheus_label *labels, size_t count,
                       double value);

/* The samples of one histogram: cumulative NAME_bucket with `le`, NAME_sum, NAME_count. */
void prometheus_histogram(struct buf *out, const char *name, const struct prometheus_label *labels,
                          size_t count, const struct prometheus_histogram *histogram);

#endif
