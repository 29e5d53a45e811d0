/* Which records a client asks for: the parameters of GET /api/services and /api/subscribe
 * (docs/design/protocol.md, "HTTP API"). All of them must hold. */
#ifndef OUTRIDER_CORE_FLEET_FILTER_H
#define OUTRIDER_CORE_FLEET_FILTER_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;
struct filter;
struct view_entry;

/* `tag` and `label.NAME` may be given more than once; in bytes for names and values. */
enum { FILTER_TERMS_MAX = 32, FILTER_TEXT_MAX = 256, FILTER_LIMIT_MAX = 1000000 };

/* What a change means to a subscriber with a filter. */
enum filter_news {
    FILTER_NOTHING, /* it did not match, and does not */
    FILTER_UPDATE,  /* it matches */
    FILTER_REMOVE   /* it matched, and is gone or does not match any more */
};

/* A filter that everything passes; the caller's, to be ended with filter_free. */
struct filter *filter_new(void);

/* Accepts NULL. */
void filter_free(struct filter *filter);

/* Adds one parameter, decoded: type, status, region, zone, group (each once), tag and label.NAME (any
 * number), include=offline, include=leader, include=state, limit and after. An empty value is ignored, as of a form field left blank. Returns 0, or -1
 * with ERROR_INVALID (unknown parameter, given twice, unknown status, no limit) or ERROR_LIMIT. */
int filter_add(struct filter *filter, struct str name, struct str value, struct error *err) MUST_CHECK;

/* Whether everything passes (what is included and the page aside), whether tombstones are asked for, who leads, and the state of
 * the view. NULL is a filter that everything passes, here and below. */
bool filter_is_empty(const struct filter *filter);
bool filter_offline(const struct filter *filter);
bool filter_leaders(const struct filter *filter);
bool filter_state(const struct filter *filter);

/* Which page of the list is asked for: at most so many (SIZE_MAX: all) of those behind TYPE/ID (empty: from the first
 * on; borrowed). Paged: one of the two is given. */
bool filter_is_paged(const struct filter *filter);
size_t filter_limit(const struct filter *filter);
struct str filter_after(const struct filter *filter);

/* Whether the entry passes; false for NULL. */
bool filter_matches(const struct filter *filter, const struct view_entry *entry);

/* What a change from `was` to `is` (either may be NULL: not there) means. */
enum filter_news filter_news(const struct filter *filter, const struct view_entry *was,
                             const struct view_entry *is);

/* Appends the filter as a query, sorted and escaped, so that equal filters give equal texts; nothing for a filter
 * that everything passes. */
void filter_text(const struct filter *filter, struct buf *out);

/* A hash of that text, for an ETag (FNV-1a, 64 bits; an ETag is only ever compared under one address). */
uint64_t filter_hash(const struct filter *filter);

#endif
