/* What changes: items of a watch one by one, a listing as its difference to what is held. Every change goes
 * through change(), which updates tombstones, the change log and the subscribers. */
#include "view_internal.h"

#include "outrider/base/blob.h"

#include <stdio.h>

enum gone { STILL_THERE, KEY_GONE };

static void change(struct view *view, struct view_entry *was, struct view_entry *is, enum gone gone,
                   int64_t revision)
{
    bool clean = is == NULL && was->status == STATUS_SHUTTING_DOWN;
    struct view_change row = {.revision = revision, .was = was, .is = is, .clean = clean};
    if (view->facts.known) {
        view_log_add(view->log, &row); /* before that no subscriber can know a revision to resume from */
    }
    if (is == NULL && gone == KEY_GONE && !clean) {
        view_tombstones_add(&view->tombstones, &(struct view_tombstone){was, view->now.wall}, &view->settings,
                            &view->now);
    } else if (was == NULL) {
        view_tombstones_drop(&view->tombstones, view_entry_key(is));
    }
    view->dirty = true;
    struct view_effect *effect = view_push(view, VIEW_DO_CHANGED, STR(""));
    effect->clean = clean;
    effect->revision = revision;
    effect->was = view_entry_ref(was);
    effect->is = view_entry_ref(is);
}

static void end_revision(struct view *view, int64_t revision)
{
    view->facts.revision = revision;
    view_push(view, VIEW_DO_REVISION, STR(""))->revision = revision;
}

void view_name_invalid_key(struct view *view, struct view_unreadable *unreadable,
                           const struct view_item *item)
{
    bool known = unreadable != &view->unreadable && view_unreadable_names(&view->unreadable, item->key);
    if (!view_unreadable_add(unreadable, item->key, item->skip, item->why) || known) {
        return;
    }
    char more[64] = "";
    if (view->now.mono - view->invalid_mono >= VIEW_INVALID_PERIOD_MS || view->invalid_mono == 0) {
        if (view->invalid_notes > VIEW_INVALID_NOTES) {
            snprintf(more, sizeof(more), "; %u more suppressed before",
                     view->invalid_notes - VIEW_INVALID_NOTES);
        }
        view->invalid_mono = view->now.mono;
        view->invalid_notes = 0;
    }
    if (view->invalid_notes++ < VIEW_INVALID_NOTES) {
        view_note(view, VIEW_NOTE_UNREADABLE, "%.*s: %.*s%s",
                  item->key.size > 200 ? 200 : (int)item->key.size, item->key.data, STR_ARG(item->why), more);
    }
}

struct view_item view_admit(struct view *view, const struct view_item *item, const struct view_table *table)
{
    struct view_item admitted = *item;
    struct view_entry *entry = item->entry;
    if (entry == NULL) {
        return admitted;
    }
    bool older = entry->signature == VIEW_SIGNATURE_GOOD && view_marks_is_older(&view->marks, item);
    if (older && view->settings.require_signed) {
        admitted.entry = NULL;
        admitted.skip = VIEW_SKIP_OLDER;
        admitted.why = VIEW_OLDER;
    } else if (view_table_get(table, item->key) == NULL && table->count >= view->settings.records_max) {
        admitted.entry = NULL;
        admitted.skip = VIEW_SKIP_ROOM;
        admitted.why = VIEW_TOO_MANY;
    }
    if (older) {
        entry->signature = VIEW_SIGNATURE_BAD; /* it was put back */
    } else if (entry->signature == VIEW_SIGNATURE_GOOD) {
        view_marks_set(&view->marks, item, view->settings.records_max, view->now.wall);
    }
    return admitted;
}

/* ---- items of a watch ---- */

/* The key is gone, or there is no record in it. */
static void apply_no_record(struct view *view, const struct view_item *item, int64_t revision)
{
    struct view_entry *was = view_table_take(&view->table, item->key);
    if (!item->deleted) {
        view_name_invalid_key(view, &view->unreadable, item);
    } else if (was == NULL) {
        view_unreadable_forget(&view->unreadable, item->key);
    }
    if (was != NULL) {
        change(view, was, NULL, item->deleted ? KEY_GONE : STILL_THERE, revision);
        view_entry_unref(was);
    }
}

