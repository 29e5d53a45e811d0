#include "key_watches_internal.h"

#include "outrider/base/mem.h"
#include "outrider/core/registry/follow.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"
#include "outrider/registry/registry.h"

#include <stdlib.h>

/* How often a silent stream is compared with the registry, in its TTL; and how long a change may take. */
enum { CHECKS_PER_TTL = 2, GRACE_MS = 1000 };

/* A place for a watch. Its client of the registry is there for good, so that watches that come and go leave none behind. */
struct api_key_watch {
    struct key_watches *watches;
    struct registry_client *client; /* NULL: the place was never used */
    struct timer *timer;
    struct follow follow;
    struct queue effects;
    struct buf key, end;
    int64_t keys;          /* made less deleted, since it began */
    uint64_t base, newest; /* the ids of this watch begin behind `base`; the last one given out */
    uint64_t watch_id;     /* open at the registry, 0: none */
    const struct api_key_watch_calls *calls;
    void *user; /* calls NULL: the place is free */
};

struct key_watches {
    struct agent *agent;
    struct api_key_watch places[API_KEY_WATCHES_MAX];
};

static void step(struct api_key_watch *watch, struct follow_event event);

/* ---- the registry ---- */

static uint64_t id_of(struct api_key_watch *watch, uint64_t id)
{
    watch->newest = watch->base + id > watch->newest ? watch->base + id : watch->newest;
    return watch->base + id;
}

/* What comes for a watch that was here before has an id of before. */
static bool is_ours(const struct api_key_watch *watch, uint64_t id)
{
    return watch->calls != NULL && id > watch->base;
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    struct api_key_watch *watch = user;
    struct registry_reply own = *reply;
    own.id -= watch->base;
    if (is_ours(watch, reply->id)) {
        step(watch,
             (struct follow_event){.type = FOLLOW_ON_REPLY,
                                   .reply = &own,
                                   .listed = reply->item_count,
                                   .newest = reply->item_count == 0 ? 0 : reply->items[0].kv.mod_revision});
    }
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    struct api_key_watch *watch = user;
    struct registry_watch_event own = *event;
    own.id -= watch->base;
    if (!is_ours(watch, event->id)) {
        return;
    }
    if (event->type == REGISTRY_WATCH_ENDED) {
        watch->watch_id = 0;
    }
    if (follow_watches(&watch->follow, own.id) && event->change_count > 0) {
        for (size_t i = 0; i < event->change_count; i++) {
            const struct registry_change *change = &event->changes[i];
            watch->keys += change->deleted ? -1 : change->create_revision == change->mod_revision ? 1 : 0;
        }
        watch->calls->changed(event->changes, event->change_count, watch->user);
    }
    if (watch->calls != NULL) { /* it may have been ended by that */
        step(watch, (struct follow_event){.type = FOLLOW_ON_WATCH, .watch = &own});
    }
}

/* ---- what the follower finds ---- */

static void submit(struct api_key_watch *watch, struct registry_request request)
{
    request.id = id_of(watch, request.id);
    registry_submit(watch->client, &request);
}

static void open_watch(struct api_key_watch *watch, struct registry_watch asked)
{
    asked.id = watch->watch_id = id_of(watch, asked.id);
    registry_watch(watch->client, &asked);
}

static void close_watch(struct api_key_watch *watch)
{
    if (watch->watch_id != 0) {
        registry_unwatch(watch->client, watch->watch_id);
    }
    watch->watch_id = 0;
}

static void carry_out(struct api_key_watch *watch, const struct follow_effect *effect)
{
    switch (effect->type) {
    case FOLLOW_DO_REQUEST: submit(watch, effect->request); break;
    case FOLLOW_DO_WATCH: open_watch(watch, effect->watch); break;
    case FOLLOW_DO_UNWATCH: close_watch(watch); break;
    case FOLLOW_DO_OPENED: watch->calls->opened(effect->revision, watch->user); break;
    case FOLLOW_DO_FAILED: watch->calls->failed(effect->text, watch->user); break;
    case FOLLOW_DO_READ_ANEW:
        watch->calls->lost(effect->cause == FOLLOW_COMPACTED, effect->oldest, effect->text, watch->user);
        break;
    case FOLLOW_DO_PAGE: /* it lists nothing, and the log has no word of it */
    case FOLLOW_DO_FORGET:
    case FOLLOW_DO_LISTED:
    case FOLLOW_DO_READ_BACK:
    case FOLLOW_DO_CONFIRM:
    case FOLLOW_DO_SYNCED:
    case FOLLOW_DO_STALE:
    case FOLLOW_DO_NOTE: break;
    }
}

