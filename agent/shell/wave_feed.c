#include "wave_feed_internal.h"

#include "agent_internal.h"
#include "reservations_internal.h"

#include "outrider/base/mem.h"
#include "outrider/codec/record/leader_json.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/leader/candidate.h"
#include "outrider/core/wave/wave_fleet.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"
#include "outrider/os/user.h"
#include "outrider/registry/registry.h"
#include "outrider/shell/waves/waves.h"

#include <stdio.h>
#include <stdlib.h>

/* Changes of the fleet are looked at together. */
enum { LOOK_MS = 200 };

/* A request that waits for its outcome. */
struct asked {
    struct asked *next;
    uint64_t ticket;
    api_waved_fn *done;
    void *user;
};

struct client {
    struct waves_owner *owner;
    enum waves_client which;
    struct registry_client *registry;
};

struct waves_owner {
    struct agent *agent;
    struct waves *waves;
    struct client clients[WAVES_CLIENT_COUNT];
    struct timer *timer;
    struct asked *asked;
    uint64_t last_ticket;
    int64_t looked_mono;                               /* when the fleet was looked at last */
    bool moved;                                        /* the fleet is another one since */
    const struct wave *list[2 * WAVES_OPERATIONS_MAX]; /* for the API */
};

/* ---- effects ---- */

/* The caller of the ticket hears of it. */
static void answer(struct waves_owner *owner, const struct waves_effect *effect)
{
    struct asked **at = &owner->asked;
    while (*at != NULL && (*at)->ticket != effect->ticket) {
        at = &(*at)->next;
    }
    struct asked *asked = *at;
    if (asked != NULL) {
        *at = asked->next;
        asked->done(&(struct api_waved){.outcome = (enum api_wave_outcome)effect->outcome,
                                        .failure = effect->failure,
                                        .wave = effect->wave,
                                        .error = effect->text},
                    asked->user);
        free(asked);
    }
}

static void log_change(const struct waves_effect *effect)
{
    const struct wave *wave = effect->wave;
    log_info("waves", effect->gone ? "operation removed" : "operation changed", LOG_RATE(LOG_MANY),
             LOG_TEXT("id", wave->id), LOG_TEXT("state", wave_state_name(wave->state)),
             LOG_TEXT("by", wave->by), LOG_INT("wave", (int64_t)wave->wave + 1),
             LOG_INT("waves", (int64_t)wave_waves(wave)), LOG_TEXT("why", wave->why));
}

void waves_carry_out(struct waves_owner *owner, const struct waves_effect *effect)
{
    struct registry_client *registry = owner->clients[effect->client].registry;
    switch (effect->type) {
    case WAVES_DO_REQUEST: registry_submit(registry, effect->request); break;
    case WAVES_DO_WATCH: registry_watch(registry, effect->watch); break;
    case WAVES_DO_UNWATCH: registry_unwatch(registry, effect->id); break;
    case WAVES_DO_CHANGED:
        log_change(effect);
        fleet_emit_wave(owner->agent->fleet, effect->wave);
        break;
    case WAVES_DO_ANSWER: answer(owner, effect); break;
    case WAVES_DO_LEAD:
        log_info("waves", effect->gone ? "not driving operations any more" : "driving operations",
                 LOG_STR("cause", effect->text));
        break;
    case WAVES_DO_NOTE:
        LOG_AT(effect->good ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "waves",
               effect->good ? "operations followed again" : "operations not followed or not driven, retrying",
               LOG_RATE(LOG_MANY), LOG_STR("cause", effect->text), LOG_END);
        break;
    }
}

/* ---- steps ---- */

static const struct view *view_of(const struct waves_owner *owner)
{
    struct api_fleet fleet;
    fleet_look(owner->agent->fleet, &fleet);
    return fleet.view;
}

/* When the fleet is to be looked at, mono ms; NEVER_MS: not for now. */
static int64_t look_due(const struct waves_owner *owner, const struct instant *now)
{
    int64_t due;
    if (!waves_wants_fleet(owner->waves, now, &due) || !view_facts(view_of(owner))->synced) {
        return NEVER_MS;
    }
    int64_t soonest = owner->looked_mono + LOOK_MS;
    due = owner->moved ? soonest : due;
    return due > now->mono || due == NEVER_MS ? due : now->mono;
}

static void look(struct waves_owner *owner, const struct instant *now)
{
    size_t count;
    struct wave_seen *servers =
        wave_fleet_read(view_of(owner), reservations_held(owner->agent->reservations), &count);
    owner->moved = false;
    owner->looked_mono = now->mono;
    waves_event(owner->waves, &(struct waves_event){
                                  .type = WAVES_ON_FLEET, .now = *now, .servers = servers, .count = count});
    free(servers);
}

/* After each event. */
static void stepped(struct waves_owner *owner)
{
    struct instant now = agent_now();
    if (look_due(owner, &now) <= now.mono) {
        look(owner, &now);
    }
    int64_t due = look_due(owner, &now), other = waves_deadline(owner->waves);
    timer_arm_at_ms(owner->timer, due < other ? due : other);
    if (owner->agent->api != NULL && waves_facts(owner->waves).operations->known) {
        api_fleet_moved(owner->agent->api, false);
    }
}

static void step(struct waves_owner *owner, struct waves_event event)
{
    event.now = agent_now();
    waves_event(owner->waves, &event);
    stepped(owner);
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    const struct client *client = user;
    step(client->owner,
         (struct waves_event){.type = WAVES_ON_REPLY, .client = client->which, .reply = reply});
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    const struct client *client = user;
    step(client->owner,
         (struct waves_event){.type = WAVES_ON_WATCH, .client = client->which, .watch = event});
}

