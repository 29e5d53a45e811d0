/* HUP: the file is read anew; a good one takes over what can be changed in flight, a bad one changes nothing. */
#include "agent_internal.h"

#include "outrider/base/buf.h"
#include "outrider/core/settings.h"
#include "outrider/os/clock.h"
#include "outrider/os/log.h"
#include "outrider/os/sd_notify.h"
#include "outrider/shell/config_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void tell_systemd(struct str text)
{
    struct error err;
    if (sd_notify_send(text, &err) < 0) {
        log_debug("agent", "systemd was not told", LOG_TEXT("error", err.text));
    }
}

static void log_changes(const struct config *running, const struct config *fresh)
{
    const struct setting *rows[SETTINGS_MAX];
    size_t count = config_diff(running, fresh, rows);
    if (count == 0) {
        log_info("agent", "reload: nothing changed");
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i]->flags & SETTING_RELOADABLE) {
            log_info("agent", "reload: changed", LOG_TEXT("key", rows[i]->path));
        } else {
            log_warn("agent", "reload: this key needs a restart; the old value stays", LOG_TEXT("key", rows[i]->path));
        }
    }
}

static void put_into_force(struct agent *agent, struct config *fresh)
{
    struct config *running = agent->config;
    struct instant now = agent_now();
    config_keep(fresh, running);
    agent->config = fresh;
    log_setup((enum log_level)fresh->log.level, (enum log_format)fresh->log.format, 2);
    router_reload(agent->router, fresh, &now);
    if (agent->api != NULL) {
        api_reload(agent->api, fresh);
    }
    effects_look_up_host(&agent->effects);
    config_fini(running);
    free(running);
}

/* The moment lets Type=notify-reload tell this reload from an older one (sd_notify(3)). */
static void tell_reloading(void)
{
    struct buf text = {0};
    buf_printf(&text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
    tell_systemd(buf_view(&text));
    buf_fini(&text);
}

void agent_reload(struct agent *agent)
{
    tell_reloading();
    struct config *fresh = config_file_load(agent->config_path);
    if (fresh == NULL) {
        agent->counters.reloads_bad++;
        log_error("agent", "reload refused: the file has the errors above; nothing is changed",
                  LOG_TEXT("file", agent->config_path));
    } else {
        agent->counters.reloads_ok++;
        log_changes(agent->config, fresh);
        put_into_force(agent, fresh);
    }
    tell_systemd(STR("READY=1"));
}
