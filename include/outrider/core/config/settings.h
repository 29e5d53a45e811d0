/* The settings, one row each. Parsing, defaults, the comparison at a reload and the page
 * docs/configuration.md come from these rows.
 *
 * A row has the offset of its value in a base structure: struct config, or that of an entry for the keys of an
 * entry of `probes`, `leader` or `hooks`. */
#ifndef OUTRIDER_CORE_CONFIG_SETTINGS_H
#define OUTRIDER_CORE_CONFIG_SETTINGS_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct config;
struct error;

enum setting_type {
    SETTING_BOOL,     /* bool */
    SETTING_DURATION, /* int64_t, ms */
    SETTING_SIZE,     /* int64_t, bytes */
    SETTING_INTEGER,  /* uint32_t or unsigned */
    SETTING_PORT,     /* uint16_t */
    SETTING_MODE,     /* unsigned, written in octal */
    SETTING_STRING,   /* char *, NULL when unset or null */
    SETTING_ENUM,     /* an enum whose values count from 0 in the order of `choices` */
    SETTING_PORTS,    /* uint16_t[max] and a size_t count, or the word dynamic */
    SETTING_STRINGS,  /* char *[max] and a size_t count */
    SETTING_LABELS,   /* struct config_label[max] and a size_t count */
    SETTING_FACTS, /* the same, the value "" in a list of names; or a bool: true is not given, false is none */
    SETTING_PROBES,      /* struct config_probe *, allocated, and a size_t count */
    SETTING_CANDIDACIES, /* struct config_candidacy *, likewise, and a size_t count */
    SETTING_HOOKS        /* struct config_hook *, likewise, and a size_t count */
};

enum setting_flag {
    SETTING_REQUIRED = 1,   /* must be given where its section is */
    SETTING_RELOADABLE = 2, /* SIGHUP is enough; otherwise a restart is needed */
    SETTING_NULLABLE = 4,   /* null means off or none */
    SETTING_AUTO = 8,       /* the word auto is allowed; a duration keeps it as 0 */
    SETTING_ZERO = 16,      /* 0 is allowed although it is below `min` */
    SETTING_REPEATS = 32    /* a list may have an item twice */
};

/* Checks the form of a text value. Returns 0, or -1 and what is wrong. */
typedef int setting_shape_fn(struct str text, struct error *err);

struct setting {
    const char *path; /* dotted, from the top of the file; in an entry: the key alone */
    enum setting_type type;
    unsigned flags;
    const char *fallback;       /* the default as written in a file; NULL: none */
    int64_t min, max;           /* durations in ms; sizes in bytes; integers; lists: number of items */
    const char *const *choices; /* enum: names, NULL at the end */
    setting_shape_fn *shape;    /* of a string, of each item of a list of strings, of the value of a label */
    setting_shape_fn *named;    /* of the name of a label; NULL: [A-Za-z0-9_.-]+ */
    unsigned kinds;             /* of a probe: the types that have it, 1 << type each; 0: all */
    const char *doc;            /* one line of docs/configuration.md */
    size_t offset;              /* of the value in its base structure */
    size_t count_offset;        /* lists: of the number of items */
    size_t flag_offset;         /* of a bool: the value is given (ports: dynamic); 0: none */
};

enum { SETTINGS_MAX = 128 };

/* A section whose presence means something, with or without keys. */
struct settings_section {
    const char *path;
    size_t flag_offset; /* of a bool in the base structure: the section is given */
};

enum { SETTINGS_SECTIONS_MAX = 2 };

struct settings {
    const struct setting *rows;
    size_t count;
    struct settings_section sections[SETTINGS_SECTIONS_MAX]; /* path NULL: no more */
};

/* The rows of the file, grouped by section in the order of the reference page; those of one entry of `probes`, of
 * `leader`, of `hooks`. */
extern const struct settings settings_of_file, settings_of_probe, settings_of_candidacy, settings_of_hook;

/* The rows of one entry of a list of probes, candidacies or hooks; NULL: its items are no entries. */
const struct settings *setting_entries(const struct setting *row);

/* Whether there are settings below `path`, as for "server". */
bool settings_is_section(const struct settings *settings, struct str path);

/* Sets the flag of the section `path`, where it has one. */
void settings_note_section(const struct settings *settings, struct str path, void *base);

/* Gives every setting in `base` (zeroed) its default. */
void settings_defaults(const struct settings *settings, void *base);

/* Sets a value from text, replacing what was there. A list is cut at commas, blanks around items and empty
 * items dropped; a label is written name=value; a candidacy is its scope; [] is the empty list, and the only text for probes and hooks.
 * `base` is the structure the offsets are of. Returns 0, or -1 with `err` saying what is wrong (without
 * path) and the old value in place, or for a list an unspecified part. */
int setting_parse(const struct setting *row, void *base, struct str text, struct error *err) MUST_CHECK;

/* Sets null. Returns 0, or -1 where null is not allowed. */
int setting_parse_null(const struct setting *row, void *base, struct error *err) MUST_CHECK;

/* Empties a list, so that items can be added (ports are no longer dynamic then, probes count as given). */
void setting_list_begin(const struct setting *row, void *base);

/* Adds one item to a list of ports or strings. Returns 0, or -1 with what is wrong: form, a repetition, too
 * many. */
int setting_list_add(const struct setting *row, void *base, struct str item, struct error *err) MUST_CHECK;

/* Adds one label. Errors as setting_list_add. */
int setting_label_add(const struct setting *row, void *base, struct str name, struct str value,
                      struct error *err) MUST_CHECK;

/* Adds an entry with its defaults and returns it, borrowed from `base`; NULL when the list is full. */
void *setting_entry_add(const struct setting *row, void *base, struct error *err) MUST_CHECK;

/* Checks the number of items once all are added. Returns 0, or -1 when there are too few. */
int setting_list_end(const struct setting *row, const void *base, struct error *err) MUST_CHECK;

/* Whether a string is not NULL, or a list not empty; for SETTING_REQUIRED. */
bool setting_is_set(const struct setting *row, const void *base);

/* Whether two structures have the same value. */
bool setting_equal(const struct setting *row, const void *a, const void *b);

/* Frees the value in `base` and leaves it unset. */
void setting_clear(const struct setting *row, void *base);

/* Copies the value of `from` to `to`. */
void setting_copy(const struct setting *row, const void *from, void *to);

/* The same of all rows of a table, and of the flags of its sections. */
bool settings_equal(const struct settings *settings, const void *a, const void *b);
void settings_clear(const struct settings *settings, void *base);
void settings_copy(const struct settings *settings, const void *from, void *to);

/* What a value of this row looks like, as in "a duration such as 500ms, 10s, 5m or 1h"; never NULL. */
const char *setting_wants(const struct setting *row);

/* The settings in which two configurations differ, in the order of the rows; returns their number. Without
 * SETTING_RELOADABLE a setting needs a restart. Probes that follow from server.ports are not reported beside
 * them. */
size_t config_diff(const struct config *a, const struct config *b,
                   const struct setting *ret_rows[static SETTINGS_MAX]);

/* Gives `fresh` the values of `running` for all settings that need a restart: then a reload may use it. */
void config_keep(struct config *fresh, const struct config *running);

#endif
