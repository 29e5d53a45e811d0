/* Pages of the audit: the file, a slice in each turn of the loop, and behind it the registry, a window at a time. */
#include "audit_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/audit/audit_json.h"
#include "outrider/core/audit/audit_windows.h"
#include "outrider/registry/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

struct audit_lookup {
    struct audit_lookup *next, *prev;
    struct audit *audit;
    struct audit_page *page;
    struct audit_file_search search;
    struct timer *turn; /* the next slice */
    struct audit_windows windows;
    uint64_t request; /* under way; 0: none */
    audit_page_fn *done;
    void *user;
};

static void free_lookup(struct audit_lookup *lookup)
{
    struct audit *audit = lookup->audit;
    DL_DELETE(audit->lookups, lookup);
    audit->lookup_count--;
    audit_file_search_end(&lookup->search);
    audit_page_free(lookup->page);
    timer_free(lookup->turn);
    free(lookup);
}

static void end(struct audit_lookup *lookup)
{
    lookup->done(lookup->page, lookup->user);
    free_lookup(lookup);
}

/* ---- the registry ---- */

static void list(struct audit_lookup *lookup)
{
    struct audit *audit = lookup->audit;
    struct buf keys = {0};
    buf_printf(&keys, "%s%s%s%s", buf_text(&audit->prefix), lookup->windows.begin, buf_text(&audit->prefix),
               lookup->windows.end);
    size_t size = keys.size / 2;
    lookup->request = ++audit->last_id;
    registry_submit(audit->reader,
                    &(struct registry_request){.id = lookup->request,
                                               .op = REGISTRY_LIST,
                                               .key = {keys.data, size},
                                               .range_end = {keys.data + size, size},
                                               .limit = AUDIT_WINDOW_KEYS,
                                               .timeout_ms = audit->settings.request_timeout_ms});
    buf_fini(&keys);
}

static void offer(struct audit_lookup *lookup, const struct registry_reply *reply)
{
    struct buf texts = {0};
    struct error err;
    size_t prefix = lookup->audit->prefix.size;
    for (size_t i = 0; i < reply->item_count; i++) {
        struct audit_entry entry;
        struct str key = reply->items[i].key;
        if (key.size <= prefix || audit_decode(reply->items[i].kv.value, &texts, &entry, &err) < 0) {
            continue;
        }
        /* Its place is that of its key: a value that says otherwise is none of ours. */
        if (str_eq(str_of(entry.id), (struct str){key.data + prefix, key.size - prefix})) {
            audit_page_offer(lookup->page, &entry);
        }
    }
    buf_fini(&texts);
}

/* The window is listed: the page is complete, or the window before it is next. */
static void on_window(struct audit_lookup *lookup)
{
    struct audit_windows *windows = &lookup->windows;
    bool full = audit_page_is_full(lookup->page, windows->begin);
    if (full || !audit_windows_next(windows)) {
        audit_page_read(lookup->page, audit_windows_ended(windows) ? "" : windows->begin);
        end(lookup);
    } else {
        list(lookup);
    }
}

void audit_find_reply(const struct registry_reply *reply, void *user)
{
    struct audit *audit = user;
    struct audit_lookup *lookup;
    DL_FOREACH(audit->lookups, lookup)
    {
        if (lookup->request == reply->id) {
            break;
        }
    }
    if (lookup == NULL) {
        return;
    }
    lookup->request = 0;
    if (reply->failure != REGISTRY_OK) {
        audit_page_miss(lookup->page,
                        reply->error.size > 0 ? reply->error : STR("the registry did not answer"));
        end(lookup);
        return;
    }
    if (!audit_windows_found(&lookup->windows, reply->item_count, reply->count)) {
        list(lookup);
        return;
    }
    offer(lookup, reply);
    on_window(lookup);
}

static void begin_registry(struct audit_lookup *lookup)
{
    const struct audit *audit = lookup->audit;
    const struct audit_query *query = audit_page_query(lookup->page);
    int64_t now = audit_now(), oldest = now - audit->settings.keep_ms - AUDIT_WINDOW_SLACK_MS;
    oldest = query->filter.from_wall > oldest ? query->filter.from_wall : oldest;
    audit_windows_init(&lookup->windows, query->before, now, oldest);
    if (audit_windows_ended(&lookup->windows)) {
        audit_page_read(lookup->page, "");
        end(lookup);
    } else {
        list(lookup);
    }
}

/* ---- the file ---- */

static void on_turn(void *user)
{
    struct audit_lookup *lookup = user;
    if (audit_file_search_slice(&lookup->search)) {
        timer_arm_ms(lookup->turn, 0);
    } else if (lookup->audit->copies != NULL) {
        begin_registry(lookup);
    } else {
        end(lookup);
    }
}

bool audit_find(struct audit *audit, const struct audit_query *query, audit_page_fn *done, void *user)
{
    if (audit->lookup_count >= AUDIT_LOOKUPS_MAX) {
        return false;
    }
    struct audit_lookup *lookup = mem_zalloc(sizeof(*lookup));
    *lookup =
        (struct audit_lookup){.audit = audit, .page = audit_page_new(query), .done = done, .user = user};
    lookup->turn = timer_new(audit->loop, on_turn, lookup);
    audit_file_search_begin(&lookup->search, audit->file, lookup->page);
    DL_APPEND(audit->lookups, lookup);
    audit->lookup_count++;
    timer_arm_ms(lookup->turn, 0);
    return true;
}

void audit_find_end(struct audit *audit)
{
    while (audit->lookups != NULL) {
        free_lookup(audit->lookups);
    }
}
