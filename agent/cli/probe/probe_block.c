/* The block of YAML that gives the same probe in the file of an agent. */
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/settings.h"
#include "probe_internal.h"

#include <ctype.h>
#include <stdlib.h>

/* Only what no reader of YAML takes for anything but text. */
static bool is_plain(struct str text)
{
    bool plain = text.size > 0 && (isalnum((unsigned char)text.data[0]) || text.data[0] == '/') &&
                 !str_eq_nocase(text, STR("null"));
    for (size_t i = 0; plain && i < text.size; i++) {
        plain = isalnum((unsigned char)text.data[i]) || strchr("_./-", text.data[i]) != NULL;
    }
    return plain;
}

void probe_block_text(struct str value, struct buf *out)
{
    if (is_plain(value)) {
        buf_str(out, value);
        return;
    }
    struct buf doubled = {0};
    for (size_t i = 0; i < value.size; i++) {
        buf_add(&doubled, "$$", value.data[i] == '$' ? 2 : 0);
        buf_add(&doubled, &value.data[i], value.data[i] == '$' ? 0 : 1);
    }
    struct json_writer json = {.out = out};
    json_write_string(&json, buf_view(&doubled)); /* a string of JSON is one of YAML */
    buf_fini(&doubled);
}

/* ---- values ---- */

#define VALUE(type, base, offset) (*(type const *)(const void *)((const char *)(base) + (offset)))

static void add_strings(char *const *items, size_t count, struct buf *out)
{
    buf_printf(out, "[");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s", i == 0 ? "" : ", ");
        probe_block_text(str_of(items[i]), out);
    }
    buf_printf(out, "]");
}

/* A mapping, or a list of the names where they have no values. */
static void add_labels(const struct config_label *labels, size_t count, struct buf *out)
{
    bool named = count > 0 && labels[0].value[0] != '\0';
    buf_printf(out, "%s", named ? "{" : "[");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s", i == 0 ? "" : ", ");
        probe_block_text(str_of(labels[i].name), out);
        if (named) {
            buf_printf(out, ": ");
            probe_block_text(str_of(labels[i].value), out);
        }
    }
    buf_printf(out, "%s", named ? "}" : "]");
}

static void add_value(const struct setting *row, const struct config_probe *probe, struct buf *out)
{
    char duration[24];
    size_t count = row->count_offset == 0 ? 1 : VALUE(size_t, probe, row->count_offset);
    const void *value = (const char *)probe + row->offset;
    switch (row->type) {
    case SETTING_BOOL: buf_printf(out, "%s", *(const bool *)value ? "true" : "false"); break;
    case SETTING_DURATION: buf_printf(out, "%s", duration_format(*(const int64_t *)value, duration)); break;
    case SETTING_INTEGER: buf_uint(out, *(const uint32_t *)value); break;
    case SETTING_PORT: buf_uint(out, *(const uint16_t *)value); break;
    case SETTING_ENUM: buf_printf(out, "%s", row->choices[*(const unsigned *)value]); break;
    case SETTING_STRINGS: add_strings(value, count, out); break;
    case SETTING_LABELS: add_labels(value, count, out); break;
    case SETTING_FACTS:
        if (count == 0) {
            buf_printf(out, "false");
        } else {
            add_labels(value, count, out);
        }
        break;
    case SETTING_SIZE:
    case SETTING_MODE:
    case SETTING_PORTS:
    case SETTING_PROBES:
    case SETTING_CANDIDACIES:
    case SETTING_HOOKS: /* no key of a probe has such a value */
    case SETTING_STRING: probe_block_text(str_of(*(char *const *)value), out); break;
    }
}

/* ---- the block ---- */

/* A probe as the file has it: `localhost` is the default, and so is a timeout that was long enough. */
static void make_written(const struct probe_line *line, int64_t took_us, struct config_probe *ret)
{
    enum { STEP_MS = 100 };
    struct config_probe plain = {0};
    settings_defaults(&settings_of_probe, &plain);
    settings_copy(&settings_of_probe, &line->probe, ret);
    if (ret->host != NULL && strcmp(ret->host, "localhost") == 0) {
        free(ret->host);
        ret->host = NULL;
    }
    if (!line->timeout_given) {
        int64_t twice = 2 * took_us / 1000;
        ret->timeout_ms = twice <= plain.timeout_ms ? plain.timeout_ms : (twice / STEP_MS + 1) * STEP_MS;
    }
    if (!line->interval_given && !line->timeout_given) {
        ret->interval_ms = ret->timeout_ms < plain.interval_ms ? plain.interval_ms : 2 * ret->timeout_ms;
    }
    config_probe_fini(&plain);
}

/* The keys below `tls`, in braces of their own. */
static void add_tls(const struct config_probe *probe, const struct config_probe *plain, struct buf *out)
{
    const char *before = "";
    buf_printf(out, ", tls: {");
    for (size_t i = 0; i < settings_of_probe.count; i++) {
        const struct setting *row = &settings_of_probe.rows[i];
        if (strncmp(row->path, "tls.", 4) == 0 && !setting_equal(row, probe, plain)) {
            buf_printf(out, "%s%s: ", before, row->path + 4);
            add_value(row, probe, out);
            before = ", ";
        }
    }
    buf_printf(out, "}");
}

void probe_block(const struct probe_line *line, int64_t took_us, struct buf *out)
{
    struct config_probe plain = {0}, written = {0};
    settings_defaults(&settings_of_probe, &plain);
    make_written(line, took_us, &written);
    buf_printf(out, "probes:\n  - {");
    const char *before = "";
    for (size_t i = 0; i < settings_of_probe.count; i++) {
        const struct setting *row = &settings_of_probe.rows[i];
        bool is_type = strcmp(row->path, "type") == 0;
        if (strchr(row->path, '.') == NULL && (is_type || !setting_equal(row, &written, &plain))) {
            buf_printf(out, "%s%s: ", before, row->path);
            add_value(row, &written, out);
            before = ", ";
        }
    }
    if (written.tls.given) {
        add_tls(&written, &plain, out);
    }
    buf_printf(out, "}\n");
    config_probe_fini(&written);
    config_probe_fini(&plain);
}
