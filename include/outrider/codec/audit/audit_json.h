/* An entry of the audit as one line of JSON, in the file, in the registry and in answers; and as a row of CSV.
 *
 * Its texts come from peers: they are cut to their limits, and control characters and what is no UTF-8 become '?', when they are
 * written and when they are read, so that no reader, terminal or spreadsheet has to expect any. */
#ifndef OUTRIDER_CODEC_AUDIT_AUDIT_JSON_H
#define OUTRIDER_CODEC_AUDIT_AUDIT_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/core/audit/audit_entry.h"

struct error;

/* No line is longer; what is longer is no entry. */
enum { AUDIT_LINE_MAX = 8 * 1024 };

/* Appends the entry as one JSON object, without an end of line. Empty texts are left out, but who and what. */
void audit_encode(const struct audit_entry *entry, struct buf *out);

/* Reads what audit_encode() writes; unknown members are skipped. Texts are borrowed of `texts`, whose content is replaced. Returns 0; or
 * -1 with `err`: no JSON, too long, no ULID as id, an unknown outcome, a member of another type. */
int audit_decode(struct str line, struct buf *texts, struct audit_entry *ret_entry,
                 struct error *err) MUST_CHECK;

/* Appends the names of the columns, and the entry, as a line of RFC 4180 that ends with CRLF. A text that a spreadsheet would take for a
 * formula has an apostrophe before it. */
void audit_csv_head(struct buf *out);
void audit_csv_row(const struct audit_entry *entry, struct buf *out);

#endif
