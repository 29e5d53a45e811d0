#include "outrider/codec/status/notify.h"

#include "message_parse_internal.h"
#include "outrider/base/error.h"

#include <limits.h>
#include <stdio.h>

bool message_parse_is_assignment(struct str line, struct str *ret_key, struct str *ret_value)
{
    struct str value;
    struct str key = str_split(line, '=', &value);
    if (key.size == line.size || key.size == 0 || key.data[0] < 'A' || key.data[0] > 'Z') {
        return false;
    }
    for (size_t i = 0; i < key.size; i++) {
        char c = key.data[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_') {
            return false;
        }
    }
    *ret_key = key;
    *ret_value = value;
    return true;
}

static int fail_value(struct message_parse *parse, struct str key)
{
    bool number =
        str_eq(key, STR("WATCHDOG_USEC")) || str_eq(key, STR("MAINPID")) || str_eq(key, STR("ERRNO"));
    (void)status_line_fail(&parse->error, STATUS_LINE_VALUE, key);
    snprintf(parse->error.hint, sizeof(parse->error.hint), "it takes %s",
             number                         ? "a number"
             : str_eq(key, STR("WATCHDOG")) ? "1 or trigger"
                                            : "only 1");
    return -1;
}

/* Keys whose only value is "1". */
static int take_ready(struct message_parse *parse, struct str key, struct str value)
{
    return str_eq(value, STR("1")) ? message_parse_status(parse, REPORTED_READY) : fail_value(parse, key);
}

static int take_stopping(struct message_parse *parse, struct str key, struct str value)
{
    return str_eq(value, STR("1")) ? message_parse_status(parse, REPORTED_SHUTTING_DOWN)
                                   : fail_value(parse, key);
}

static int take_reloading(struct message_parse *parse, struct str key, struct str value)
{
    parse->message.reloading = true;
    return str_eq(value, STR("1")) ? message_parse_once(parse, KIND_RELOADING, key) : fail_value(parse, key);
}

static int take_barrier(struct message_parse *parse, struct str key, struct str value)
{
    parse->message.barrier = true;
    return str_eq(value, STR("1")) ? message_parse_once(parse, KIND_BARRIER, key) : fail_value(parse, key);
}

static int take_status_text(struct message_parse *parse, struct str key, struct str value)
{
    (void)key;
    return message_parse_text(parse, value);
}

static int take_watchdog(struct message_parse *parse, struct str key, struct str value)
{
    parse->message.heartbeat = str_eq(value, STR("1"));
    parse->message.watchdog_trigger = str_eq(value, STR("trigger"));
    if (!parse->message.heartbeat && !parse->message.watchdog_trigger) {
        return fail_value(parse, key);
    }
    return message_parse_once(parse, KIND_HEARTBEAT, key);
}

static int read_number(struct message_parse *parse, enum word_kind kind, struct str key, struct str value,
                       uint64_t max, uint64_t *ret_number)
{
    if (message_parse_once(parse, kind, key) < 0) {
        return -1;
    }
    return str_to_u64(value, max, ret_number) < 0 ? fail_value(parse, key) : 0;
}

static int take_watchdog_usec(struct message_parse *parse, struct str key, struct str value)
{
    const uint64_t ten_years_us = 3650ull * 24 * 3600 * 1000000;
    uint64_t us;
    if (read_number(parse, KIND_WATCHDOG, key, value, UINT64_MAX, &us) < 0) {
        return -1;
    }
    if (us > ten_years_us) {
        return status_line_fail(&parse->error, STATUS_LINE_RANGE, key);
    }
    /* Rounded up, because 0 is off. */
    parse->message.has_watchdog = true;
    parse->message.watchdog_ms = (int64_t)((us + 999) / 1000);
    return 0;
}

