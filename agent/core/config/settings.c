/* What can be done to a setting: what differs by type is a row of `types`. Messages complete the sentence that
 * begins with the path: "registry.ttl: `10` has no unit". */
#include "settings_internal.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The value of a row as a typed field; the caller knows which type the row has. */
#define FIELD(type, base, offset) ((type *)(void *)((char *)(base) + (offset)))
#define FIELD_CONST(type, base, offset) ((type const *)(const void *)((const char *)(base) + (offset)))

/* A value of its own, or one item of a list. */
struct value_type {
    const char *wants; /* see setting_wants() */
    size_t size;
    /* Writes the value that `text` stands for. Returns 0; or -1 with `err` set and the old value in place. */
    int (*parse)(const struct setting *row, void *value, struct str text, struct error *err);
    /* NULL: it is plain memory. `copy` writes to zeroed memory. */
    void (*clear)(void *value);
    bool (*equal)(const void *a, const void *b);
    void (*copy)(const void *from, void *to);
    const struct settings
        *entries; /* each item is one of these, and the list is allocated; NULL: no settings of its own */
};

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

static int parse_bool(const struct setting *row, void *value, struct str text, struct error *err)
{
    bool yes = str_eq(text, STR("true")) || str_eq(text, STR("True")) || str_eq(text, STR("TRUE"));
    bool no = str_eq(text, STR("false")) || str_eq(text, STR("False")) || str_eq(text, STR("FALSE"));
    if (!yes && !no) {
        return not_wanted(row, text, err);
    }
    *(bool *)value = yes;
    return 0;
}

static bool is_auto(const struct setting *row, struct str text)
{
    return (row->flags & SETTING_AUTO) != 0 && str_eq(text, STR("auto"));
}

static int parse_duration(const struct setting *row, void *value, struct str text, struct error *err)
{
    int64_t ms;
    uint64_t bare;
    bool zero = (row->flags & SETTING_ZERO) != 0;
    if (is_auto(row, text)) {
        ms = 0;
    } else if (str_to_u64(text, UINT64_MAX, &bare) == 0) {
        return settings_wrong(err, text, "has no unit: write it as 500ms, 10s, 5m or 1h");
    } else if (duration_parse(text, &ms) < 0) {
        return not_wanted(row, text, err);
    } else if ((ms < row->min || ms > row->max) && !(ms == 0 && zero)) {
        char low[24], high[24];
        return out_of_range(duration_format(row->min, low), duration_format(row->max, high), zero, text, err);
    }
    *(int64_t *)value = ms;
    return 0;
}

static int parse_integer(const struct setting *row, void *value, struct str text, struct error *err)
{
    int64_t number;
    if (str_to_i64(text, &number) < 0) {
        return not_wanted(row, text, err);
    }
    if (number < row->min || number > row->max) {
        char low[24], high[24];
        snprintf(low, sizeof(low), "%" PRId64, row->min);
        snprintf(high, sizeof(high), "%" PRId64, row->max);
        return out_of_range(low, high, false, text, err);
    }
    *(uint32_t *)value = (uint32_t)number;
    return 0;
}

static int parse_port(const struct setting *row, void *value, struct str text, struct error *err)
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
    *(uint16_t *)value = (uint16_t)port;
    return 0;
}

static int parse_enum(const struct setting *row, void *value, struct str text, struct error *err)
{
    char what[96] = "is not one of:";
    for (unsigned i = 0; row->choices[i] != NULL; i++) {
        if (str_eq(text, str_of(row->choices[i]))) {
            *(unsigned *)value = i;
            return 0;
        }
        size_t used = strlen(what);
        snprintf(what + used, sizeof(what) - used, "%s %s", i == 0 ? "" : ",", row->choices[i]);
    }
    return settings_wrong(err, text, what);
}

static int parse_text(const struct setting *row, void *value, struct str text, struct error *err)
{
    if (!is_auto(row, text) && row->shape(text, err) < 0) {
        return -1;
    }
    char **field = value, *copy = mem_copy(text.data, text.size);
    free(*field);
    *field = copy;
    return 0;
}