static void apply_record(struct view *view, const struct view_item *item, int64_t revision)
{
    struct view_entry *was = view_table_put(&view->table, item->entry);
    if (was == NULL) {
        view_unreadable_forget(&view->unreadable, item->key);
    }
    change(view, was, item->entry, STILL_THERE, revision);
    view_entry_unref(was);
}

static void apply_item(struct view *view, const struct view_item *item, int64_t revision)
{
    const struct view_entry *held = view_table_get(&view->table, item->key);
    /* A registry that does not keep old revisions lists pages of several: their records may be newer than the first
     * changes of the watch. A key that is gone needs no such check: its deletion was delivered, and what is not newer
     * than that is skipped. */
    if (held != NULL && item->mod_revision <= held->mod_revision) {
        return;
    }
    struct view_item admitted = view_admit(view, item, &view->table);
    if (admitted.entry != NULL) {
        apply_record(view, &admitted, revision);
    } else {
        apply_no_record(view, &admitted, revision);
    }
}

void view_apply_items(struct view *view, const struct view_event *event)
{
    /* etcd before 3.4.24 and 3.5.8 may deliver an event twice (docs/design/etcd-gateway.md, "Known bugs"). */
    int64_t known = view->follow.delivered, open = 0, newest = known;
    /* Of coalesced changes a deletion has the revision at which the key was missed, so only behind the last of them the
     * view has what the registry had at a revision. */
    int64_t whole = event->watch->coalesced && event->item_count > 0
                        ? event->items[event->item_count - 1].mod_revision
                        : 0;
    for (size_t i = 0; i < event->item_count; i++) {
        const struct view_item *item = &event->items[i];
        int64_t revision = item->mod_revision > whole ? item->mod_revision : whole;
        if (item->mod_revision <= known || item->mod_revision < newest) {
            continue;
        }
        if (open != 0 && revision != open) {
            end_revision(view, open);
        }
        newest = item->mod_revision;
        open = revision;
        apply_item(view, item, revision);
    }
    if (open != 0) {
        end_revision(view, open);
    }
}

/* ---- a whole listing ---- */

/* A key in both: the entry that is held is kept where nothing was written, so that its memory is not held twice;
 * the same value written again is no change. */
static void apply_both(struct view *view, struct view_entry *was, struct view_entry **is, int64_t revision)
{
    if (!blob_eq(was->json, (*is)->json)) {
        change(view, was, *is, STILL_THERE, revision);
    } else if (was->mod_revision == (*is)->mod_revision && was->create_revision == (*is)->create_revision) {
        view_entry_unref(*is);
        *is = view_entry_ref(was);
    } else {
        view->dirty = true;
    }
}

/* A walk through both tables, which are in the same order. */
static void apply_difference(struct view *view, const struct view_table *old, struct view_table *new,
                             int64_t revision)
{
    size_t i = 0, j = 0;
    while (i < old->count || j < new->count) {
        int order = i == old->count ? 1
                    : j == new->count
                        ? -1
                        : str_compare(view_entry_key(old->entries[i]), view_entry_key(new->entries[j]));
        if (order < 0) {
            struct view_entry *was = old->entries[i++];
            /* A key that is no record still exists. */
            bool there = view_unreadable_has(&view->listed_unreadable, view_entry_key(was));
            change(view, was, NULL, there ? STILL_THERE : KEY_GONE, revision);
        } else if (order > 0) {
            change(view, NULL, new->entries[j++], STILL_THERE, revision);
        } else {
            apply_both(view, old->entries[i++], &new->entries[j++], revision);
        }
    }
}

static bool same_records(const struct view_table *a, const struct view_table *b)
{
    for (size_t i = 0; i < a->count && a->count == b->count; i++) {
        const struct view_entry *left = a->entries[i], *right = b->entries[i];
        if (!str_eq(view_entry_key(left), view_entry_key(right)) || !blob_eq(left->json, right->json)) {
            return false;
        }
    }
    return a->count == b->count;
}

