/* A listing: pages of one revision, until the last has come. The owner keeps their keys. */
#include "follow_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

static void begin(struct follow *follow, size_t limit)
{
    free(follow->listing.next);
    follow->listing = (struct follow_listing){.begun = true, .limit = limit, .began_mono = follow->now.mono};
}

void follow_forget_listing(struct follow *follow)
{
    if (follow->listing.begun) {
        follow_push(follow, FOLLOW_DO_FORGET);
    }
    free(follow->listing.next);
    follow->listing = (struct follow_listing){0};
}

void follow_list(struct follow *follow)
{
    struct follow_listing *listing = &follow->listing;
    if (!listing->begun) {
        begin(follow, follow->settings.page);
    }
    follow_set_state(follow, FOLLOW_LISTING);
    /* The next page may be asked for, and this key be freed, before this request is sent. */
    struct str next = listing->next == NULL
                          ? follow->settings.ranges[0].key
                          : queue_copy(follow->effects, (struct str){listing->next, listing->next_size});
    struct registry_request *request = follow_ask(follow, REGISTRY_LIST, FOLLOW_ASK_PAGE);
    request->key = next;
    request->range_end = follow->settings.ranges[0].end;
    request->limit = (int64_t)listing->limit;
    request->at_revision = follow_can(follow, REGISTRY_CAN_LIST_AT) ? listing->revision : 0;
    listing->asked = listing->limit;
}

/* The key right behind the last one of the page: no key is between a key and itself with a NUL behind it. */
static void step_behind(struct follow_listing *listing, struct str last)
{
    char *next = mem_copy(last.data, last.size);
    free(listing->next);
    listing->next = next;
    listing->next_size = last.size + 1;
}

static void complete(struct follow *follow)
{
    const struct follow_listing *listing = &follow->listing;
    bool interrupted = listing->interrupted;
    struct follow_effect *effect = follow_push(follow, FOLLOW_DO_LISTED);
    effect->revision = listing->revision;
    effect->before = follow->delivered;
    effect->until = follow_can(follow, REGISTRY_CAN_LIST_AT) ? listing->revision : listing->until;
    effect->cluster = listing->store.cluster;
    effect->took_ms = follow->now.mono - listing->began_mono;
    follow->delivered = listing->revision;
    follow->positioned = true;
    follow->store = listing->store;
    follow->read_anew = 0;
    follow->relist = false;
    free(follow->listing.next);
    follow->listing = (struct follow_listing){0};
    if (interrupted && follow_can(follow, FOLLOW_PAST_CAN)) {
        follow_resume(follow); /* between its pages the registry may have become another */
    } else {
        follow_open(follow);
    }
}

static void on_failed_page(struct follow *follow, const struct registry_reply *reply)
{
    struct follow_listing *listing = &follow->listing;
    listing->limit = listing->asked > 1 ? listing->asked / 2 : 1;
    listing->steady = 0;
    if (reply->too_large && listing->asked > 1) {
        follow_list(follow); /* it answers, only with less at once */
        return;
    }
    listing->interrupted = listing->revision != 0;
    bool refused = reply->failure == REGISTRY_REFUSED && listing->revision != 0;
    if (refused && reply->revision_gone) {
        follow_read_anew(follow, FOLLOW_COMPACTED, 0, "the revision was compacted while it was being listed");
        return;
    }
    if (refused && listing->asked == 1) {
        /* Not even one key of that revision: perhaps of a newer one. */
        size_t limit = listing->limit;
        follow_forget_listing(follow);
        begin(follow, limit);
    }
    follow_fail(follow, reply->failure, reply->error);
}

/* Where values are so large that few of them make a page, each try for more is a page for nothing. */
static void grow_pages(struct follow *follow)
{
    enum { STEADY_PAGES = 4 };
    struct follow_listing *listing = &follow->listing;
    size_t page = follow->settings.page;
    if (listing->limit < page && ++listing->steady >= STEADY_PAGES) {
        listing->limit = listing->limit < page / 2 ? listing->limit * 2 : page;
        listing->steady = 0;
    }
}

/* Notes what the first page says of all; returns whether this page belongs to it. */
static bool is_of_this_listing(struct follow *follow, const struct registry_reply *reply)
{
    struct follow_listing *listing = &follow->listing;
    if (listing->revision == 0) {
        listing->revision = reply->revision;
        listing->store = (struct follow_store){reply->cluster, reply->epoch};
        listing->total = reply->count;
        follow->seen = reply->revision;
    }
    listing->until = reply->revision > listing->until ? reply->revision : listing->until;
    /* What happens while it is being listed must be delivered, whichever member opens the watch. */
    follow_see(follow, reply->revision);
    return reply->cluster == listing->store.cluster && reply->epoch == listing->store.epoch &&
           reply->revision >= listing->revision;
}

void follow_on_page(struct follow *follow, const struct follow_event *event)
{
    struct follow_listing *listing = &follow->listing;
    const struct registry_reply *reply = event->reply;
    if (reply->failure != REGISTRY_OK) {
        on_failed_page(follow, reply);
        return;
    }
    if (reply->revision <= 0) {
        follow_fail(follow, REGISTRY_UNKNOWN, STR("a listing came without a revision"));
        return;
    }
    if (!is_of_this_listing(follow, reply)) {
        follow_read_anew(follow, FOLLOW_TORN_PAGES, 0, "another store answered while it was being listed");
        return;
    }
    follow_push(follow, FOLLOW_DO_PAGE);
    listing->gathered += (int64_t)event->listed;
    /* Pages of several revisions need not add up to what the first one counted. */
    bool one_revision = follow_can(follow, REGISTRY_CAN_LIST_AT);
    bool last = one_revision ? event->listed < listing->asked || listing->gathered >= listing->total
                             : (int64_t)event->listed >= reply->count;
    if (last && one_revision && listing->gathered != listing->total) {
        follow_read_anew(follow, FOLLOW_TORN_PAGES, 0, "the pages of a listing do not add up");
    } else if (last) {
        complete(follow);
    } else {
        step_behind(listing, event->last_key);
        grow_pages(follow);
        follow_list(follow);
    }
}
