/* Status lines: a table of words without a value, a table of keys with one, and labels. */
#include "message_parse_internal.h"

#include "outrider/base/duration.h"
#include "outrider/core/seats/reservation.h"

#include <stdio.h>

static int fail(struct message_parse *parse, enum status_line_fault fault, struct str detail)
{
    return status_line_fail(&parse->error, fault, detail);
}

int message_parse_once(struct message_parse *parse, enum word_kind kind, struct str name)
{
    unsigned bit = 1u << kind;
    if ((parse->seen & bit) != 0) {
        return fail(parse, STATUS_LINE_TWICE, name);
    }
    parse->seen |= bit;
    return 0;
}

int message_parse_status(struct message_parse *parse, enum reported_status reported)
{
    if (message_parse_once(parse, KIND_STATUS, STR("status")) < 0) {
        return -1;
    }
    parse->message.reported = reported;
    return 0;
}

/* Control characters but tabs: they would act on the terminal that shows a record. */
static bool has_control(struct str text)
{
    while (text.size > 0) {
        if (str_has_control(str_split(text, '\t', &text))) {
            return true;
        }
    }
    return false;
}

int message_parse_text(struct message_parse *parse, struct str text)
{
    text = str_trim(text);
    if (message_parse_once(parse, KIND_TEXT, STR("text")) < 0) {
        return -1;
    }
    if (text.size > STATUS_TEXT_MAX) {
        return fail(parse, STATUS_LINE_RANGE, STR("text"));
    }
    if (has_control(text)) {
        return fail(parse, STATUS_LINE_VALUE, STR("text"));
    }
    parse->message.has_text = true;
    parse->message.text = text;
    return 0;
}

static bool is_digits(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.size > 0;
}

static int read_number(struct message_parse *parse, struct str key, struct str text, uint64_t max,
                       uint64_t *ret_value)
{
    if (!is_digits(text)) {
        return fail(parse, STATUS_LINE_VALUE, key);
    }
    return str_to_u64(text, max, ret_value) < 0 ? fail(parse, STATUS_LINE_RANGE, key) : 0;
}

/* Ten years, as in duration_parse(), so that no sum of times can overflow. */
static int read_span(struct message_parse *parse, struct str key, struct str text, int64_t *ret_ms)
{
    uint64_t seconds = 0;
    if (!is_digits(text)) {
        return duration_parse(text, ret_ms) < 0 ? fail(parse, STATUS_LINE_VALUE, key) : 0;
    }
    if (read_number(parse, key, text, 3650ull * 24 * 3600, &seconds) < 0) {
        return -1;
    }
    *ret_ms = (int64_t)seconds * 1000;
    return 0;
}

static int read_count(struct message_parse *parse, struct str key, struct str text, bool *ret_has,
                      uint32_t *ret_count)
{
    uint64_t number = 0;
    if (read_number(parse, key, text, UINT32_MAX, &number) < 0) {
        return -1;
    }
    *ret_has = true;
    *ret_count = (uint32_t)number;
    return 0;
}

static int take_capacity(struct message_parse *parse, struct str key, struct str value)
{
    return read_count(parse, key, value, &parse->message.has_capacity, &parse->message.capacity);
}

/* More players than capacity is accepted: real servers do that. */
static int take_players(struct message_parse *parse, struct str key, struct str value)
{
    struct str capacity;
    struct str players = str_split(value, '/', &capacity);
    if (read_count(parse, key, players, &parse->message.has_players, &parse->message.players) < 0) {
        return -1;
    }
    if (players.size == value.size) {
        return 0;
    }
    return message_parse_once(parse, KIND_CAPACITY, STR("capacity")) < 0
               ? -1
               : take_capacity(parse, key, capacity);
}

