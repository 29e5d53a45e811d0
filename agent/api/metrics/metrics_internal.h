/* The parts of api/metrics: metrics.c, metrics_leader.c (leadership), metrics_placement.c (placements and reservations),
 * metrics_sessions.c, metrics_audit.c and metrics_websockets.c. */
#ifndef OUTRIDER_API_METRICS_METRICS_INTERNAL_H
#define OUTRIDER_API_METRICS_METRICS_INTERNAL_H

#include "outrider/codec/text/prometheus.h"

struct api_context;
struct api_histogram;
struct api_view;
struct buf;

/* A family of one sample without labels. */
struct sample {
    const char *name;
    enum prometheus_type type;
    const char *help;
    int64_t value;
    bool is_us; /* in us, written in seconds */
};

#define SAMPLE(type, name, help, value, is_us) ((struct sample){name, type, help, (int64_t)(value), is_us})
#define COUNTER(name, help, value) SAMPLE(PROMETHEUS_COUNTER, name, help, value, false)
#define GAUGE(name, help, value) SAMPLE(PROMETHEUS_GAUGE, name, help, value, false)
#define SECONDS_COUNTER(name, help, us) SAMPLE(PROMETHEUS_COUNTER, name, help, us, true)
#define SECONDS_GAUGE(name, help, us) SAMPLE(PROMETHEUS_GAUGE, name, help, us, true)

#define LABEL(key, text) ((struct prometheus_label){(key), str_of(text)})

/* Appends families of one sample each. */
void metrics_write(struct buf *out, const struct sample *samples, size_t count);

/* Appends placements that were asked for, and reservations. */
void metrics_write_placement(struct buf *out, const struct api_context *context, const struct api_view *view);

/* Appends what this agent stands for, and who leads which scope where it watches that. */
void metrics_write_leadership(struct buf *out, const struct api_view *view);

/* Appends how the runs of hooks ended. */
void metrics_write_drains(struct buf *out, const struct api_view *view);
void metrics_write_hooks(struct buf *out, const struct api_view *view);

/* Appends the commands that the agent sends, where it may, and those to the own server, where it takes some. */
void metrics_write_commands(struct buf *out, const struct api_view *view);

/* Appends one series of a family of durations. */
void metrics_histogram(struct buf *out, const char *name, struct prometheus_label label,
                       const struct api_histogram *histogram);

/* Appends the families of WebSockets. */
void metrics_websockets(struct buf *out, const struct api_context *context);

/* Appends how many watch keys, where http.keys lets them. */
void metrics_key_watches(struct buf *out, const struct api_context *context);

/* Appends a counter of what went well and what failed. */
void metrics_outcomes(struct buf *out, const char *name, const char *help, uint64_t ok, uint64_t failed);

/* Appends the families of the history, where the agent keeps one. */
void metrics_history(struct buf *out, const struct api_view *view);

/* Appends the families of the audit, where the agent keeps one. */
void metrics_audit(struct buf *out, const struct api_view *view);

/* Appends the families of sessions, where the agent keeps any. */
void metrics_sessions(struct buf *out, const struct api_view *view);

/* Appends the families of DNS, where the agent serves it. */
void metrics_dns(struct buf *out, const struct api_view *view);

#endif
