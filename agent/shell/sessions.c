#include "agent_internal.h"

#include "joins_internal.h"
#include "sessions_internal.h"

#include "outrider/api/sessions/session_events.h"
#include "outrider/base/hash.h"
#include "outrider/base/mem.h"
#include "outrider/core/fleet/view.h"
#include "outrider/core/session/session_failover.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"
#include "outrider/session/memory/session_memory.h"
#ifdef OUTRIDER_REDIS
#include "outrider/session/redis/session_redis.h"
#endif
#include "outrider/session/store.h"

#include <stdio.h>
#include <stdlib.h>

/* A request of the API under way. */
struct asked {
    uint64_t id;
    api_session_fn *done;
    void *user;
    UT_hash_handle hh;
};

struct sessions {
    struct agent *agent;
    enum config_session_store kind; /* not auto */
    struct session_store *store;
    struct session_client *api, *sweeper; /* the API's, which also listens; that of the failover */
    struct asked *asked;                  /* by id */
    uint64_t last_id;
    struct session_events *events;
    struct session_failover *failover;
    struct queue effects; /* of the failover */
    struct timer *timer;
    struct session_facts facts;
};

static struct session_failover_settings failover_settings(const struct config *config)
{
    return (struct session_failover_settings){.ttl_ms = config->sessions.ttl_ms,
                                              .grace_ms = config->sessions.reconnect_grace_ms};
}

/* ---- failover ---- */

static void step(struct sessions *sessions, struct session_failover_event event);

static void look(struct sessions *sessions, struct str server)
{
    bool present = fleet_find(sessions->agent->fleet, server) != NULL;
    step(sessions,
         (struct session_failover_event){.type = FAILOVER_ON_LOOKED, .server = server, .present = &present});
}

static void log_note(const struct session_failover_effect *effect)
{
    bool restored = effect->op == SESSION_RESTORE;
    if (effect->error.size > 0) {
        log_warn("sessions", "session store not told what became of a server", LOG_RATE(LOG_MANY),
                 LOG_STR("server", effect->server), LOG_STR("error", effect->error));
    } else {
        log_info("sessions",
                 restored ? "sessions active again, their server returned"
                          : "sessions orphaned, their server has gone",
                 LOG_RATE(LOG_MANY), LOG_STR("server", effect->server),
                 LOG_INT("count", (int64_t)effect->count));
    }
}

/* A look is answered within: effects that it makes are carried out by the loop of the outermost call. */
static void step(struct sessions *sessions, struct session_failover_event event)
{
    event.now = agent_now();
    session_failover_step(sessions->failover, &event, &sessions->effects);
}

static void carry_out(struct sessions *sessions, struct session_failover_event event)
{
    struct session_failover_effect effect;
    step(sessions, event);
    while (queue_take(&sessions->effects, &effect)) {
        switch (effect.type) {
        case FAILOVER_DO_REQUEST: session_submit(sessions->sweeper, &effect.request); break;
        case FAILOVER_DO_LOOK: look(sessions, effect.server); break;
        case FAILOVER_DO_NOTE: log_note(&effect); break;
        }
    }
    timer_arm_at_ms(sessions->timer, session_failover_due(sessions->failover));
}

static void on_timer(void *user)
{
    carry_out(user, (struct session_failover_event){.type = FAILOVER_ON_TICK});
}

static void on_swept(const struct session_reply *reply, void *user)
{
    struct sessions *sessions = user;
    bool present[SESSION_PAGE_MAX];
    for (size_t i = 0; reply->op == SESSION_LIST && i < reply->count && i < SESSION_PAGE_MAX; i++) {
        present[i] = fleet_find(sessions->agent->fleet, reply->sessions[i].server) != NULL;
    }
    carry_out(sessions,
              (struct session_failover_event){.type = FAILOVER_ON_REPLY, .reply = reply, .present = present});
}

void sessions_carry_out(struct sessions *sessions, const struct view_effect *effect)
{
    struct session_failover_event event = {.type = FAILOVER_ON_TICK};
    char server[SESSION_SERVER_MAX + 1];
    if (sessions == NULL) {
        return;
    }
    if (effect->type == VIEW_DO_SYNCED) {
        event.type = FAILOVER_ON_SYNCED;
    } else if (effect->type == VIEW_DO_STALE) {
        event.type = FAILOVER_ON_STALE;
    } else if (effect->type == VIEW_DO_CHANGED && (effect->was == NULL || effect->is == NULL)) {
        const struct view_entry *entry = effect->is == NULL ? effect->was : effect->is;
        struct str type = view_entry_type(entry), id = view_entry_id(entry);
        snprintf(server, sizeof(server), "%.*s/%.*s", STR_ARG(type), STR_ARG(id));
        event.type = effect->is == NULL ? FAILOVER_ON_GONE : FAILOVER_ON_THERE;
        event.server = str_of(server);
    } else {
        return;
    }
    carry_out(sessions, event);
}

