#include "leader_feed_internal.h"

#include "agent_internal.h"

#include "outrider/api/events/events.h"
#include "outrider/base/mem.h"
#include "outrider/codec/record/leader_json.h"
#include "outrider/core/leader/leaders.h"
#include "outrider/core/registry/mirror.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>

/* Every server of a type may stand for it. */
enum { KEYS_MAX = 20000, BYTES_MAX = 8 << 20 };

struct leader_feed {
    struct agent *agent;
    struct events *events;
    struct registry_client *registry;
    struct mirror *mirror;
    struct leaders *leaders;
    struct queue effects;
    struct timer *timer;
    bool follows;
};

/* ---- what changed ---- */

static void change(struct leader_feed *feed, const struct mirror_effect *effect)
{
    struct candidate who;
    struct error err;
    bool readable = effect->is != NULL && leader_decode(blob_view(effect->is->value), &who, &err) == 0;
    leaders_change(feed->leaders, effect->was, effect->is, readable);
    events_forget_leaders(feed->events);
}

static void log_leader(const struct leaders_scope *scope)
{
    if (scope->token == 0) {
        log_info("leader", "scope has no leader", LOG_RATE(LOG_MANY), LOG_STR("scope", scope->name));
    } else {
        log_info("leader", "scope has another leader", LOG_RATE(LOG_MANY), LOG_STR("scope", scope->name),
                 LOG_TEXT("type", scope->named ? scope->who.type : "unknown"),
                 LOG_TEXT("id", scope->named ? scope->who.id : "unknown"), LOG_INT("token", scope->token));
    }
}

/* Scopes with another leader, once all changes of a step are applied. Returns whether there are any. `present`: the first
 * listing has come, which is no election. */
static bool settle(struct leader_feed *feed, bool present)
{
    const struct leaders_scope *scope;
    struct instant now = agent_now();
    struct str value;
    bool any = false;
    for (; (scope = leaders_next(feed->leaders, &value)) != NULL; any = true) {
        struct candidate who;
        struct error err;
        bool readable = leader_decode(value, &who, &err) == 0;
        leaders_settle(feed->leaders, scope, readable ? &who : NULL, &now, present);
        events_emit_leader(feed->events, scope, present);
        if (!present) {
            log_leader(scope);
        }
    }
    return any;
}

/* ---- steps ---- */

static void carry_out(struct leader_feed *feed, const struct mirror_effect *effect)
{
    static const struct agent_note notes[] = {
        [MIRROR_NOTE_OUTAGE] = {LOG_LEVEL_WARN, "leaders watch failing, serving the last known as stale"},
        [MIRROR_NOTE_STALLED] = {LOG_LEVEL_WARN, "leaders watch stalled, opening another"},
        [MIRROR_NOTE_RECOVERED] = {LOG_LEVEL_INFO, "leaders watch recovered"},
        [MIRROR_NOTE_RELIST] = {LOG_LEVEL_WARN, "leaders lost, listing again"},
        [MIRROR_NOTE_FULL] = {LOG_LEVEL_WARN, "too many candidates, who leads may be wrong"},
    };
    switch (effect->type) {
    case MIRROR_DO_REQUEST: registry_submit(feed->registry, effect->request); break;
    case MIRROR_DO_WATCH: registry_watch(feed->registry, effect->watch); break;
    case MIRROR_DO_UNWATCH: registry_unwatch(feed->registry, effect->id); break;
    case MIRROR_DO_CHANGED: change(feed, effect); break;
    case MIRROR_DO_SYNCED:
    case MIRROR_DO_STALE: break;
    case MIRROR_DO_NOTE: agent_log_note(&notes[effect->note], "leader", effect->text); break;
    }
}

static void step(struct leader_feed *feed, struct mirror_event event)
{
    const struct mirror_facts *facts = mirror_facts(feed->mirror);
    bool known = facts->known;
    struct mirror_effect effect;
    event.now = agent_now();
    mirror_step(feed->mirror, &event, &feed->effects);
    while (queue_take(&feed->effects, &effect)) {
        carry_out(feed, &effect);
    }
    bool changed = settle(feed, !known);
    timer_arm_at_ms(feed->timer, mirror_deadline(feed->mirror).latest);
    if (feed->agent->api != NULL && (changed || facts->known || facts->last_error[0] != '\0')) {
        api_fleet_moved(feed->agent->api, changed);
    }
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    step(user, (struct mirror_event){.type = MIRROR_ON_REPLY, .reply = reply});
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    step(user, (struct mirror_event){.type = MIRROR_ON_WATCH, .watch = event});
}

static void on_timer(void *user)
{
    step(user, (struct mirror_event){.type = MIRROR_ON_TICK});
}

/* ---- life ---- */

struct leader_feed *leader_feed_new(struct agent *agent, struct events *events)
{
    const struct config_registry *registry = &agent->config->registry;
    struct leader_feed *feed = mem_zalloc(sizeof(*feed));
    struct buf prefix = {0};
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    buf_printf(&prefix, "%s/leader/", registry->control_prefix);
    *feed = (struct leader_feed){.agent = agent, .events = events};
    feed->registry = registry_attach(agent->registry, on_reply, on_watch, feed);
    feed->mirror = mirror_new(&(struct mirror_settings){.prefix = buf_text(&prefix),
                                                        .timeout_ms = registry->request_timeout_ms,
                                                        .check_ms = registry->ttl_ms / 2,
                                                        .seed = seed,
                                                        .can = registry_can(agent->registry),
                                                        .keys_max = KEYS_MAX,
                                                        .bytes_max = BYTES_MAX});
    feed->leaders = leaders_new(buf_text(&prefix));
    feed->timer = timer_new(agent->loop, on_timer, feed);
    queue_init(&feed->effects, sizeof(struct mirror_effect));
    buf_fini(&prefix);
    return feed;
}

void leader_feed_free(struct leader_feed *feed)
{
    if (feed != NULL) {
        registry_detach(feed->registry);
        timer_free(feed->timer);
        leaders_free(feed->leaders);
        mirror_free(feed->mirror);
        queue_fini(&feed->effects);
        free(feed);
    }
}

void leader_feed_follow(struct leader_feed *feed, bool follow)
{
    if (feed->follows != follow) {
        feed->follows = follow;
        step(feed, (struct mirror_event){.type = follow ? MIRROR_ON_START : MIRROR_ON_STOP});
    }
}

void leader_feed_tick(struct leader_feed *feed)
{
    if (feed != NULL) {
        on_timer(feed);
    }
}

void leader_feed_look(const struct leader_feed *feed, struct api_fleet *ret_fleet)
{
    ret_fleet->leaders = feed == NULL ? NULL : feed->leaders;
    ret_fleet->leader_keys = feed == NULL ? NULL : feed->mirror;
}
