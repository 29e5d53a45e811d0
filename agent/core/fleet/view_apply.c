/* What changes: items of a watch one by one, a listing as its difference to what is held. Every change goes
 * through change(), which updates statistics, tombstones, the change log and the subscribers. */
#include "view_internal.h"

#include "outrider/base/blob.h"

#include <stdlib.h>

enum gone { STILL_THERE, KEY_GONE };

static void change(struct view *view, struct view_entry *was, struct view_entry *is, enum gone gone,
                   int64_t revision, const struct instant *now, struct queue *effects)
{
    bool clean = is == NULL && view_entry_status(was) == STATUS_SHUTTING_DOWN;
    struct view_change row = {.revision = revision, .was = was, .is = is, .clean = clean};
    view_stats_change(&view->stats, was, is);
    if (view->known) {
        view_log_add(view->log, &row); /* before that no subscriber can know a revision to resume from */
    }
    if (is == NULL && gone == KEY_GONE && !clean) {
        view_tombstones_add(&view->tombstones, was, now->wall, view->settings.tombstone_ms,
                            view->settings.tombstones_max, now);
    } else if (was == NULL) {
        view_tombstones_drop(&view->tombstones, view_entry_key(is));
    }
    view->dirty = true;
    struct view_effect *effect = view_push(effects, VIEW_DO_CHANGED, STR(""));
    effect->clean = clean;
    effect->revision = revision;
    effect->was = view_entry_ref(was);
    effect->is = view_entry_ref(is);
}

static void end_revision(struct view *view, int64_t revision, struct queue *effects)
{
    view->revision = revision;
    view_push(effects, VIEW_DO_REVISION, STR(""))->revision = revision;
}

void view_name_invalid_key(struct view *view, struct view_unreadable *unreadable,
                           const struct view_item *item, const struct instant *now, struct queue *effects)
{
    size_t at;
    bool is_new = view_unreadable_name(unreadable, item->key, item->why);
    for (at = 0; unreadable != &view->unreadable && is_new && at < view->unreadable.name_count; at++) {
        const struct view_unreadable_name *name = &view->unreadable.names[at];
        is_new = !str_eq((struct str){name->key, name->key_size}, item->key);
    }
    if (!is_new) {
        return;
    }
    if (now->mono - view->invalid_mono >= VIEW_INVALID_PERIOD_MS || view->invalid_mono == 0) {
        view->invalid_mono = now->mono;
        view->invalid_notes = 0;
    }
    if (view->invalid_notes++ < VIEW_INVALID_NOTES) {
        view_note(effects, VIEW_NOTE_UNREADABLE, "%.*s: %.*s",
                  item->key.size > 200 ? 200 : (int)item->key.size, item->key.data, STR_ARG(item->why));
    }
}

/* ---- items of a watch ---- */

static void apply_delete(struct view *view, const struct view_item *item, const struct instant *now,
                         struct queue *effects)
{
    struct view_entry *was = view_table_take(&view->table, item->key);
    if (was == NULL) {
        /* Only a key that exists can be deleted, and one that is not in the table is no record. */
        view_unreadable_forget(&view->unreadable, item->key);
        return;
    }
    change(view, was, NULL, KEY_GONE, item->mod_revision, now, effects);
    view_entry_unref(was);
}

static void apply_invalid_key(struct view *view, const struct view_item *item, const struct instant *now,
                              struct queue *effects)
{
    struct view_entry *was = view_table_take(&view->table, item->key);
    view->unreadable.count += was != NULL || item->create_revision == item->mod_revision ? 1 : 0;
    view_name_invalid_key(view, &view->unreadable, item, now, effects);
    if (was != NULL) {
        change(view, was, NULL, STILL_THERE, item->mod_revision, now, effects);
        view_entry_unref(was);
    }
}

static void apply_record(struct view *view, const struct view_item *item, const struct instant *now,
                         struct queue *effects)
{
    struct view_entry *was = view_table_put(&view->table, item->entry);
    if (was == NULL && item->create_revision < item->mod_revision) {
        view_unreadable_forget(&view->unreadable, item->key);
    }
    change(view, was, item->entry, STILL_THERE, item->mod_revision, now, effects);
    view_entry_unref(was);
}

/* A record beyond the limit is counted as a key that is no record. */
static bool has_room(const struct view *view, struct str key)
{
    size_t at;
    return view->table.count < view->settings.records_max || view_table_find(&view->table, key, &at);
}

/* A registry that does not keep old revisions lists pages of several: their records may be newer than the first
 * changes of the watch. A key that is gone needs no such check: its deletion was delivered, and what is not newer
 * than that is skipped. */
static bool is_news(const struct view *view, const struct view_item *item)
{
    const struct view_entry *held = view_table_get(&view->table, item->key);
    return held == NULL || item->mod_revision > view_entry_revision(held);
}

static void apply_item(struct view *view, const struct view_item *item, const struct instant *now,
                       struct queue *effects)
{
    struct view_item rest = *item;
    if (!is_news(view, item)) {
        return;
    }
    if (item->deleted) {
        apply_delete(view, item, now, effects);
    } else if (item->entry == NULL) {
        apply_invalid_key(view, item, now, effects);
    } else if (has_room(view, item->key)) {
        apply_record(view, item, now, effects);
    } else {
        rest.why = STR("there are more records than the view holds");
        apply_invalid_key(view, &rest, now, effects);
    }
}

void view_apply_items(struct view *view, const struct view_event *event, struct queue *effects)
{
    /* etcd before 3.4.24 and 3.5.8 may deliver an event twice (docs/design/etcd-gateway.md, "Known bugs"). */
    int64_t known = view->follow.delivered, open = 0;
    for (size_t i = 0; i < event->item_count; i++) {
        const struct view_item *item = &event->items[i];
        if (item->mod_revision <= known || item->mod_revision < open) {
            continue;
        }
        if (open != 0 && item->mod_revision != open) {
            end_revision(view, open, effects);
        }
        open = item->mod_revision;
        apply_item(view, item, &event->now, effects);
    }
    if (open != 0) {
        end_revision(view, open, effects);
    }
}

