/* The value of a control key (docs/design/protocol.md, "Control key"): what operators want of one server.
 *
 *     {"hold":{"reason":"patch","by":"api uid
 * 0","since":"2026-11-21T02:14:00.123Z","deadline":"…","expires":"…"}}
 *     {"hold":null}
 *
 * People write it with etcdctl, too: every member of a hold may be missing, and unknown ones are passed over.
 */
#ifndef OUTRIDER_CODEC_RECORD_CONTROL_JSON_H
#define OUTRIDER_CODEC_RECORD_CONTROL_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct error;
struct hold;

/* The longest value that is read, in bytes. */
enum { CONTROL_MAX = 8192 };

/* Appends the value that says `hold`: its reason, by and wall times, or that there is none when it is not
 * set. */
void control_encode(const struct hold *hold, struct buf *out);

/* Reads a value. `ret_hold` gets reason, by and wall times (0: not said; the deadline and the end may be
 * over), and is set unless the value lifts the hold; its mono times say never. Returns 0, or -1 with
 * ERROR_LIMIT (longer than CONTROL_MAX, a text longer than holds have) or ERROR_INVALID (anything else that
 * is not such a value). */
int control_decode(struct str text, struct hold *ret_hold, struct error *err) MUST_CHECK;

#endif
