#include "game_facts_internal.h"

struct probe_facts game_facts_of(const struct game_facts *facts)
{
    return (struct probe_facts){.has_players = facts->has_players,
                                .has_capacity = facts->has_capacity,
                                .players = facts->players,
                                .capacity = facts->capacity,
                                .map = str_of(facts->map),
                                .version = str_of(facts->version),
                                .name = str_of(facts->name)};
}
