/* From text to a value. Messages complete the sentence that begins with the path: "registry.ttl: `10` has no
 * unit". */
#include "settings_internal.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void set_flag(const struct setting *row, void *base, bool value)
{
    if (row->flag_offset != 0) {
        *SETTING_FIELD(bool, base, row->flag_offset) = value;
    }
}

const char *setting_wants(const struct setting *row)
{
    switch (row->type) {
    case SETTING_BOOL: return "true or false";
    case SETTING_DURATION: return "a duration such as 500ms, 10s, 5m or 1h";
    case SETTING_INTEGER: return "a whole number";
    case SETTING_PORT: return "a port from 1 to 65535";
    case SETTING_MODE: return "an octal mode such as \"0660\"";
    case SETTING_STRING: return "text";
    case SETTING_ENUM: return "a word";
    case SETTING_PORTS: return "a list of ports, or dynamic";
    case SETTING_STRINGS: return "a list";
    case SETTING_LABELS: return "a mapping of names to values";
    case SETTING_PROBES: return "a list of probes";
    }
    return "";
}

static int not_wanted(const struct setting *row, struct str text, struct error *err)
{
    char what[96];
    snprintf(what, sizeof(what), "is not %s", setting_wants(row));
    return settings_wrong(err, text, what);
}

static int out_of_range(const char *low, const char *high, bool zero, struct str text, struct error *err)
{
    char what[96];
    snprintf(what, sizeof(what), "is out of range: from %s to %s%s", low, high, zero ? ", or 0s" : "");
    return settings_wrong(err, text, what);
}

static int parse_bool(const struct setting *row, void *base, struct str text, struct error *err)
{
    bool yes = str_eq(text, STR("true")) || str_eq(text, STR("True")) || str_eq(text, STR("TRUE"));
    bool no = str_eq(text, STR("false")) || str_eq(text, STR("False")) || str_eq(text, STR("FALSE"));
    if (!yes && !no) {
        return not_wanted(row, text, err);
    }
    *SETTING_FIELD(bool, base, row->offset) = yes;
    return 0;
}

static int parse_duration(const struct setting *row, void *base, struct str text, struct error *err)
{
    int64_t ms;
    uint64_t bare;
    if ((row->flags & SETTING_AUTO) != 0 && str_eq(text, STR("auto"))) {
        ms = 0;
    } else if (str_to_u64(text, UINT64_MAX, &bare) == 0) {
        return settings_wrong(err, text, "has no unit: write it as 500ms, 10s, 5m or 1h");
    } else if (duration_parse(text, &ms) < 0) {
        return not_wanted(row, text, err);
    } else if ((ms < row->min || ms > row->max) && !(ms == 0 && (row->flags & SETTING_ZERO) != 0)) {
        char low[24], high[24];
        return out_of_range(duration_format(row->min, low), duration_format(row->max, high),
                            (row->flags & SETTING_ZERO) != 0, text, err);
    }
    *SETTING_FIELD(int64_t, base, row->offset) = ms;
    return 0;
}

static int parse_integer(const struct setting *row, void *base, struct str text, struct error *err)
{
    int64_t value;
    if (str_to_i64(text, &value) < 0) {
        return not_wanted(row, text, err);
    }
    if (value < row->min || value > row->max) {
        char low[24], high[24];
        snprintf(low, sizeof(low), "%" PRId64, row->min);
        snprintf(high, sizeof(high), "%" PRId64, row->max);
        return out_of_range(low, high, false, text, err);
    }
    *SETTING_FIELD(uint32_t, base, row->offset) = (uint32_t)value;
    return 0;
}

static int parse_port(const struct setting *row, struct str text, uint16_t *ret_port, struct error *err)
{
    uint64_t port;
    bool word = text.size > 0 && (text.data[0] < '0' || text.data[0] > '9');
    if (row->type == SETTING_PORTS && str_eq(text, STR("dynamic"))) {
        return settings_wrong(err, text, "replaces the list and cannot be an item of it");
    }
    if (str_to_u64(text, UINT16_MAX, &port) < 0 || port == 0) {
        return settings_wrong(err, text,
                              row->type == SETTING_PORTS && word
                                  ? "is not a port from 1 to 65535, nor the word dynamic"
                                  : "is not a port from 1 to 65535");
    }
    *ret_port = (uint16_t)port;
    return 0;
}

