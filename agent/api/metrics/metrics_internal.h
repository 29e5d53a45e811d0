#ifndef OUTRIDER_API_METRICS_METRICS_INTERNAL_H
#define OUTRIDER_API_METRICS_METRICS_INTERNAL_H

#include "outrider/codec/text/prometheus.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_context;
struct api_view;
struct buf;

/* A family of one sample without labels. */
struct metrics_sample {
    const char *name;
    enum prometheus_type type;
    const char *help;
    int64_t value;
    bool is_us; /* in us, written in seconds */
};

#define SAMPLE(type, name, help, value, is_us)                                                               \
    {                                                                                                        \
        (name), (type), (help), (int64_t)(value), (is_us)                                                    \
    }
#define COUNTER(name, help, value) SAMPLE(PROMETHEUS_COUNTER, name, help, value, false)
#define GAUGE(name, help, value) SAMPLE(PROMETHEUS_GAUGE, name, help, value, false)
#define SECONDS_COUNTER(name, help, us) SAMPLE(PROMETHEUS_COUNTER, name, help, us, true)
#define SECONDS_GAUGE(name, help, us) SAMPLE(PROMETHEUS_GAUGE, name, help, us, true)

/* metrics.c: appends each sample with its family. */
void metrics_write(struct buf *out, const struct metrics_sample *samples, size_t count);

/* metrics.c: appends a counter with the label `outcome`: ok and error. */
void metrics_write_outcomes(struct buf *out, const char *name, const char *help, uint64_t ok,
                            uint64_t failed);

/* metrics_fleet.c: the view of the fleet, and its subscribers. */
void api_write_fleet_metrics(struct buf *out, const struct api_view *view, const struct api_context *context);

#endif
