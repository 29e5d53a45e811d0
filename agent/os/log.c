#include "outrider/os/log.h"

#include "log_limit_internal.h"
#include "outrider/base/duration.h"
#include "outrider/os/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    enum log_level level;
    enum log_format format;
    int fd;
    log_sink_fn *sink;
    void *user;
    log_held_fn *on_held;
    void *held_user;
    int64_t lost; /* lines dropped since the last written one */
    struct log_limit limit;
} the_log = {.level = LOG_LEVEL_INFO, .format = LOG_FORMAT_LOGFMT, .fd = STDERR_FILENO};

/* Bytes that values leave free for a closing quote, the number of suppressed lines, the truncation mark, a brace and the LF. */
enum { TAIL = 64 };

struct line {
    char data[LOG_LINE_MAX];
    size_t size;
    bool cut;
};

/* Appends all of `text`, or nothing where it does not fit: escapes and characters are never split. */
static void put(struct line *line, struct str text)
{
    if (line->cut || line->size + text.size > sizeof(line->data) - TAIL) {
        line->cut = true;
        return;
    }
    memcpy(line->data + line->size, text.data, text.size);
    line->size += text.size;
}

static void put_tail(struct line *line, struct str text)
{
    memcpy(line->data + line->size, text.data, text.size);
    line->size += text.size;
}

static void put_character(struct line *line, struct str character)
{
    char c = character.data[0], escape[8];
    bool no_utf8 = character.size == 1 && (unsigned char)c >= 0x80;
    if (c == '"' || c == '\\') {
        snprintf(escape, sizeof(escape), "\\%c", c);
    } else if (c == '\n') {
        snprintf(escape, sizeof(escape), "\\n");
    } else if (c == '\t') {
        snprintf(escape, sizeof(escape), "\\t");
    } else if (c == '\r') {
        snprintf(escape, sizeof(escape), "\\r");
    } else if (no_utf8 || str_is_control(character)) {
        snprintf(escape, sizeof(escape), "\\u%04x", str_code_point(character));
    } else {
        put(line, character);
        return;
    }
    put(line, str_of(escape));
}

static void put_quoted(struct line *line, struct str text)
{
    put(line, STR("\""));
    if (line->cut) {
        return;
    }
    bool utf8 = str_is_utf8(text);
    for (size_t i = 0; i < text.size && !line->cut;) {
        size_t length = utf8 ? str_utf8_character((struct str){text.data + i, text.size - i}) : 1;
        put_character(line, (struct str){text.data + i, length});
        i += length;
    }
    put_tail(line, STR("\""));
}

static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return text.size > 0;
}

/* Writes the key and what separates it from the value; nothing where it does not fit. */
static void put_key(struct line *line, const char *key)
{
    size_t before = line->size;
    bool json = the_log.format == LOG_FORMAT_JSON, first = line->size == 0;
    put(line, json ? first ? STR("{\"") : STR(",\"") : first ? STR("") : STR(" "));
    put(line, str_of(key));
    put(line, json ? STR("\":") : STR("="));
    put(line, STR("\"\"")); /* room for an empty value */
    line->size = line->cut ? before : line->size - 2;
}

static void put_text(struct line *line, const char *key, struct str text)
{
    put_key(line, key);
    if (line->cut) {
        return;
    }
    if (the_log.format == LOG_FORMAT_LOGFMT && is_plain(text) &&
        text.size < sizeof(line->data) - TAIL - line->size) {
        put(line, text);
    } else {
        put_quoted(line, text);
    }
}

static void put_number(struct line *line, const char *key, int64_t number)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRId64, number);
    size_t before = line->size;
    put_key(line, key);
    put(line, str_of(digits));
    if (line->cut) {
        line->size = before;
    }
}

static void finish(struct line *line, uint64_t suppressed)
{
    bool json = the_log.format == LOG_FORMAT_JSON;
    if (suppressed > 0) {
        char text[48];
        snprintf(text, sizeof(text), json ? ",\"suppressed\":%" PRIu64 : " suppressed=%" PRIu64, suppressed);
        put_tail(line, str_of(text));
    }
    if (line->cut) {
        put_tail(line, json ? STR(",\"truncated\":true") : STR(" truncated=true"));
    }
    if (json) {
        put_tail(line, STR("}"));
    }
}