static int parse_mode(const struct setting *row, void *base, struct str text, struct error *err)
{
    unsigned mode = 0;
    struct str digits = str_starts(text, STR("0o")) ? (struct str){text.data + 2, text.size - 2} : text;
    bool fits = digits.size > 0 && digits.size <= 6;
    for (size_t i = 0; fits && i < digits.size; i++) {
        fits = digits.data[i] >= '0' && digits.data[i] <= '7';
        mode = mode * 8 + (unsigned)(digits.data[i] - '0');
    }
    if (!fits) {
        return not_wanted(row, text, err);
    }
    if (mode > (unsigned)row->max) {
        return settings_wrong(err, text, "is more than the permissions 0777");
    }
    *SETTING_FIELD(unsigned, base, row->offset) = mode;
    return 0;
}

static int parse_string(const struct setting *row, void *base, struct str text, struct error *err)
{
    if (row->shape != NULL && row->shape(text, err) < 0) {
        return -1;
    }
    char **field = SETTING_FIELD(char *, base, row->offset);
    char *copy = mem_copy(text.data, text.size);
    free(*field);
    *field = copy;
    return 0;
}

static int parse_enum(const struct setting *row, void *base, struct str text, struct error *err)
{
    char what[96] = "is not one of:";
    for (unsigned i = 0; row->choices[i] != NULL; i++) {
        if (str_eq(text, str_of(row->choices[i]))) {
            *SETTING_FIELD(unsigned, base, row->offset) = i;
            return 0;
        }
        size_t used = strlen(what);
        snprintf(what + used, sizeof(what) - used, "%s %s", i == 0 ? "" : ",", row->choices[i]);
    }
    return settings_wrong(err, text, what);
}

static int parse_label(const struct setting *row, void *base, struct str item, struct error *err)
{
    struct str value, name = str_split(item, '=', &value);
    if (name.size == item.size) {
        return settings_wrong(err, item, "is not NAME=VALUE");
    }
    return setting_label_add(row, base, str_trim(name), str_trim(value), err);
}

static int parse_list(const struct setting *row, void *base, struct str text, struct error *err)
{
    setting_list_begin(row, base);
    if (row->type == SETTING_PORTS && str_eq(str_trim(text), STR("dynamic"))) {
        set_flag(row, base, true);
        return 0;
    }
    /* The environment has only text: this is its empty list. */
    if (str_eq(text, STR("[]")) || str_eq(text, STR("{}"))) {
        return setting_list_end(row, base, err);
    }
    while (text.size > 0) {
        struct str item = str_trim(str_split(text, ',', &text));
        if (item.size == 0) {
            continue;
        }
        int result = row->type == SETTING_LABELS ? parse_label(row, base, item, err)
                                                 : setting_list_add(row, base, item, err);
        if (result < 0) {
            return -1;
        }
    }
    return setting_list_end(row, base, err);
}

int setting_parse(const struct setting *row, void *base, struct str text, struct error *err)
{
    int result = -1;
    switch (row->type) {
    case SETTING_BOOL: result = parse_bool(row, base, text, err); break;
    case SETTING_DURATION: result = parse_duration(row, base, text, err); break;
    case SETTING_INTEGER: result = parse_integer(row, base, text, err); break;
    case SETTING_PORT: return parse_port(row, text, SETTING_FIELD(uint16_t, base, row->offset), err);
    case SETTING_MODE: result = parse_mode(row, base, text, err); break;
    case SETTING_STRING: result = parse_string(row, base, text, err); break;
    case SETTING_ENUM: result = parse_enum(row, base, text, err); break;
    case SETTING_PORTS:
    case SETTING_STRINGS:
    case SETTING_LABELS: return parse_list(row, base, text, err);
    case SETTING_PROBES:
        if (!str_eq(text, STR("[]"))) {
            return not_wanted(row, text, err);
        }
        setting_list_begin(row, base);
        return 0;
    }
    if (result == 0) {
        /* "auto" names no directory. */
        set_flag(row, base, row->type != SETTING_STRING || !str_eq(text, STR("auto")));
    }
    return result;
}

