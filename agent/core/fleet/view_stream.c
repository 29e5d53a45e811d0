/* The watch, and the check beside it that tells a fleet in which nothing happens from a stream that is dead.
 */
#include "outrider/base/blob.h"
#include "view_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- going on where it was ---- */

/* The store is not the one that was watched: revisions fall in none. */
static bool is_other_store(struct view *view, uint64_t cluster, int64_t revision, int64_t told,
                           const struct instant *now, struct queue *effects)
{
    if (cluster != 0 && view->cluster != 0 && cluster != view->cluster) {
        char why[128];
        snprintf(why, sizeof(why), "another cluster answers: %" PRIx64 ", not %" PRIx64, cluster,
                 view->cluster);
        view->other_restore = true;
        view_begin_anew(view, why, now, effects);
        return true;
    }
    if (revision > 0 && revision < told) {
        view->other_restore = true;
        view_begin_anew(view, "the registry was set back: its revision fell", now, effects);
        return true;
    }
    return false;
}

static void ask_newest(struct view *view, enum view_ask ask, int64_t at_revision, struct queue *effects)
{
    struct registry_request request = view_ask(view, REGISTRY_LIST, ask);
    request.key = str_of(view->first);
    request.range_end = str_of(view->end);
    request.limit = 1;
    request.newest_first = true;
    request.at_revision = at_revision;
    view->check.told = view->told;
    view_submit(view, &request, effects);
}

void view_continue(struct view *view, struct queue *effects)
{
    view->state = VIEW_OPENING;
    ask_newest(view, ASK_SAME, view->told, effects);
}

static int64_t keys_held(const struct view *view)
{
    return (int64_t)(view->table.count + view->unreadable.count);
}

/* A registry that lost its data and was filled again keeps its cluster id, and its revision may have passed
 * ours long ago. What it had at the revision up to which we know everything gives it away: not as many keys,
 * or another newest change. */
static bool has_same_restore(const struct view *view, const struct registry_reply *reply,
                             const struct view_event *event)
{
    const struct view_item *newest = event->item_count == 0 ? NULL : &event->items[0];
    const struct view_entry *held = newest == NULL ? NULL : view_table_get(&view->table, newest->key);
    if (reply->count != keys_held(view)) {
        return false;
    }
    if (newest != NULL && newest->entry != NULL &&
        (held == NULL || view_entry_revision(held) != newest->mod_revision ||
         !blob_eq(view_entry_json(held), view_entry_json(newest->entry)))) {
        return false;
    }
    /* What is no record of ours was written alone: a record of the same revision is of another past. */
    int64_t last = newest == NULL          ? 0
                   : newest->entry == NULL ? newest->mod_revision - 1
                                           : newest->mod_revision;
    for (size_t i = 0; i < view->table.count; i++) {
        if (view_entry_revision(view->table.entries[i]) > last) {
            return false;
        }
    }
    return true;
}

void view_on_same(struct view *view, const struct view_event *event, struct queue *effects)
{
    const struct registry_reply *reply = event->reply;
    if (reply->failure != REGISTRY_OK && reply->revision_gone) {
        view_begin_anew(view, "the revision to go on from was compacted", &event->now, effects);
    } else if (reply->failure != REGISTRY_OK) {
        view_fail(view, reply->failure, reply->error, &event->now, effects);
    } else if (is_other_store(view, reply->cluster, reply->revision, view->told, &event->now, effects)) {
        return;
    } else if (!has_same_restore(view, reply, event)) {
        view->other_restore = true;
        view_begin_anew(view, "the registry was emptied or set back: its past is another", &event->now,
                        effects);
    } else {
        view->check.expected = reply->revision; /* whoever opens the watch may not have heard of it yet */
        view_open(view, effects);
    }
}

void view_open(struct view *view, struct queue *effects)
{
    view->state = VIEW_OPENING;
    view->watch_id = ++view->next_id;
    struct registry_watch watch = {.id = view->watch_id,
                                   .ranges = {{.key = str_of(view->first), .end = str_of(view->end)}},
                                   .range_count = 1,
                                   .from_revision = view->told + 1,
                                   .timeout_ms = view->settings.request_timeout_ms};
    struct str kept = queue_copy(effects, (struct str){(const char *)&watch, sizeof(watch)});
    struct view_effect *effect = queue_push(effects);
    effect->type = VIEW_DO_WATCH;
    effect->watch = (const struct registry_watch *)(const void *)kept.data;
}

void view_close(struct view *view, struct queue *effects)
{
    if (view->watch_id != 0) {
        struct view_effect *effect = queue_push(effects);
        effect->type = VIEW_DO_UNWATCH;
        effect->id = view->watch_id;
        view->watch_id = 0;
    }
}

/* ---- what the stream has told, against what the registry has ---- */

/* Exact: a key that was written unseen would be newer than all we know, one that was deleted unseen would be
 * one too many here. */
static bool has_told_all(const struct view *view)
{
    const struct view_check *check = &view->check;
    return view->told >= check->revision || (check->newest <= view->told && check->keys == keys_held(view));
}

static void caught_up(struct view *view, const struct instant *now, struct queue *effects)
{
    view->check.lagging = false;
    view->check.expected = 0;
    view->told = view->check.revision > view->told ? view->check.revision : view->told;
    view_certain(view, now, effects);
}

static void ask_revision(struct view *view, struct queue *effects)
{
    /* A key that nobody has: only the revision in the answer counts. */
    struct registry_request request = view_ask(view, REGISTRY_GET, ASK_REVISION);
    request.key = str_of(view->first);
    view->check.told = view->told;
    view_submit(view, &request, effects);
}