static void clear_text(void *value)
{
    free(*(char **)value);
}

static bool equal_text(const void *a, const void *b)
{
    const char *left = *(char *const *)a, *right = *(char *const *)b;
    return left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
}

static void copy_text(const void *from, void *to)
{
    *(char **)to = mem_strdup(*(char *const *)from);
}

static void clear_label(void *value)
{
    struct config_label *label = value;
    free(label->name);
    free(label->value);
}

static bool equal_label(const void *a, const void *b)
{
    const struct config_label *left = a, *right = b;
    return equal_text(&left->name, &right->name) && equal_text(&left->value, &right->value);
}

static void copy_label(const void *from, void *to)
{
    const struct config_label *label = from;
    *(struct config_label *)to = (struct config_label){mem_strdup(label->name), mem_strdup(label->value)};
}

/* A name without a value. */
static int parse_fact(const struct setting *row, void *value, struct str text, struct error *err)
{
    if (row->named(text, err) < 0) {
        return -1;
    }
    *(struct config_label *)value = (struct config_label){mem_copy(text.data, text.size), mem_strdup("")};
    return 0;
}

static const struct value_type types[] = {
    [SETTING_BOOL] = {"true or false", sizeof(bool), .parse = parse_bool},
    [SETTING_DURATION] = {"a duration such as 500ms, 10s, 5m or 1h", sizeof(int64_t),
                          .parse = parse_duration},
    [SETTING_SIZE] = {"a size such as 512kB, 64MB or 1GB", sizeof(int64_t), .parse = settings_parse_size},
    [SETTING_INTEGER] = {"a whole number", sizeof(uint32_t), .parse = parse_integer},
    [SETTING_PORT] = {"a port from 1 to 65535", sizeof(uint16_t), .parse = parse_port},
    [SETTING_MODE] = {"an octal mode such as \"0660\"", sizeof(unsigned), .parse = settings_parse_mode},
    [SETTING_STRING] = {"text", sizeof(char *), parse_text, clear_text, equal_text, copy_text},
    [SETTING_ENUM] = {"a word", sizeof(unsigned), .parse = parse_enum},
    [SETTING_PORTS] = {"a list of ports, or dynamic", sizeof(uint16_t), .parse = parse_port},
    [SETTING_STRINGS] = {"a list", sizeof(char *), parse_text, clear_text, equal_text, copy_text},
    [SETTING_LABELS] = {"a mapping of names to values", sizeof(struct config_label), NULL, clear_label,
                        equal_label, copy_label},
    [SETTING_FACTS] = {"true, false, a list of names or a mapping of names to values",
                       sizeof(struct config_label), parse_fact, clear_label, equal_label, copy_label},
    [SETTING_PROBES] = {"a list of probes", sizeof(struct config_probe), .entries = &settings_of_probe},
    [SETTING_CANDIDACIES] = {"a list of scopes", sizeof(struct config_candidacy),
                             .entries = &settings_of_candidacy},
    [SETTING_HOOKS] = {"a list of hooks", sizeof(struct config_hook), .entries = &settings_of_hook},
};

const struct settings *setting_entries(const struct setting *row)
{
    return types[row->type].entries;
}

const char *setting_wants(const struct setting *row)
{
    return types[row->type].wants;
}

/* 1 for a value that is no list. */
static size_t count_in(const struct setting *row, const void *base)
{
    return row->count_offset == 0 ? 1 : *FIELD_CONST(size_t, base, row->count_offset);
}

static void set_count(const struct setting *row, void *base, size_t count)
{
    if (row->count_offset != 0) {
        *FIELD(size_t, base, row->count_offset) = count;
    }
}

/* The first item. A list of entries is allocated: they are large, and few configurations have many. */
static char *items_in(const struct setting *row, void *base)
{
    return types[row->type].entries != NULL ? *FIELD(char *, base, row->offset)
                                            : FIELD(char, base, row->offset);
}

