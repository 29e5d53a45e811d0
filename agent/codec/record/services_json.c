#include "outrider/codec/record/services_json.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/record/record_sign.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/fleet/view_read.h"

#include <inttypes.h>
#include <stdio.h>

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

static void add_offline(const struct view *view, const struct filter *filter, struct buf *out)
{
    struct json_writer json = {.out = out};
    buf_str(out, STR(",\"offline\":"));
    json_write_array(&json);
    const struct view_tombstone *stone = NULL;
    while ((stone = view_tombstone_next(view, stone)) != NULL) {
        if (filter_matches(filter, stone->entry)) {
            json_write_object(&json);
            json_write_key(&json, "goneAt");
            json_write_time(&json, stone->gone_wall);
            json_write_key(&json, "record");
            record_write_served(stone->entry, json.out);
            json.more = true;
            json_write_object_end(&json);
        }
    }
    json_write_array_end(&json);
}

void services_json_list(const struct view *view, const struct filter *filter, const struct instant *now,
                        struct buf *out)
{
    const struct view_facts *facts = view_facts(view);
    buf_str(out, STR("{\"services\":["));
    size_t healthy, total = join(facts, filter, out, &healthy);
    buf_printf(out,
               "],\"total\":%zu,\"healthy\":%zu,\"unhealthy\":%zu,\"revision\":%" PRId64
               ",\"stale\":%s,\"ageMs\":%" PRId64,
               total, healthy, total - healthy, facts->revision, facts->synced ? "false" : "true",
               view_age(view, now));
    if (filter_offline(filter)) {
        add_offline(view, filter, out);
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
