/* The process of an observer: its steps, starts, ends and faults. */
#include "observers.h"

#include "core/fleet/view_internal.h" /* whether the view shows a listing in part */

#include "outrider/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { BOOT_BEFORE = 500000, WALL_BEFORE = 9000000, MONO_BEFORE = 10000, IDLE_MS = 20000 };

uint64_t observers_below(struct world *world, uint64_t below)
{
    return random_below(&world->observers->random, below);
}

bool observers_chance(struct world *world, unsigned per_mille)
{
    return per_mille > 0 && observers_below(world, 1000) < per_mille;
}

void observer_at(struct observer *observer, int64_t at, enum observer_event what, uint64_t id)
{
    struct world *world = observer->world;
    heap_push(&world->heap, (struct event){.at = at < world->now ? world->now : at,
                                           .type = EVENT_OBSERVER,
                                           .life = observer->life,
                                           .id = id,
                                           .arg = (int64_t)(observer->index << 8 | (unsigned)what)});
}

struct instant observer_now(const struct observer *observer)
{
    int64_t now = observer->world->now;
    return (struct instant){.mono = now + MONO_BEFORE, .boot = now + BOOT_BEFORE, .wall = now + WALL_BEFORE};
}

/* ---- its disk ---- */

static void forget_kept(struct observer *observer)
{
    for (size_t i = 0; i < observer->kept_count; i++) {
        view_entry_unref(observer->kept[i]);
    }
    observer->kept_count = 0;
    observer->has_kept = false;
}

static void keep(struct observer *observer)
{
    const struct view *view = observer->view;
    forget_kept(observer);
    for (size_t i = 0; i < view_facts(view)->count && i < RECORDS_MAX; i++) {
        /* The saved view holds references of its own. */
        observer->kept[i] = view_entry_ref((struct view_entry *)(uintptr_t)view_facts(view)->entries[i]);
        observer->kept_count++;
    }
    observer->kept_view = (struct view_kept){.revision = view_facts(view)->revision,
                                             .cluster = view_facts(view)->cluster,
                                             .true_wall = view_facts(view)->true_wall,
                                             .entries = observer->kept,
                                             .entry_count = observer->kept_count};
    observer->has_kept = true;
}

/* ---- steps ---- */

static void unwatch(struct observer *observer)
{
    /* A stalled stream is found only when there are undelivered events. */
    observer->found_at = observer->flow.stalls ? observer->world->now : observer->found_at;
    observer->flow = (struct flow){.state = FLOW_NONE};
}

void fleet_carry_out(struct fleet *fleet, const struct view_effect *effect)
{
    struct observer *observer = fleet->observer;
    switch (effect->type) {
    case VIEW_DO_REQUEST: observer_ask(observer, effect->request); break;
    case VIEW_DO_WATCH: observer_watch(observer, effect->watch); break;
    case VIEW_DO_UNWATCH: unwatch(observer); break;
    case VIEW_DO_CHANGED: reader_take(observer, effect); break;
    case VIEW_DO_REVISION: reader_revision(observer, effect->revision); break;
    case VIEW_DO_SYNCED: narrate(observer->world, NULL, "observer %u is in sync", observer->index); break;
    case VIEW_DO_STALE:
        narrate(observer->world, NULL, "observer %u is stale: %.*s", observer->index, STR_ARG(effect->text));
        break;
    case VIEW_DO_SAVE: keep(observer); break;
    case VIEW_DO_NOTE:
        narrate(observer->world, NULL, "observer %u: %.*s", observer->index, STR_ARG(effect->text));
        break;
    }
}

static void arm(struct observer *observer)
{
    int64_t at = view_deadline(observer->view).latest;
    if (at != NEVER_MS && at != observer->armed_at) {
        observer_at(observer, at - MONO_BEFORE, OBSERVER_TICK, (uint64_t)at);
    }
    observer->armed_at = at;
}

void observer_stepped(struct observer *observer)
{
    check_view(observer);
    arm(observer);
}

void observer_step(struct observer *observer, struct view_event *event)
{
    event->now = observer_now(observer);
    (void)fleet_router_step(&observer->router, event);
    observer_stepped(observer);
}

static void begin(struct observer *observer)
{
    struct world *world = observer->world;
    observer->forgetful = observers_chance(world, 300);
    observer->life++;
    observer->started_at = world->now;
    observer->armed_at = observer->wanted_until = 0;
    observer->known = false;
    observer->expected = 0;
    reader_clear(&observer->follower);
    fleet_router_init(&observer->router,
                      &(struct view_settings){.prefix = "/services",
                                              .can = world->etcd.kind->can,
                                              .mode = observer->mode,
                                              .idle_ms = IDLE_MS,
                                              .check_ms = OBSERVER_CHECK_MS,
                                              .request_timeout_ms = OBSERVER_TIMEOUT_MS,
                                              .tombstones_max = 3,
                                              .page = 1 + (size_t)observers_below(world, 9),
                                              .changes_max = observer->forgetful ? 10 : 0,
                                              .seed = random_next(&world->observers->random)},
                      &(struct placement_settings){.virtual_nodes = 3, .balance_factor = 125, .seed = 1},
                      &observer->fleet);
    observer->view = observer->router.view;
    if (observer->has_kept) {
        observer->loading = true;
        observer_step(observer, &(struct view_event){.type = VIEW_ON_LOAD, .kept = &observer->kept_view});
        observer->loading = false;
    }
    observer_step(observer, &(struct view_event){.type = VIEW_ON_START});
    observer_at(observer, world->now + PULSE_MS, OBSERVER_PULSE, 0);
}