int setting_parse_null(const struct setting *row, void *base, struct error *err)
{
    if ((row->flags & SETTING_NULLABLE) == 0) {
        if (row->fallback != NULL) {
            return error_set(err, ERROR_INVALID, "cannot be null: remove the key for the default %s",
                             row->fallback);
        }
        return error_set(err, ERROR_INVALID, "cannot be null: want %s", setting_wants(row));
    }
    setting_clear(row, base);
    return 0;
}

void setting_list_begin(const struct setting *row, void *base)
{
    setting_clear(row, base);
    set_flag(row, base, row->type == SETTING_PROBES);
}

static int too_many(const struct setting *row, struct error *err)
{
    return error_set(err, ERROR_LIMIT, "has too many items: at most %" PRId64 " are allowed", row->max);
}

static int add_port(const struct setting *row, void *base, struct str item, struct error *err)
{
    uint16_t *ports = SETTING_FIELD(uint16_t, base, row->offset), port;
    size_t *count = setting_count(row, base);
    if (parse_port(row, item, &port, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < *count; i++) {
        if (ports[i] == port) {
            return settings_wrong(err, item, "is listed twice");
        }
    }
    ports[(*count)++] = port;
    return 0;
}

static int add_string(const struct setting *row, void *base, struct str item, struct error *err)
{
    char **texts = SETTING_FIELD(char *, base, row->offset);
    size_t *count = setting_count(row, base);
    if (row->shape != NULL && row->shape(item, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < *count; i++) {
        if (str_eq(str_of(texts[i]), item)) {
            return settings_wrong(err, item, "is listed twice");
        }
    }
    texts[(*count)++] = mem_copy(item.data, item.size);
    return 0;
}

int setting_list_add(const struct setting *row, void *base, struct str item, struct error *err)
{
    if (*setting_count(row, base) >= (size_t)row->max) {
        return too_many(row, err);
    }
    return row->type == SETTING_PORTS ? add_port(row, base, item, err) : add_string(row, base, item, err);
}

int setting_label_add(const struct setting *row, void *base, struct str name, struct str value,
                      struct error *err)
{
    struct config_label *labels = SETTING_FIELD(struct config_label, base, row->offset);
    size_t *count = setting_count(row, base);
    if (shape_name(name, err) < 0 || row->shape(value, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < *count; i++) {
        if (str_eq(str_of(labels[i].name), name)) {
            return settings_wrong(err, name, "is listed twice");
        }
    }
    if (*count >= (size_t)row->max) {
        return too_many(row, err);
    }
    labels[(*count)++] =
        (struct config_label){mem_copy(name.data, name.size), mem_copy(value.data, value.size)};
    return 0;
}

struct config_probe *setting_probe_add(const struct setting *row, struct config *config, struct error *err)
{
    if (config->probe_count >= (size_t)row->max) {
        (void)too_many(row, err);
        return NULL;
    }
    struct config_probe *probe = &config->probes[config->probe_count++];
    settings_probe_defaults(probe);
    return probe;
}

int setting_list_end(const struct setting *row, const void *base, struct error *err)
{
    if (*SETTING_FIELD_CONST(size_t, base, row->count_offset) < (size_t)row->min) {
        return error_set(err, ERROR_INVALID, "is empty: want %s", setting_wants(row));
    }
    return 0;
}

static void set_defaults(const struct setting *rows, size_t count, void *base)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = rows[i].fallback;
        struct error err;
        if (text == NULL || strcmp(text, "null") == 0) {
            continue; /* as zeroed memory has it */
        }
        if (setting_parse(&rows[i], base, str_of(text), &err) < 0) {
            abort(); /* the table contradicts itself */
        }
    }
}

void settings_defaults(struct config *config)
{
    size_t count;
    const struct setting *rows = settings_rows(&count);
    set_defaults(rows, count, config);
}

void settings_probe_defaults(struct config_probe *probe)
{
    size_t count;
    const struct setting *rows = settings_probe_rows(&count);
    set_defaults(rows, count, probe);
}
