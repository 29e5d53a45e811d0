/* The seat of a join, and the way back of one that it does not need. */
#include "join_internal.h"

#include "outrider/base/mem.h"

#include <stdlib.h>

/* How often a seat is given back before it is left to its ttl, and the longest pause between, in ms. */
enum { RETURNS_MAX = 3, RETURN_PAUSE_MS = 1000 };

void join_set_text(char **text, struct str value)
{
    char *copy = value.size == 0 ? NULL : mem_copy(value.data, value.size); /* of the old one, perhaps */
    free(*text);
    *text = copy;
}

struct join_effect *join_emit(struct join *join, enum join_effect_type type)
{
    struct join_effect *effect = queue_push(join->effects);
    effect->type = type;
    return effect;
}

struct str join_kept(struct join *join, const char *text)
{
    return text == NULL ? STR("") : queue_copy(join->effects, str_of(text));
}

static void forget_seat(struct join *join)
{
    free(join->seat.server);
    join->seat = (struct join_seat){.state = JOIN_SEAT_NONE};
    join->maybe_stored = false;
}

void join_send_back(struct join *join)
{
    struct str seat = join_kept(join, join->back.id), server = join_kept(join, join->back.server);
    struct join_effect *effect = join_emit(join, JOIN_DO_RELEASE);
    effect->seat = seat;
    effect->server = server;
    join->back.in_flight = true;
    join->back.tries++;
}

/* Gives the seat back, if it is certain that no session has it. Otherwise, where its server is not known, and while another
 * one is on its way, it is left to its ttl. */
void join_give_back(struct join *join)
{
    struct join_seat *seat = &join->seat;
    if (seat->state == JOIN_SEAT_HELD && !join->maybe_stored && !join->back.wanted) {
        join->back = (struct join_return){.wanted = true, .server = seat->server};
        memcpy(join->back.id, seat->id, sizeof(seat->id));
        seat->server = NULL;
        join_send_back(join);
    }
    forget_seat(join);
}

void join_end_return(struct join *join)
{
    free(join->back.server);
    join->back = (struct join_return){.wanted = false};
}

void join_on_unreleased(struct join *join)
{
    struct join_return *back = &join->back;
    back->in_flight = false;
    if (back->tries >= RETURNS_MAX) {
        join_end_return(join);
    } else {
        struct backoff backoff = {.first_ms = RETURN_PAUSE_MS, .cap_ms = RETURN_PAUSE_MS};
        back->due_mono = join->now.mono + backoff_next(&backoff, &join->random);
    }
}

/* A seat that is asked for again keeps its id: there is one reservation for each. */
void join_name_seat(struct join *join)
{
    uint8_t entropy[10];
    uint64_t words[2] = {random_next(&join->random), random_next(&join->random)};
    memcpy(entropy, words, sizeof(entropy));
    ulid_format(join->now.wall, entropy, join->seat.id);
    join->seat.state = JOIN_SEAT_ASKED;
}
