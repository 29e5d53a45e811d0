#include "outrider/codec/record/services_json.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/fleet/view_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The longest member `signed`. */
enum { SIGNED_MAX = sizeof(",\"signed\":false") };

/* Reserves the size of the whole answer, so that the buffer never grows by copying. */
static void reserve(struct buf *out, size_t size)
{
    size_t before = out->size;
    buf_extend(out, size);
    out->size = before;
    out->data[before] = '\0';
}

/* Returns how many records there are, and how many of them are ready. */
static size_t join(const struct view_facts *facts, const struct filter *filter, struct buf *out,
                   size_t *ret_healthy)
{
    size_t total = 0, healthy = 0;
    bool everything = filter_is_empty(filter);
    if (everything) {
        reserve(out, facts->json_bytes + facts->count * (facts->trust == 0 ? 1 : 1 + SIGNED_MAX) + 256);
    }
    for (size_t i = 0; i < facts->count; i++) {
        const struct view_entry *entry = facts->entries[i];
        if (everything || filter_matches(filter, entry)) {
            buf_str(out, total == 0 ? STR("") : STR(","));
            record_write_served(entry, out);
            total++;
            healthy += entry->status == STATUS_READY ? 1 : 0;
        }
    }
    *ret_healthy = healthy;
    return total;
}

static void write_stone(struct json_writer *json, const struct view_tombstone *stone)
{
    json_write_object(json);
    json_write_key(json, "goneAt");
    json_write_time(json, stone->gone_wall);
    json_write_key(json, "record");
    record_write_served(stone->entry, json->out);
    json->more = true;
    json_write_object_end(json);
}

static void add_offline(const struct view *view, const struct filter *filter, struct buf *out)
{
    struct json_writer json = {.out = out};
    buf_str(out, STR(",\"offline\":"));
    json_write_array(&json);
    const struct view_tombstone *stone = NULL;
    while ((stone = view_tombstone_next(view, stone)) != NULL) {
        if (filter_matches(filter, stone->entry)) {
            write_stone(&json, stone);
        }
    }
    json_write_array_end(&json);
}

static void add_totals(const struct view *view, size_t total, size_t healthy, const struct instant *now,
                       struct buf *out)
{
    const struct view_facts *facts = view_facts(view);
    buf_printf(out,
               "],\"total\":%zu,\"healthy\":%zu,\"unhealthy\":%zu,\"revision\":%" PRId64
               ",\"stale\":%s,\"ageMs\":%" PRId64,
               total, healthy, total - healthy, facts->revision, facts->synced ? "false" : "true",
               view_age(view, now));
    buf_printf(out, ",\"cursor\":\"%" PRId64 "-%" PRIx64 "\",\"now\":", facts->revision, view_stamp(view));
    struct json_writer json = {.out = out};
    json_write_time(&json, now->wall);
}

/* ---- pages ---- */

/* A page is of the records and the tombstones together, in the order of their keys: so one cursor is enough. No key has
 * both. */
struct page {
    const struct view_tombstone **stones; /* those that match, in that order */
    size_t stone_count, stone;            /* how many; the next */
    size_t at;                            /* the next record */
    size_t left;
    struct str last; /* TYPE/ID of the last one on the page; empty: none */
};

/* TYPE/ID. */
static struct str name_of(const struct view_entry *entry)
{
    struct str key = view_entry_key(entry);
    size_t size = view_entry_type(entry).size + 1 + view_entry_id(entry).size;
    return (struct str){key.data + key.size - size, size};
}

static int by_key(const void *a, const void *b)
{
    const struct view_tombstone *const *left = a, *const *right = b;
    return str_compare(view_entry_key((*left)->entry), view_entry_key((*right)->entry));
}