static int take_ports(struct message_parse *parse, struct str key, struct str value)
{
    struct status_message *message = &parse->message;
    if (value.size == 0 || value.data[value.size - 1] == ',') {
        return fail(parse, STATUS_LINE_VALUE, key);
    }
    while (value.size > 0) {
        uint64_t port = 0;
        if (read_number(parse, key, str_split(value, ',', &value), UINT16_MAX, &port) < 0) {
            return -1;
        }
        if (port == 0 || message->port_count == STATUS_PORTS_MAX) {
            return fail(parse, STATUS_LINE_RANGE, key);
        }
        for (size_t i = 0; i < message->port_count; i++) {
            if (message->ports[i] == port) {
                return fail(parse, STATUS_LINE_VALUE, key);
            }
        }
        message->ports[message->port_count++] = (uint16_t)port;
    }
    return 0;
}

static int take_claim(struct message_parse *parse, struct str key, struct str value)
{
    struct status_message *message = &parse->message;
    if (!reservation_is_id(value)) {
        return fail(parse, STATUS_LINE_VALUE, key);
    }
    for (size_t i = 0; i < message->claim_count; i++) {
        if (str_eq(message->claims[i], value)) {
            return fail(parse, STATUS_LINE_TWICE, key);
        }
    }
    if (message->claim_count == STATUS_CLAIMS_MAX) {
        return fail(parse, STATUS_LINE_RANGE, key);
    }
    message->claims[message->claim_count++] = value;
    return 0;
}

static int take_drain(struct message_parse *parse, struct str key, struct str value)
{
    if (read_span(parse, key, value, &parse->message.drain_deadline_ms) < 0) {
        return -1;
    }
    parse->message.drain = parse->message.has_drain_deadline = true;
    return 0;
}

static int take_heartbeat(struct message_parse *parse, struct str key, struct str value)
{
    if (message_parse_once(parse, KIND_WATCHDOG, key) < 0 ||
        read_span(parse, key, value, &parse->message.watchdog_ms) < 0) {
        return -1;
    }
    parse->message.heartbeat = parse->message.has_watchdog = true;
    return 0;
}

static bool is_label_name(struct str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '.' && c != '-') {
            return false;
        }
    }
    return name.size > 0;
}

/* `key` is "label." and the name, so that errors show both. */
static int take_label(struct message_parse *parse, struct str key, struct str value)
{
    enum { NAME_BYTES_MAX = 63 };
    struct status_message *message = &parse->message;
    size_t prefix = STR("label.").size;
    struct str name = {key.data + prefix, key.size - prefix};
    if (!is_label_name(name)) {
        return fail(parse, STATUS_LINE_KEY, key);
    }
    for (size_t i = 0; i < message->label_count; i++) {
        if (str_eq(message->labels[i].name, name)) {
            return fail(parse, STATUS_LINE_TWICE, key);
        }
    }
    if (message->label_count == STATUS_LABELS_MAX) {
        return fail(parse, STATUS_LINE_RANGE, STR("labels"));
    }
    if (name.size > NAME_BYTES_MAX || value.size > STATUS_LABEL_VALUE_MAX) {
        return fail(parse, STATUS_LINE_RANGE, key);
    }
    if (str_has_control(value)) {
        return fail(parse, STATUS_LINE_VALUE, key);
    }
    message->labels[message->label_count++] = (struct status_label){name, value};
    return 0;
}

/* Not for a word that is there twice: its value is a good one. */
static int hint_value(struct message_parse *parse, struct str key)
{
    bool value = parse->error.fault == STATUS_LINE_VALUE || parse->error.fault == STATUS_LINE_RANGE;
    return value ? status_hint_value(&parse->error, key) : -1;
}

static int take_pair(struct message_parse *parse, struct str key, struct str value)
{
    static const struct {
        struct str key;
        enum word_kind kind;
        int (*take)(struct message_parse *parse, struct str key, struct str value);
    } pairs[] = {
        {STR_INIT("players"), KIND_PLAYERS, take_players},
        {STR_INIT("capacity"), KIND_CAPACITY, take_capacity},
        {STR_INIT("ports"), KIND_PORTS, take_ports},
        {STR_INIT("drain"), KIND_DRAIN, take_drain},
        {STR_INIT("heartbeat"), KIND_HEARTBEAT, take_heartbeat},
        {STR_INIT("claim"), KIND_ANY, take_claim},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (str_eq(key, pairs[i].key)) {
            if (pairs[i].kind != KIND_ANY && message_parse_once(parse, pairs[i].kind, key) < 0) {
                return -1;
            }
            return pairs[i].take(parse, key, value) < 0 ? hint_value(parse, key) : 0;
        }
    }
    int rc =
        str_starts(key, STR("label.")) ? take_label(parse, key, value) : fail(parse, STATUS_LINE_KEY, key);
    return rc < 0 && parse->error.fault == STATUS_LINE_KEY ? status_hint_key(&parse->error, key, value) : rc;
}

