/* The follower of a view: what it delivers is applied here, and what it asks for is passed on. */
#include "view_internal.h"

#include "outrider/base/blob.h"
#include "outrider/base/duration.h"

#include <inttypes.h>

/* ---- what it asks for ---- */

static void pass_request(struct view *view, const struct registry_request *request)
{
    const struct registry_request *kept = follow_kept_request(view->effects, request);
    view_push(view, VIEW_DO_REQUEST, STR(""))->request = kept;
}

static void pass_watch(struct view *view, const struct registry_watch *watch)
{
    const struct registry_watch *kept = follow_kept_watch(view->effects, watch);
    view_push(view, VIEW_DO_WATCH, STR(""))->watch = kept;
}

/* ---- pages ---- */

void view_forget_pages(struct view *view)
{
    view_table_fini(&view->listed);
    view_unreadable_fini(&view->listed_unreadable);
}

static void gather(struct view *view, const struct view_item *item)
{
    struct view_item admitted = view_admit(view, item, &view->listed);
    if (admitted.entry != NULL) {
        view_entry_unref(view_table_put(&view->listed, admitted.entry));
    } else {
        view_name_invalid_key(view, &view->listed_unreadable, &admitted);
    }
}

static void complete(struct view *view, const struct follow_effect *listed)
{
    char span[32];
    view_apply_listing(view, listed);
    view->facts.listings++;
    view_note(view, VIEW_NOTE_LISTED, "records=%zu revision=%" PRId64 " duration=%s unreadable=%zu",
              view->table.count, listed->revision, duration_human(listed->took_ms, span),
              view->unreadable.count);
}

/* ---- the past ---- */

static int64_t keys_held(const struct view *view)
{
    return (int64_t)(view->table.count + view->unreadable.count);
}

/* A registry that lost its data and was filled again keeps its cluster id, and its revision may have passed
 * the one known. What it had at that revision shows it: another number of keys, or another newest change. */
static bool has_same_past(const struct view *view, const struct view_event *event)
{
    const struct view_item *newest = event->item_count == 0 ? NULL : &event->items[0];
    const struct view_entry *held = newest == NULL ? NULL : view_table_get(&view->table, newest->key);
    if (event->reply->count != keys_held(view)) {
        return false;
    }
    if (newest != NULL && newest->entry != NULL &&
        (held == NULL || held->mod_revision != newest->mod_revision ||
         !blob_eq(held->json, newest->entry->json))) {
        return false;
    }
    /* A key that is no record was written alone: a record of the same revision is of another past. */
    int64_t last = newest == NULL          ? 0
                   : newest->entry == NULL ? newest->mod_revision - 1
                                           : newest->mod_revision;
    for (size_t i = 0; i < view->table.count; i++) {
        if (view->table.entries[i]->mod_revision > last) {
            return false;
        }
    }
    return true;
}

/* ---- what it found ---- */

static void mark_true(struct view *view)
{
    view->true_boot = view->now.boot;
    view->facts.true_wall = view->now.wall;
}

static void carry_out(struct view *view, const struct follow_effect *effect, const struct view_event *event)
{
    static const enum view_note notes[] = {[FOLLOW_NOTE_OUTAGE] = VIEW_NOTE_OUTAGE,
                                           [FOLLOW_NOTE_SILENT] = VIEW_NOTE_STALLED,
                                           [FOLLOW_NOTE_RECOVERED] = VIEW_NOTE_RECOVERED,
                                           [FOLLOW_NOTE_READ_ANEW] = VIEW_NOTE_RELIST};
    switch (effect->type) {
    case FOLLOW_DO_REQUEST: pass_request(view, &effect->request); break;
    case FOLLOW_DO_WATCH: pass_watch(view, &effect->watch); break;
    case FOLLOW_DO_UNWATCH: view_push(view, VIEW_DO_UNWATCH, STR(""))->id = effect->id; break;
    case FOLLOW_DO_PAGE:
        for (size_t i = 0; i < event->item_count; i++) {
            gather(view, &event->items[i]);
        }
        break;
    case FOLLOW_DO_FORGET: view_forget_pages(view); break;
    case FOLLOW_DO_LISTED: complete(view, effect); break;
    case FOLLOW_DO_OPENED: view->facts.cluster = effect->cluster; break;
    case FOLLOW_DO_READ_BACK:
    case FOLLOW_DO_FAILED: break;
    case FOLLOW_DO_CONFIRM: mark_true(view); break;
    case FOLLOW_DO_SYNCED: view_push(view, VIEW_DO_SYNCED, STR("")); break;
    case FOLLOW_DO_STALE: view_push(view, VIEW_DO_STALE, effect->text); break;
    case FOLLOW_DO_READ_ANEW:
        view->other_past = view->other_past || effect->cause == FOLLOW_OTHER_CLUSTER ||
                           effect->cause == FOLLOW_SET_BACK || effect->cause == FOLLOW_OTHER_PAST;
        break;
    case FOLLOW_DO_NOTE: view_note(view, notes[effect->note], "%.*s", STR_ARG(effect->text)); break;
    }
}

void view_follow(struct view *view, struct follow_event step, const struct view_event *event)
{
    struct follow_effect effect;
    step.now = view->now;
    step.keys = keys_held(view);
    follow_step(&view->follow, &step, &view->follow_effects);
    while (queue_take(&view->follow_effects, &effect)) {
        carry_out(view, &effect, event);
    }
    view_end_listing(view);
    enum follow_state state = view->follow.state;
    view->facts.waking =
        view->facts.waking && !view->follow.synced && state != FOLLOW_WAITING && state != FOLLOW_OFF;
}

void view_on_reply(struct view *view, const struct view_event *event)
{
    if (!follow_awaits(&view->follow, event->reply->id)) {
        return;
    }
    size_t count = event->item_count;
    struct follow_event step = {.type = FOLLOW_ON_REPLY, .reply = event->reply, .listed = count};
    for (size_t i = 0; i < count; i++) {
        int64_t revision = event->items[i].mod_revision;
        step.last_key = event->items[i].key;
        step.newest = revision > step.newest ? revision : step.newest;
    }
    step.same_past = view->follow.state == FOLLOW_RESUMING && has_same_past(view, event);
    view_follow(view, step, event);
}

void view_on_watch(struct view *view, const struct view_event *event)
{
    const struct registry_watch_event *watch = event->watch;
    if (watch->type == REGISTRY_WATCH_CHANGED && follow_watches(&view->follow, watch->id)) {
        view_apply_items(view, event);
        if (view->follow.synced) {
            mark_true(view);
        }
    }
    view_follow(view, (struct follow_event){.type = FOLLOW_ON_WATCH, .watch = watch}, event);
}
