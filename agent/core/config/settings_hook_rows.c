/* The table of the keys of one hook. Offsets are of struct config_hook. */
#include "settings_internal.h"

#include "outrider/core/config/config.h"

#define AT(field) .offset = offsetof(struct config_hook, field)
#define COUNT(field) .count_offset = offsetof(struct config_hook, field)

static const struct setting rows[] = {
    {"on", SETTING_STRINGS, .flags = SETTING_REQUIRED | SETTING_RELOADABLE, .min = 1,
     .max = CONFIG_HOOK_EVENT_COUNT, .shape = shape_hook_event, AT(on), COUNT(on_count),
     .doc = "The events that it is for: `drain`, `undrain`, `ready`, `error`, `shutting_down`, "
            "`leader_gained`, `leader_lost`."},
    {"command", SETTING_STRINGS, .flags = SETTING_REQUIRED | SETTING_REPEATS | SETTING_RELOADABLE, .min = 1,
     .max = CONFIG_COMMAND_MAX, .shape = shape_argument, AT(command), COUNT(command_count),
     .doc = "The program, as an absolute path, and its arguments. No shell is involved. In an argument "
            "`$${OUTRIDER_DEADLINE_SECONDS}` stands for the seconds that are left."},
    {"timeout", SETTING_DURATION, .flags = SETTING_RELOADABLE, .fallback = "10s", .min = 10,
     .max = 10 * 60 * 1000, AT(timeout_ms), .doc = "A run that takes longer is killed, and has failed."},
    {"user", SETTING_STRING, .flags = SETTING_NULLABLE | SETTING_RELOADABLE, .fallback = "null",
     .shape = shape_user, AT(user), .doc = "The user that it runs as. `null`: that of the agent."},
};

const struct settings settings_of_hook = {rows, COUNT_OF(rows), {{0}}};
