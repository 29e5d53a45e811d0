/* A listing: pages of one revision, gathered beside what is held until the last has come. */
#include "view_internal.h"

#include "outrider/base/duration.h"
#include "outrider/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

void view_listing_forget(struct view *view)
{
    view_table_fini(&view->listing.table);
    view_unreadable_fini(&view->listing.unreadable);
    free(view->listing.next);
    view->listing = (struct view_listing){0};
}

void view_list(struct view *view, const struct instant *now, struct queue *effects)
{
    struct view_listing *listing = &view->listing;
    if (!listing->begun) {
        *listing =
            (struct view_listing){.begun = true, .limit = view->settings.page, .began_mono = now->mono};
    }
    view->state = VIEW_LISTING;
    struct registry_request request = view_ask(view, REGISTRY_LIST, ASK_PAGE);
    request.key =
        listing->next == NULL ? str_of(view->first) : (struct str){listing->next, listing->next_size};
    request.range_end = str_of(view->end);
    request.limit = (int64_t)listing->limit;
    request.at_revision = listing->revision;
    listing->asked = listing->limit;
    view_submit(view, &request, effects);
}

static void gather(struct view *view, const struct view_item *item, const struct instant *now,
                   struct queue *effects)
{
    struct view_listing *listing = &view->listing;
    struct view_item invalid_keys = *item;
    if (item->entry != NULL && listing->table.count < view->settings.records_max) {
        view_entry_unref(view_table_put(&listing->table, item->entry));
        return;
    }
    if (item->entry != NULL) {
        invalid_keys.why = STR("there are more records than the view holds");
    }
    listing->unreadable.count++;
    view_name_invalid_keys(view, &listing->unreadable, &invalid_keys, now, effects);
}

/* The key right behind the last one of the page: no key is between a key and itself with a NUL behind it. */
static void step_behind(struct view_listing *listing, struct str last)
{
    char *next = mem_copy(last.data, last.size);
    free(listing->next);
    listing->next = next;
    listing->next_size = last.size + 1;
}

static void complete(struct view *view, const struct instant *now, struct queue *effects)
{
    char span[32];
    size_t unreadable = view->listing.unreadable.count;
    int64_t took = now->mono - view->listing.began_mono;
    view_apply_listing(view, now, effects);
    view->listings++;
    view_note(effects, VIEW_NOTE_LISTED, "%zu records at revision %" PRId64 " in %s%s", view->table.count,
              view->told, duration_human(took, span),
              unreadable == 0 ? "" : "; some keys are no records of ours and left out");
    bool interrupted = view->listing.interrupted;
    view_listing_forget(view);
    view->relist = false;
    if (interrupted) {
        view_continue(view, effects); /* between its pages the registry may have become another */
    } else {
        view_open(view, effects);
    }
}

static void on_failed_page(struct view *view, const struct registry_reply *reply, const struct instant *now,
                           struct queue *effects)
{
    view->listing.limit = view->listing.asked > 1 ? view->listing.asked / 2 : 1;
    view->listing.steady = 0;
    if (reply->too_large && view->listing.asked > 1) {
        view_list(view, now, effects); /* it answers: only of so much */
        return;
    }
    view->listing.interrupted = view->listing.revision != 0;
    if (reply->failure == REGISTRY_REFUSED && view->listing.revision != 0 && reply->revision_gone) {
        view_begin_anew(view, "the revision was compacted while it was being listed", now, effects);
        return;
    }
    if (reply->failure == REGISTRY_REFUSED && view->listing.revision != 0 && view->listing.asked == 1) {
        /* Not even one record of that revision: perhaps of a newer one. */
        size_t limit = view->listing.limit;
        view_listing_forget(view);
        view->listing = (struct view_listing){.begun = true, .limit = limit, .began_mono = now->mono};
    }
    view_fail(view, reply->failure, reply->error, now, effects);
}

/* Where records are so large that few of them make a page, each try for more is a page for nothing. */
static void grow_pages(struct view *view)
{
    enum { STEADY_PAGES = 4 };
    struct view_listing *listing = &view->listing;
    if (listing->limit < view->settings.page && ++listing->steady >= STEADY_PAGES) {
        listing->limit = listing->limit < view->settings.page / 2 ? listing->limit * 2 : view->settings.page;
        listing->steady = 0;
    }
}

void view_on_page(struct view *view, const struct view_event *event, struct queue *effects)
{
    struct view_listing *listing = &view->listing;
    const struct registry_reply *reply = event->reply;
    if (reply->failure != REGISTRY_OK) {
        on_failed_page(view, reply, &event->now, effects);
        return;
    }
    if (reply->revision <= 0) {
        view_fail(view, REGISTRY_UNKNOWN, STR("a listing came without a revision"), &event->now, effects);
        return;
    }
    if (listing->revision != 0 &&
        (reply->cluster != listing->cluster || reply->revision < listing->revision)) {
        view_begin_anew(view, "another store answered while it was being listed", &event->now, effects);
        return;
    }
    /* What happened while it is being listed is for the stream to tell, whoever opens it. */
    view->check.expected = reply->revision > view->check.expected ? reply->revision : view->check.expected;
    if (listing->revision == 0) {
        listing->revision = reply->revision;
        listing->cluster = reply->cluster;
        listing->keys = reply->count;
    }
    for (size_t i = 0; i < event->item_count; i++) {
        gather(view, &event->items[i], &event->now, effects);
    }
    int64_t gathered = (int64_t)(listing->table.count + listing->unreadable.count);
    if (event->item_count < listing->asked || gathered >= listing->keys) {
        if (gathered != listing->keys) {
            view_begin_anew(view, "the pages of a listing do not add up", &event->now, effects);
            return;
        }
        complete(view, &event->now, effects);
        return;
    }
    step_behind(listing, event->items[event->item_count - 1].key);
    grow_pages(view);
    view_list(view, &event->now, effects);
}
