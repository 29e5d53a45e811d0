/* The record as the registry keeps it: JSON with the keys and the order of contract section 5, absent meaning
 * unset. */
#ifndef OUTRIDER_CODEC_RECORD_RECORD_JSON_H
#define OUTRIDER_CODEC_RECORD_RECORD_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct error;
struct record;

/* The longest text record_decode looks at, in bytes. A record of ours stays far below; etcd takes 1.5 MiB. */
enum { RECORD_JSON_MAX = 1 << 20 };

/* Appends the record to `out`: compact, one line, no newline at its end. The same record gives the same
 * bytes. */
void record_encode(const struct record *record, struct buf *out);

/* Reads a record that this or another writer put there. Unknown keys are skipped; known ones must have their
 * type and keep the limits of the contract; id, type and status must be there. Labels come out sorted by
 * name. `ret_record` is the caller's, to be ended with record_fini(). Returns 0, or -1 with ERROR_LIMIT (too
 * long, too many), ERROR_NOT_FOUND (well formed, but of a status we do not know: readers take it for not
 * ready) or ERROR_INVALID (anything else). */
int record_decode(struct str text, struct record *ret_record, struct error *err) MUST_CHECK;

#endif
