/* What join.c (the states) and join_seat.c (the seat) share. */
#ifndef OUTRIDER_CORE_SESSION_JOIN_INTERNAL_H
#define OUTRIDER_CORE_SESSION_JOIN_INTERNAL_H

#include "outrider/core/session/join.h"

/* Copies `value`, which may be a part of `*text`; empty: NULL. */
void join_set_text(char **text, struct str value);

/* A new effect, borrowed until the next one. */
struct join_effect *join_emit(struct join *join, enum join_effect_type type);

/* A copy in the arena of the effects; of NULL, an empty one. */
struct str join_kept(struct join *join, const char *text);

/* Names a seat that is to be asked for. One that is asked for again keeps its id: there is one reservation for each. */
void join_name_seat(struct join *join);

/* Gives the seat back, if it is certain that no session has it. Otherwise, where its server is not known, and while another
 * one is on its way, it is left to its ttl. */
void join_give_back(struct join *join);

/* Asks for the release of the seat that goes back. */
void join_send_back(struct join *join);

/* It is back, or was not there; it could not be released. */
void join_end_return(struct join *join);
void join_on_unreleased(struct join *join);

#endif