static void restart(struct observer *observer)
{
    struct world *world = observer->world;
    bool knew = view_facts(observer->view)->known;
    unsigned how = (unsigned)observers_below(world, 4);
    narrate(world, NULL, "observer %u %s", observer->index,
            how == 0   ? "starts again, its disk is lost"
            : how == 1 ? "is killed and starts again"
                       : "starts again");
    if (how > 1) {
        observer_step(observer, &(struct view_event){.type = VIEW_ON_STOP});
        /* A listing of several revisions is kept only once the stream has delivered all of it. */
        if (knew && !observer->has_kept && observer->view->in_part == 0) {
            violated(world, NULL, "observer %u ends without keeping what it knows", observer->index);
        }
    }
    observer_forget(observer);
    fleet_router_fini(&observer->router);
    if (how == 0) {
        forget_kept(observer);
    }
    begin(observer);
}

/* ---- what befalls it ---- */

static void suffer(struct observer *observer)
{
    struct world *world = observer->world;
    switch (observers_below(world, 7)) {
    case 0: observer_cut(observer, REGISTRY_RETRY); break;
    case 1: observer->flow.stalls = true; break;
    case 2:
        history_compact(world, world->etcd.revision - (int64_t)observers_below(world, 20));
        observer_cut(observer, REGISTRY_UNKNOWN);
        break;
    case 3: restart(observer); break;
    default:
        observer->link = (enum link)(1 + observers_below(world, 3));
        observer->link_until = world->now + (int64_t)observers_below(world, 20000);
        narrate(world, NULL, "observer %u cannot reach etcd well", observer->index);
        if (observer->link == LINK_REFUSED) {
            observer_cut(observer, REGISTRY_RETRY);
        }
    }
}

static void pulse(struct observer *observer)
{
    struct world *world = observer->world;
    observer_at(observer, world->now + PULSE_MS, OBSERVER_PULSE, 0);
    if (observer->mode == VIEW_AUTO && observers_chance(world, 30)) {
        observer->wanted_since = observer->wanted_until <= world->now ? world->now : observer->wanted_since;
        observer->wanted_until = world->now + IDLE_MS;
        observer_step(observer, &(struct view_event){.type = VIEW_ON_WANT});
    }
    check_pulse(observer);
    if (observers_chance(world, 150)) {
        comer_turn(observer);
    }
    if (observers_chance(world, world->calm ? 1 : 40)) {
        if (world->calm) {
            history_compact(world, world->etcd.revision);
        } else {
            suffer(observer);
        }
    }
}

/* ---- all of them ---- */

static void see_wipe(struct world *world)
{
    if (history_renewed(world)) {
        for (unsigned i = 0; i < world->observers->count; i++) {
            observer_wiped(&world->observers->all[i]);
        }
    }
}

void observers_undone(struct world *world, int64_t revision)
{
    if (world->observers != NULL) {
        history_undo(world, revision);
        for (unsigned i = 0; i < world->observers->count; i++) {
            observer_wiped(&world->observers->all[i]);
        }
    }
}

void observers_begin(struct world *world)
{
    struct observers *observers = mem_zalloc(sizeof(*observers));
    world->observers = observers;
    random_seed(&observers->random, world->seed ^ UINT64_C(0x0b5e7fe75));
    observers->keys = world->count;
    observers->count = world->seed % 4 == 0 ? 2 : 1;
    for (unsigned i = 0; i < world->count; i++) {
        snprintf(observers->names[i], sizeof(observers->names[i]), "/services/world/w%u", i);
    }
    see_wipe(world);
    for (unsigned i = 0; i < observers->count; i++) {
        struct observer *observer = &observers->all[i];
        observer->world = world;
        observer->index = i;
        observer->cut_since = -1;
        observer->mode = i == 0 ? VIEW_ALWAYS : VIEW_AUTO;
        observer->fleet.observer = observer;
        begin(observer);
    }
}

void observers_end(struct world *world)
{
    struct observers *observers = world->observers;
    if (observers == NULL) {
        return;
    }
    for (unsigned i = 0; i < observers->count; i++) {
        struct observer *observer = &observers->all[i];
        observer_forget(observer);
        fleet_router_fini(&observer->router);
        forget_kept(observer);
        reader_clear(&observer->follower);
        reader_clear(&observer->comer.reader);
    }
    history_fini(&observers->history);
    view_items_fini(&observers->decoded);
    free(observers);
    world->observers = NULL;
}

void observers_event(struct world *world, const struct event *event)
{
    struct observer *observer = &world->observers->all[event->arg >> 8];
    see_wipe(world);
    if (event->life != observer->life) {
        return;
    }
    switch ((enum observer_event)(event->arg & 255)) {
    case OBSERVER_TICK:
        if ((int64_t)event->id == observer->armed_at) {
            observer->armed_at = 0;
            observer_step(observer, &(struct view_event){.type = VIEW_ON_TICK});
        }
        break;
    case OBSERVER_PULSE: pulse(observer); break;
    case OBSERVER_ARRIVE: observer_arrive(observer, event->id); break;
    case OBSERVER_REPLY: observer_reply(observer, event->id); break;
    case OBSERVER_STREAM: observer_stream(observer, event->id); break;
    }
}

void observers_changed(struct world *world, unsigned key)
{
    struct observers *observers = world->observers;
    if (observers == NULL) {
        return;
    }
    see_wipe(world);
    if (key < observers->keys) {
        history_add(world, key);
    } else if (!observers_deliver_all_revisions(world)) {
        return;
    }
    for (unsigned i = 0; i < observers->count; i++) {
        observer_changed(&observers->all[i]);
    }
}

void observers_cut(struct world *world, unsigned per_mille)
{
    for (unsigned i = 0; world->observers != NULL && i < world->observers->count; i++) {
        if (observers_chance(world, per_mille)) {
            observer_cut(&world->observers->all[i], REGISTRY_RETRY);
        }
    }
}
