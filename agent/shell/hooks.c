#include "hooks_internal.h"

#include "agent_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/settings.h"
#include "outrider/core/hook/hook.h"
#include "outrider/core/server/shutdown.h"
#include "outrider/io/program/programs.h"
#include "outrider/shell/hook_request.h"

#include <stdlib.h>

struct slot {
    struct hooks *hooks;
    size_t index;
    struct program_job *job;      /* NULL: none runs */
    enum config_hook_event event; /* of the run */
};

struct hooks {
    struct agent *agent;
    size_t count;
    struct hook machines[CONFIG_HOOKS_MAX];
    struct slot slots[CONFIG_HOOKS_MAX];
    struct queue effects;
    bool leaving;
};

static void step(struct slot *slot, const struct hook_event *event);

/* ---- runs ---- */

static void on_end(const struct program_result *result, void *user)
{
    struct slot *slot = user;
    struct hooks *hooks = slot->hooks;
    enum hook_result how = hook_result_of(result);
    enum log_level level = how == HOOK_OK ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;
    struct buf detail = {0};
    hook_describe_result(result, &detail);
    LOG_AT(level, "hook", how == HOOK_OK ? "hook ran" : "hook failed", LOG_INT("hook", (int64_t)slot->index),
           LOG_TEXT("event", config_hook_event_name(slot->event)), LOG_TEXT("result", hook_result_name(how)),
           LOG_TEXT("detail", buf_text(&detail)), LOG_INT("duration_ms", result->duration_us / 1000),
           LOG_END);
    buf_fini(&detail);
    slot->job = NULL;
    step(slot, &(struct hook_event){.type = HOOK_ON_ENDED, .result = how});
    if (hooks->leaving) {
        hooks->leaving = false;
        hooks_leave(hooks->agent);
    }
}

static void run(struct slot *slot, const struct hook_news *news)
{
    struct agent *agent = slot->hooks->agent;
    struct instant now = agent_now();
    struct hook_request request;
    struct hook_about about = {.type = "observer", .id = agent->id, .host = ""};
    if (agent->router != NULL) {
        const char *host = server_facts(agent->router->server).host;
        about.type = agent->config->server.type;
        about.host = host == NULL ? "" : host;
        about.ports = server_ports(agent->router->server, &about.port_count);
    }
    hook_request_init(&request, &agent->config->hooks[slot->index], news, &about, &now);
    slot->event = news->event;
    slot->job = programs_run(agent->programs, &request.program, on_end, slot);
    hook_request_fini(&request);
}

static void step(struct slot *slot, const struct hook_event *event)
{
    struct hooks *hooks = slot->hooks;
    struct hook_effect effect;
    hook_step(&hooks->machines[slot->index], event, &hooks->effects);
    while (queue_take(&hooks->effects, &effect)) {
        run(slot, &effect.news);
    }
}

/* ---- news ---- */

static void tell(struct hooks *hooks, const struct hook_news *news)
{
    for (size_t i = 0; i < hooks->count; i++) {
        if (hook_wants(&hooks->agent->config->hooks[i], news->event)) {
            step(&hooks->slots[i], &(struct hook_event){.type = HOOK_ON_NEWS, .news = news});
        }
    }
}

static struct hook_news news_of(const struct hooks *hooks, enum config_hook_event event, struct str reason)
{
    struct hook_news news = {.event = event, .status = "", .deadline_mono = NEVER_MS};
    brief_copy(news.reason, sizeof(news.reason), reason);
    if (hooks->agent->router != NULL) {
        const struct server *server = hooks->agent->router->server;
        const struct record *record = server_record(server);
        news.status = status_name(server_facts(server).status);
        news.has_players = record != NULL && record->has_players;
        news.players = news.has_players ? record->players : 0;
    }
    return news;
}

/* That of the hold whose reason is told. */
static const char *by_of(const struct agent *agent)
{
    const struct hold *holds = server_facts(agent->router->server).holds;
    for (int kind = 0; kind < HOLD_COUNT; kind++) {
        if (holds[kind].set) {
            return holds[kind].by;
        }
    }
    return "";
}

