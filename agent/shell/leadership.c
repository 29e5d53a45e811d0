/* What this agent stands for: one candidate for each entry of `leader:`, each a client of the registry of its own. A sidecar
 * stands while its server is ready, an observer from its start on. */
#include "leadership_internal.h"

#include "agent_internal.h"

#include "outrider/base/mem.h"
#include "outrider/codec/record/leader_json.h"
#include "outrider/codec/status/status_line.h"
#include "outrider/core/leader/candidate.h"
#include "outrider/core/leader/election.h"
#include "outrider/io/line/line_socket.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/entropy.h"
#include "outrider/os/user.h"
#include "outrider/registry/registry.h"

#include <stdio.h>
#include <stdlib.h>

struct scope {
    struct leadership *leadership;
    char *name;
    char *kind; /* of its events on the status socket */
    struct registry_client *registry;
    struct election election;
    bool standing; /* told to */
    bool gone;     /* nothing of it is left in the registry */
};

struct leadership {
    struct agent *agent;
    struct timer *timer, *end_timer;
    struct queue effects;
    struct scope *scopes;
    size_t count;
    bool ready, ending, left;
};

/* ---- effects ---- */

/* `lost`: why; NULL: it leads. */
static void tell_server(struct scope *scope, int64_t token, const char *lost)
{
    struct buf event = {0};
    status_line_leader_event(&event, scope->name, token, lost);
    status_sockets_emit(scope->leadership->agent->sockets, scope->kind, buf_view(&event));
    buf_fini(&event);
    hooks_leader(scope->leadership->agent->hooks, scope->name, token, lost);
}

static void on_gained(struct scope *scope, int64_t token)
{
    log_info("leader", "leading", LOG_TEXT("scope", scope->name), LOG_INT("token", token));
    tell_server(scope, token, NULL);
}

static void on_lost(struct scope *scope, const struct election_effect *effect)
{
    const char *reason = election_reason_name(effect->reason);
    enum log_level level = effect->reason == ELECTION_RESIGNED ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
    LOG_AT(level, "leader", "not leading any more", LOG_TEXT("scope", scope->name),
           LOG_TEXT("reason", reason), LOG_INT("token", effect->token), LOG_END);
    tell_server(scope, effect->token, reason);
}

static void carry_out(struct scope *scope, const struct election_effect *effect)
{
    switch (effect->type) {
    case ELECTION_DO_REQUEST: registry_submit(scope->registry, &effect->request); break;
    case ELECTION_DO_WATCH: registry_watch(scope->registry, &effect->watch); break;
    case ELECTION_DO_UNWATCH: registry_unwatch(scope->registry, effect->id); break;
    case ELECTION_DO_GAINED: on_gained(scope, effect->token); break;
    case ELECTION_DO_LOST: on_lost(scope, effect); break;
    case ELECTION_DO_QUEUED:
        log_debug("leader", "standing behind another candidate", LOG_TEXT("scope", scope->name),
                  LOG_STR("before", effect->text));
        break;
    case ELECTION_DO_GONE: scope->gone = true; break;
    case ELECTION_DO_FAILED:
        log_warn("leader", "requests fail, retrying until they succeed", LOG_TEXT("scope", scope->name),
                 LOG_STR("error", effect->text));
        break;
    case ELECTION_DO_RECOVERED:
        log_info("leader", "requests succeed again", LOG_TEXT("scope", scope->name),
                 LOG_STR("detail", effect->text));
        break;
    case ELECTION_DO_NOTE:
        log_warn("leader", "place given up, standing again", LOG_TEXT("scope", scope->name),
                 LOG_STR("cause", effect->text));
        break;
    }
}

static bool all_gone(const struct leadership *leadership)
{
    bool gone = true;
    for (size_t i = 0; i < leadership->count; i++) {
        gone = gone && leadership->scopes[i].gone;
    }
    return gone;
}

