/* One line of the status protocol, from either socket: what status_line and notify share. */
#ifndef OUTRIDER_CODEC_STATUS_MESSAGE_PARSE_INTERNAL_H
#define OUTRIDER_CODEC_STATUS_MESSAGE_PARSE_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/core/server/status_message.h"

/* At most one word of each kind is allowed. */
enum word_kind {
    KIND_STATUS,
    KIND_TEXT,
    KIND_PLAYERS,
    KIND_CAPACITY,
    KIND_PORTS,
    KIND_DRAIN,
    KIND_HEARTBEAT,
    KIND_WATCHDOG,
    KIND_ATTACH,
    KIND_GET,
    KIND_WATCH,
    KIND_QUIT,
    KIND_RELOADING,
    KIND_MAINPID,
    KIND_BARRIER,
    KIND_ERRNO,
    KIND_X_OUTRIDER,
    KIND_ANY /* may be there several times */
};

/* A message being built from one line, or from all lines of a datagram. {0} begins. */
struct message_parse {
    struct status_message message;
    unsigned seen; /* bit of each word_kind */
    struct status_line_error error;
};

/* Records a word of `kind`, called `name` in the error; -1 when there was one before. */
int message_parse_once(struct message_parse *parse, enum word_kind kind, struct str name) MUST_CHECK;

/* A line of the form `words # text`. */
int message_parse_words(struct message_parse *parse, struct str line) MUST_CHECK;

/* The text for customState: at most STATUS_TEXT_MAX bytes, no control character but TAB. */
int message_parse_text(struct message_parse *parse, struct str text) MUST_CHECK;

/* A status word, in any case. */
int message_parse_status(struct message_parse *parse, enum reported_status reported) MUST_CHECK;

/* Whether the line begins UPPERCASE=, splitting it. */
bool message_parse_is_assignment(struct str line, struct str *ret_key, struct str *ret_value);

/* One sd_notify assignment. */
int message_parse_assignment(struct message_parse *parse, struct str key, struct str value) MUST_CHECK;

/* One line of either form, without its LF; checks length and bytes first. */
int message_parse_line(struct message_parse *parse, struct str line) MUST_CHECK;

/* status_hint.c: adds a hint to the error where there is one to give, and returns -1: for a word that does not exist; for a
 * key that does not exist; for a key whose value is wrong. */
int status_hint_word(struct status_line_error *error, struct str word);
int status_hint_key(struct status_line_error *error, struct str key, struct str value);
int status_hint_value(struct status_line_error *error, struct str key);

#endif