void hooks_drain(struct hooks *hooks, bool on, int64_t left_ms, struct str reason)
{
    if (hooks == NULL || hooks->count == 0) {
        return;
    }
    struct instant now = agent_now();
    struct hook_news news = news_of(hooks, on ? CONFIG_HOOK_DRAIN : CONFIG_HOOK_UNDRAIN, reason);
    brief_copy(news.by, sizeof(news.by), str_of(by_of(hooks->agent)));
    if (on && left_ms != NEVER_MS) {
        news.deadline_mono = now.mono + left_ms;
        news.deadline_wall = now.wall + left_ms;
    }
    tell(hooks, &news);
}

void hooks_status(struct hooks *hooks, enum status status, struct str cause)
{
    if (hooks == NULL || hooks->count == 0) {
        return;
    }
    struct hook_news news = news_of(hooks, CONFIG_HOOK_READY, cause);
    if (status == STATUS_ERROR) {
        news.event = CONFIG_HOOK_ERROR;
    } else if (status == STATUS_SHUTTING_DOWN) {
        news.event = CONFIG_HOOK_SHUTTING_DOWN;
    } else if (status != STATUS_READY) {
        return;
    }
    news.status = status_name(status);
    tell(hooks, &news);
}

void hooks_leader(struct hooks *hooks, const char *scope, int64_t token, const char *lost)
{
    if (hooks == NULL || hooks->count == 0) {
        return;
    }
    struct hook_news news =
        news_of(hooks, lost == NULL ? CONFIG_HOOK_LEADER_GAINED : CONFIG_HOOK_LEADER_LOST, str_of(lost));
    brief_copy(news.scope, sizeof(news.scope), str_of(scope));
    news.token = token;
    tell(hooks, &news);
}

/* ---- life ---- */

static void begin(struct hooks *hooks, size_t index)
{
    hooks->machines[index] = (struct hook){0};
    hooks->slots[index] = (struct slot){.hooks = hooks, .index = index};
}

static void end(struct slot *slot)
{
    program_cancel(slot->job);
    slot->job = NULL;
}

struct hooks *hooks_new(struct agent *agent)
{
    if (agent->programs == NULL) {
        return NULL;
    }
    struct hooks *hooks = mem_zalloc(sizeof(*hooks));
    hooks->agent = agent;
    hooks->count = agent->config->hook_count;
    queue_init(&hooks->effects, sizeof(struct hook_effect));
    for (size_t i = 0; i < CONFIG_HOOKS_MAX; i++) {
        begin(hooks, i);
    }
    return hooks;
}

void hooks_free(struct hooks *hooks)
{
    if (hooks != NULL) {
        for (size_t i = 0; i < CONFIG_HOOKS_MAX; i++) {
            end(&hooks->slots[i]);
        }
        queue_fini(&hooks->effects);
        free(hooks);
    }
}

void hooks_reload(struct hooks *hooks, const struct config *fresh)
{
    if (hooks == NULL) {
        return;
    }
    const struct config *running = hooks->agent->config;
    for (size_t i = 0; i < CONFIG_HOOKS_MAX; i++) {
        bool same = i < running->hook_count && i < fresh->hook_count &&
                    settings_equal(&settings_of_hook, &running->hooks[i], &fresh->hooks[i]);
        if (!same) {
            end(&hooks->slots[i]);
            begin(hooks, i);
        }
    }
    hooks->count = fresh->hook_count;
}

void hooks_leave(struct agent *agent)
{
    struct hooks *hooks = agent->hooks;
    bool busy = false;
    for (size_t i = 0; hooks != NULL && i < CONFIG_HOOKS_MAX; i++) {
        busy = busy || hooks->slots[i].job != NULL;
    }
    if (!busy || hooks->leaving || agent->exit_code == EXIT_HANDED_OVER) {
        loop_stop(agent->loop);
    } else {
        hooks->leaving = true;
    }
}

const struct hook *hooks_look(const struct hooks *hooks, size_t *ret_count)
{
    *ret_count = hooks == NULL ? 0 : hooks->count;
    return hooks == NULL ? NULL : hooks->machines;
}
