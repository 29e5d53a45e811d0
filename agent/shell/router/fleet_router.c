#include "outrider/shell/router/fleet_router.h"

#include "outrider/core/fleet/view_read.h"

void fleet_router_init(struct fleet_router *router, const struct view_settings *settings,
                       struct fleet_effects *effects)
{
    *router = (struct fleet_router){.view = view_new(settings), .effects = effects};
    queue_init(&router->queue, sizeof(struct view_effect));
}

void fleet_router_fini(struct fleet_router *router)
{
    view_free(router->view);
    queue_fini(&router->queue);
    view_items_fini(&router->items);
    *router = (struct fleet_router){0};
}

static void route(struct fleet_effects *effects, const struct view_effect *effect)
{
    switch (effect->type) {
    case VIEW_DO_REQUEST: fleet_effects_request(effects, effect->request); break;
    case VIEW_DO_WATCH: fleet_effects_watch(effects, effect->watch); break;
    case VIEW_DO_UNWATCH: fleet_effects_unwatch(effects, effect->id); break;
    case VIEW_DO_CHANGED:
    case VIEW_DO_REVISION: fleet_effects_emit(effects, effect); break;
    case VIEW_DO_SYNCED:
    case VIEW_DO_STALE: fleet_effects_synced(effects, effect->type == VIEW_DO_SYNCED, effect->text); break;
    case VIEW_DO_SAVE: fleet_effects_save(effects); break;
    case VIEW_DO_NOTE: fleet_effects_note(effects, effect->note, effect->text); break;
    }
}

bool fleet_router_step(struct fleet_router *router, const struct view_event *event)
{
    struct view_effect effect;
    bool changed = false;
    view_step(router->view, event, &router->queue);
    while (queue_take(&router->queue, &effect)) {
        route(router->effects, &effect);
        changed = changed || effect.type == VIEW_DO_CHANGED;
        view_effect_fini(&effect);
    }
    return changed;
}

bool fleet_router_replied(struct fleet_router *router, const struct registry_reply *reply,
                          const struct instant *now)
{
    struct view_items *items = &router->items;
    view_items_clear(items);
    view_items_listed(items, view_prefix(router->view), reply->items, reply->item_count);
    bool changed = fleet_router_step(router, &(struct view_event){.type = VIEW_ON_REPLY,
                                                                  .now = *now,
                                                                  .reply = reply,
                                                                  .items = items->items,
                                                                  .item_count = items->count});
    view_items_clear(items);
    return changed;
}

bool fleet_router_watched(struct fleet_router *router, const struct registry_watch_event *event,
                          const struct instant *now)
{
    struct view_items *items = &router->items;
    view_items_clear(items);
    view_items_changed(items, view_prefix(router->view), event->changes, event->change_count);
    bool changed = fleet_router_step(router, &(struct view_event){.type = VIEW_ON_WATCH,
                                                                  .now = *now,
                                                                  .watch = event,
                                                                  .items = items->items,
                                                                  .item_count = items->count});
    view_items_clear(items);
    return changed;
}
