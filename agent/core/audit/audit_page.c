#include "outrider/core/audit/audit_page.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct kept {
    struct audit_entry entry;
    struct buf texts; /* of the entry */
};

struct audit_page {
    struct audit_query query;
    struct buf words; /* of its filter */
    struct kept **kept;
    size_t count;
    bool cut;                    /* entries were dropped, as there are newer ones */
    char floor[ULID_LENGTH + 1]; /* before it something may be missing */
    char missing[200];
};

struct audit_page *audit_page_new(const struct audit_query *query)
{
    struct audit_page *page = mem_zalloc(sizeof(*page));
    page->query = *query;
    struct audit_filter *filter = &page->query.filter;
    buf_keep(&page->words, (struct str *const[]){&filter->who, &filter->what, &filter->target}, 3);
    page->kept = mem_zalloc(query->limit * sizeof(page->kept[0]));
    return page;
}

static void free_kept(struct kept *kept)
{
    buf_fini(&kept->texts);
    free(kept);
}

void audit_page_free(struct audit_page *page)
{
    if (page == NULL) {
        return;
    }
    for (size_t i = 0; i < page->count; i++) {
        free_kept(page->kept[i]);
    }
    buf_fini(&page->words);
    free(page->kept);
    free(page);
}

const struct audit_query *audit_page_query(const struct audit_page *page)
{
    return &page->query;
}

static struct kept *keep(const struct audit_entry *entry)
{
    struct kept *kept = mem_zalloc(sizeof(*kept));
    struct str *texts[AUDIT_TEXTS];
    kept->entry = *entry;
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        texts[i] = &kept->entry.texts[i];
    }
    buf_keep(&kept->texts, texts, AUDIT_TEXTS);
    return kept;
}

/* Where the entry of `id` is, or belongs: the newest comes first. Sought from the end, where most belong. */
static size_t place_of(const struct audit_page *page, const char *id, bool *ret_there)
{
    size_t at = page->count;
    while (at > 0 && strcmp(page->kept[at - 1]->entry.id, id) < 0) {
        at--;
    }
    *ret_there = at > 0 && strcmp(page->kept[at - 1]->entry.id, id) == 0;
    return at;
}

void audit_page_offer(struct audit_page *page, const struct audit_entry *entry)
{
    const struct audit_query *query = &page->query;
    bool there;
    if ((query->before[0] != '\0' && strcmp(entry->id, query->before) >= 0) ||
        !audit_wants(&query->filter, entry)) {
        return;
    }
    size_t at = place_of(page, entry->id, &there);
    if (there) {
        return;
    }
    if (page->count == query->limit) {
        page->cut = true;
        if (at == page->count) {
            return;
        }
        free_kept(page->kept[--page->count]);
    }
    memmove(&page->kept[at + 1], &page->kept[at], (page->count - at) * sizeof(page->kept[0]));
    page->kept[at] = keep(entry);
    page->count++;
}

bool audit_page_is_full(const struct audit_page *page, const char *id)
{
    return page->count == page->query.limit && strcmp(page->kept[page->count - 1]->entry.id, id) > 0;
}

void audit_page_read(struct audit_page *page, const char *down_to)
{
    if (strcmp(down_to, page->floor) > 0) {
        snprintf(page->floor, sizeof(page->floor), "%s", down_to);
    }
}

void audit_page_miss(struct audit_page *page, struct str why)
{
    if (page->missing[0] == '\0') {
        brief_copy(page->missing, sizeof(page->missing), why);
    }
}

void audit_page_result(struct audit_page *page, struct audit_result *ret_result)
{
    while (page->count > 0 && strcmp(page->kept[page->count - 1]->entry.id, page->floor) < 0) {
        free_kept(page->kept[--page->count]);
        page->cut = false; /* what comes next begins before the floor, not behind the last entry */
    }
    *ret_result = (struct audit_result){.count = page->count, .missing = page->missing};
    const char *next = page->cut && page->count > 0 ? page->kept[page->count - 1]->entry.id : page->floor;
    snprintf(ret_result->next, sizeof(ret_result->next), "%s", next);
}

const struct audit_entry *audit_page_at(const struct audit_page *page, size_t index)
{
    return &page->kept[index]->entry;
}
