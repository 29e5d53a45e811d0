/* One function for each thing that can be done to a setting; what differs by type is a row of `types`. */
#include "settings_internal.h"

#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"

#include <stdlib.h>

static size_t count_in(const struct setting *row, const void *base)
{
    return *SETTING_FIELD_CONST(size_t, base, row->count_offset);
}

static bool flag_in(const struct setting *row, const void *base)
{
    return row->flag_offset != 0 && *SETTING_FIELD_CONST(bool, base, row->flag_offset);
}

static bool text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void setting_clear(const struct setting *row, void *base)
{
    char **texts = SETTING_FIELD(char *, base, row->offset);
    struct config_label *labels = SETTING_FIELD(struct config_label, base, row->offset);
    struct config_probe *probes = SETTING_FIELD(struct config_probe, base, row->offset);
    size_t count = row->count_offset == 0 ? 0 : count_in(row, base);
    if (row->type == SETTING_STRING) {
        free(*texts);
        *texts = NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (row->type == SETTING_STRINGS) {
            free(texts[i]);
            texts[i] = NULL;
        } else if (row->type == SETTING_LABELS) {
            free(labels[i].name);
            free(labels[i].value);
            labels[i] = (struct config_label){0};
        } else if (row->type == SETTING_PROBES) {
            config_probe_fini(&probes[i]);
        }
    }
    if (row->count_offset != 0) {
        *setting_count(row, base) = 0;
    }
    if (row->flag_offset != 0) {
        *SETTING_FIELD(bool, base, row->flag_offset) = false;
    }
}

static bool items_equal(const struct setting *row, const void *a, const void *b)
{
    size_t count = count_in(row, a);
    if (count != count_in(row, b)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool same = true;
        if (row->type == SETTING_PORTS) {
            same = SETTING_FIELD_CONST(uint16_t, a, row->offset)[i] ==
                   SETTING_FIELD_CONST(uint16_t, b, row->offset)[i];
        } else if (row->type == SETTING_STRINGS) {
            same = text_equal(SETTING_FIELD_CONST(char *, a, row->offset)[i],
                              SETTING_FIELD_CONST(char *, b, row->offset)[i]);
        } else if (row->type == SETTING_LABELS) {
            const struct config_label *left = &SETTING_FIELD_CONST(struct config_label, a, row->offset)[i];
            const struct config_label *right = &SETTING_FIELD_CONST(struct config_label, b, row->offset)[i];
            same = text_equal(left->name, right->name) && text_equal(left->value, right->value);
        } else {
            same = config_probe_equal(&SETTING_FIELD_CONST(struct config_probe, a, row->offset)[i],
                                      &SETTING_FIELD_CONST(struct config_probe, b, row->offset)[i]);
        }
        if (!same) {
            return false;
        }
    }
    return true;
}

/* Size of a value that is plain memory; 0 for text and lists. */
static size_t plain_size(const struct setting *row)
{
    switch (row->type) {
    case SETTING_BOOL: return sizeof(bool);
    case SETTING_DURATION: return sizeof(int64_t);
    case SETTING_INTEGER:
    case SETTING_MODE:
    case SETTING_ENUM: return sizeof(unsigned);
    case SETTING_PORT: return sizeof(uint16_t);
    case SETTING_STRING:
    case SETTING_PORTS:
    case SETTING_STRINGS:
    case SETTING_LABELS:
    case SETTING_PROBES: break;
    }
    return 0;
}

bool setting_equal(const struct setting *row, const void *a, const void *b)
{
    if (flag_in(row, a) != flag_in(row, b)) {
        return false;
    }
    if (row->type == SETTING_STRING) {
        return text_equal(*SETTING_FIELD_CONST(char *, a, row->offset),
                          *SETTING_FIELD_CONST(char *, b, row->offset));
    }
    if (row->count_offset != 0) {
        return items_equal(row, a, b);
    }
    return memcmp(SETTING_FIELD_CONST(char, a, row->offset), SETTING_FIELD_CONST(char, b, row->offset),
                  plain_size(row)) == 0;
}

static void copy_probe(const struct config_probe *from, struct config_probe *to)
{
    *to = *from;
    to->name = mem_strdup(from->name);
    to->path = mem_strdup(from->path);
}

static void copy_items(const struct setting *row, const void *from, void *to)
{
    size_t count = count_in(row, from);
    for (size_t i = 0; i < count; i++) {
        if (row->type == SETTING_PORTS) {
            SETTING_FIELD(uint16_t, to, row->offset)[i] = SETTING_FIELD_CONST(uint16_t, from, row->offset)[i];
        } else if (row->type == SETTING_STRINGS) {
            SETTING_FIELD(char *, to, row->offset)
            [i] = mem_strdup(SETTING_FIELD_CONST(char *, from, row->offset)[i]);
        } else if (row->type == SETTING_LABELS) {
            const struct config_label *label =
                &SETTING_FIELD_CONST(struct config_label, from, row->offset)[i];
            SETTING_FIELD(struct config_label, to, row->offset)
            [i] = (struct config_label){mem_strdup(label->name), mem_strdup(label->value)};
        } else {
            copy_probe(&SETTING_FIELD_CONST(struct config_probe, from, row->offset)[i],
                       &SETTING_FIELD(struct config_probe, to, row->offset)[i]);
        }
    }
    *setting_count(row, to) = count;
}

void setting_copy(const struct setting *row, const void *from, void *to)
{
    if (from == to) {
        return;
    }
    setting_clear(row, to);
    if (row->type == SETTING_STRING) {
        *SETTING_FIELD(char *, to, row->offset) = mem_strdup(*SETTING_FIELD_CONST(char *, from, row->offset));
    } else if (row->count_offset != 0) {
        copy_items(row, from, to);
    } else {
        memcpy(SETTING_FIELD(char, to, row->offset), SETTING_FIELD_CONST(char, from, row->offset),
               plain_size(row));
    }
    if (row->flag_offset != 0) {
        *SETTING_FIELD(bool, to, row->flag_offset) = flag_in(row, from);
    }
}

bool setting_is_set(const struct setting *row, const void *base)
{
    if (row->type == SETTING_STRING) {
        return *SETTING_FIELD_CONST(char *, base, row->offset) != NULL;
    }
    if (row->type == SETTING_PORT) {
        return *SETTING_FIELD_CONST(uint16_t, base, row->offset) != 0;
    }
    return flag_in(row, base) || row->count_offset == 0 || count_in(row, base) > 0;
}

size_t config_diff(const struct config *a, const struct config *b,
                   const struct setting *ret_rows[static SETTINGS_MAX])
{
    size_t total, count = 0;
    const struct setting *rows = settings_rows(&total);
    for (size_t i = 0; i < total; i++) {
        bool derived = rows[i].type == SETTING_PROBES && !a->probes_given && !b->probes_given;
        if (!derived && !setting_equal(&rows[i], a, b)) {
            ret_rows[count++] = &rows[i];
        }
    }
    return count;
}

void config_keep(struct config *fresh, const struct config *running)
{
    size_t total;
    const struct setting *rows = settings_rows(&total);
    for (size_t i = 0; i < total; i++) {
        if ((rows[i].flags & SETTING_RELOADABLE) == 0) {
            setting_copy(&rows[i], running, fresh);
        }
    }
}