/* Nothing is left to wait for here. */
static void end(struct leadership *leadership)
{
    if (!leadership->left) {
        leadership->left = true;
        hooks_leave(leadership->agent);
    }
}

static void rearm(struct leadership *leadership)
{
    struct window window = WINDOW_NEVER;
    for (size_t i = 0; i < leadership->count; i++) {
        window = window_sooner(window, election_deadline(&leadership->scopes[i].election));
    }
    timer_arm_at_ms(leadership->timer, window.latest);
    if (leadership->ending && all_gone(leadership)) {
        end(leadership);
    }
}

static void step(struct scope *scope, struct election_event event)
{
    struct leadership *leadership = scope->leadership;
    struct election_effect effect;
    event.now = agent_now();
    election_step(&scope->election, &event, &leadership->effects);
    while (queue_take(&leadership->effects, &effect)) {
        carry_out(scope, &effect);
    }
    rearm(leadership);
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    step(user, (struct election_event){.type = ELECTION_ON_REPLY, .reply = reply});
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    step(user, (struct election_event){.type = ELECTION_ON_WATCH, .watch = event});
}

void leadership_tick(struct leadership *leadership)
{
    for (size_t i = 0; leadership != NULL && i < leadership->count; i++) {
        step(&leadership->scopes[i], (struct election_event){.type = ELECTION_ON_TICK});
    }
}

static void on_timer(void *user)
{
    leadership_tick(user);
}

/* ---- who stands ---- */

static struct blob *describe(const struct agent *agent)
{
    struct candidate self = {.since_wall = agent_now().wall};
    struct buf text = {0};
    const char *host = agent->router == NULL ? NULL : server_facts(agent->router->server).host;
    char machine[HOST_NAME_SIZE] = "";
    if (host == NULL && user_host_name(machine)) {
        host = machine;
    }
    snprintf(self.type, sizeof(self.type), "%s",
             agent->router == NULL ? "observer" : agent->config->server.type);
    snprintf(self.id, sizeof(self.id), "%s", agent->id);
    snprintf(self.host, sizeof(self.host), "%s", host == NULL ? "" : host);
    leader_encode(&self, &text);
    return blob_take(&text);
}

static void stand(struct scope *scope, bool stands)
{
    if (stands) {
        struct blob *value = describe(scope->leadership->agent);
        election_describe(&scope->election, value);
        blob_unref(value);
    }
    scope->standing = stands;
    scope->gone = false;
    step(scope, (struct election_event){.type = stands ? ELECTION_ON_STAND : ELECTION_ON_RESIGN});
}

static bool is_ready(const struct agent *agent)
{
    if (!agent->config->server.present) {
        return true;
    }
    return agent->router != NULL && server_facts(agent->router->server).status == STATUS_READY &&
           agent->router->shutdown.phase == SHUTDOWN_RUNNING;
}

void leadership_check(struct leadership *leadership)
{
    if (leadership == NULL || leadership->ending || is_ready(leadership->agent) == leadership->ready) {
        return;
    }
    leadership->ready = !leadership->ready;
    for (size_t i = 0; i < leadership->count; i++) {
        stand(&leadership->scopes[i], leadership->ready);
    }
}

/* ---- the end ---- */

static void on_end_timer(void *user)
{
    struct leadership *leadership = user;
    log_warn("leader", "candidate not withdrawn in time, its lease ends by itself");
    end(leadership);
}

bool leadership_leave(struct leadership *leadership)
{
    if (leadership == NULL || leadership->ending) {
        return false;
    }
    for (size_t i = 0; i < leadership->count; i++) {
        step(&leadership->scopes[i], (struct election_event){.type = ELECTION_ON_LEAVE});
    }
    leadership->ending = true;
    timer_arm_ms(leadership->end_timer, leadership->agent->config->registry.request_timeout_ms);
    return !all_gone(leadership);
}

/* ---- what others see ---- */

