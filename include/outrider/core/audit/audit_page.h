/* One page of the audit, the newest entries first, put together from several sources: the file of this agent, and the copies in the
 * registry. Each source may have all of an entry, and each may be read only in part: where one was read down to, the page ends, so
 * that the next page leaves nothing out. */
#ifndef OUTRIDER_CORE_AUDIT_AUDIT_PAGE_H
#define OUTRIDER_CORE_AUDIT_AUDIT_PAGE_H

#include "outrider/base/buf.h"
#include "outrider/core/audit/audit_entry.h"

struct audit_page;

enum { AUDIT_PAGE_MAX = 1000, AUDIT_PAGE_USUAL = 100 };

/* What is asked for. Texts are borrowed. */
struct audit_query {
    struct audit_filter filter;
    char before[ULID_LENGTH + 1]; /* only entries before this id; "": from the newest on */
    size_t limit;                 /* 1 to AUDIT_PAGE_MAX */
};

/* An empty page; the query is copied, with its texts. The caller owns the result. */
struct audit_page *audit_page_new(const struct audit_query *query);

/* Accepts NULL. */
void audit_page_free(struct audit_page *page);

/* The query that it answers; borrowed. */
const struct audit_query *audit_page_query(const struct audit_page *page);

/* Takes a copy of the entry, if it is wanted, not there yet, and among the newest of them. */
void audit_page_offer(struct audit_page *page, const struct audit_entry *entry);

/* Whether it is full with newer entries than `id`: a source that goes back in time is done with. */
bool audit_page_is_full(const struct audit_page *page, const char *id);

/* The source has offered every entry from the id `down_to` on, and maybe none before it; "": it has no more. */
void audit_page_read(struct audit_page *page, const char *down_to);

/* A source could not be read: its entries are missing, for the reason `why`; the first counts. */
void audit_page_miss(struct audit_page *page, struct str why);

struct audit_result {
    size_t count;
    char next[ULID_LENGTH + 1]; /* the next page is of entries before it; "": there is none */
    const char *missing;        /* why entries may be missing; "": none are */
};
/* What it comes to; borrowed until the page is freed. The second: one of its entries, below the count. */
void audit_page_result(struct audit_page *page, struct audit_result *ret_result);
const struct audit_entry *audit_page_at(const struct audit_page *page, size_t index);

#endif
