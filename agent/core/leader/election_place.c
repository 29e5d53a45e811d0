/* Who is before a candidate. The newest keys are read first: one that has just entered finds the key before its own among
 * them, so that a thousand that enter do not read a thousand keys each. Where they do not tell, all are read. */
#include "election_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

enum { NEWEST = 16 };

void election_list_end(struct election *election)
{
    free(election->listing.next);
    free(election->listing.before);
    election->listing = (struct election_listing){0};
}

static bool can(const struct election *election, uint32_t bit)
{
    return (election->settings.can & bit) != 0;
}

static void ask_page(struct election *election)
{
    struct election_listing *listing = &election->listing;
    struct registry_request *request = election_ask(election, REGISTRY_LIST, ELECTION_ASK_LIST);
    request->key =
        listing->next == NULL ? election->settings.prefix : (struct str){listing->next, listing->next_size};
    request->range_end = (struct str){election->end, election->settings.prefix.size};
    request->limit = (int64_t)listing->limit;
    request->newest_first = !listing->whole;
    request->at_revision = can(election, REGISTRY_CAN_LIST_AT) ? listing->revision : 0;
}

static void begin(struct election *election, bool whole)
{
    election_list_end(election);
    election->listing.whole = whole;
    election->listing.limit = whole ? REGISTRY_LIST_MAX : NEWEST;
}

/* One that failed goes on with the page that did. */
void election_list(struct election *election)
{
    if (election->listing.limit == 0) {
        begin(election, !can(election, REGISTRY_CAN_NEWEST_FIRST));
    }
    ask_page(election);
}

void election_list_failed(struct election *election, const struct registry_reply *reply)
{
    struct election_listing *listing = &election->listing;
    if (reply->too_large && listing->limit > 1) {
        listing->limit /= 2;
        election->retry_mono = 0;
    } else if (reply->revision_gone) {
        begin(election, true);
        election->retry_mono = 0;
    }
}

static void add(struct election *election, const struct registry_item *item)
{
    struct election_listing *listing = &election->listing;
    if (!election_is_candidate(election, item->key, item->kv.lease)) {
        listing->skipped++;
    } else if (registry_lease_eq(item->kv.lease, election->lease.id)) {
        listing->own_seen = true;
        listing->own_create = item->kv.create_revision;
        listing->own_mod = item->kv.mod_revision;
    } else if (item->kv.create_revision < election->create &&
               item->kv.create_revision > listing->before_create) {
        free(listing->before);
        listing->before = mem_copy(item->key.data, item->key.size);
        listing->before_create = item->kv.create_revision;
        listing->before_mod = item->kv.mod_revision;
    }
}

/* Whether the newest keys tell: those that were not read are created before the last of them was changed. */
static bool newest_tell(const struct election_listing *listing, const struct registry_reply *reply)
{
    if (reply->count <= (int64_t)reply->item_count) {
        return true;
    }
    return reply->item_count > 0 &&
           listing->before_create >= reply->items[reply->item_count - 1].kv.mod_revision;
}

/* Nothing that was listed can be undone while the lease lives: keys that come later have a higher create revision. */
static void decide(struct election *election)
{
    struct election_listing *listing = &election->listing;
    election->skipped = listing->skipped;
    if (!listing->own_seen || listing->own_create != election->create) {
        election_leave(election, ELECTION_KEY_GONE);
        return;
    }
    election->mod = listing->own_mod;
    char *before = listing->before;
    int64_t create = listing->before_create, mod = listing->before_mod;
    listing->before = NULL;
    if (before != NULL) {
        election_queue(election, before, create, mod);
    } else if (election_believes(election)) {
        election_lead(election);
    } else {
        election_list_end(election); /* listed again once the lease is renewed */
    }
}

static void continue_after(struct election *election, struct str last)
{
    struct election_listing *listing = &election->listing;
    free(listing->next);
    listing->next = mem_copy(last.data, last.size); /* and a NUL, which is counted: the first key behind it */
    listing->next_size = last.size + 1;
    ask_page(election);
}

void election_on_list(struct election *election, const struct registry_reply *reply)
{
    struct election_listing *listing = &election->listing;
    for (size_t i = 0; i < reply->item_count; i++) {
        add(election, &reply->items[i]);
    }
    if (!listing->whole) {
        if (newest_tell(listing, reply)) {
            decide(election);
        } else {
            begin(election, true);
            ask_page(election);
        }
        return;
    }
    listing->revision = listing->revision == 0 ? reply->revision : listing->revision;
    bool more = reply->item_count > 0 && reply->count > (int64_t)reply->item_count;
    if (more) {
        continue_after(election, reply->items[reply->item_count - 1].key);
    } else {
        decide(election);
    }
}
