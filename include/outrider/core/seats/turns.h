/* Whose turn it is to change the reservations of a server: of the changes of one agent one at a time, since a second one would find
 * the revision changed by the first. */
#ifndef OUTRIDER_CORE_SEATS_TURNS_H
#define OUTRIDER_CORE_SEATS_TURNS_H

#include "outrider/base/str.h"

#include <stdbool.h>

struct turn_taken;

/* {NULL}: no turn is taken. */
struct turns {
    struct turn_taken *taken;
};

/* Frees what it holds. */
void turns_fini(struct turns *turns);

/* Whether the turn of `place`, "TYPE/SERVER", is taken. */
bool turns_taken(const struct turns *turns, struct str place);

/* Takes the turn, which is not taken; and gives it back. */
void turns_take(struct turns *turns, struct str place);
void turns_give_back(struct turns *turns, struct str place);

#endif