/* A reader that hangs must not block the loop, and the heartbeat with it. A pipe that polls writable has
 * room for PIPE_BUF bytes, which is a line. */
static bool is_writable(void)
{
    struct pollfd where = {.fd = the_log.fd, .events = POLLOUT};
    return poll(&where, 1, 0) != 0;
}

static void log_lost(void)
{
    if (the_log.lost > 0 && the_log.sink == NULL && is_writable()) {
        int64_t lost = the_log.lost;
        the_log.lost = 0;
        log_warn("log", "log lines dropped, their reader did not keep up", LOG_INT("lines", lost));
    }
}

static void emit(enum log_level level, struct line *line)
{
    if (the_log.sink != NULL) {
        the_log.sink(level, (struct str){line->data, line->size}, the_log.user);
        return;
    }
    if (!is_writable()) {
        the_log.lost++;
        return;
    }
    line->data[line->size++] = '\n';
    ssize_t written;
    do {
        written = write(the_log.fd, line->data, line->size);
    } while (written < 0 && errno == EINTR);
}

static void write_line(enum log_level level, struct line *line, uint64_t suppressed)
{
    log_lost();
    finish(line, suppressed);
    emit(level, line);
}

/* What a call says of its rate is a field without a name. */
static enum log_rate rate_of(const struct log_field *fields)
{
    for (; fields->key != NULL; fields++) {
        if (fields->key[0] == '\0') {
            return (enum log_rate)fields->number;
        }
    }
    return LOG_OFTEN;
}

static void put_line(struct line *line, enum log_level level, const char *module, const char *msg,
                     const struct log_field *fields)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    char time[32];
    put_text(line, "ts", str_of(timestamp_format(clock_wall_ms(), time)));
    put_text(line, "level", str_of(levels[level]));
    put_text(line, "module", str_of(module));
    put_key(line, "msg");
    put_quoted(line, str_of(msg));
    for (; fields->key != NULL; fields++) {
        if (fields->key[0] == '\0') {
            continue;
        } else if (fields->is_number) {
            put_number(line, fields->key, fields->number);
        } else if (fields->text.size > 0) {
            put_text(line, fields->key, fields->text);
        }
    }
}

void log_write(enum log_level level, const char *module, const char *msg, const struct log_field *fields)
{
    struct line line;
    line.size = 0;
    line.cut = false;
    int saved = errno;
    put_line(&line, level, module, msg, fields);
    struct log_kind *kind = log_limit_kind(&the_log.limit, module, msg);
    uint64_t suppressed;
    if (log_limit_take(kind, rate_of(fields), clock_mono_ms(), &suppressed)) {
        write_line(level, &line, suppressed);
    } else if (log_limit_hold(&the_log.limit, kind, level, (struct str){line.data, line.size}, line.cut) &&
               the_log.on_held != NULL) {
        the_log.on_held(the_log.held_user);
    }
    errno = saved;
}

/* ---- lines held back ---- */

void log_on_held(log_held_fn *on_held, void *user)
{
    the_log.on_held = on_held;
    the_log.held_user = user;
}

int64_t log_due(void)
{
    return log_limit_due(&the_log.limit);
}

void log_release(int64_t now_mono)
{
    struct log_kind *kind;
    while ((kind = log_limit_next(&the_log.limit, now_mono)) != NULL) {
        struct line line;
        uint64_t suppressed = kind->suppressed;
        line.size = kind->held.size;
        line.cut = kind->cut;
        memcpy(line.data, kind->held.data, line.size);
        log_limit_written(kind);
        write_line(kind->level, &line, suppressed);
    }
}

void log_setup(enum log_level level, enum log_format format, int fd)
{
    log_release(INT64_MAX); /* they are in the old format */
    the_log.level = level;
    the_log.format = format;
    the_log.fd = fd;
}

void log_set_sink(log_sink_fn *sink, void *user)
{
    the_log.sink = sink;
    the_log.user = user;
}

bool log_enabled(enum log_level level)
{
    return level >= the_log.level;
}
