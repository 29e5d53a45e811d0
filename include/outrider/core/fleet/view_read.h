/* What can be asked of a view between two steps. Nothing here changes it; what it returns is borrowed until
 * the next step. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_READ_H
#define OUTRIDER_CORE_FLEET_VIEW_READ_H

#include "outrider/base/attr.h"
#include "outrider/core/fleet/view_entry.h"
#include "outrider/core/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view;
struct view_log;
struct view_tombstone;

enum view_state { VIEW_OFF, VIEW_LISTING, VIEW_OPENING, VIEW_WATCHING, VIEW_WAITING };

/* "off", "listing", "opening", "watching", "waiting". */
const char *view_state_name(enum view_state state);

/* What it is doing now. */
enum view_state view_state(const struct view *view);

/* Whether there was a full listing at a known revision, or a kept view. Otherwise an empty fleet would be a guess,
 * and requests get 503. */
bool view_known(const struct view *view);

/* Whether the view was off and is being read for a request that waits: what is held is old, and either a listing or
 * a failure comes soon. */
bool view_waking(const struct view *view);

/* Whether what is held is what the registry has, and for how many ms that has not been certain (0: it is).
 * For a view that is not known -1. */
bool view_synced(const struct view *view);
int64_t view_age(const struct view *view, const struct instant *now);

/* When it was last certain, in ms since 1970; 0: never. */
int64_t view_true_wall(const struct view *view);

/* The revision of the last listing or change, and the cluster it is of (0: unknown). */
int64_t view_revision(const struct view *view);
uint64_t view_cluster(const struct view *view);

/* The records in the order of their keys, and the bytes of their JSON in all. */
size_t view_count(const struct view *view);
const struct view_entry *view_at(const struct view *view, size_t index);
size_t view_json_bytes(const struct view *view);

/* The record of a server, NULL when there is none; and by id alone: `ret_count` is the number of types
 * that share it, and the record returned is of one of them. */
const struct view_entry *view_find(const struct view *view, struct str type, struct str id);
const struct view_entry *view_find_id(const struct view *view, struct str id, size_t *ret_count);

/* Servers that went without shutting_down, the oldest first: the one after `after`, which is a tombstone of this
 * view; NULL before the first, and returned after the last. */
size_t view_tombstone_count(const struct view *view);
const struct view_tombstone *view_tombstone_next(const struct view *view, const struct view_tombstone *after);

/* How many servers there are of each type and status: types in order, each with at least one server. */
size_t view_type_count(const struct view *view);
struct str view_type_at(const struct view *view, size_t index);
size_t view_type_servers(const struct view *view, size_t index, unsigned status);

/* How many servers have the status. */
size_t view_status_count(const struct view *view, unsigned status);

enum { VIEW_NAMES_MAX = 32 };

/* Keys under the prefix that are no records: their number, and the names of up to VIEW_NAMES_MAX of them with the
 * reason, both of untrusted bytes. */
size_t view_unreadable_count(const struct view *view);
size_t view_unreadable_names(const struct view *view);
struct str view_unreadable_key(const struct view *view, size_t index);
struct str view_unreadable_why(const struct view *view, size_t index);

/* The change log. */
const struct view_log *view_log(const struct view *view);

/* Finds what a subscriber missed since `revision` of `cluster`: returns 0 and a cursor for view_log_next(), or -1
 * when that is too old, of another cluster or unknown, so that it needs a snapshot. */
int view_resume(const struct view *view, int64_t revision, uint64_t cluster, uint64_t *ret_cursor) MUST_CHECK;

/* The prefix, as it was set. */
struct str view_prefix(const struct view *view);

/* The failure of the present outage, "" when there is none. */
const char *view_last_error(const struct view *view);

/* How often a whole listing was applied, a watch was found silent, and a watch was opened. */
uint64_t view_listings(const struct view *view);
uint64_t view_stalls(const struct view *view);
uint64_t view_opens(const struct view *view);

#endif