/* ---- the API ---- */

static void on_reply(const struct session_reply *reply, void *user)
{
    struct sessions *sessions = user;
    struct asked *asked;
    HASH_FIND(hh, sessions->asked, &reply->id, sizeof(reply->id), asked);
    if (asked != NULL) {
        HASH_DEL(sessions->asked, asked);
        asked->done(reply, asked->user);
        free(asked);
    }
}

void sessions_ask(struct sessions *sessions, const struct session_request *request, api_session_fn *done,
                  void *user)
{
    struct session_request own = *request;
    struct asked *asked = mem_zalloc(sizeof(*asked));
    *asked = (struct asked){.id = ++sessions->last_id, .done = done, .user = user};
    HASH_ADD(hh, sessions->asked, id, sizeof(asked->id), asked);
    own.id = asked->id;
    session_submit(sessions->api, &own);
}

static void on_event(const struct session_event *event, void *user)
{
    session_events_emit(((struct sessions *)user)->events, event);
}

static void on_listens(void *user, bool listens)
{
    session_listen(((struct sessions *)user)->api, listens);
}

static void on_any_reply(const struct session_reply *reply, int64_t duration_us, void *user)
{
    struct agent *agent = ((struct sessions *)user)->agent;
    api_histogram_count(&agent->counters.session_duration[reply->op], duration_us);
    agent->counters.sessions[reply->op][reply->failure]++;
}

void sessions_look(struct sessions *sessions, struct api_view *view)
{
    if (sessions != NULL) {
        session_facts(sessions->store, &sessions->facts);
        view->sessions = &sessions->facts;
        view->session_events = sessions->events;
    }
}

struct session_store *sessions_store(const struct sessions *sessions)
{
    return sessions == NULL ? NULL : sessions->store;
}

/* ---- life ---- */

static enum config_session_store kind_of(const struct config *config)
{
    if (config->sessions.store == CONFIG_SESSIONS_AUTO) {
        return config->server.present ? CONFIG_SESSIONS_OFF : CONFIG_SESSIONS_MEMORY;
    }
    return config->sessions.store;
}

static struct session_store *open_store(struct agent *agent, enum config_session_store kind)
{
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
#ifdef OUTRIDER_REDIS
    if (kind == CONFIG_SESSIONS_REDIS) {
        return session_redis_new(agent->loop, agent->resolver, &agent->config->sessions.redis, seed);
    }
#else
    (void)kind;
#endif
    return session_memory_new(
        &(struct session_memory_settings){.dir = agent->state == NULL ? NULL : agent->config->state_dir,
                                          .max = agent->config->sessions.max,
                                          .seed = seed},
        agent->loop);
}

struct sessions *sessions_new(struct agent *agent)
{
    static const struct session_events_ops ops = {.listens = on_listens};
    enum config_session_store kind = kind_of(agent->config);
    if (kind == CONFIG_SESSIONS_OFF) {
        return NULL;
    }
    struct session_failover_settings settings = failover_settings(agent->config);
    struct sessions *sessions = mem_zalloc(sizeof(*sessions));
    sessions->agent = agent;
    sessions->kind = kind;
    sessions->store = open_store(agent, kind);
    sessions->api = session_attach(sessions->store, on_reply, on_event, sessions);
    sessions->sweeper = session_attach(sessions->store, on_swept, NULL, sessions);
    session_observe(sessions->store, on_any_reply, sessions);
    sessions->events = session_events_new(agent->loop, &ops, sessions);
    sessions->failover = session_failover_new(&settings);
    queue_init(&sessions->effects, sizeof(struct session_failover_effect));
    sessions->timer = timer_new(agent->loop, on_timer, sessions);
    return sessions;
}

void sessions_free(struct sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    joins_free(sessions->agent->joins);
    struct asked *asked, *next;
    HASH_ITER(hh, sessions->asked, asked, next)
    {
        HASH_DEL(sessions->asked, asked);
        free(asked);
    }
    session_events_free(sessions->events);
    session_store_free(sessions->store);
    session_failover_free(sessions->failover);
    queue_fini(&sessions->effects);
    timer_free(sessions->timer);
    free(sessions);
}

void sessions_reload(struct sessions *sessions)
{
    if (sessions != NULL) {
        const struct config *config = sessions->agent->config;
        if (sessions->kind == CONFIG_SESSIONS_MEMORY) {
            session_memory_set_max(sessions->store, config->sessions.max);
        }
        carry_out(sessions, (struct session_failover_event){.type = FAILOVER_ON_RELOAD,
                                                            .settings = failover_settings(config)});
    }
}

void sessions_tick(struct sessions *sessions)
{
    if (sessions != NULL) {
        session_store_wake(sessions->store);
        on_timer(sessions);
    }
}