static int take_status(struct message_parse *parse, struct str word)
{
    for (int reported = REPORTED_INITIALIZING; reported <= REPORTED_ERROR; reported++) {
        if (str_eq(word, str_of(reported_status_name((enum reported_status)reported)))) {
            return message_parse_status(parse, (enum reported_status)reported);
        }
    }
    (void)fail(parse, STATUS_LINE_WORD, word);
    return status_hint_word(&parse->error, word);
}

static int take_word(struct message_parse *parse, struct str word)
{
    struct status_message *message = &parse->message;
    const struct {
        const char *word;
        bool *flag;
        enum word_kind kind;
        const char *kind_name;
    } flags[] = {
        {"drain", &message->drain, KIND_DRAIN, "drain"},
        {"undrain", &message->undrain, KIND_DRAIN, "drain"},
        {"heartbeat", &message->heartbeat, KIND_HEARTBEAT, "heartbeat"},
        {"attach", &message->attach, KIND_ATTACH, "attach"},
        {"get", &message->get, KIND_GET, "get"},
        {"watch", &message->watch, KIND_WATCH, "watch"},
        {"quit", &message->quit, KIND_QUIT, "quit"},
    };
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        if (str_eq(word, str_of(flags[i].word))) {
            *flags[i].flag = true;
            return message_parse_once(parse, flags[i].kind, str_of(flags[i].kind_name));
        }
    }
    return take_status(parse, word);
}

int message_parse_words(struct message_parse *parse, struct str line)
{
    struct str text;
    struct str rest = str_split(line, '#', &text);
    bool has_text = rest.size < line.size;
    while (rest.size > 0) {
        struct str word = str_split(rest, ' ', &rest);
        struct str value;
        struct str key = str_split(word, '=', &value);
        bool pair = key.size < word.size;
        if (word.size > 0 && (pair ? take_pair(parse, key, value) : take_word(parse, word)) < 0) {
            return -1;
        }
    }
    return has_text ? message_parse_text(parse, text) : 0;
}

/* The first line of an HTTP request, sent to the wrong socket. */
static bool is_http(struct str line, struct str *ret_target)
{
    static const char *const verbs[] = {"GET",   "HEAD",    "POST",    "PUT",   "DELETE",
                                        "PATCH", "OPTIONS", "CONNECT", "TRACE", "PRI"};
    struct str rest;
    struct str first = str_split(line, ' ', &rest);
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if (str_eq(first, str_of(verbs[i]))) {
            struct str target = str_split(rest, ' ', &rest);
            *ret_target = target.size > 0 ? target : first;
            return true;
        }
    }
    return false;
}

int message_parse_line(struct message_parse *parse, struct str line)
{
    if (line.size > STATUS_LINE_MAX) {
        return fail(parse, STATUS_LINE_TOO_LONG, STR(""));
    }
    if (line.size > 0 && line.data[line.size - 1] == '\r') {
        line.size--;
    }
    struct str target, key, value;
    if (is_http(line, &target)) {
        (void)fail(parse, STATUS_LINE_WORD, target);
        parse->error.fatal = true;
        snprintf(parse->error.hint, sizeof(parse->error.hint),
                 "this is the status socket, HTTP is at http.listen");
        return -1;
    }
    if (line.size > 0 && memchr(line.data, '\0', line.size) != NULL) {
        return fail(parse, STATUS_LINE_NUL, STR(""));
    }
    if (!str_is_utf8(line)) {
        return fail(parse, STATUS_LINE_UTF8, STR(""));
    }
    if (message_parse_is_assignment(line, &key, &value)) {
        return message_parse_assignment(parse, key, value);
    }
    return message_parse_words(parse, line);
}
