/* Going over all of a history in pieces, while it goes on: a server or a type is shown as it is when its turn comes, so that nothing
 * is copied before it changes and nothing has to be told again afterwards. What is shown together is a history that may have been:
 *
 * - Each server and type that stood when the round began comes once, or not at all where it made room before its turn. What comes
 *   meanwhile is of the next round.
 * - The totals of all types end with the same minute, that of the beginning.
 * - A change after its turn is not shown. What is restored was true when the round began, so that the change is found again as one
 *   that happened later.
 *
 * There is one round at a time; one that begins ends the one before. */
#ifndef OUTRIDER_CORE_HISTORY_HISTORY_SAVE_H
#define OUTRIDER_CORE_HISTORY_HISTORY_SAVE_H

#include "outrider/core/history/history_read.h"

/* One of the two is not NULL. Borrowed until the next step. */
struct history_piece {
    const struct history_server *server;
    const struct history_type *type;
    const struct history_totals *totals; /* of the type, the oldest first */
    size_t minutes;                      /* of them; 0: none */
};

/* Begins a round. Returns the minute that all totals end with. */
int64_t history_save_begin(struct history *history);

/* The next piece, in constant time; false: all have been shown. */
bool history_save_next(struct history *history, struct history_piece *ret_piece);

/* The seq of the next transition; those that were shown have lower ones. */
uint64_t history_next_seq(const struct history *history);

#endif
