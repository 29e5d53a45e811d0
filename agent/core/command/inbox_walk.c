/* Listing the keys of the inbox, page by page. */
#include "inbox_internal.h"

#include <assert.h>

enum { WAIT_FIRST_MS = 500, WAIT_MAX_MS = 10000 };

#define TO(state) (1u << INBOX_##state)

bool inbox_may_walk(enum inbox_walk from, enum inbox_walk to)
{
    static const unsigned allowed[INBOX_WALK_COUNT] = {
        [INBOX_UNLISTED] = TO(LISTING),
        [INBOX_LISTING] = TO(LISTING) | TO(RETRYING) | TO(LISTED),
        [INBOX_RETRYING] = TO(LISTING),
        [INBOX_LISTED] = TO(LISTING),
    };
    return (allowed[from] & 1u << to) != 0;
}

static void set_walk(struct inbox *inbox, enum inbox_walk walk)
{
    assert(inbox_may_walk(inbox->walk, walk));
    inbox->walk = walk;
    inbox->list_id = 0;
}

static void ask_page(struct inbox *inbox, struct str behind)
{
    struct inbox_effect *effect = inbox_emit(inbox, INBOX_DO_LIST, behind);
    inbox->list_id = effect->request = ++inbox->last_request;
}

void inbox_walk_begin(struct inbox *inbox)
{
    set_walk(inbox, INBOX_LISTING);
    inbox->walks++;
    inbox->pages = 0;
    inbox->full = false;
    ask_page(inbox, STR(""));
}

/* What the walk has not seen is not there any more. */
static void drop_unseen(struct inbox *inbox)
{
    for (size_t i = inbox->count; i > 0; i--) {
        struct inbox_entry *entry = &inbox->entries[i - 1];
        if (entry->seen != inbox->walks && entry->request == 0) {
            inbox_remove(inbox, entry, NULL);
        }
    }
}

void inbox_walk_page(struct inbox *inbox, const struct inbox_event *event)
{
    if (inbox->walk != INBOX_LISTING || event->request != inbox->list_id) {
        return;
    }
    if (event->failure != REGISTRY_OK) {
        int64_t wait = inbox->walk_wait_ms == 0 ? WAIT_FIRST_MS : 2 * inbox->walk_wait_ms;
        inbox->walk_wait_ms = wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS;
        inbox->walk_due = inbox->now.mono + inbox->walk_wait_ms;
        set_walk(inbox, INBOX_RETRYING);
        return;
    }
    inbox->walk_wait_ms = 0;
    inbox->pages++;
    if (event->more && !inbox->full && inbox->pages < INBOX_PAGES_MAX) {
        ask_page(inbox, event->id);
        return;
    }
    if (!event->more) {
        drop_unseen(inbox);
    }
    set_walk(inbox, INBOX_LISTED);
}

void inbox_walk_tick(struct inbox *inbox)
{
    bool retry = inbox->walk == INBOX_RETRYING && inbox->walk_due <= inbox->now.mono;
    bool room = inbox->walk == INBOX_LISTED && inbox->full && inbox->count <= INBOX_WAITING_MAX / 2;
    if (retry || room) {
        inbox_walk_begin(inbox);
    }
}
