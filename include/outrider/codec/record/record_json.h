/* The record as the registry keeps it: JSON with the members and the order of docs/design/protocol.md,
 * "Record", absent meaning unset. */
#ifndef OUTRIDER_CODEC_RECORD_RECORD_JSON_H
#define OUTRIDER_CODEC_RECORD_RECORD_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct error;
struct record;

/* Appends the record to `out`: compact, one line, no newline at its end. The same record gives the same
 * bytes. */
void record_encode(const struct record *record, struct buf *out);

/* Reads a record that any writer put there, by the same rules and limits as view_record_decode(): what the fleet view lists can
 * be continued. Unknown members are skipped. customState, reason and the texts of drain count as absent where they are too long
 * for this agent. Labels come out sorted by name. The caller ends `ret_record` with record_fini().
 * Returns 0, or -1 with ERROR_LIMIT (too long, too many, too deep), ERROR_NOT_FOUND (a well-formed record with a status of
 * another version, which readers take for not ready) or ERROR_INVALID (anything else). */
int record_decode(struct str text, struct record *ret_record, struct error *err) MUST_CHECK;

#endif
