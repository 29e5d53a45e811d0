/* The parts of core/fleet/view: view.c (events, when the fleet is needed), view_follow.c (what the follower
 * delivers), view_apply.c (what changes), view_read.c (what can be asked). And what they keep: view_table.c (records),
 * view_tombstones.c, view_unreadable.c. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_INTERNAL_H
#define OUTRIDER_CORE_FLEET_VIEW_INTERNAL_H

#include "outrider/base/hash.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/fleet/view_log.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/registry/follow.h"

/* ---- view_table.c ---- */

/* The records in the order of their keys: an array of references; and how many there are of each type and status,
 * counted as they come and go. A listing is a walk through it, a look-up some fourteen comparisons among 10,000, a
 * change moves 40 kB of pointers on average there: less than a second structure for look-ups would cost in memory and
 * in code. {0} is an empty table. */
struct view_table {
    struct view_entry **entries;
    size_t count, capacity;
    struct view_type *types; /* by name, in order */
    size_t servers[VIEW_STATUS_COUNT], signatures[VIEW_SIGNATURE_COUNT];
    size_t json_bytes;
};

/* Gives all references back and empties the table. */
void view_table_fini(struct view_table *table);

/* The entry of that key, borrowed; NULL when there is none. */
struct view_entry *view_table_get(const struct view_table *table, struct str key);

/* Puts a reference of its own to `entry`; returns the entry it replaces, whose reference is now the caller's,
 * or NULL. */
struct view_entry *view_table_put(struct view_table *table, struct view_entry *entry);

/* Takes the entry of that key out; its reference is now the caller's. NULL when there is none. */
struct view_entry *view_table_take(struct view_table *table, struct str key);

/* ---- view_tombstones.c ---- */

/* Servers that went without shutting_down, kept for requests about them. A whole fleet may go or come back in one
 * step, so a tombstone is found by the hash of its key. */
struct view_tombstone_node {
    struct view_tombstone stone; /* owns a reference */
    int64_t ends_mono;
    UT_hash_handle hh; /* by key; in the order of going, oldest first */
};

/* Gives all references back and frees the memory: `oldest` is NULL afterwards, as at first. */
void view_tombstones_fini(struct view_tombstone_node **oldest);

/* One more, of at most `tombstones_max` (the oldest makes room), for `tombstone_ms` from when it was gone: a reference
 * is taken. One whose time is over already is not added. */
void view_tombstones_add(struct view_tombstone_node **oldest, const struct view_tombstone *stone,
                         const struct view_settings *settings, const struct instant *now);

/* The server is back: its tombstone goes. */
void view_tombstones_drop(struct view_tombstone_node **oldest, struct str key);

/* Those whose time is over go. Returns whether there were any. */
bool view_tombstones_expire(struct view_tombstone_node **oldest, int64_t mono);

/* ---- view_unreadable.c ---- */

/* Keys under the prefix that are no records: all are known by a hash, so that what an attacker writes costs little
 * memory, and some are kept by name. {0} is empty. */
struct view_unreadable {
    struct view_unreadable_hash *hashes;              /* a uthash table */
    size_t count, skipped[VIEW_SKIP_COUNT];           /* all, and of each reason */
    struct view_unreadable_key names[VIEW_NAMES_MAX]; /* oldest first */
    size_t name_count;
};

/* Forgets everything. */
void view_unreadable_fini(struct view_unreadable *unreadable);

/* Whether the key is kept by name, and whether it is known at all. */
bool view_unreadable_names(const struct view_unreadable *unreadable, struct str key);
bool view_unreadable_has(const struct view_unreadable *unreadable, struct str key);

/* The key is no record, for the reason `skip`, in words `why`. Keeps its name; the oldest name makes room. Returns whether the
 * name is new. */
bool view_unreadable_add(struct view_unreadable *unreadable, struct str key, enum view_skip skip,
                         struct str why);

/* The key is gone or holds a record now. A key that is not known is no error. */
void view_unreadable_forget(struct view_unreadable *unreadable, struct str key);