/* ---- a whole listing ---- */

/* A key in both: the entry that is held is kept where nothing was written, so that its memory is not held twice;
 * the same value written again is no change. */
static void apply_both(struct view *view, struct view_entry *was, struct view_entry **is, int64_t revision,
                       const struct instant *now, struct queue *effects)
{
    if (!blob_eq(view_entry_json(was), view_entry_json(*is))) {
        change(view, was, *is, STILL_THERE, revision, now, effects);
    } else if (view_entry_revision(was) == view_entry_revision(*is) &&
               view_entry_created(was) == view_entry_created(*is)) {
        view_entry_unref(*is);
        *is = view_entry_ref(was);
    } else {
        view->dirty = true;
    }
}

/* The key exists and holds no record any more. */
static enum gone gone_from_listing(const struct view *view, const struct view_entry *was)
{
    const struct view_unreadable *unreadable = &view->listed_unreadable;
    for (size_t i = 0; i < unreadable->name_count; i++) {
        struct str name = {unreadable->names[i].key, unreadable->names[i].key_size};
        if (str_eq(name, view_entry_key(was))) {
            return STILL_THERE;
        }
    }
    return KEY_GONE;
}

/* A walk through both tables, which are in the same order. */
static void apply_difference(struct view *view, const struct view_table *old, struct view_table *new,
                             int64_t revision, const struct instant *now, struct queue *effects)
{
    size_t i = 0, j = 0;
    while (i < old->count || j < new->count) {
        int order = i == old->count ? 1
                    : j == new->count
                        ? -1
                        : str_compare(view_entry_key(old->entries[i]), view_entry_key(new->entries[j]));
        if (order < 0) {
            struct view_entry *was = old->entries[i++];
            change(view, was, NULL, gone_from_listing(view, was), revision, now, effects);
        } else if (order > 0) {
            change(view, NULL, new->entries[j++], STILL_THERE, revision, now, effects);
        } else {
            apply_both(view, old->entries[i++], &new->entries[j++], revision, now, effects);
        }
    }
}

static bool same_records(const struct view_table *a, const struct view_table *b)
{
    for (size_t i = 0; i < a->count && a->count == b->count; i++) {
        const struct view_entry *left = a->entries[i], *right = b->entries[i];
        if (!str_eq(view_entry_key(left), view_entry_key(right)) ||
            !blob_eq(view_entry_json(left), view_entry_json(right))) {
            return false;
        }
    }
    return a->count == b->count;
}

/* From which revision a subscriber can resume to this listing. In another store, or in one that was set back, from
 * none; and the revisions that a store of the same id delivered in another past are not those of this one. */
static void mark_jump(struct view *view, const struct follow_effect *listed)
{
    bool same_cluster = view->known && view->cluster == listed->cluster;
    int64_t revision = listed->revision, before = listed->before;
    view->given = !same_cluster ? 0 : before > view->given ? before : view->given;
    bool resumes = same_cluster && !view->other_past && before > 0;
    if (resumes && before == revision && same_records(&view->table, &view->listed)) {
        return;
    }
    if (resumes && before < revision) {
        view_log_jump(view->log, before, revision);
    } else {
        view_log_restart(view->log, view->given >= revision ? view->given + 1 : revision);
    }
}

void view_apply_listing(struct view *view, const struct follow_effect *listed, const struct instant *now,
                        struct queue *effects)
{
    mark_jump(view, listed);
    struct view_table old = view->table;
    view->table = view->listed;
    view->listed = (struct view_table){0};
    apply_difference(view, &old, &view->table, listed->revision, now, effects);
    view_table_fini(&old);
    view_unreadable_fini(&view->unreadable);
    view->unreadable = view->listed_unreadable;
    view->listed_unreadable = (struct view_unreadable){0};
    view->dirty = view->dirty || !view->known;
    view->known = true;
    view->cluster = listed->cluster;
    view->other_past = false;
    view->true_boot = now->boot;
    view->true_wall = now->wall;
    end_revision(view, listed->revision, effects);
}

void view_apply_kept(struct view *view, const struct view_event *event, struct queue *effects)
{
    const struct view_kept *kept = event->kept;
    if (view->known) {
        return;
    }
    view_log_restart(view->log, kept->revision);
    for (size_t i = 0; i < kept->entry_count; i++) {
        struct view_entry *was = view_table_put(&view->table, kept->entries[i]);
        change(view, was, kept->entries[i], STILL_THERE, kept->revision, &event->now, effects);
        view_entry_unref(was);
    }
    for (size_t i = 0; i < kept->tombstone_count; i++) {
        const struct view_tombstone *stone = &kept->tombstones[i];
        if (view_table_get(&view->table, view_entry_key(stone->entry)) == NULL) {
            view_tombstones_add(&view->tombstones, stone->entry, stone->gone_wall,
                                view->settings.tombstone_ms, view->settings.tombstones_max, &event->now);
        }
    }
    int64_t passed = event->now.wall > kept->true_wall ? event->now.wall - kept->true_wall : 0;
    view->true_wall = kept->true_wall;
    view->true_boot = event->now.boot - passed;
    view->known = true;
    view->dirty = false;
    view->cluster = kept->cluster;
    view_follow(
        view,
        (struct follow_event){.type = FOLLOW_ON_KNOWN, .revision = kept->revision, .cluster = kept->cluster},
        event, effects);
    end_revision(view, kept->revision, effects);
}
