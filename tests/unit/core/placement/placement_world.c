#include "placement_world.h"

#include "outrider/base/mem.h"
#include "outrider/core/fleet/view_entry.h"
#include "support/kept_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int placement_world_set_up(void **state)
{
    struct placement_world *world = mem_zalloc(sizeof(*world));
    world->settings = (struct placement_settings){.virtual_nodes = 150, .seed = 7};
    world->query = (struct placement_query){.type = STR("world"), .seats = 1, .count = 1};
    world->now = (struct instant){.mono = 1000000, .boot = 1000000, .wall = 1700000000000};
    world_restart(world);
    *state = world;
    return 0;
}

int placement_world_tear_down(void **state)
{
    struct placement_world *world = *state;
    placement_free(world->placement);
    for (size_t i = 0; i < world->count; i++) {
        view_entry_unref(world->entries[i]);
    }
    free(world);
    return 0;
}

void world_restart(struct placement_world *world)
{
    placement_free(world->placement);
    world->placement = placement_new(&world->settings);
}

static struct view_count count_of(int number)
{
    return number == UNKNOWN ? (struct view_count){0} : (struct view_count){true, (uint32_t)number};
}

static struct view_entry *entry_of(const struct server_of *server)
{
    char key[200];
    struct view_entry_facts facts = {
        .status = server->status,
        .fields = {[VIEW_ZONE] = str_of(server->zone),
                   [VIEW_REGION] = str_of(server->region),
                   [VIEW_GROUP] = str_of(server->group)},
        .players = count_of(server->players),
        .capacity = count_of(server->capacity),
        .weight = count_of(server->weight),
    };
    snprintf(key, sizeof(key), "/s/%s/%s", server->type == NULL ? "world" : server->type, server->id);
    return view_entry_new(&(struct view_place){.key = str_of(key), .prefix_size = 2}, STR("{}"), &facts);
}

static size_t find(const struct placement_world *world, const char *id)
{
    size_t i = 0;
    while (i < world->count && !str_eq(view_entry_id(world->entries[i]), str_of(id))) {
        i++;
    }
    return i;
}

void world_set(struct placement_world *world, const struct server_of *server)
{
    size_t at = find(world, server->id);
    struct view_entry *was = at < world->count ? world->entries[at] : NULL, *is = entry_of(server);
    assert_true(at < SERVERS_MAX);
    world->entries[at] = is;
    world->count += was == NULL;
    placement_changed(world->placement, was, is, &world->now);
    view_entry_unref(was);
}

struct server_of ready(const char *id)
{
    return (struct server_of){.id = id, .status = STATUS_READY, .capacity = 100, .weight = UNKNOWN};
}

void world_fill(struct placement_world *world, size_t count)
{
    char id[32];
    for (size_t i = 0; i < count; i++) {
        snprintf(id, sizeof(id), "w%zu", i);
        world_set(world,
                  &(struct server_of){.id = id, .status = STATUS_READY, .capacity = 100, .weight = UNKNOWN});
    }
}

void world_drop(struct placement_world *world, const char *id)
{
    size_t at = find(world, id);
    assert_true(at < world->count);
    struct view_entry *was = world->entries[at];
    world->entries[at] = world->entries[--world->count];
    placement_changed(world->placement, was, NULL, &world->now);
    view_entry_unref(was);
}

static int by_key(const void *a, const void *b)
{
    return str_compare(view_entry_key(*(struct view_entry *const *)a),
                       view_entry_key(*(struct view_entry *const *)b));
}

/* A view that has just read these records from its file. */
static struct view *view_of(struct placement_world *world)
{
    qsort(world->entries, world->count, sizeof(world->entries[0]), by_key);
    const struct view_kept kept = {
        .revision = 1, .true_wall = 1, .entries = world->entries, .entry_count = world->count};
    return kept_view(&(struct view_settings){.prefix = "/s", .mode = VIEW_NEVER}, &kept, &world->now);
}

const char *world_chosen(const struct placement_world *world, size_t i)
{
    static char ids[4][64];
    static size_t next;
    char *id = ids[next++ % 4];
    struct str text = i < world->answer.count ? view_entry_id(world->answer.entries[i]) : STR("");
    snprintf(id, sizeof(ids[0]), "%.*s", STR_ARG(text));
    return id;
}

const char *world_choose(struct placement_world *world)
{
    size_t bytes;
    bool looks = placement_types(world->placement, &bytes) == 0 || world->query.zone.size > 0;
    struct view *view = looks ? view_of(world) : NULL;
    struct view *none =
        view != NULL ? view : view_new(&(struct view_settings){.prefix = "/s", .mode = VIEW_NEVER});
    placement_choose(world->placement, none, &world->query, &world->now, &world->answer);
    const char *id = world_chosen(world, 0);
    view_free(none);
    return id;
}

const char *world_choose_for(struct placement_world *world, const char *key)
{
    world->query.strategy = PLACEMENT_CONSISTENT_HASH;
    world->query.key = str_of(key);
    return world_choose(world);
}