/* Only those behind the page before. */
static void sort_stones(const struct view *view, const struct filter *filter, struct page *page)
{
    const struct view_facts *facts = view_facts(view);
    const struct view_tombstone *stone = NULL;
    page->stones = mem_resize(NULL, facts->tombstone_count + 1, sizeof(*page->stones));
    while (filter_offline(filter) && (stone = view_tombstone_next(view, stone)) != NULL) {
        if (filter_matches(filter, stone->entry) &&
            str_compare(name_of(stone->entry), filter_after(filter)) > 0) {
            page->stones[page->stone_count++] = stone;
        }
    }
    qsort(page->stones, page->stone_count, sizeof(*page->stones), by_key);
}

static void skip_to_match(const struct view_facts *facts, const struct filter *filter, struct page *page)
{
    while (page->at < facts->count && !filter_matches(filter, facts->entries[page->at])) {
        page->at++;
    }
}

/* Writes the records of the page, and leaves its tombstones before `page->stone`. */
static void write_records(const struct view_facts *facts, const struct filter *filter, struct page *page,
                          struct buf *out)
{
    bool first = true;
    while (page->at < facts->count &&
           str_compare(name_of(facts->entries[page->at]), filter_after(filter)) <= 0) {
        page->at++;
    }
    for (skip_to_match(facts, filter, page);
         page->left > 0 && (page->at < facts->count || page->stone < page->stone_count); page->left--) {
        const struct view_entry *entry = page->at < facts->count ? facts->entries[page->at] : NULL;
        const struct view_entry *gone =
            page->stone < page->stone_count ? page->stones[page->stone]->entry : NULL;
        if (entry == NULL || (gone != NULL && str_compare(view_entry_key(gone), view_entry_key(entry)) < 0)) {
            page->last = name_of(gone);
            page->stone++;
            continue;
        }
        buf_str(out, first ? STR("") : STR(","));
        record_write_served(entry, out);
        page->last = name_of(entry);
        first = false;
        page->at++;
        skip_to_match(facts, filter, page);
    }
}

static void write_page(const struct view *view, const struct filter *filter, const struct instant *now,
                       struct buf *out)
{
    const struct view_facts *facts = view_facts(view);
    struct page page = {.left = filter_limit(filter)};
    struct json_writer json = {.out = out};
    size_t total = 0, healthy = 0;
    for (size_t i = 0; i < facts->count; i++) {
        bool matches = filter_matches(filter, facts->entries[i]);
        total += matches ? 1 : 0;
        healthy += matches && facts->entries[i]->status == STATUS_READY ? 1 : 0;
    }
    sort_stones(view, filter, &page);
    write_records(facts, filter, &page, out);
    add_totals(view, total, healthy, now, out);
    if (filter_offline(filter)) {
        buf_str(out, STR(",\"offline\":"));
        json_write_array(&json);
        for (size_t i = 0; i < page.stone; i++) {
            write_stone(&json, page.stones[i]);
        }
        json_write_array_end(&json);
    }
    buf_str(out, STR(",\"next\":"));
    struct json_writer next = {.out = out};
    if (page.at < facts->count || page.stone < page.stone_count) {
        json_write_string(&next, page.last);
    } else {
        json_write_null(&next);
    }
    free(page.stones);
}

void services_json_list(const struct view *view, const struct filter *filter, const struct instant *now,
                        struct buf *out)
{
    size_t healthy, total;
    buf_str(out, STR("{\"services\":["));
    if (filter_is_paged(filter)) {
        write_page(view, filter, now, out);
    } else {
        total = join(view_facts(view), filter, out, &healthy);
        add_totals(view, total, healthy, now, out);
        if (filter_offline(filter)) {
            add_offline(view, filter, out);
        }
    }
    buf_str(out, STR("}"));
}

const char *services_json_etag(const struct view *view, const struct filter *filter,
                               char out[static SERVICES_ETAG_MAX])
{
    const struct view_facts *facts = view_facts(view);
    out[0] = '\0';
    if (facts->synced && facts->revision > facts->given_before && !filter_offline(filter)) {
        snprintf(out, SERVICES_ETAG_MAX, "\"%" PRIx64 "-%" PRId64 "-%" PRIx64 "\"", view_stamp(view),
                 facts->revision, filter_hash(filter));
    }
    return out;
}
