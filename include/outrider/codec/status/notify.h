/* Datagrams of the sd_notify protocol, sd_notify(3), with the meaning of docs/design/protocol.md,
 * "sd_notify". */
#ifndef OUTRIDER_CODEC_STATUS_NOTIFY_H
#define OUTRIDER_CODEC_STATUS_NOTIFY_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct error;
struct status_line_error;
struct status_message;

/* Reads a datagram: one assignment on each line. READY, STATUS, STOPPING, RELOADING, WATCHDOG, WATCHDOG_USEC,
 * MAINPID, BARRIER, ERRNO and X_OUTRIDER (words that need no connection) have a meaning, other KEY= are
 * counted in `unknown_keys`. A line that does not begin UPPERCASE= is read as on the stream socket. READY=1
 * ends a reload even beside RELOADING=1, as in systemd. `ret_message` borrows its strings from `datagram`;
 * its `mainpid` is a claim that the caller must verify. All or nothing: returns 0, or -1 with ERROR_INVALID
 * and `ret_message` untouched. A datagram is not answered, so the error is for the log. */
int notify_parse(struct str datagram, struct status_message *ret_message, struct error *err) MUST_CHECK;

/* Sets `err` to the text of `error` for the log. Returns -1. */
int notify_explain(const struct status_line_error *error, struct error *err);

#endif
