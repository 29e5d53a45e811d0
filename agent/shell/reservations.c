/* Reservations: runs shell/router/seats_router on the registry. It has two clients: what is followed, and what is changed. */
#include "reservations_internal.h"

#include "outrider/base/mem.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"
#include "outrider/os/user.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>

/* An allocation has the time of so many requests: it may have to find out what became of one. */
enum { TIMEOUT_REQUESTS = 2 };

struct seats_owner {
    struct agent *agent;
    struct registry_client *followed, *changed;
    struct seats_router *router;
    struct timer *timer;
    struct deferred begun; /* a change waits for its first step */
    bool following, known;
    char by[RESERVATION_BY_MAX + 1];
};

/* ---- effects ---- */

void seats_carry_out(struct seats_owner *owner, const struct mirror_effect *effect)
{
    static const struct agent_note notes[] = {
        [MIRROR_NOTE_OUTAGE] = {LOG_LEVEL_WARN, "reservations not followed, retrying"},
        [MIRROR_NOTE_STALLED] = {LOG_LEVEL_WARN, "watch of reservations stalled, opening another"},
        [MIRROR_NOTE_RECOVERED] = {LOG_LEVEL_INFO, "reservations followed again"},
        [MIRROR_NOTE_RELIST] = {LOG_LEVEL_WARN, "reservations lost, listing again"},
        [MIRROR_NOTE_FULL] = {LOG_LEVEL_WARN,
                              "reservations of some servers left out, too many keys or bytes"},
    };
    switch (effect->type) {
    case MIRROR_DO_REQUEST: registry_submit(owner->followed, effect->request); break;
    case MIRROR_DO_WATCH: registry_watch(owner->followed, effect->watch); break;
    case MIRROR_DO_UNWATCH: registry_unwatch(owner->followed, effect->id); break;
    case MIRROR_DO_NOTE: agent_log_note(&notes[effect->note], "seats", effect->text); break;
    case MIRROR_DO_SYNCED:
    case MIRROR_DO_STALE:
    case MIRROR_DO_CHANGED: break;
    }
}

void seats_submit(struct seats_owner *owner, const struct registry_request *request)
{
    registry_submit(owner->changed, request);
}

void seats_skipped(struct seats_owner *owner, struct str key, const char *why)
{
    (void)owner;
    log_warn(
        "seats",
        "key ignored, not a list of reservations; nothing is reserved on this server until it is deleted",
        LOG_STR("key", key), LOG_TEXT("error", why));
}

/* ---- steps ---- */

/* After each step: the next deadline, and requests that wait until the reservations are known. */
static void stepped(struct seats_owner *owner)
{
    timer_arm_at_ms(owner->timer, seats_router_deadline(owner->router).latest);
    if (!owner->known && seats_router_mirror(owner->router)->known) {
        owner->known = true;
        if (owner->agent->api != NULL) {
            api_fleet_moved(owner->agent->api, false);
        }
    }
}

void reservations_tick(struct seats_owner *owner)
{
    struct instant now = agent_now();
    seats_router_tick(owner->router, &now);
    stepped(owner);
}

static void on_timer(void *user)
{
    reservations_tick(user);
}

static void on_followed(const struct registry_reply *reply, void *user)
{
    struct seats_owner *owner = user;
    struct instant now = agent_now();
    seats_router_mirrored(owner->router, reply, &now);
    stepped(owner);
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct seats_owner *owner = user;
    struct instant now = agent_now();
    seats_router_watched(owner->router, event, &now);
    stepped(owner);
}

static void on_changed(const struct registry_reply *reply, void *user)
{
    struct seats_owner *owner = user;
    struct instant now = agent_now();
    seats_router_replied(owner->router, reply, &now);
    stepped(owner);
}

/* ---- life ---- */

/* Who made a reservation, for people. The kernel takes any bytes as the name of a host, a list of reservations does not. */
static void name_self(struct seats_owner *owner)
{
    char host[HOST_NAME_SIZE] = "";
    bool sidecar = owner->agent->config->server.present;
    if (!sidecar && (!user_host_name(host) || !str_is_utf8(str_of(host)) || str_has_control(str_of(host)))) {
        host[0] = '\0';
    }
    seats_text(owner->by, sizeof(owner->by), str_of(sidecar ? owner->agent->id : host));
}

struct seats_owner *reservations_new(struct agent *agent)
{
    const struct config *config = agent->config;
    struct seats_owner *owner = mem_zalloc(sizeof(*owner));
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    owner->agent = agent;
    owner->followed = registry_attach(agent->registry, on_followed, on_watch, owner);
    owner->changed = registry_attach(agent->registry, on_changed, NULL, owner);
    owner->router =
        seats_router_new(&(struct seats_router_settings){.prefix = config->registry.prefix,
                                                         .control_prefix = config->registry.control_prefix,
                                                         .timeout_ms = config->registry.request_timeout_ms,
                                                         .check_ms = config->registry.ttl_ms / 2,
                                                         .seed = seed,
                                                         .can = registry_can(agent->registry),
                                                         .sweeps = !config->server.present},
                         owner);
    owner->timer = timer_new(agent->loop, on_timer, owner);
    owner->begun = (struct deferred){.fn = on_timer, .user = owner};
    name_self(owner);
    return owner;
}

void reservations_free(struct seats_owner *owner)
{
    if (owner != NULL) {
        deferred_cancel(&owner->begun);
        registry_detach(owner->followed);
        registry_detach(owner->changed);
        timer_free(owner->timer);
        seats_router_free(owner->router);
        free(owner);
    }
}

const struct seats *reservations_held(const struct seats_owner *owner)
{
    return seats_router_seats(owner->router);
}

void reservations_place(struct seats_owner *owner, struct placement *placement, const struct view *view)
{
    seats_router_place(owner->router, placement, view);
}

void reservations_follow(struct seats_owner *owner, const struct view *view)
{
    bool on = view_facts(view)->following;
    if (on != owner->following) {
        struct instant now = agent_now();
        owner->following = on;
        seats_router_follow(owner->router, on, &now);
        stepped(owner);
    }
}

void reservations_look(const struct seats_owner *owner, struct api_seats *ret_seats)
{
    *ret_seats = (struct api_seats){.seats = seats_router_seats(owner->router),
                                    .mirror = seats_router_mirror(owner->router),
                                    .counters = seats_router_counters(owner->router)};
}

/* ---- requests ---- */

static void begin(struct seats_owner *owner)
{
    loop_defer(owner->agent->loop, &owner->begun);
}

bool reservations_allocate(struct agent *agent, const struct placement_query *query, struct str id,
                           bool fresh_id, int64_t ttl_ms, seats_allocated_fn *done, void *user)
{
    struct seats_owner *owner = agent->reservations;
    struct instant now = agent_now();
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    const struct allocate_settings settings = {.query = query,
                                               .id = id,
                                               .fresh_id = fresh_id,
                                               .by = str_of(owner->by),
                                               .ttl_ms = ttl_ms,
                                               .timeout_ms = agent->config->registry.request_timeout_ms *
                                                             TIMEOUT_REQUESTS,
                                               .seed = seed};
    bool begun = seats_router_allocate(owner->router, &settings, &now, done, user);
    begin(owner);
    return begun;
}

bool reservations_amend(struct agent *agent, enum amend_op op, struct str type, struct str server,
                        struct str id, int64_t ttl_ms, seats_amended_fn *done, void *user)
{
    struct seats_owner *owner = agent->reservations;
    struct instant now = agent_now();
    bool begun = seats_router_amend(owner->router, op, type, server, id, ttl_ms, &now, done, user);
    begin(owner);
    return begun;
}