/* ---- view_marks.c ---- */

/* When the newest signed record of a key was written, by its own words: so a record of before is told from a new one, also when
 * the key was deleted in between. {0} is empty. */
struct view_mark_node {
    struct view_mark mark;
    UT_hash_handle hh; /* by hash; in the order in which they were set, oldest first */
};
struct view_marks {
    struct view_mark_node *oldest;
};

/* Forgets everything. */
void view_marks_fini(struct view_marks *marks);

/* Whether the record is older than the newest one of its key. The same record again is not. */
bool view_marks_is_older(const struct view_marks *marks, const struct view_item *item);

/* A mark that was kept; `max` as below. */
void view_marks_add(struct view_marks *marks, struct view_mark mark, size_t max);

/* The record is the newest one of its key. At most `max` keys are kept: the one that was set longest ago makes room. */
void view_marks_set(struct view_marks *marks, const struct view_item *item, size_t max, int64_t now_wall);

/* ---- the view ---- */

/* Why a record beyond `records_max` counts as a key that is no record. */
#define VIEW_TOO_MANY STR("there are more records than the view holds")

/* Why a signed record is not believed although its signature is good. */
#define VIEW_OLDER STR("older than a signed record of this key that was seen before")

/* So many log lines about invalid keys in a period: a client that writes them must not fill the log. */
enum { VIEW_INVALID_NOTES = 10, VIEW_INVALID_PERIOD_MS = 60000 };

struct view {
    struct view_settings settings; /* defaults filled in */
    char *first, *end;             /* the prefix and "/"; the first key beyond */
    bool started, stopped;
    size_t subscribers;
    int64_t wanted_until; /* mono */

    /* The step in progress. */
    struct instant now;
    struct queue *effects;

    struct follow follow;
    struct queue follow_effects;
    struct view_table listed; /* pages of a listing in progress */
    struct view_unreadable listed_unreadable;

    struct view_table table;
    struct view_tombstone_node *tombstones; /* the oldest */
    struct view_unreadable unreadable;
    struct view_marks marks;
    struct view_log *log;
    struct view_facts facts; /* what they say of the members above: view_update_facts() */
    bool other_past;         /* revisions known before the next listing mean nothing in this registry */
    int64_t given; /* the highest revision ever delivered of a store with this id, in any of its pasts */
    int64_t
        in_part; /* the newest revision that the last listing shows in part, until the stream has delivered it; 0: none */
    int64_t true_boot; /* as facts.true_wall */

    bool dirty;
    int64_t saved_mono; /* 0: never */
    int64_t invalid_mono;
    unsigned invalid_notes;
};

/* view.c */
struct view_effect *view_push(struct view *view, enum view_effect_type type, struct str text);
void view_note(struct view *view, enum view_note note, const char *format, ...) PRINTF_LIKE(3, 4);

/* view_follow.c: steps the follower, and applies what it delivers; an event of the registry is for it. */
void view_follow(struct view *view, struct follow_event step, const struct view_event *event);
void view_on_reply(struct view *view, const struct view_event *event);
void view_on_watch(struct view *view, const struct view_event *event);
void view_forget_pages(struct view *view);

/* view_apply.c */
/* The item, or why it is not served although it was decoded: there is no room, or it is older than one seen before. `table` is
 * that it is for. */
struct view_item view_admit(struct view *view, const struct view_item *item, const struct view_table *table);
void view_apply_kept(struct view *view, const struct view_event *event);
/* The pages gathered replace what is held. */
void view_apply_listing(struct view *view, const struct follow_effect *listed);
/* The stream has delivered more: perhaps all of what the last listing shows in part. */
void view_end_listing(struct view *view);
void view_apply_items(struct view *view, const struct view_event *event);
/* Keeps the name of a key that is no record, and logs it, but not too often. */
void view_name_invalid_key(struct view *view, struct view_unreadable *unreadable,
                           const struct view_item *item);

/* view_read.c: fills those facts that stand elsewhere in the view. After each step. */
void view_update_facts(struct view *view);

#endif
