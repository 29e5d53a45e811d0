#include "outrider/codec/text/prometheus.h"

#include "outrider/base/buf.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBER_SIZE = 32 };

/* HELP text escapes backslash and line feed, label values the quote as well. */
static void add_escaped(struct buf *out, struct str text, bool quotes)
{
    size_t start = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '\\' || c == '\n' || (quotes && c == '"')) {
            buf_add(out, text.data + start, i - start);
            buf_add(out, (const char[]){'\\', c == '\n' ? 'n' : c}, 2);
            start = i + 1;
        }
    }
    if (start < text.size) {
        buf_add(out, text.data + start, text.size - start);
    }
}

static void add_label(struct buf *out, char before, const char *name, struct str value)
{
    buf_printf(out, "%c%s=\"", before, name);
    add_escaped(out, value, true);
    buf_str(out, STR("\""));
}

/* Writes a sample up to its value. `le` is NULL except for buckets. */
static void begin_sample(struct buf *out, const char *name, const char *suffix,
                         const struct prometheus_label *labels, size_t count, const char *le)
{
    buf_printf(out, "%s%s", name, suffix);
    for (size_t i = 0; i < count; i++) {
        add_label(out, i == 0 ? '{' : ',', labels[i].name, labels[i].value);
    }
    if (le != NULL) {
        add_label(out, count == 0 ? '{' : ',', "le", str_of(le));
    }
    buf_str(out, count > 0 || le != NULL ? STR("} ") : STR(" "));
}

/* The shortest form that reads back as the same number: 0.1 stays 0.1. */
static const char *format_double(double value, char out[static NUMBER_SIZE])
{
    if (isnan(value)) {
        return "NaN";
    }
    if (isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, NUMBER_SIZE, "%.*g", digits, value);
        double back = strtod(out, NULL);
        if (back >= value && back <= value) {
            break;
        }
    }
    return out;
}

void prometheus_family(struct buf *out, const char *name, enum prometheus_type type, const char *help)
{
    static const char *const types[] = {
        [PROMETHEUS_COUNTER] = "counter", [PROMETHEUS_GAUGE] = "gauge", [PROMETHEUS_HISTOGRAM] = "histogram"};
    buf_printf(out, "# HELP %s ", name);
    add_escaped(out, str_of(help), false);
    buf_printf(out, "\n# TYPE %s %s\n", name, types[type]);
}

void prometheus_int(struct buf *out, const char *name, const struct prometheus_label *labels, size_t count,
                    int64_t value)
{
    begin_sample(out, name, "", labels, count, NULL);
    buf_printf(out, "%" PRId64 "\n", value);
}

void prometheus_double(struct buf *out, const char *name, const struct prometheus_label *labels, size_t count,
                       double value)
{
    char number[NUMBER_SIZE];
    begin_sample(out, name, "", labels, count, NULL);
    buf_printf(out, "%s\n", format_double(value, number));
}

void prometheus_histogram(struct buf *out, const char *name, const struct prometheus_label *labels,
                          size_t count, const struct prometheus_histogram *histogram)
{
    char number[NUMBER_SIZE];
    uint64_t total = 0;
    for (size_t i = 0; i <= histogram->bound_count; i++) {
        bool last = i == histogram->bound_count;
        total += histogram->counts[i];
        begin_sample(out, name, "_bucket", labels, count,
                     last ? "+Inf" : format_double(histogram->bounds[i], number));
        buf_printf(out, "%" PRIu64 "\n", total);
    }
    begin_sample(out, name, "_sum", labels, count, NULL);
    buf_printf(out, "%s\n", format_double(histogram->sum, number));
    begin_sample(out, name, "_count", labels, count, NULL);
    buf_printf(out, "%" PRIu64 "\n", total);
}