static void step(struct api_key_watch *watch, struct follow_event event)
{
    struct follow_effect effect;
    event.now = agent_now();
    event.keys = watch->keys;
    follow_step(&watch->follow, &event, &watch->effects);
    while (watch->calls != NULL && queue_take(&watch->effects, &effect)) {
        carry_out(watch, &effect);
    }
    if (watch->calls != NULL) {
        timer_arm_at_ms(watch->timer, follow_deadline(&watch->follow).latest);
    }
}

static void on_timer(void *user)
{
    step(user, (struct follow_event){.type = FOLLOW_ON_TICK});
}

/* ---- public ---- */

static void make_place(struct api_key_watch *watch, struct key_watches *watches)
{
    struct agent *agent = watches->agent;
    watch->watches = watches;
    watch->client = registry_attach(agent->registry, on_reply, on_watch, watch);
    watch->timer = timer_new(agent->loop, on_timer, watch);
}

static void begin(struct api_key_watch *watch, struct str key, struct str end, int64_t after)
{
    const struct agent *agent = watch->watches->agent;
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    buf_str(&watch->key, key);
    buf_str(&watch->end, end);
    watch->keys = 0;
    watch->base = watch->newest;
    follow_init(&watch->follow, &(struct follow_settings){
                                    .ranges = {{.key = buf_view(&watch->key), .end = buf_view(&watch->end)}},
                                    .range_count = 1,
                                    .check = FOLLOW_CHECK_NEWEST,
                                    .can = registry_can(agent->registry),
                                    .timeout_ms = agent->config->registry.request_timeout_ms,
                                    .check_ms = agent->config->registry.ttl_ms / CHECKS_PER_TTL,
                                    .grace_ms = GRACE_MS,
                                    .first_ms = RETRY_FIRST_MS,
                                    .cap_ms = RETRY_CAP_MS,
                                    .slow_ms = RETRY_CAP_MS,
                                    .seed = seed});
    queue_init(&watch->effects, sizeof(struct follow_effect));
    step(watch, (struct follow_event){.type = FOLLOW_ON_START, .revision = after > 0 ? after + 1 : 0});
}

struct api_key_watch *key_watches_begin(struct agent *agent, struct str key, struct str end, int64_t after,
                                        const struct api_key_watch_calls *calls, void *user)
{
    if (agent->key_watches == NULL) {
        agent->key_watches = mem_zalloc(sizeof(*agent->key_watches));
        agent->key_watches->agent = agent;
    }
    for (size_t i = 0; i < API_KEY_WATCHES_MAX; i++) {
        struct api_key_watch *watch = &agent->key_watches->places[i];
        if (watch->calls == NULL) {
            if (watch->client == NULL) {
                make_place(watch, agent->key_watches);
            }
            watch->calls = calls;
            watch->user = user;
            begin(watch, key, end, after);
            return watch;
        }
    }
    return NULL;
}

void key_watches_end(struct api_key_watch *watch)
{
    close_watch(watch);
    timer_cancel(watch->timer);
    watch->calls = NULL;
    watch->user = NULL;
    follow_fini(&watch->follow);
    queue_fini(&watch->effects);
    buf_fini(&watch->key);
    buf_fini(&watch->end);
}

void key_watches_free(struct key_watches *watches)
{
    if (watches == NULL) {
        return;
    }
    for (size_t i = 0; i < API_KEY_WATCHES_MAX; i++) {
        struct api_key_watch *watch = &watches->places[i];
        if (watch->calls != NULL) {
            key_watches_end(watch);
        }
        registry_detach(watch->client);
        timer_free(watch->timer);
    }
    free(watches);
}