static const char *items_of(const struct setting *row, const void *base)
{
    return types[row->type].entries != NULL ? *FIELD_CONST(char *, base, row->offset)
                                            : FIELD_CONST(char, base, row->offset);
}

/* One more item, all zeros. */
static void *add_item(const struct setting *row, void *base)
{
    const struct value_type *type = &types[row->type];
    size_t count = count_in(row, base);
    if (type->entries != NULL) {
        char **items = FIELD(char *, base, row->offset);
        *items = mem_resize(*items, count + 1, type->size);
        memset(*items + count * type->size, 0, type->size);
    }
    set_count(row, base, count + 1);
    return items_in(row, base) + count * type->size;
}

static bool flag_in(const struct setting *row, const void *base)
{
    return row->flag_offset != 0 && *FIELD_CONST(bool, base, row->flag_offset);
}

static void set_flag(const struct setting *row, void *base, bool value)
{
    if (row->flag_offset != 0) {
        *FIELD(bool, base, row->flag_offset) = value;
    }
}

static bool same(const struct value_type *type, const void *a, const void *b)
{
    if (type->entries != NULL) {
        return settings_equal(type->entries, a, b);
    }
    return type->equal != NULL ? type->equal(a, b) : memcmp(a, b, type->size) == 0;
}

static void clear_value(const struct value_type *type, void *value)
{
    if (type->entries != NULL) {
        settings_clear(type->entries, value);
    } else if (type->clear != NULL) {
        type->clear(value);
    }
}

static void copy_value(const struct value_type *type, const void *from, void *to)
{
    if (type->entries != NULL) {
        settings_copy(type->entries, from, to);
    } else if (type->copy != NULL) {
        type->copy(from, to);
    } else {
        memcpy(to, from, type->size);
    }
}

void setting_clear(const struct setting *row, void *base)
{
    const struct value_type *type = &types[row->type];
    char *values = items_in(row, base);
    size_t count = count_in(row, base);
    for (size_t i = 0; i < count; i++) {
        clear_value(type, values + i * type->size);
    }
    if (type->entries != NULL) {
        free(values);
        *FIELD(char *, base, row->offset) = NULL;
    } else {
        memset(values, 0, count * type->size);
    }
    set_count(row, base, 0);
    set_flag(row, base, false);
}

bool setting_equal(const struct setting *row, const void *a, const void *b)
{
    const struct value_type *type = &types[row->type];
    const char *left = items_of(row, a), *right = items_of(row, b);
    size_t count = count_in(row, a);
    bool equal = flag_in(row, a) == flag_in(row, b) && count == count_in(row, b);
    for (size_t i = 0; equal && i < count; i++) {
        equal = same(type, left + i * type->size, right + i * type->size);
    }
    return equal;
}

void setting_copy(const struct setting *row, const void *from, void *to)
{
    const struct value_type *type = &types[row->type];
    const char *source = items_of(row, from);
    size_t count = count_in(row, from);
    if (from == to) {
        return;
    }
    setting_clear(row, to);
    for (size_t i = 0; i < count; i++) {
        void *target = row->count_offset == 0 ? FIELD(char, to, row->offset) : add_item(row, to);
        copy_value(type, source + i * type->size, target);
    }
    set_flag(row, to, flag_in(row, from));
}

bool setting_is_set(const struct setting *row, const void *base)
{
    if (row->type == SETTING_STRING) {
        return *FIELD_CONST(char *, base, row->offset) != NULL;
    }
    return flag_in(row, base) || count_in(row, base) > 0;
}

static int parse_label(const struct setting *row, void *base, struct str item, struct error *err)
{
    struct str value, name = str_split(item, '=', &value);
    if (name.size == item.size) {
        return settings_wrong(err, item, "is not NAME=VALUE");
    }
    return setting_label_add(row, base, str_trim(name), str_trim(value), err);
}

