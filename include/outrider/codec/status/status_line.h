/* The status protocol (docs/design/protocol.md, "Status lines"): lines from the server, replies and
 * events. The codes of bad input are in docs/status-protocol.md, "Replies". */
#ifndef OUTRIDER_CODEC_STATUS_STATUS_LINE_H
#define OUTRIDER_CODEC_STATUS_STATUS_LINE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct server_refusal;
struct status_message;

/* Bytes of the longest line, its end not counted; bad lines in a row until the connection is closed. */
enum { STATUS_LINE_MAX = 16384, STATUS_LINE_BAD_MAX = 8 };

/* code, as the reply spells it */
#define STATUS_LINE_FAULTS(X)                                                                                \
    X(STATUS_LINE_WORD, "word")         /* no such word: the word */                                         \
    X(STATUS_LINE_KEY, "key")           /* no such key: the key */                                           \
    X(STATUS_LINE_VALUE, "value")       /* not a value of this key: the key */                               \
    X(STATUS_LINE_RANGE, "range")       /* a value beyond its bounds: the key */                             \
    X(STATUS_LINE_FIXED, "fixed")       /* the configuration decides it: the key */                          \
    X(STATUS_LINE_TWICE, "twice")       /* two words of a kind: the kind */                                  \
    X(STATUS_LINE_NUL, "nul")           /* a NUL byte */                                                     \
    X(STATUS_LINE_UTF8, "utf8")         /* not UTF-8 */                                                      \
    X(STATUS_LINE_TOO_LONG, "too-long") /* over STATUS_LINE_MAX */                                           \
    X(STATUS_LINE_TOO_MANY, "too-many") /* STATUS_LINE_BAD_MAX bad lines in a row: the caller counts */

enum status_line_fault {
#define X(fault, text) fault,
    STATUS_LINE_FAULTS(X)
#undef X
};

struct status_line_error {
    enum status_line_fault fault;
    char detail[65]; /* one printable line, or "" */
    char hint[128];  /* what was probably meant, or what the key takes; "": nothing to say */
    bool fatal;      /* close the connection after the reply: too long, too many, or an HTTP request */
};

/* Fills `ret_error`, without a hint; `detail` is cut and made printable, and may be empty. Returns -1. */
int status_line_fail(struct status_line_error *ret_error, enum status_line_fault fault, struct str detail);

/* Fills `ret_error` for a line that was read and cannot be applied. */
void status_line_refused(struct status_line_error *ret_error, const struct server_refusal *refusal);

/* The fault as the reply spells it, "word" and so on. */
const char *status_line_fault_name(enum status_line_fault fault);

/* Reads one line without its end: words, or an sd_notify assignment when it begins UPPERCASE=. `ret_message`
 * borrows its strings from `line`. All or nothing: returns 0, or -1 with `ret_error` filled and `ret_message`
 * untouched. Spans of drain= and heartbeat= have a unit, a bare number is seconds; 0: no deadline, watchdog
 * off. */
int status_line_parse(struct str line, struct status_message *ret_message,
                      struct status_line_error *ret_error) MUST_CHECK;

/* Appends "OK", or "OK drain=1 deadline=540" while draining; `deadline_ms` is the span left, rounded up to
 * seconds, 0 when past; NEVER_MS leaves it out. Like all replies and events: one line without its end. */
void status_line_ok(struct buf *out, bool draining, int64_t deadline_ms);

/* Appends the reply to a line whose claim of reservation `id` did not end well: "ERR claim ID is not reserved", or where `why` is not
 * empty "ERR away ID: WHY; say it again", made one printable line. */
void status_line_claim_reply(struct buf *out, struct str id, struct str why);

/* Appends "ERR CODE DETAIL", and ": HINT" where there is one. */
void status_line_error_reply(struct buf *out, const struct status_line_error *error);

/* Appends "EVENT drain on deadline=540 reason=...", or "EVENT drain off". `deadline_ms` as above; the reason,
 * made one printable line, goes to the end of the line and is left out when empty. */
void status_line_drain_event(struct buf *out, bool on, int64_t deadline_ms, struct str reason);

/* Appends "EVENT leader gained scope=world token=4711", or with `lost`, which says why, "EVENT leader lost scope=world
 * token=4711 reason=expired". Names and reasons are words. */
void status_line_leader_event(struct buf *out, const char *scope, int64_t token, const char *lost);

/* Adds {"scope":"world","leads":true,"token":4711} to the list `leader` at the end of a JSON object, which the first one
 * begins; without a token where it does not lead. */
void status_line_add_leader(struct buf *object, bool first, const char *scope, bool leads, int64_t token);

#endif
