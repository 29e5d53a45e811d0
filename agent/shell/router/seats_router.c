#include "seats_router_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/seats_json.h"

#include <stdlib.h>
#include <string.h>

/* Servers whose reservations are known, and the bytes of them all. */
enum { MIRROR_KEYS_MAX = 20000, MIRROR_BYTES_MAX = 64 << 20 };

struct seats_router *seats_router_new(const struct seats_router_settings *settings, struct seats_owner *owner)
{
    struct seats_router *router = mem_zalloc(sizeof(*router));
    struct buf prefix = {0};
    buf_printf(&prefix, "%s/seats/", settings->control_prefix);
    router->owner = owner;
    router->settings = *settings;
    router->prefix = mem_strdup(settings->prefix);
    router->control_prefix = mem_strdup(settings->control_prefix);
    router->mirror_prefix = mem_strdup(buf_text(&prefix));
    buf_fini(&prefix);
    router->mirror = mirror_new(&(struct mirror_settings){.prefix = router->mirror_prefix,
                                                          .timeout_ms = settings->timeout_ms,
                                                          .check_ms = settings->check_ms,
                                                          .seed = settings->seed,
                                                          .can = settings->can,
                                                          .keys_max = MIRROR_KEYS_MAX,
                                                          .bytes_max = MIRROR_BYTES_MAX});
    router->seats = seats_new();
    router->share = SEATS_BATCH_MAX;
    queue_init(&router->mirrored, sizeof(struct mirror_effect));
    queue_init(&router->told, sizeof(struct seats_effect));
    return router;
}

void seats_router_free(struct seats_router *router)
{
    if (router == NULL) {
        return;
    }
    while (router->ops != NULL) {
        seats_change_free(router, router->ops);
    }
    turns_fini(&router->turns);
    queue_fini(&router->mirrored);
    queue_fini(&router->told);
    mirror_free(router->mirror);
    seats_free(router->seats);
    sweep_free(router->sweep);
    free(router->prefix);
    free(router->control_prefix);
    free(router->mirror_prefix);
    free(router);
}

const struct seats *seats_router_seats(const struct seats_router *router)
{
    return router->seats;
}

void seats_router_place(struct seats_router *router, struct placement *placement, const struct view *view)
{
    router->placement = placement;
    router->view = view;
}

/* ---- what is reserved ---- */

static void tell(struct seats_router *router, const struct instant *now)
{
    struct seats_effect effect;
    while (queue_take(&router->told, &effect)) {
        struct str id, type = str_split(effect.place, '/', &id);
        if (router->placement != NULL) {
            placement_reserved(router->placement, type, id, now);
        }
    }
}

static void step_seats(struct seats_router *router, const struct seats_event *event)
{
    seats_step(router->seats, event, &router->told);
    tell(router, &event->now);
}

/* TYPE/SERVER, each one segment of what can be a record's key. */
static bool is_place(struct str place)
{
    struct str id, type = str_split(place, '/', &id);
    return type.size > 0 && id.size > 0 && id.size <= RESERVATION_SERVER_MAX &&
           place.size < ALLOCATE_PLACE_MAX && memchr(id.data, '/', id.size) == NULL;
}

static void on_changed(struct seats_router *router, const struct mirror_effect *effect,
                       const struct instant *now)
{
    struct str key = effect->is != NULL ? effect->is->key : effect->was->key;
    size_t skip = strlen(router->mirror_prefix);
    struct seats_event event = {
        .type = SEATS_ON_CHANGED, .now = *now, .place = {key.data + skip, key.size - skip}};
    struct reservations list = {0};
    struct error err;
    if (!is_place(event.place)) {
        return; /* below the prefix, and of no server */
    }
    if (effect->is != NULL) {
        const struct seats_server *before = seats_find(router->seats, event.place);
        event.revision = effect->is->mod_revision;
        event.foreign = seats_decode(blob_view(effect->is->value), &list, &err) < 0;
        event.list = event.foreign ? NULL : &list;
        if (event.foreign && (before == NULL || !before->foreign)) {
            seats_skipped(router->owner, key, err.text);
        }
    }
    step_seats(router, &event);
    reservations_fini(&list);
}

void seats_mirror_carry_out(struct seats_router *router, const struct instant *now)
{
    struct mirror_effect effect;
    while (queue_take(&router->mirrored, &effect)) {
        if (effect.type == MIRROR_DO_CHANGED) {
            on_changed(router, &effect, now);
        } else {
            seats_carry_out(router->owner, &effect);
        }
    }
}

static void step_mirror(struct seats_router *router, struct mirror_event event)
{
    mirror_step(router->mirror, &event, &router->mirrored);
    seats_mirror_carry_out(router, &event.now);
}

/* ---- events ---- */

void seats_router_follow(struct seats_router *router, bool on, const struct instant *now)
{
    if (router->settings.sweeps && router->sweep == NULL) {
        router->sweep = sweep_new(router->control_prefix, router->settings.seed, now);
    }
    step_mirror(router, (struct mirror_event){.type = on ? MIRROR_ON_START : MIRROR_ON_STOP, .now = *now});
}

void seats_router_mirrored(struct seats_router *router, const struct registry_reply *reply,
                           const struct instant *now)
{
    step_mirror(router, (struct mirror_event){.type = MIRROR_ON_REPLY, .now = *now, .reply = reply});
    seats_changes_go(router, now);
}

void seats_router_watched(struct seats_router *router, const struct registry_watch_event *event,
                          const struct instant *now)
{
    step_mirror(router, (struct mirror_event){.type = MIRROR_ON_WATCH, .now = *now, .watch = event});
}

void seats_router_tick(struct seats_router *router, const struct instant *now)
{
    step_mirror(router, (struct mirror_event){.type = MIRROR_ON_TICK, .now = *now});
    step_seats(router, &(struct seats_event){.type = SEATS_ON_TICK, .now = *now});
    seats_changes_sweep(router, now);
    seats_changes_go(router, now);
}

struct window seats_router_deadline(const struct seats_router *router)
{
    struct window window = window_sooner(mirror_deadline(router->mirror), seats_deadline(router->seats));
    if (router->sweep != NULL && router->sweep_request == 0 && mirror_facts(router->mirror)->synced) {
        window = window_sooner(window, window_at(router->sweep->due));
    }
    bool known = mirror_facts(router->mirror)->known;
    for (const struct op *op = router->ops; op != NULL; op = op->next) {
        if (op->allocates && op->allocate.state == ALLOCATE_WAITING) {
            window = window_sooner(window, window_at(known ? op->allocate.due : op->allocate.ends));
        }
    }
    return window;
}

const struct mirror_facts *seats_router_mirror(const struct seats_router *router)
{
    return mirror_facts(router->mirror);
}

const struct allocate_counters *seats_router_counters(const struct seats_router *router)
{
    return &router->counters;
}