static int take_mainpid(struct message_parse *parse, struct str key, struct str value)
{
    uint64_t pid;
    if (read_number(parse, KIND_MAINPID, key, value, INT_MAX, &pid) < 0) {
        return -1;
    }
    parse->message.has_mainpid = true;
    parse->message.mainpid = (pid_t)pid;
    return pid > 0 ? 0 : fail_value(parse, key);
}

static int take_errno(struct message_parse *parse, struct str key, struct str value)
{
    uint64_t number;
    if (read_number(parse, KIND_ERRNO, key, value, INT_MAX, &number) < 0) {
        return -1;
    }
    parse->message.has_errno = true;
    parse->message.errno_value = (int)number;
    return 0;
}

static int take_x_outrider(struct message_parse *parse, struct str key, struct str value)
{
    return message_parse_once(parse, KIND_X_OUTRIDER, key) < 0 ? -1 : message_parse_words(parse, value);
}

int message_parse_assignment(struct message_parse *parse, struct str key, struct str value)
{
    static const struct {
        const char *key;
        int (*take)(struct message_parse *parse, struct str key, struct str value);
    } rows[] = {
        {"READY", take_ready},           {"STATUS", take_status_text}, {"STOPPING", take_stopping},
        {"RELOADING", take_reloading},   {"WATCHDOG", take_watchdog},  {"WATCHDOG_USEC", take_watchdog_usec},
        {"MAINPID", take_mainpid},       {"BARRIER", take_barrier},    {"ERRNO", take_errno},
        {"X_OUTRIDER", take_x_outrider},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_eq(key, str_of(rows[i].key))) {
            return rows[i].take(parse, key, value);
        }
    }
    parse->message.unknown_keys++;
    return 0;
}

/* Words that need a connection: a datagram has none, and no answer. */
static int refuse_connection_words(struct message_parse *parse)
{
    const struct {
        bool reported;
        const char *word;
    } rows[] = {{parse->message.attach, "attach"},
                {parse->message.get, "get"},
                {parse->message.watch, "watch"},
                {parse->message.quit, "quit"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].reported) {
            return status_line_fail(&parse->error, STATUS_LINE_WORD, str_of(rows[i].word));
        }
    }
    return 0;
}

int notify_explain(const struct status_line_error *error, struct error *err)
{
    static const char *const texts[] = {
        [STATUS_LINE_WORD] = "no such word on this socket",
        [STATUS_LINE_KEY] = "no such key",
        [STATUS_LINE_VALUE] = "not a value of this key",
        [STATUS_LINE_RANGE] = "a value beyond its bounds",
        [STATUS_LINE_FIXED] = "not to be reported",
        [STATUS_LINE_TWICE] = "twice in one datagram",
        [STATUS_LINE_NUL] = "it has a NUL byte",
        [STATUS_LINE_UTF8] = "it is not UTF-8",
        [STATUS_LINE_TOO_LONG] = "a line of more than 16384 bytes",
    };
    return error_set(err, ERROR_INVALID, "sd_notify datagram: %s%s%s%s%s", error->detail,
                     error->detail[0] == '\0' ? "" : ": ", texts[error->fault],
                     error->hint[0] == '\0' ? "" : ": ", error->hint);
}

int notify_parse(struct str datagram, struct status_message *ret_message, struct error *err)
{
    struct message_parse parse = {0};
    datagram = str_skip_bom(datagram);
    if (datagram.size > 0 && datagram.data[datagram.size - 1] == '\0') {
        /* Some clients send the NUL of their string; systemd accepts it. */
        datagram.size--;
    }
    while (datagram.size > 0) {
        if (message_parse_line(&parse, str_split(datagram, '\n', &datagram)) < 0) {
            return notify_explain(&parse.error, err);
        }
    }
    if (refuse_connection_words(&parse) < 0) {
        return notify_explain(&parse.error, err);
    }
    if (parse.message.reported == REPORTED_READY) {
        parse.message.reloading = false;
    }
    *ret_message = parse.message;
    return 0;
}
