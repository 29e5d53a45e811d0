/* The inside of core/view: view.c (events and the life of a view), view_listing.c (pages), view_stream.c (the
 * watch and the check beside it), view_apply.c (what changes), view_read.c (accessors). */
#ifndef OUTRIDER_CORE_FLEET_VIEW_INTERNAL_H
#define OUTRIDER_CORE_FLEET_VIEW_INTERNAL_H

#include "outrider/base/backoff.h"
#include "outrider/base/random.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/fleet/view_log.h"
#include "outrider/core/fleet/view_read.h"
#include "view_stats_internal.h"
#include "view_table_internal.h"
#include "view_tombstones_internal.h"
#include "view_unreadable_internal.h"

/* docs/design/protocol.md, "Registry outage": full jitter, cap 5 s; and what a wrong password or a full store
 * deserves. */
enum { VIEW_RETRY_FIRST_MS = 250, VIEW_RETRY_CAP_MS = 5000, VIEW_SLOW_RETRY_MS = 30000 };
/* Who writes rubbish under the prefix must not write our log. */
enum { VIEW_RUBBISH_NOTES = 10, VIEW_RUBBISH_PERIOD_MS = 60000 };

/* What the one request in flight is for. */
enum view_ask {
    ASK_NOTHING,
    ASK_PAGE,     /* of a listing */
    ASK_SAME,     /* before a watch goes on: whether the registry's past is the one we know */
    ASK_REVISION, /* check: how far the registry is */
    ASK_NEWEST    /* check: the change that is the newest, and how many keys there are */
};

/* A listing that goes on: kept while its pages come, and while one that failed waits for another try. */
struct view_listing {
    bool begun;
    struct view_table table;
    struct view_unreadable unreadable;
    int64_t revision; /* of all pages; 0: the first has not come */
    int64_t keys;     /* how many there are in all, as the first page says */
    uint64_t cluster;
    char *next; /* key that the next page begins with; NULL: the first of all */
    size_t next_size;
    size_t limit;     /* records of a page: halved when one fails, in case it is too large to come */
    unsigned steady;  /* pages that came since it was last changed */
    size_t asked;     /* limit of the page in flight */
    bool interrupted; /* a page after the first had to be asked for again */
    int64_t began_mono;
};

struct view_check {
    int64_t due;                    /* mono */
    int64_t expected;               /* the stream should have told up to here by then; 0: nothing */
    int64_t told;                   /* what it had told when the request in flight was sent */
    bool lagging;                   /* it has not told what the registry has; until `lag_ends` it may */
    int64_t lag_ends;               /* mono */
    int64_t revision, newest, keys; /* what the registry has: as of, newest change of ours, keys */
};

struct view_outage {
    int64_t since_mono;
    unsigned count, kinds; /* failures; one bit for each enum registry_failure that was told */
};

struct view {
    struct view_settings settings; /* defaults filled in */
    char *prefix, *first, *end;    /* as set; with "/"; the first key beyond */
    struct random random;
    struct backoff backoff;
    enum view_state state;
    bool started, stopped;
    size_t subscribers;
    int64_t wanted_until; /* mono */

    uint64_t next_id, request_id, watch_id; /* 0: none is in flight or open */
    enum view_ask ask;
    int64_t retry_at; /* waiting: mono */
    bool relist;      /* waiting: for a listing, not to go on watching */
    struct view_listing listing;
    struct view_check check;
    unsigned stalls_in_a_row;
    unsigned anew; /* listings begun anew since the last one was applied */
    int64_t asleep_ms;

    struct view_table table;
    struct view_stats stats;
    struct view_tombstones tombstones;
    struct view_unreadable unreadable;
    struct view_log *log;
    bool known, synced, waking;
    bool other_restore; /* the registry is not the one that was watched: revisions of then mean nothing now */
    int64_t revision;   /* of the last listing or change */
    int64_t told;       /* everything up to here was told */
    int64_t given;      /* the highest revision ever told of a store with this id, whatever became of it */
    uint64_t cluster;
    int64_t true_boot, true_wall; /* when it was last certain */
    int64_t synced_mono;          /* since when it is */

    bool dirty;
    int64_t saved_mono; /* 0: never */
    int64_t invalid_keys_mono;
    unsigned invalid_keys_notes;
    char last_error[256];
    struct view_outage away;
    uint64_t listings, stalls, opens;
};

/* view.c */
void view_note(struct queue *effects, enum view_note note, const char *format, ...) PRINTF_LIKE(3, 4);
/* The registry answered something that leaves nothing uncertain. */
void view_certain(struct view *view, const struct instant *now, struct queue *effects);
/* The request or the watch failed: told once for each kind, and tried again after a wait. What is open is
 * closed. */
void view_fail(struct view *view, enum registry_failure failure, struct str why, const struct instant *now,
               struct queue *effects);
/* What is held cannot be gone on from: a listing, after a short wait. */
void view_begin_anew(struct view *view, const char *why, const struct instant *now, struct queue *effects);
/* Starts a request of the view; the rest of it is the caller's to say. */
struct registry_request view_ask(struct view *view, enum registry_op op, enum view_ask ask);
void view_submit(struct view *view, const struct registry_request *request, struct queue *effects);

/* view_listing.c: goes on with the listing, or begins it; a page came or failed; forgets it. */
void view_list(struct view *view, const struct instant *now, struct queue *effects);
void view_on_page(struct view *view, const struct view_event *event, struct queue *effects);
void view_listing_forget(struct view *view);

/* view_stream.c: goes on watching from where it was, if the registry is still the one that was watched; opens
 * the watch; it told something; the check is due; an answer to it or to going on; until when the check may
 * wait. */
void view_continue(struct view *view, struct queue *effects);
void view_on_same(struct view *view, const struct view_event *event, struct queue *effects);
void view_open(struct view *view, struct queue *effects);
void view_close(struct view *view, struct queue *effects);
void view_on_watch(struct view *view, const struct view_event *event, struct queue *effects);
void view_check(struct view *view, const struct instant *now, struct queue *effects);
void view_on_checked(struct view *view, const struct view_event *event, struct queue *effects);
struct window view_check_window(const struct view *view);

/* view_apply.c */
void view_apply_kept(struct view *view, const struct view_event *event, struct queue *effects);
/* The listing is complete: it takes the place of what is held. */
void view_apply_listing(struct view *view, const struct instant *now, struct queue *effects);
void view_apply_items(struct view *view, const struct view_event *event, struct queue *effects);
/* Names a key that is no record, and says so, but not too often. */
void view_name_invalid_keys(struct view *view, struct view_unreadable *unreadable,
                            const struct view_item *item, const struct instant *now, struct queue *effects);

#endif
