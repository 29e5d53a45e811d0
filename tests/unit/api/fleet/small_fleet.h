/* A small agent with a fleet that a test lists and changes. */
#ifndef OUTRIDER_TESTS_API_SMALL_FLEET_H
#define OUTRIDER_TESTS_API_SMALL_FLEET_H

#include "outrider/codec/record/view_item.h"
#include "outrider/core/fleet/view.h"
#include "unit/api/small_agent.h"

struct loop;

struct small_fleet {
    struct small_agent agent;
    struct loop *loop; /* of tests that need one */
    struct view *view;
    struct queue effects;
    uint64_t request, watch;
};

/* The fleet is not known yet. Prefix "/services". */
static inline void small_fleet_begin(struct small_fleet *fleet)
{
    *fleet = (struct small_fleet){.loop = NULL};
    small_agent_init(&fleet->agent);
    queue_init(&fleet->effects, sizeof(struct view_effect));
    fleet->view = view_new(
        &(struct view_settings){.prefix = "/services", .mode = VIEW_ALWAYS, .can = REGISTRY_CAN_ALL});
    fleet->agent.fleet = fleet->view;
}

static inline void small_fleet_end(struct small_fleet *fleet)
{
    view_free(fleet->view);
    queue_fini(&fleet->effects);
    small_agent_fini(&fleet->agent);
}

static inline void small_fleet_step(struct small_fleet *fleet, struct view_event event)
{
    struct view_effect effect;
    event.now = fleet->agent.now;
    view_step(fleet->view, &event, &fleet->effects);
    while (queue_take(&fleet->effects, &effect)) {
        fleet->request = effect.type == VIEW_DO_REQUEST ? effect.request->id : fleet->request;
        fleet->watch = effect.type == VIEW_DO_WATCH ? effect.watch->id : fleet->watch;
        view_effect_fini(&effect);
    }
}

/* The view lists `count` records, in the order of their keys, at `revision`, and is in sync. */
static inline void small_fleet_list(struct small_fleet *fleet, struct registry_item *listed, size_t count,
                                    int64_t revision)
{
    struct view_items items = {0};
    for (size_t i = 0; i < count; i++) {
        listed[i].kv.found = true;
        listed[i].kv.mod_revision = listed[i].kv.create_revision = 7;
    }
    view_items_listed(&items, STR("/services"), listed, count);
    small_fleet_step(fleet, (struct view_event){.type = VIEW_ON_START});
    struct registry_reply reply = {.id = fleet->request,
                                   .op = REGISTRY_LIST,
                                   .revision = revision,
                                   .cluster = 0xc1,
                                   .count = (int64_t)count};
    small_fleet_step(
        fleet, (struct view_event){
                   .type = VIEW_ON_REPLY, .reply = &reply, .items = items.items, .item_count = items.count});
    view_items_fini(&items);
    struct registry_watch_event opened = {
        .id = fleet->watch, .type = REGISTRY_WATCH_OPENED, .revision = revision, .cluster = 0xc1};
    small_fleet_step(fleet, (struct view_event){.type = VIEW_ON_WATCH, .watch = &opened});
}

/* The watch tells that a record changed, or, where `value` is empty, that it is gone. */
static inline void small_fleet_change(struct small_fleet *fleet, struct str key, struct str value,
                                      int64_t revision)
{
    struct view_items items = {0};
    struct registry_change one = {.key = key,
                                  .value = value,
                                  .deleted = value.size == 0,
                                  .mod_revision = revision,
                                  .create_revision = value.size == 0 ? 0 : 7};
    view_items_changed(&items, STR("/services"), &one, 1);
    struct registry_watch_event changed = {.id = fleet->watch,
                                           .type = REGISTRY_WATCH_CHANGED,
                                           .revision = revision,
                                           .changes = &one,
                                           .change_count = 1};
    small_fleet_step(fleet, (struct view_event){.type = VIEW_ON_WATCH,
                                                .watch = &changed,
                                                .items = items.items,
                                                .item_count = items.count});
    view_items_fini(&items);
}

#endif
