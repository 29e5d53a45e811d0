/* Round robin. A round passes once over the servers in the order of their numbers. There are as many rounds as the highest
 * weight, and a server of weight w takes part in w of them, spread evenly. */
#include "placement_internal.h"

struct turn *pool_find_turn(struct pool *pool, uint64_t key, uint64_t query, uint64_t chance)
{
    struct turn *oldest = &pool->turns[0];
    for (size_t i = 0; i < pool->turn_count; i++) {
        struct turn *turn = &pool->turns[i];
        if (turn->key == key) {
            turn->used = query;
            return turn;
        }
        oldest = turn->used < oldest->used ? turn : oldest;
    }
    struct turn turn = {.key = key, .last = SIZE_MAX, .used = query};
    if (pool->turn_count < TURNS_MAX) {
        oldest = &pool->turns[pool->turn_count++];
    } else if (pool->count > 0) {
        /* Turns that are forgotten again and again must not all begin at the same server. */
        turn.last = chance % pool->count;
        turn.round = pool->weight_max == 0 ? 0 : (unsigned)(chance >> 32) % pool->weight_max;
    }
    *oldest = turn;
    return oldest;
}

static bool takes_part(unsigned weight, unsigned round, unsigned rounds)
{
    return (round + 1) * weight / rounds > round * weight / rounds;
}

size_t pool_turn(struct pool *pool, struct turn *turn, may_fn *may, void *user)
{
    unsigned rounds = pool->weight_max == 0 ? 1 : pool->weight_max;
    /* The round that is under way, each other one, and the beginning of the first once more. */
    for (unsigned i = 0; i <= rounds; i++) {
        turn->round %= rounds;
        for (size_t number = turn->last + 1; number < pool->count; number++) {
            if (may(user, number) && takes_part(pool->candidates[number].weight, turn->round, rounds)) {
                turn->last = number;
                return number;
            }
        }
        turn->last = SIZE_MAX;
        turn->round++;
    }
    return SIZE_MAX;
}
