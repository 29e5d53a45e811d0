#include "outrider/shell/router/fleet_router.h"

#include "outrider/core/fleet/view_read.h"

void fleet_router_init(struct fleet_router *router, const struct view_settings *settings,
                       const struct placement_settings *placement, struct fleet *fleet)
{
    *router = (struct fleet_router){
        .view = view_new(settings), .placement = placement_new(placement), .fleet = fleet};
    queue_init(&router->queue, sizeof(struct view_effect));
}

void fleet_router_trust(struct fleet_router *router, const struct sign_trust *trust, bool require)
{
    router->check = (struct record_check){.trust = trust, .require = require, .known = router->view};
    router->items.check = &router->check;
}

void fleet_router_fini(struct fleet_router *router)
{
    view_free(router->view);
    placement_free(router->placement);
    queue_fini(&router->queue);
    view_items_fini(&router->items);
    *router = (struct fleet_router){0};
}

bool fleet_router_step(struct fleet_router *router, const struct view_event *event)
{
    struct view_effect effect;
    bool changed = false;
    view_step(router->view, event, &router->queue);
    while (queue_take(&router->queue, &effect)) {
        if (effect.type == VIEW_DO_CHANGED) {
            changed = true;
            placement_changed(router->placement, effect.was, effect.is, &event->now);
        }
        fleet_carry_out(router->fleet, &effect);
        view_effect_fini(&effect);
    }
    return changed;
}

/* Steps the view with the items that were decoded. */
static bool step_with_items(struct fleet_router *router, struct view_event event)
{
    event.items = router->items.items;
    event.item_count = router->items.count;
    bool changed = fleet_router_step(router, &event);
    view_items_clear(&router->items);
    return changed;
}

bool fleet_router_replied(struct fleet_router *router, const struct registry_reply *reply,
                          const struct instant *now)
{
    view_items_listed(&router->items, view_facts(router->view)->prefix, reply->items, reply->item_count);
    return step_with_items(router, (struct view_event){.type = VIEW_ON_REPLY, .now = *now, .reply = reply});
}

bool fleet_router_watched(struct fleet_router *router, const struct registry_watch_event *event,
                          const struct instant *now)
{
    view_items_changed(&router->items, view_facts(router->view)->prefix, event->changes, event->change_count);
    return step_with_items(router, (struct view_event){.type = VIEW_ON_WATCH, .now = *now, .watch = event});
}
