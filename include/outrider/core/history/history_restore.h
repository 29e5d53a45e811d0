/* Filling a new history with what was kept on disk, before its first step. Each refuses (-1) what no history could have, so that
 * whatever a file says, the limits and the order of history.h hold. */
#ifndef OUTRIDER_CORE_HISTORY_HISTORY_RESTORE_H
#define OUTRIDER_CORE_HISTORY_HISTORY_RESTORE_H

#include "outrider/base/attr.h"
#include "outrider/core/history/history_read.h"

/* The history was true until `wall`, with the newest minute `minute`. */
int history_restore_begin(struct history *history, int64_t wall, int64_t minute) MUST_CHECK;

/* Adds a server. `kept` has its status, drained, gone, gone_wall, hashes, minute and players; its other members are not looked at.
 * Returns it, or NULL. */
struct history_server *history_restore_server(struct history *history, struct str name,
                                              const struct history_server *kept,
                                              struct view_entry *entry) MUST_CHECK;

/* Adds the next life of `server`, and its next transition, of which the texts are given. */
int history_restore_life(struct history_server *server, const struct history_life *life) MUST_CHECK;
int history_restore_transition(struct history *history, struct history_server *server,
                               const struct history_transition *kept, const struct str texts[3]) MUST_CHECK;

/* Adds a type, and its next minute. */
struct history_type *history_restore_type(struct history *history, struct str name) MUST_CHECK;
int history_restore_totals(struct history_type *type, const struct history_totals *totals) MUST_CHECK;

/* All is there, and the next transition has `next_seq`. -1: two transitions have the same seq, or one has no lower one. */
int history_restore_end(struct history *history, uint64_t next_seq) MUST_CHECK;

#endif
