/* One hook of the configuration. */
#include "settings_internal.h"

#include "outrider/base/error.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/config_check.h"

#include <stdio.h>
#include <string.h>

enum { AT_SIZE = 64 };

static const char *const events[CONFIG_HOOK_EVENT_COUNT] = {
    [CONFIG_HOOK_DRAIN] = "drain",
    [CONFIG_HOOK_UNDRAIN] = "undrain",
    [CONFIG_HOOK_READY] = "ready",
    [CONFIG_HOOK_ERROR] = "error",
    [CONFIG_HOOK_SHUTTING_DOWN] = "shutting_down",
    [CONFIG_HOOK_LEADER_GAINED] = "leader_gained",
    [CONFIG_HOOK_LEADER_LOST] = "leader_lost",
};

const char *config_hook_event_name(enum config_hook_event event)
{
    return events[event];
}

static int find_event(struct str name)
{
    int found = -1;
    for (int i = 0; i < CONFIG_HOOK_EVENT_COUNT; i++) {
        found = str_eq(name, str_of(events[i])) ? i : found;
    }
    return found;
}

int shape_hook_event(struct str text, struct error *err)
{
    return find_event(text) >= 0
               ? 0
               : settings_wrong(
                     err, text,
                     "is no event: want drain, undrain, ready, error, shutting_down, leader_gained or "
                     "leader_lost");
}

static bool is_faulty(const struct config_check *check, const char *at)
{
    return check->is_faulty != NULL && check->is_faulty(at, check->user);
}

static void require(const struct config_check *check, size_t index, const char *key, size_t count)
{
    char at[AT_SIZE];
    snprintf(at, sizeof(at), "hooks[%zu].%s", index, key);
    if (count == 0 && !is_faulty(check, at)) {
        check->report(at, "required", check->user);
    }
}

static void warn(const struct config_check *check, const char *at, const char *event, const char *why)
{
    char text[128];
    snprintf(text, sizeof(text), "`%s` never happens: %s", event, why);
    if (check->warn != NULL) {
        check->warn(at, text, check->user);
    }
}

static void check_hook(const struct config *config, const struct config_hook *hook, size_t index,
                       const struct config_check *check)
{
    char at[AT_SIZE];
    require(check, index, "on", hook->on_count);
    require(check, index, "command", hook->command_count);
    snprintf(at, sizeof(at), "hooks[%zu].command", index);
    if (hook->command_count > 0 && hook->command[0][0] != '/' && !is_faulty(check, at)) {
        check->report(at, "the program must be an absolute path: no shell looks for it", check->user);
    }
    snprintf(at, sizeof(at), "hooks[%zu].on", index);
    for (size_t i = 0; i < hook->on_count && !is_faulty(check, at); i++) {
        bool leads = find_event(str_of(hook->on[i])) >= CONFIG_HOOK_LEADER_GAINED;
        if (leads && config->candidacy_count == 0) {
            warn(check, at, hook->on[i], "this agent stands for no leadership (leader:)");
        } else if (!leads && !config->server.present) {
            warn(check, at, hook->on[i], "an observer has no server");
        }
    }
}

void config_check_hooks(const struct config *config, const struct config_check *check)
{
    for (size_t i = 0; i < config->hook_count; i++) {
        check_hook(config, &config->hooks[i], i, check);
    }
}
