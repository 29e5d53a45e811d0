/* The value of a candidate's key, below `leader/` and below `lock/` (docs/design/protocol.md, "Leadership"):
 *
 *     {"type":"world","id":"w1","host":"10.0.0.7","since":"2026-11-21T02:14:00.123Z"}
 *
 * Host and since are optional, unknown members are skipped. */
#ifndef OUTRIDER_CODEC_RECORD_LEADER_JSON_H
#define OUTRIDER_CODEC_RECORD_LEADER_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct candidate;
struct error;
struct leaders_scope;

/* The longest value that is accepted, in bytes. */
enum { LEADER_VALUE_MAX = 4096 };

/* Appends the value. */
void leader_encode(const struct candidate *candidate, struct buf *out);

/* Reads a value. Returns 0, or -1 with ERROR_LIMIT (longer than LEADER_VALUE_MAX, or a text longer than
 * CANDIDATE_TEXT_MAX) or ERROR_INVALID (anything else: also an empty type or id, and control characters, since the texts are
 * shown to people). */
int leader_decode(struct str text, struct candidate *ret_candidate, struct error *err) MUST_CHECK;

/* Appends who leads a scope, for the API: {"scope","leader":{"type","id","host"},"token","since","candidates"}. `leader` is null
 * without one, token and since as well, and where its value cannot be read. */
void leader_json_scope(const struct leaders_scope *scope, struct buf *out);

#endif
