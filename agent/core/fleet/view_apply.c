/* What changes: items of a watch one by one, a listing as its difference to what is held. Every change goes
 * through change(): statistics, tombstones, the log of changes and the readers hear of it in one place. */
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
        view_log_add(view->log, &row); /* before that nobody can have known any revision to go on from */
    }
    if (is == NULL && gone == KEY_GONE && !clean) {
        view_tombstones_add(&view->tombstones, was, now->wall, view->settings.tombstone_ms,
                            view->settings.tombstones_max, now);
    } else if (was == NULL) {
        view_tombstones_drop(&view->tombstones, view_entry_key(is));
    }
    view->dirty = true;
    struct view_effect *effect = queue_push(effects);
    effect->type = VIEW_DO_CHANGED;
    effect->clean = clean;
    effect->revision = revision;
    effect->was = view_entry_ref(was);
    effect->is = view_entry_ref(is);
}

static void end_revision(struct view *view, int64_t revision, struct queue *effects)
{
    view->revision = revision;
    struct view_effect *effect = queue_push(effects);
    effect->type = VIEW_DO_REVISION;
    effect->revision = revision;
}

void view_name_invalid_keys(struct view *view, struct view_unreadable *unreadable,
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
    if (now->mono - view->invalid_keys_mono >= VIEW_RUBBISH_PERIOD_MS || view->invalid_keys_mono == 0) {
        view->invalid_keys_mono = now->mono;
        view->invalid_keys_notes = 0;
    }
    if (view->invalid_keys_notes++ < VIEW_RUBBISH_NOTES) {
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
        /* Only a key that is there can be deleted, and every key that is there and not in the table is none
         * of ours. */
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
    view_name_invalid_keys(view, &view->unreadable, item, now, effects);
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

/* A record beyond the limit is one that is not listed, and for the same bookkeeping no record of ours. */
static bool has_room(const struct view *view, struct str key)
{
    size_t at;
    return view->table.count < view->settings.records_max || view_table_find(&view->table, key, &at);
}

static void apply_item(struct view *view, const struct view_item *item, const struct instant *now,
                       struct queue *effects)
{
    struct view_item rest = *item;
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
    /* etcd before 3.4.24 and 3.5.8 may tell an event twice (docs/design/etcd-gateway.md, "Known bugs"). */
    int64_t known = view->told, open = 0;
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
        view->told = open;
    }
}

/* ---- a whole listing ---- */

/* What stands in both: the entry that is held is kept where nothing was written, so that its memory is not
 * held twice; and where the same was written again readers have no news. */
static void apply_both(struct view *view, struct view_entry *was, struct view_entry **is,
                       const struct instant *now, struct queue *effects)
{
    if (!blob_eq(view_entry_json(was), view_entry_json(*is))) {
        change(view, was, *is, STILL_THERE, view->listing.revision, now, effects);
    } else if (view_entry_revision(was) == view_entry_revision(*is) &&
               view_entry_created(was) == view_entry_created(*is)) {
        view_entry_unref(*is);
        *is = view_entry_ref(was);
    } else {
        view->dirty = true;
    }
}

/* The key is there, but what it holds is no record any more. */
static enum gone gone_from_listing(const struct view *view, const struct view_entry *was)
{
    const struct view_unreadable *unreadable = &view->listing.unreadable;
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
                             const struct instant *now, struct queue *effects)
{
    size_t i = 0, j = 0;
    while (i < old->count || j < new->count) {
        int order = i == old->count ? 1
                    : j == new->count
                        ? -1
                        : str_compare(view_entry_key(old->entries[i]), view_entry_key(new->entries[j]));
        if (order < 0) {
            struct view_entry *was = old->entries[i++];
            change(view, was, NULL, gone_from_listing(view, was), view->listing.revision, now, effects);
        } else if (order > 0) {
            change(view, NULL, new->entries[j++], STILL_THERE, view->listing.revision, now, effects);
        } else {
            apply_both(view, old->entries[i++], &new->entries[j++], now, effects);
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

/* From which revision a reader can go on to this listing. In another store, or in one that was set back, from
 * none; and the numbers that a store of the same id had given out in an earlier life are not this one's. */
static void mark_jump(struct view *view, bool same_cluster)
{
    int64_t revision = view->listing.revision, before = view->told;
    view->given = !same_cluster ? 0 : before > view->given ? before : view->given;
    bool goes_on = same_cluster && !view->other_restore && before > 0;
    if (goes_on && before == revision && same_records(&view->table, &view->listing.table)) {
        return;
    }
    if (goes_on && before < revision) {
        view_log_jump(view->log, before, revision);
    } else {
        view_log_restart(view->log, view->given >= revision ? view->given + 1 : revision);
    }
}

void view_apply_listing(struct view *view, const struct instant *now, struct queue *effects)
{
    struct view_listing *listing = &view->listing;
    bool same_cluster = view->known && view->cluster == listing->cluster;
    mark_jump(view, same_cluster);
    struct view_table old = view->table;
    view->table = listing->table;
    listing->table = (struct view_table){0};
    apply_difference(view, &old, &view->table, now, effects);
    view_table_fini(&old);
    view_unreadable_fini(&view->unreadable);
    view->unreadable = listing->unreadable;
    listing->unreadable = (struct view_unreadable){0};
    view->dirty = view->dirty || !view->known;
    view->known = true;
    view->cluster = listing->cluster;
    view->told = listing->revision;
    view->other_restore = false;
    view->anew = 0;
    view->true_boot = now->boot;
    view->true_wall = now->wall;
    end_revision(view, listing->revision, effects);
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
        size_t at;
        if (!view_table_find(&view->table, view_entry_key(stone->entry), &at)) {
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
    view->told = kept->revision;
    end_revision(view, kept->revision, effects);
}