static void on_timer(void *user)
{
    step(user, (struct waves_event){.type = WAVES_ON_TICK});
}

void wave_feed_tick(struct waves_owner *owner)
{
    if (owner != NULL) {
        on_timer(owner);
    }
}

void wave_feed_start(struct waves_owner *owner)
{
    if (owner != NULL) {
        step(owner, (struct waves_event){.type = WAVES_ON_START});
    }
}

void wave_feed_fleet_moved(struct waves_owner *owner)
{
    if (owner != NULL && !owner->moved && waves_facts(owner->waves).active > 0) {
        struct instant now = agent_now();
        owner->moved = true;
        int64_t due = look_due(owner, &now), other = waves_deadline(owner->waves);
        timer_arm_at_ms(owner->timer, due < other ? due : other);
    }
}

/* ---- the API ---- */

void wave_feed_look(struct waves_owner *owner, struct api_waves *ret_waves)
{
    *ret_waves = (struct api_waves){.present = owner != NULL};
    if (owner == NULL) {
        return;
    }
    struct waves_facts facts = waves_facts(owner->waves);
    size_t count = facts.count < COUNT_OF(owner->list) ? facts.count : COUNT_OF(owner->list);
    for (size_t i = 0; i < count; i++) {
        owner->list[i] = waves_at(owner->waves, i);
    }
    *ret_waves = (struct api_waves){.present = true,
                                    .mirror = facts.operations,
                                    .list = owner->list,
                                    .count = count,
                                    .active = facts.active,
                                    .unreadable = facts.unreadable,
                                    .leads = facts.leads,
                                    .held = facts.held,
                                    .lifted = facts.lifted,
                                    .refused = facts.refused};
}

static uint64_t ask(struct waves_owner *owner, api_waved_fn *done, void *user)
{
    struct asked *asked = mem_zalloc(sizeof(*asked));
    *asked = (struct asked){.next = owner->asked, .ticket = ++owner->last_ticket, .done = done, .user = user};
    owner->asked = asked;
    return asked->ticket;
}

/* The newest did not begin. */
static bool begun(struct waves_owner *owner, bool did)
{
    if (!did) {
        struct asked *asked = owner->asked;
        owner->asked = asked->next;
        free(asked);
    }
    return did;
}

bool wave_feed_create(struct agent *agent, const struct wave *wave, api_waved_fn *done, void *user)
{
    struct waves_owner *owner = agent->waves;
    struct instant now = agent_now();
    return begun(owner, waves_create(owner->waves, wave, ask(owner, done, user), &now));
}

bool wave_feed_order(struct agent *agent, struct str id, enum wave_order order, api_waved_fn *done,
                     void *user)
{
    struct waves_owner *owner = agent->waves;
    struct instant now = agent_now();
    return begun(owner, waves_order(owner->waves, id, order, ask(owner, done, user), &now));
}

/* ---- life ---- */

/* Which observer this is, for `GET /api/leader`: by the name of its machine, as it may have no id. */
static struct blob *describe(const struct agent *agent)
{
    struct candidate self = {.type = "observer", .since_wall = agent_now().wall};
    struct buf text = {0};
    char machine[HOST_NAME_SIZE] = "";
    bool named = user_host_name(machine) && str_is_utf8(str_of(machine)) && !str_has_control(str_of(machine));
    snprintf(self.host, sizeof(self.host), "%s", named ? machine : "");
    snprintf(self.id, sizeof(self.id), "%s",
             agent->id[0] != '\0'          ? agent->id
             : named && machine[0] != '\0' ? machine
                                           : "observer");
    leader_encode(&self, &text);
    return blob_take(&text);
}

struct waves_owner *wave_feed_new(struct agent *agent)
{
    const struct config *config = agent->config;
    if (config->server.present || config->view.mode == CONFIG_VIEW_OFF || config->http.listen_count == 0) {
        return NULL;
    }
    struct waves_owner *owner = mem_zalloc(sizeof(*owner));
    struct blob *candidate = describe(agent);
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    owner->agent = agent;
    for (unsigned i = 0; i < WAVES_CLIENT_COUNT; i++) {
        struct client *client = &owner->clients[i];
        *client = (struct client){.owner = owner, .which = (enum waves_client)i};
        client->registry = registry_attach(agent->registry, on_reply, on_watch, client);
    }
    owner->waves =
        waves_new(&(struct waves_settings){.control_prefix = config->registry.control_prefix,
                                           .ttl_ms = config->registry.ttl_ms,
                                           .request_timeout_ms = config->registry.request_timeout_ms,
                                           .can = registry_can(agent->registry),
                                           .seed = seed,
                                           .candidate = candidate},
                  owner);
    blob_unref(candidate);
    owner->timer = timer_new(agent->loop, on_timer, owner);
    return owner;
}

void wave_feed_free(struct waves_owner *owner)
{
    if (owner == NULL) {
        return;
    }
    for (unsigned i = 0; i < WAVES_CLIENT_COUNT; i++) {
        registry_detach(owner->clients[i].registry);
    }
    while (owner->asked != NULL) {
        struct asked *asked = owner->asked;
        owner->asked = asked->next;
        free(asked);
    }
    timer_free(owner->timer);
    waves_free(owner->waves);
    free(owner);
}
