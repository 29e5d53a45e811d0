/* Servers of one type, a placement that is told of each change, and a view of them when it asks for one. */
#ifndef OUTRIDER_TEST_PLACEMENT_WORLD_H
#define OUTRIDER_TEST_PLACEMENT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outrider/core/fleet/view.h"
#include "outrider/core/placement/placement.h"

enum { SERVERS_MAX = 10000, UNKNOWN = -1 };

/* A record of type "world" where `type` is NULL. Ids are of one server, whatever its type. Numbers: UNKNOWN where the record has none. */
struct server_of {
    const char *id;
    unsigned status;
    int players, capacity, weight;
    const char *zone, *region, *group, *type;
};

struct placement_world {
    struct placement *placement;
    struct placement_settings settings;
    struct instant now;
    struct view_entry *entries[SERVERS_MAX]; /* references */
    size_t count;
    struct placement_query query; /* of world_choose, changed by the test */
    struct placement_answer answer;
};

/* For cmocka: an empty world in *state, 150 points a server, no balance. */
int placement_world_set_up(void **state);
int placement_world_tear_down(void **state);

/* Starts the placement again with `world->settings`, as another agent would. */
void world_restart(struct placement_world *world);

/* The server comes, or its record changes. */
void world_set(struct placement_world *world, const struct server_of *server);

/* A ready server of 0 players of 100, and `count` of them: "w0", "w1", ... */
struct server_of ready(const char *id);
void world_fill(struct placement_world *world, size_t count);

/* The server goes. */
void world_drop(struct placement_world *world, const char *id);

/* Asks world->query; returns the first id of the answer, "" where there is none. */
const char *world_choose(struct placement_world *world);

/* The id of answer `i`. */
const char *world_chosen(const struct placement_world *world, size_t i);

/* The first id for `key`. */
const char *world_choose_for(struct placement_world *world, const char *key);

#endif