/* A subscriber can resume from `revision` on, or where that was given before, from the first that was not. */
static void restart(struct view *view, int64_t revision)
{
    bool again = view->given >= revision;
    view->facts.given_before = again || view->other_past ? view->given : view->facts.given_before;
    view_log_restart(view->log, again ? view->given + 1 : revision);
}

/* From which revision a subscriber can resume to this listing. In another store, or in one that was set back, from
 * none; and the revisions that a store of the same id delivered in another past are not those of this one. A listing
 * of several revisions is what the store had at none of them, until the stream has delivered all of them. */
static void mark_jump(struct view *view, const struct follow_effect *listed)
{
    bool same_cluster = view->facts.known && view->facts.cluster == listed->cluster;
    int64_t revision = listed->revision, before = listed->before;
    view->given = !same_cluster ? 0 : before > view->given ? before : view->given;
    bool resumes = same_cluster && !view->other_past && before > 0;
    view->facts.given_before = same_cluster ? view->facts.given_before : 0;
    if (listed->until > revision) {
        restart(view, listed->until);
        return;
    }
    if (resumes && before == revision && same_records(&view->table, &view->listed)) {
        return;
    }
    if (resumes && before < revision) {
        view_log_jump(view->log, before, revision);
    } else {
        restart(view, revision);
    }
}

void view_apply_listing(struct view *view, const struct follow_effect *listed)
{
    mark_jump(view, listed);
    struct view_table old = view->table;
    view->table = view->listed;
    view->listed = (struct view_table){0};
    apply_difference(view, &old, &view->table, listed->revision);
    view_table_fini(&old);
    view_unreadable_fini(&view->unreadable);
    view->unreadable = view->listed_unreadable;
    view->listed_unreadable = (struct view_unreadable){0};
    view->dirty = view->dirty || !view->facts.known;
    view->facts.known = true;
    view->facts.cluster = listed->cluster;
    view->other_past = false;
    view->in_part = listed->until > listed->revision ? listed->until : 0;
    view->true_boot = view->now.boot;
    view->facts.true_wall = view->now.wall;
    end_revision(view, listed->revision);
}

/* Nothing in this fleet may have changed up to then, so no change would say that the view has come so far; and to the
 * revision of the listing no subscriber can resume. */
void view_end_listing(struct view *view)
{
    if (view->in_part == 0 || view->follow.delivered < view->in_part) {
        return;
    }
    if (view->facts.revision < view->in_part) {
        end_revision(view, view->in_part);
    }
    view->in_part = 0;
}

void view_apply_kept(struct view *view, const struct view_event *event)
{
    const struct view_kept *kept = event->kept;
    struct view_facts *facts = &view->facts;
    if (facts->known) {
        return;
    }
    view_log_restart(view->log, kept->revision);
    for (size_t i = 0; i < kept->entry_count; i++) {
        struct view_entry *was = view_table_put(&view->table, kept->entries[i]);
        change(view, was, kept->entries[i], STILL_THERE, kept->revision);
        view_entry_unref(was);
    }
    for (size_t i = 0; i < kept->tombstone_count; i++) {
        const struct view_tombstone *stone = &kept->tombstones[i];
        if (view_table_get(&view->table, view_entry_key(stone->entry)) == NULL) {
            view_tombstones_add(&view->tombstones, stone, &view->settings, &view->now);
        }
    }
    for (size_t i = 0; i < kept->mark_count; i++) {
        view_marks_add(&view->marks, kept->marks[i], view->settings.records_max);
    }
    int64_t passed = view->now.wall > kept->true_wall ? view->now.wall - kept->true_wall : 0;
    facts->true_wall = kept->true_wall;
    view->true_boot = view->now.boot - passed;
    facts->known = true;
    view->dirty = false;
    facts->cluster = kept->cluster;
    struct follow_event known = {
        .type = FOLLOW_ON_KNOWN, .revision = kept->revision, .cluster = kept->cluster};
    view_follow(view, known, event);
    end_revision(view, kept->revision);
}