/* A scope, with the defaults of its other settings. */
static int parse_candidacy(const struct setting *row, void *base, struct str item, struct error *err)
{
    void *entry = setting_entry_add(row, base, err);
    return entry == NULL ? -1 : setting_parse(&settings_of_candidacy.rows[0], entry, item, err);
}

static int parse_list(const struct setting *row, void *base, struct str text, struct error *err)
{
    setting_list_begin(row, base);
    if (row->type == SETTING_PORTS && str_eq(str_trim(text), STR("dynamic"))) {
        set_flag(row, base, true);
        return 0;
    }
    if (row->type == SETTING_FACTS && (str_eq(text, STR("true")) || str_eq(text, STR("false")))) {
        set_flag(row, base, str_eq(text, STR("false")));
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
        int result = row->type == SETTING_LABELS        ? parse_label(row, base, item, err)
                     : row->type == SETTING_CANDIDACIES ? parse_candidacy(row, base, item, err)
                                                        : setting_list_add(row, base, item, err);
        if (result < 0) {
            return -1;
        }
    }
    return setting_list_end(row, base, err);
}

int setting_parse(const struct setting *row, void *base, struct str text, struct error *err)
{
    if ((row->type == SETTING_PROBES || row->type == SETTING_HOOKS) && !str_eq(text, STR("[]"))) {
        return not_wanted(row, text, err);
    }
    if (row->count_offset != 0) {
        return parse_list(row, base, text, err);
    }
    if (types[row->type].parse(row, FIELD(char, base, row->offset), text, err) < 0) {
        return -1;
    }
    /* "auto" names no directory. */
    set_flag(row, base, row->type != SETTING_STRING || !str_eq(text, STR("auto")));
    return 0;
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
    set_flag(row, base, row->type == SETTING_PROBES || row->type == SETTING_FACTS);
}

static int too_many(const struct setting *row, struct error *err)
{
    return error_set(err, ERROR_LIMIT, "has too many items: at most %" PRId64 " are allowed", row->max);
}

int setting_list_add(const struct setting *row, void *base, struct str item, struct error *err)
{
    const struct value_type *type = &types[row->type];
    size_t count = count_in(row, base);
    char *values = FIELD(char, base, row->offset), *added = values + count * type->size;
    if (count >= (size_t)row->max) {
        return too_many(row, err);
    }
    if (type->parse(row, added, item, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < count && (row->flags & SETTING_REPEATS) == 0; i++) {
        if (same(type, values + i * type->size, added)) {
            if (type->clear != NULL) {
                type->clear(added);
            }
            memset(added, 0, type->size);
            return settings_wrong(err, item, "is listed twice");
        }
    }
    set_count(row, base, count + 1);
    return 0;
}

int setting_label_add(const struct setting *row, void *base, struct str name, struct str value,
                      struct error *err)
{
    struct config_label *labels = FIELD(struct config_label, base, row->offset);
    size_t count = count_in(row, base);
    setting_shape_fn *named = row->named != NULL ? row->named : shape_name;
    if (named(name, err) < 0 || row->shape(value, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_eq(str_of(labels[i].name), name)) {
            return settings_wrong(err, name, "is listed twice");
        }
    }
    if (count >= (size_t)row->max) {
        return too_many(row, err);
    }
    labels[count] = (struct config_label){mem_copy(name.data, name.size), mem_copy(value.data, value.size)};
    set_count(row, base, count + 1);
    return 0;
}

void *setting_entry_add(const struct setting *row, void *base, struct error *err)
{
    size_t count = count_in(row, base);
    if (count >= (size_t)row->max) {
        (void)too_many(row, err);
        return NULL;
    }
    void *entry = add_item(row, base);
    settings_defaults(setting_entries(row), entry);
    return entry;
}

int setting_list_end(const struct setting *row, const void *base, struct error *err)
{
    if (count_in(row, base) < (size_t)row->min) {
        return error_set(err, ERROR_INVALID, "is empty: want %s", setting_wants(row));
    }
    return 0;
}
