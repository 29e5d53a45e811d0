/* The value of a control key (docs/design/protocol.md, "Control key"): the operator's intent for one server.
 *
 *     {"hold":{"reason":"patch","by":"api uid 0","since":"2026-11-21T02:14:00.123Z","deadline":"…","expires":"…"}}
 *     {"hold":null}
 *
 * A hold of an operation on many servers has `operation` as well, its ULID.
 *
 * Operators may also write it with etcdctl: every member of a hold is optional, and unknown members are skipped. */
#ifndef OUTRIDER_CODEC_RECORD_CONTROL_JSON_H
#define OUTRIDER_CODEC_RECORD_CONTROL_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct error;
struct hold;

/* The longest value that is accepted, in bytes. */
enum { CONTROL_MAX = 8192 };

/* Appends the value for `hold`: its reason, by, operation and wall times, or null when it is not set. */
void control_encode(const struct hold *hold, struct buf *out);

/* Reads a value. `ret_hold` gets reason, by, operation and wall times (0: absent; deadline and expiry may be in the past), and is set
 * unless the value is null; its mono times are NEVER_MS. Returns 0, or -1 with ERROR_LIMIT (longer than CONTROL_MAX, or a text
 * longer than a hold can have) or ERROR_INVALID (anything else). */
int control_decode(struct str text, struct hold *ret_hold, struct error *err) MUST_CHECK;

#endif
