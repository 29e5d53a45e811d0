/* What anybody may ask of the fleet, and any record may say: the first line is a query, the rest a record. A
 * filter that is taken over is the same after it was written as a query again; whatever is in the record,
 * what readers are told of it is JSON, and one event. */
#include "must.h"

#include "outrider/base/blob.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/discovery_json.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/codec/text/sse.h"
#include "outrider/codec/text/sse_read.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/io/http/http_parse.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns what the query asks for, NULL where it is refused, which must be said. */
static struct filter *read_query(struct str query)
{
    struct filter *filter = filter_new();
    struct buf scratch = {0};
    struct str name, value;
    struct error err = {0};
    int found;
    bool good = true;
    while (good && (found = http_query_next(&query, &scratch, &name, &value)) != 0) {
        good = found > 0 && filter_add(filter, name, value, &err) == 0;
        must(good || found < 0 || err.text[0] != '\0');
    }
    buf_fini(&scratch);
    if (!good) {
        filter_free(filter);
        return NULL;
    }
    return filter;
}

static void check_filter(const struct filter *filter, const struct view_entry *entry)
{
    struct buf text = {0}, again = {0};
    filter_text(filter, &text);
    struct filter *copy = read_query(buf_view(&text));
    must(copy != NULL);
    filter_text(copy, &again);
    must(str_eq(buf_view(&text), buf_view(&again)) && filter_hash(filter) == filter_hash(copy));
    must(filter_offline(filter) == filter_offline(copy) && filter_is_empty(filter) == filter_is_empty(copy));
    must(!filter_matches(filter, NULL) && filter_news(filter, NULL, NULL) == FILTER_NOTHING);
    if (entry != NULL) {
        bool matches = filter_matches(filter, entry);
        must(filter_matches(copy, entry) == matches && (matches || !filter_is_empty(filter)));
        must(filter_news(filter, NULL, entry) == (matches ? FILTER_UPDATE : FILTER_NOTHING));
        must(filter_news(filter, entry, NULL) == (matches ? FILTER_REMOVE : FILTER_NOTHING));
    }
    filter_free(copy);
    buf_fini(&text);
    buf_fini(&again);
}

static void must_be_json(struct str text)
{
    json_error_t why;
    json_t *root = json_loadb(text.data, text.size, JSON_ALLOW_NUL, &why);
    must(json_is_object(root) && memchr(text.data, '\n', text.size) == NULL);
    json_decref(root);
}

/* Exactly one event, with the data it was made of but for its ends of line. */
static void must_be_event(struct str stream, struct str name, const char *id)
{
    struct sse_reader reader = {.max = stream.size};
    struct sse_message message;
    sse_reader_feed(&reader, stream);
    must(sse_reader_next(&reader, &message) == 1 && str_eq(message.name, name));
    must(str_eq(buf_view(&reader.last_id), str_of(id)));
    must(sse_reader_next(&reader, &message) == 0 && reader.at == reader.input.size);
    sse_reader_fini(&reader);
}

static void check_told(const struct view_entry *entry)
{
    struct buf out = {0};
    struct sse_id id = {5, 0xabc};
    struct discovery_local local = {
        .type = view_entry_type(entry), .id = view_entry_id(entry), .known = true};
    discovery_json_service(entry, &local, &out);
    must_be_json(buf_view(&out));
    buf_clear(&out);
    must(discovery_json_event(NULL, entry, 0, NULL, &out));
    must_be_json(buf_view(&out));
    buf_clear(&out);
    discovery_json_status(entry, true, true, &out);
    must_be_json(buf_view(&out));
    buf_clear(&out);
    sse_event(&out, STR("update"), blob_view(entry->json), &id);
    must_be_event(buf_view(&out), STR("update"), "5-abc");
    buf_clear(&out);
    sse_remove(&out, entry, false, NULL);
    must_be_event(buf_view(&out), STR("remove"), "");
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str json, query = str_split((struct str){(const char *)data, size}, '\n', &json);
    struct view_place place = {.key = STR("/s/world/w1")};
    struct view_entry *entry = NULL;
    struct error err = {0};
    if (view_record_decode(STR("/s"), &place, json, &entry, &err) == 0) {
        check_told(entry);
    } else {
        entry = NULL;
    }
    struct filter *filter = read_query(query);
    if (filter != NULL) {
        check_filter(filter, entry);
        filter_free(filter);
    }
    view_entry_unref(entry);
    return 0;
}