size_t leadership_look(const struct leadership *leadership, struct api_candidacy *ret_list, size_t max)
{
    size_t count = 0;
    for (; leadership != NULL && count < leadership->count && count < max; count++) {
        const struct scope *scope = &leadership->scopes[count];
        ret_list[count] = (struct api_candidacy){
            .scope = scope->name, .election = &scope->election, .standing = scope->standing};
    }
    return count;
}

void leadership_tell(const struct leadership *leadership, struct line_peer *peer)
{
    struct instant now = agent_now();
    for (size_t i = 0; leadership != NULL && i < leadership->count; i++) {
        const struct scope *scope = &leadership->scopes[i];
        struct buf event = {0};
        int64_t token;
        if (election_leads(&scope->election, &now, &token)) {
            status_line_leader_event(&event, scope->name, token, NULL);
            line_peer_event(peer, scope->kind, buf_view(&event));
        }
        buf_fini(&event);
    }
}

void leadership_add(const struct leadership *leadership, struct buf *record)
{
    struct instant now = agent_now();
    for (size_t i = 0; leadership != NULL && i < leadership->count; i++) {
        int64_t token = 0;
        bool leads = election_leads(&leadership->scopes[i].election, &now, &token);
        status_line_add_leader(record, i == 0, leadership->scopes[i].name, leads, token);
    }
}

/* ---- life ---- */

static void scope_init(struct scope *scope, struct leadership *leadership,
                       const struct config_candidacy *candidacy)
{
    struct agent *agent = leadership->agent;
    const struct config_registry *registry = &agent->config->registry;
    struct buf prefix = {0};
    int64_t sixth = candidacy->ttl_ms / 6, timeout = registry->request_timeout_ms;
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    *scope = (struct scope){.leadership = leadership,
                            .name = mem_strdup(config_scope(agent->config, candidacy)),
                            .registry = registry_attach(agent->registry, on_reply, on_watch, scope),
                            .gone = true};
    buf_printf(&prefix, "leader %s", scope->name);
    scope->kind = mem_strdup(buf_text(&prefix));
    buf_clear(&prefix);
    buf_printf(&prefix, "%s/leader/%s/", registry->control_prefix, scope->name);
    election_init(&scope->election, &(struct election_settings){
                                        .prefix = buf_view(&prefix),
                                        .ttl_ms = candidacy->ttl_ms,
                                        .renew_ms = candidacy->renew_ms,
                                        .request_timeout_ms = timeout < sixth ? timeout : sixth,
                                        .can = registry_can(agent->registry),
                                        .seed = seed,
                                    });
    buf_fini(&prefix);
}

struct leadership *leadership_new(struct agent *agent)
{
    size_t count = agent->config->candidacy_count;
    if (count == 0) {
        return NULL;
    }
    if (!agent->config->server.present) {
        state_store_save(agent->state,
                         EFFECTS_SAVE_NOW); /* the id of an observer, before another program learns it */
    }
    struct leadership *leadership = mem_zalloc(sizeof(*leadership));
    *leadership = (struct leadership){
        .agent = agent, .count = count, .scopes = mem_zalloc(count * sizeof(leadership->scopes[0]))};
    leadership->timer = timer_new(agent->loop, on_timer, leadership);
    leadership->end_timer = timer_new(agent->loop, on_end_timer, leadership);
    queue_init(&leadership->effects, sizeof(struct election_effect));
    for (size_t i = 0; i < count; i++) {
        scope_init(&leadership->scopes[i], leadership, &agent->config->candidacies[i]);
    }
    return leadership;
}

void leadership_free(struct leadership *leadership)
{
    if (leadership == NULL) {
        return;
    }
    for (size_t i = 0; i < leadership->count; i++) {
        registry_detach(leadership->scopes[i].registry);
        election_fini(&leadership->scopes[i].election);
        free(leadership->scopes[i].name);
        free(leadership->scopes[i].kind);
    }
    timer_free(leadership->timer);
    timer_free(leadership->end_timer);
    queue_fini(&leadership->effects);
    free(leadership->scopes);
    free(leadership);
}
