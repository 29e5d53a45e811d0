/* The parts of core/fleet/view: view.c (events, when the fleet is needed), view_follow.c (what the follower
 * delivers), view_apply.c (what changes), view_read.c (accessors). */
#ifndef OUTRIDER_CORE_FLEET_VIEW_INTERNAL_H
#define OUTRIDER_CORE_FLEET_VIEW_INTERNAL_H

#include "outrider/core/fleet/view.h"
#include "outrider/core/fleet/view_log.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/registry/follow.h"
#include "view_stats_internal.h"
#include "view_table_internal.h"
#include "view_tombstones_internal.h"
#include "view_unreadable_internal.h"

/* So many log lines about invalid keys in a period: a client that writes them must not fill the log. */
enum { VIEW_INVALID_NOTES = 10, VIEW_INVALID_PERIOD_MS = 60000 };

struct view {
    struct view_settings settings; /* defaults filled in */
    char *prefix, *first, *end;    /* as set; with "/"; the first key beyond */
    bool started, stopped;
    size_t subscribers;
    int64_t wanted_until; /* mono */

    struct follow follow;
    struct queue follow_effects;
    struct view_table listed; /* pages of a listing in progress */
    struct view_unreadable listed_unreadable;

    struct view_table table;
    struct view_stats stats;
    struct view_tombstones tombstones;
    struct view_unreadable unreadable;
    struct view_log *log;
    bool known, waking;
    bool other_past;  /* revisions known before the next listing mean nothing in this registry */
    int64_t revision; /* of the last listing or change */
    int64_t given;    /* the highest revision ever delivered of a store with this id, in any of its pasts */
    uint64_t cluster;
    int64_t true_boot, true_wall; /* when the view was last certain */

    bool dirty;
    int64_t saved_mono; /* 0: never */
    int64_t invalid_mono;
    unsigned invalid_notes;
    uint64_t listings;
};

/* view.c */
struct view_effect *view_push(struct queue *effects, enum view_effect_type type, struct str text);
void view_note(struct queue *effects, enum view_note note, const char *format, ...) PRINTF_LIKE(3, 4);

/* view_follow.c: steps the follower, and applies what it delivers; an event of the registry is for it. */
void view_follow(struct view *view, struct follow_event step, const struct view_event *event,
                 struct queue *effects);
void view_on_reply(struct view *view, const struct view_event *event, struct queue *effects);
void view_on_watch(struct view *view, const struct view_event *event, struct queue *effects);
void view_forget_pages(struct view *view);

/* view_apply.c */
void view_apply_kept(struct view *view, const struct view_event *event, struct queue *effects);
/* The pages gathered replace what is held. */
void view_apply_listing(struct view *view, const struct follow_effect *listed, const struct instant *now,
                        struct queue *effects);
void view_apply_items(struct view *view, const struct view_event *event, struct queue *effects);
/* Keeps the name of a key that is no record, and logs it, but not too often. */
void view_name_invalid_key(struct view *view, struct view_unreadable *unreadable,
                           const struct view_item *item, const struct instant *now, struct queue *effects);

#endif
