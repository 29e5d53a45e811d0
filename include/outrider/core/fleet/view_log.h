/* The change log: the last changes of the fleet in the order of their revisions, so that a subscriber that
 * reconnects gets exactly what it missed. Bounded in number and bytes: a subscriber that was away longer gets a
 * snapshot. */
#ifndef OUTRIDER_CORE_FLEET_VIEW_LOG_H
#define OUTRIDER_CORE_FLEET_VIEW_LOG_H

#include "outrider/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view_entry;
struct view_log;

/* One record that came, changed or went. */
struct view_change {
    int64_t revision;
    struct view_entry *was, *is; /* NULL: it was, or is, not there; never both */
    bool clean;                  /* gone: its last status was shutting_down */
};

/* An empty log of at most `changes_max` changes and `bytes_max` bytes of records in them. The caller owns it. */
struct view_log *view_log_new(size_t changes_max, size_t bytes_max);

/* Accepts NULL. */
void view_log_free(struct view_log *log);

/* Drops all changes: what is added from now on came after `revision`, and no subscriber can resume from an earlier
 * one. */
void view_log_restart(struct view_log *log, int64_t revision);

/* Adds a change; references are taken. Revisions never fall. */
void view_log_add(struct view_log *log, const struct view_change *change);

/* The changes added next, of `revision`, are the difference to `from`: those between the two are unknown, so a
 * subscriber cannot resume from a revision between them. Called before these are added, also when there are none. */
void view_log_jump(struct view_log *log, int64_t from, int64_t revision);

/* Finds the first change after `revision`. Returns 0 and a cursor for view_log_next, or -1: too old, or never seen
 * here. */
int view_log_find(const struct view_log *log, int64_t revision, uint64_t *ret_cursor) MUST_CHECK;

/* The change at the cursor, which moves on; NULL at the end. Borrowed until the log changes; so is the
 * cursor's meaning. */
const struct view_change *view_log_next(const struct view_log *log, uint64_t *cursor);

/* A cursor behind the last change. It keeps its meaning, also over a restart: what comes after it is all that the view
 * has changed since. */
uint64_t view_log_end(const struct view_log *log);

/* Whether nothing that came after such a cursor has been dropped. */
bool view_log_keeps(const struct view_log *log, uint64_t cursor);

#endif
