#include "outrider/core/hook/hook.h"

#include <assert.h>
#include <string.h>

const char *hook_result_name(enum hook_result result)
{
    static const char *const names[HOOK_RESULT_COUNT] = {[HOOK_OK] = "ok",
                                                         [HOOK_FAILED] = "failed",
                                                         [HOOK_TIMED_OUT] = "timed_out",
                                                         [HOOK_NOT_STARTED] = "not_started",
                                                         [HOOK_REPLACED] = "replaced"};
    return names[result];
}

/* The only place where the state changes. */
static void set_state(struct hook *hook, enum hook_state state)
{
    static const unsigned allowed[] = {
        [HOOK_IDLE] = 1u << HOOK_RUNNING,
        [HOOK_RUNNING] = 1u << HOOK_IDLE | 1u << HOOK_WAITING,
        [HOOK_WAITING] = 1u << HOOK_RUNNING | 1u << HOOK_WAITING,
    };
    assert((allowed[hook->state] & 1u << state) != 0);
    hook->state = state;
}

static void run(struct hook *hook, const struct hook_news *news, struct queue *effects)
{
    struct hook_effect *effect = queue_push(effects);
    effect->news = *news;
    set_state(hook, HOOK_RUNNING);
}

static void on_news(struct hook *hook, const struct hook_news *news, struct queue *effects)
{
    switch (hook->state) {
    case HOOK_IDLE: run(hook, news, effects); break;
    case HOOK_WAITING: hook->runs[HOOK_REPLACED]++; /* fall through */
    case HOOK_RUNNING:
        hook->waiting = *news;
        set_state(hook, HOOK_WAITING);
        break;
    }
}

static void on_ended(struct hook *hook, enum hook_result result, struct queue *effects)
{
    switch (hook->state) {
    case HOOK_IDLE: return; /* nothing runs */
    case HOOK_RUNNING: set_state(hook, HOOK_IDLE); break;
    case HOOK_WAITING: run(hook, &hook->waiting, effects); break;
    }
    hook->runs[result]++;
}

void hook_step(struct hook *hook, const struct hook_event *event, struct queue *effects)
{
    switch (event->type) {
    case HOOK_ON_NEWS: on_news(hook, event->news, effects); break;
    case HOOK_ON_ENDED: on_ended(hook, event->result, effects); break;
    }
}

bool hook_wants(const struct config_hook *config, enum config_hook_event event)
{
    bool wants = false;
    for (size_t i = 0; i < config->on_count; i++) {
        wants = wants || strcmp(config->on[i], config_hook_event_name(event)) == 0;
    }
    return wants;
}
