#include "line_places_internal.h"

/* In the order in which they go. */
enum turn {
    TURN_OF_PROCESS, /* of a process with more than its share */
    TURN_OF_USER,    /* of a user with more than its share */
    TURN_OF_IDLE,    /* not held, and no longer fresh */
    TURN_OF_ANY,
    TURN_OF_SERVERS_USER, /* of the user whose process is the server */
    TURN_NEVER            /* of the server */
};

static struct holder *add(struct holder **table, uint64_t id)
{
    struct holder *holder;
    HASH_FIND(hh, *table, &id, sizeof(id), holder);
    if (holder == NULL) {
        holder = mem_zalloc(sizeof(*holder));
        holder->id = id;
        HASH_ADD(hh, *table, id, sizeof(holder->id), holder);
    }
    holder->count++;
    return holder;
}

static void take_away(struct holder **table, struct holder *holder)
{
    if (--holder->count == 0) {
        HASH_DEL(*table, holder);
        free(holder);
    }
}

void places_enter(struct places *places, struct place *place, uint64_t process, uint64_t user)
{
    place->process = add(&places->processes, process);
    place->user = add(&places->users, user);
}

void places_leave(struct places *places, struct place *place)
{
    take_away(&places->processes, place->process);
    take_away(&places->users, place->user);
}

static enum turn turn_of(const struct places *places, const struct place *place, int64_t now_ms)
{
    size_t share = places->max / PLACES_OF_PROCESS;
    share = share < PLACES_OF_PROCESS_MIN ? PLACES_OF_PROCESS_MIN : share;
    if (place->process->count > share) {
        return TURN_OF_PROCESS;
    }
    if (places->has_server && place->process->id == places->server_process) {
        return TURN_NEVER;
    }
    if (place->user->count > places->max * PLACES_OF_USER_4 / 4) {
        return TURN_OF_USER;
    }
    if (!place->held && now_ms - place->since_ms >= PLACES_FRESH_MS) {
        return TURN_OF_IDLE;
    }
    bool of_server = places->has_server && place->user->id == places->server_user;
    return of_server ? TURN_OF_SERVERS_USER : TURN_OF_ANY;
}

bool places_may_go(const struct places *places, const struct place *place)
{
    return turn_of(places, place, INT64_MAX) != TURN_NEVER;
}

enum worth { WORTH_IDLE, WORTH_HELD, WORTH_FRESH };

/* One that has just come has not said yet what it wants, and in a crowd of many processes it may be the only good one. */
static enum worth worth_of(const struct place *place, enum turn turn, int64_t now_ms)
{
    bool fresh = turn != TURN_OF_PROCESS && now_ms - place->since_ms < PLACES_FRESH_MS;
    return place->held ? WORTH_HELD : fresh ? WORTH_FRESH : WORTH_IDLE;
}

bool places_goes_before(const struct places *places, const struct place *a, const struct place *b,
                        int64_t now_ms)
{
    enum turn turn = turn_of(places, a, now_ms), other = turn_of(places, b, now_ms);
    if (turn != other) {
        return turn < other;
    }
    if (a->user->count != b->user->count) {
        return a->user->count > b->user->count;
    }
    enum worth worth = worth_of(a, turn, now_ms), others = worth_of(b, turn, now_ms);
    if ((worth == WORTH_IDLE) != (others == WORTH_IDLE)) {
        return worth == WORTH_IDLE;
    }
    if (a->process->count != b->process->count) {
        return a->process->count > b->process->count;
    }
    return worth != others ? worth < others : a->active < b->active;
}
