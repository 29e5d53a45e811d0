/* Batches: changes that subscribers read at their own pace, shared by all that need the same. */
#include "events_internal.h"

#include "outrider/base/mem.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/fleet/view_log.h"
#include "outrider/core/fleet/view_read.h"

#include <stdlib.h>
#include <utlist.h>

struct events_batch *events_batch_ref(struct events_batch *batch)
{
    if (batch != NULL) {
        batch->references++;
    }
    return batch;
}

void events_batch_unref(struct events_batch *batch)
{
    if (batch == NULL || --batch->references > 0) {
        return;
    }
    struct events *events = batch->events;
    DL_DELETE(events->batches, batch);
    events->batch_count--;
    events_forget_portions(events, batch);
    for (size_t i = 0; i < batch->count; i++) {
        view_entry_unref(batch->items[i].was);
        view_entry_unref(batch->items[i].is);
    }
    free(batch);
}

static void drop_subscribers(struct events_subscriber *list, const struct events_batch *batch)
{
    for (struct events_subscriber *each = list, *next; each != NULL; each = next) {
        next = each->next;
        if (each->batch == batch) {
            events_drop(each, "the slowest of those that catch up, and there are too many batches");
        }
    }
}

/* Drops the slowest subscribers: each batch pins records that the registry may have no longer. */
static void make_room(struct events *events)
{
    while (events->batch_count >= EVENTS_BATCHES_MAX) {
        struct events_batch *oldest = events_batch_ref(events->batches->prev);
        drop_subscribers(events->ready, oldest);
        drop_subscribers(events->packing, oldest);
        drop_subscribers(events->blocked, oldest);
        events_batch_unref(oldest);
    }
}

static struct events_batch *batch_new(struct events *events, int64_t from, size_t count)
{
    make_room(events);
    struct events_batch *batch = mem_zalloc(sizeof(*batch) + count * sizeof(batch->items[0]));
    batch->events = events;
    batch->references = 1;
    batch->from = from;
    batch->count = count;
    batch->revision = view_facts(events->view)->revision;
    batch->cluster = view_stamp(events->view);
    batch->end = view_log_end(view_facts(events->view)->log);
    DL_PREPEND(events->batches, batch);
    events->batch_count++;
    return batch;
}

/* A batch after `from` that is still being read and leads to now; where there are too many batches, also the newest
 * init that the log continues. */
static struct events_batch *find(const struct events *events, int64_t from)
{
    const struct view_facts *fleet = view_facts(events->view);
    bool any_init = from == EVENTS_INIT && events->batch_count >= EVENTS_BATCHES_MAX;
    for (struct events_batch *batch = events->batches; batch != NULL; batch = batch->next) {
        bool current = batch->revision == fleet->revision && batch->cluster == view_stamp(events->view);
        if (batch->from == from && (current || (any_init && view_log_keeps(fleet->log, batch->end)))) {
            return events_batch_ref(batch);
        }
    }
    return NULL;
}

struct events_batch *events_batch_init(struct events *events)
{
    const struct view_facts *fleet = view_facts(events->view);
    struct events_batch *batch = find(events, EVENTS_INIT);
    if (batch == NULL) {
        batch = batch_new(events, EVENTS_INIT, fleet->count);
        for (size_t i = 0; i < batch->count; i++) {
            batch->items[i] =
                (struct view_change){.is = view_entry_ref(fleet->entries[i]), .revision = batch->revision};
        }
    }
    return batch;
}

static void copy_items(struct events_batch *batch, size_t at, const struct view_change *change)
{
    batch->items[at] = *change;
    view_entry_ref(change->was);
    view_entry_ref(change->is);
}

/* A batch of the log from the cursor on, which is after revision `from`; NULL: nothing has changed. */
static struct events_batch *since(struct events *events, int64_t from, uint64_t first)
{
    const struct view_log *log = view_facts(events->view)->log;
    const struct view_change *change;
    uint64_t cursor = first;
    size_t count = 0;
    while (view_log_next(log, &cursor) != NULL) {
        count++;
    }
    struct events_batch *batch = count == 0 ? NULL : find(events, from);
    if (count > 0 && batch == NULL) {
        batch = batch_new(events, from, count);
        for (count = 0; (change = view_log_next(log, &first)) != NULL; count++) {
            copy_items(batch, count, change);
        }
    }
    return batch;
}

int events_batch_log(struct events *events, int64_t revision, uint64_t cluster,
                     struct events_batch **ret_batch)
{
    uint64_t cursor;
    if (view_resume(events->view, revision, cluster, &cursor) < 0) {
        return -1;
    }
    *ret_batch = since(events, revision, cursor);
    return 0;
}

int events_batch_rest(struct events *events, struct events_batch *done, struct events_batch **ret_batch)
{
    int64_t revision = done->revision;
    uint64_t end = done->end;
    events_batch_unref(done); /* not later: make_room() can free only what subscribers hold */
    if (!view_log_keeps(view_facts(events->view)->log, end)) {
        return -1;
    }
    *ret_batch = since(events, revision, end);
    return 0;
}

struct events_batch *events_batch_pending(struct events *events)
{
    struct events_batch *batch = batch_new(events, EVENTS_PENDING, events->pending_complete);
    for (size_t i = 0; i < batch->count; i++) {
        copy_items(batch, i, &events->pending[i]);
    }
    return batch;
}
