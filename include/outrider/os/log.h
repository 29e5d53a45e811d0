/* The log: one line per write(2), fields as typed values, so that a value can never forge a field or a line.
 *
 *     log_warn("registry", "put failed", LOG_TEXT("endpoint", url), LOG_INT("tries", tries));
 *
 *     ts=2026-11-21T02:14:00.123Z level=warn module=registry msg="put failed" endpoint=http://... tries=3
 *
 * A field of an empty text is left out. Values with blanks, quotes or '=' in them are quoted; control bytes, and bytes over 0x7f of text
 * that is not UTF-8, are written as escapes. A line is at most LOG_LINE_MAX bytes with its LF; what does not
 * fit is cut and the line ends with truncated=true.
 *
 * Whatever causes it, a line is written only so often (enum log_rate). The caller keeps passwords and tokens out
 * (docs/design/protocol.md, "Logs"). */
#ifndef OUTRIDER_OS_LOG_H
#define OUTRIDER_OS_LOG_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE_MAX = 4096 };

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* How often lines of one kind, which are those of one module and message, are written. Of those beyond that the newest is
 * held back until it may be written (log_release()), with suppressed=n for those before it: the last state is always in the
 * log. */
enum log_rate {
    LOG_OFTEN,  /* 20 at once, then one a second: without LOG_RATE() */
    LOG_MANY,   /* 200 at once, then one a second: what operators ask for, and lists that their files make */
    LOG_SELDOM, /* one a minute: mistakes that a program repeats */
};

/* One field. Build it with LOG_STR, LOG_TEXT or LOG_INT. `key` NULL ends the list. */
struct log_field {
    const char *key;
    bool is_number;
    struct str text;
    int64_t number;
};

/* A field holding a view; borrowed for the call. */
#define LOG_STR(name, view) ((struct log_field){.key = (name), .text = (view)})

/* A field holding NUL-terminated text; NULL is empty; borrowed for the call. */
#define LOG_TEXT(name, chars) ((struct log_field){.key = (name), .text = str_of(chars)})

/* A field holding a whole number. */
#define LOG_INT(name, value) ((struct log_field){.key = (name), .is_number = true, .number = (value)})

/* Not a field of the line: its rate. */
#define LOG_RATE(rate) LOG_INT("", (rate))

#define LOG_END ((struct log_field){.key = NULL})
#define LOG_AT(level, module, msg, ...)                                                                      \
    (log_enabled(level) ? log_write(level, module, msg, (const struct log_field[]){__VA_ARGS__}) : (void)0)

/* module, message, fields. The fields are not evaluated when the level is off. */
#define log_debug(module, ...) LOG_AT(LOG_LEVEL_DEBUG, module, __VA_ARGS__, LOG_END)
#define log_info(module, ...) LOG_AT(LOG_LEVEL_INFO, module, __VA_ARGS__, LOG_END)
#define log_warn(module, ...) LOG_AT(LOG_LEVEL_WARN, module, __VA_ARGS__, LOG_END)
#define log_error(module, ...) LOG_AT(LOG_LEVEL_ERROR, module, __VA_ARGS__, LOG_END)

/* Receives every finished line without its LF; `line` is borrowed. */
typedef void log_sink_fn(enum log_level level, struct str line, void *user);

/* Sets what is written, in which format, and to which descriptor (borrowed). Before the first call: info,
 * logfmt, 2. May be called again at any time, as by a reload. */
void log_setup(enum log_level level, enum log_format format, int fd);

/* Sends lines to `sink` instead of the descriptor, for tests; NULL restores the descriptor. */
void log_set_sink(log_sink_fn *sink, void *user);

/* Whether lines of this level are written. */
bool log_enabled(enum log_level level);

/* A line is held back and none of its kind was: log_due() may be sooner now. */
typedef void log_held_fn(void *user);

/* Calls `on_held` from now on; NULL: nothing is called. */
void log_on_held(log_held_fn *on_held, void *user);

/* When (clock_mono_ms()) a line that is held back may be written; INT64_MAX: none is. */
int64_t log_due(void);

/* Writes the lines held back that may be written at `now_mono`; INT64_MAX: all of them, as before the process ends. */
void log_release(int64_t now_mono);

/* What the macros call: `fields` ends with LOG_END. Writes the line regardless of the level, and never
 * waits: a line that the descriptor does not accept at once (a full pipe, a stopped terminal) is dropped,
 * and the number of dropped lines is logged before the next one. */
void log_write(enum log_level level, const char *module, const char *msg, const struct log_field *fields);

#endif
