/* The answers about the fleet (docs/design/protocol.md, "HTTP API"): stored bytes joined, never encoded a
 * second time. */
#ifndef OUTRIDER_CODEC_RECORD_SERVICES_JSON_H
#define OUTRIDER_CODEC_RECORD_SERVICES_JSON_H

#include "outrider/core/instant.h"

#include <stddef.h>
#include <stdint.h>

struct buf;
struct filter;
struct view;

/* Room for a quoted ETag and its NUL. */
enum { SERVICES_ETAG_MAX = 64 };

/* Appends {"services":[...],"total","healthy","unhealthy","revision","stale","ageMs","cursor","now"} with the records that
 * match; healthy counts ready servers, and cursor is where a stream goes on from this list (codec/text/sse.h). With include=offline also "offline":[{"goneAt":TIME,"record":{...}}] of the
 * tombstones that match, the oldest first. With limit or after only a page: records and tombstones behind `after`
 * together, in the order of their keys, and "next", which is the `after` of the page that follows, or null; the totals
 * are of all pages. `filter` may be NULL. Only for a view that is known. */
void services_json_list(const struct view *view, const struct filter *filter, const struct instant *now,
                        struct buf *out);

/* Writes the quoted ETag of that answer: "CLUSTER-REVISION-FILTER", or "" while the view is stale, and
 * where tombstones are included, because they expire without a change of revision. Returns `out`. */
const char *services_json_etag(const struct view *view, const struct filter *filter,
                               char out[static SERVICES_ETAG_MAX]);

#endif