static void stalled(struct view *view, const struct instant *now, struct queue *effects)
{
    char why[200];
    snprintf(why, sizeof(why),
             "the watch is open, but has not told what is in the registry at revision %" PRId64
             " (told up to %" PRId64 ", %" PRId64 " keys there, %" PRId64 " told)",
             view->check.revision, view->told, view->check.keys, keys_held(view));
    view->stalls++;
    view_note(effects, VIEW_NOTE_STALLED, "%s", why);
    if (view->stalls_in_a_row++ > 0) {
        /* A new stream does not know better: what is held must be wrong. */
        view_begin_anew(view, why, now, effects);
    } else {
        view_fail(view, REGISTRY_OK, str_of(why), now, effects);
    }
}

void view_check(struct view *view, const struct instant *now, struct queue *effects)
{
    struct view_check *check = &view->check;
    if (view->state != VIEW_WATCHING) {
        return;
    }
    if (check->lagging && now->mono >= check->lag_ends) {
        stalled(view, now, effects);
        return;
    }
    if (check->lagging || view->request_id != 0 || now->mono < view_check_window(view).earliest) {
        return;
    }
    if (!view->synced || check->expected > view->told) {
        ask_newest(view, ASK_NEWEST, 0, effects);
    } else {
        ask_revision(view, effects);
    }
}

struct window view_check_window(const struct view *view)
{
    const struct view_check *check = &view->check;
    if (view->state != VIEW_WATCHING) {
        return WINDOW_NEVER;
    }
    if (check->lagging) {
        return window_at(check->lag_ends);
    }
    return view->request_id != 0 ? WINDOW_NEVER
                                 : (struct window){check->due - view->settings.check_ms / 4, check->due};
}

void view_on_checked(struct view *view, const struct view_event *event, struct queue *effects)
{
    struct view_check *check = &view->check;
    const struct registry_reply *reply = event->reply;
    bool newest = reply->op == REGISTRY_LIST;
    check->due = event->now.mono + view->settings.check_ms;
    if (reply->failure == REGISTRY_OVERLOADED) {
        return; /* it lives; asking again at once would only make it worse */
    }
    if (reply->failure != REGISTRY_OK) {
        view_fail(view, reply->failure, reply->error, &event->now, effects);
        return;
    }
    if (is_other_store(view, reply->cluster, reply->revision, check->told, &event->now, effects)) {
        return;
    }
    check->revision = reply->revision;
    if (newest) {
        check->newest = event->item_count == 0 ? 0 : event->items[0].mod_revision;
        check->keys = reply->count;
        check->lagging = !has_told_all(view);
        check->lag_ends = event->now.mono + view->settings.request_timeout_ms;
    }
    if (newest ? !check->lagging : reply->revision <= view->told) {
        caught_up(view, &event->now, effects);
    } else if (!newest) {
        check->expected = reply->revision;
    }
}

/* ---- what it tells ---- */

static void on_opened(struct view *view, const struct registry_watch_event *watch, const struct instant *now,
                      struct queue *effects)
{
    int64_t expected = watch->revision > view->check.expected ? watch->revision : view->check.expected;
    if (view->state != VIEW_OPENING || is_other_store(view, watch->cluster, 0, 0, now, effects)) {
        return;
    }
    if (watch->revision > 0 && watch->revision < view->told) {
        /* A watch is opened by one member, unlike a read, which asks them all: this one is behind, or the
         * registry was set back. Going on begins with a read. */
        view_fail(view, REGISTRY_RETRY, STR("the watch began at an older revision than what is known"), now,
                  effects);
        return;
    }
    view->state = VIEW_WATCHING;
    view->opens++;
    view->cluster = view->cluster != 0 ? view->cluster : watch->cluster;
    view->check = (struct view_check){.due = now->mono + view->settings.check_ms};
    if (watch->revision > 0 && expected <= view->told) {
        view->check.revision = watch->revision;
        caught_up(view, now, effects);
    } else {
        /* What happened while nobody watched is on its way; this tells when it is all here. */
        ask_newest(view, ASK_NEWEST, 0, effects);
    }
}

static void on_changed(struct view *view, const struct view_event *event, struct queue *effects)
{
    view_apply_items(view, event, effects);
    if (event->watch->revision > view->told) {
        view->told = event->watch->revision;
    }
    if (view->synced) {
        view->true_boot = event->now.boot;
        view->true_wall = event->now.wall;
    }
    if (view->check.lagging && has_told_all(view)) {
        caught_up(view, &event->now, effects);
    }
}

static void on_ended(struct view *view, const struct registry_watch_event *watch, const struct instant *now,
                     struct queue *effects)
{
    view->watch_id = 0;
    if (watch->read_anew) {
        view_begin_anew(view, "the revision to go on from was compacted", now, effects);
        return;
    }
    view_fail(view, watch->failure, watch->error.size > 0 ? watch->error : STR("the watch was ended"), now,
              effects);
}

void view_on_watch(struct view *view, const struct view_event *event, struct queue *effects)
{
    const struct registry_watch_event *watch = event->watch;
    if (watch->id == 0 || watch->id != view->watch_id) {
        return;
    }
    switch (watch->type) {
    case REGISTRY_WATCH_OPENED: on_opened(view, watch, &event->now, effects); break;
    case REGISTRY_WATCH_CHANGED: on_changed(view, event, effects); break;
    case REGISTRY_WATCH_ENDED: on_ended(view, watch, &event->now, effects); break;
    }
}
