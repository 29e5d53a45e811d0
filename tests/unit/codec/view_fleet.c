#include "view_fleet.h"

#include "outrider/codec/record/view_item.h"

#define PREFIX STR("/services")

static void take(struct fleet *fleet)
{
    struct view_effect effect;
    while (queue_take(&fleet->effects, &effect)) {
        fleet->request = effect.type == VIEW_DO_REQUEST ? effect.request->id : fleet->request;
        fleet->watch = effect.type == VIEW_DO_WATCH ? effect.watch->id : fleet->watch;
        view_effect_fini(&effect);
    }
}

static void step(struct fleet *fleet, struct view_event event)
{
    event.now = fleet->now;
    view_step(fleet->view, &event, &fleet->effects);
    take(fleet);
}

void fleet_begin_empty(struct fleet *fleet)
{
    *fleet = (struct fleet){.now = {.mono = 10000, .boot = 20000, .wall = 1795227240123}, .revision = 812};
    fleet->view = view_new(&(struct view_settings){.prefix = "/services",
                                                   .mode = VIEW_ALWAYS,
                                                   .page = 1000,
                                                   .tombstones_max = 10,
                                                   .seed = 1,
                                                   .can = REGISTRY_CAN_ALL});
    queue_init(&fleet->effects, sizeof(struct view_effect));
}

void fleet_begin(struct fleet *fleet, const struct fleet_row *rows, size_t count)
{
    struct registry_item listed[64];
    struct view_items items = {0};
    fleet_begin_empty(fleet);
    step(fleet, (struct view_event){.type = VIEW_ON_START});
    for (size_t i = 0; i < count; i++) {
        listed[i] = (struct registry_item){.key = str_of(rows[i].key),
                                           .kv = {.found = true,
                                                  .value = str_of(rows[i].json),
                                                  .mod_revision = 100 + (int64_t)i,
                                                  .create_revision = 50 + (int64_t)i,
                                                  .lease = {.lo = i % 2 == 0 ? 7 : 0}}};
    }
    view_items_listed(&items, PREFIX, listed, count);
    struct registry_reply reply = {.id = fleet->request,
                                   .op = REGISTRY_LIST,
                                   .revision = fleet->revision,
                                   .cluster = 0xcafe,
                                   .count = (int64_t)count};
    step(fleet, (struct view_event){
                    .type = VIEW_ON_REPLY, .reply = &reply, .items = items.items, .item_count = items.count});
    view_items_fini(&items);
    struct registry_watch_event opened = {
        .id = fleet->watch, .type = REGISTRY_WATCH_OPENED, .revision = fleet->revision, .cluster = 0xcafe};
    step(fleet, (struct view_event){.type = VIEW_ON_WATCH, .watch = &opened});
}

void fleet_change(struct fleet *fleet, const char *key, const char *json)
{
    struct view_items items = {0};
    fleet->revision++;
    struct registry_change change = {.deleted = json == NULL,
                                     .key = str_of(key),
                                     .value = str_of(json),
                                     .mod_revision = fleet->revision,
                                     .create_revision = fleet->revision};
    view_items_changed(&items, PREFIX, &change, 1);
    struct registry_watch_event changed = {
        .id = fleet->watch, .type = REGISTRY_WATCH_CHANGED, .revision = fleet->revision};
    step(fleet,
         (struct view_event){
             .type = VIEW_ON_WATCH, .watch = &changed, .items = items.items, .item_count = items.count});
    view_items_fini(&items);
}

void fleet_cut(struct fleet *fleet)
{
    struct registry_watch_event ended = {
        .id = fleet->watch, .type = REGISTRY_WATCH_ENDED, .failure = REGISTRY_RETRY};
    step(fleet, (struct view_event){.type = VIEW_ON_WATCH, .watch = &ended});
}

void fleet_load(struct fleet *fleet, const struct view_kept *kept)
{
    step(fleet, (struct view_event){.type = VIEW_ON_LOAD, .kept = kept});
}

void fleet_end(struct fleet *fleet)
{
    view_free(fleet->view);
    queue_fini(&fleet->effects);
}
