/* HUP: looks after the socket files, and reads the configuration file again. Reloadable settings of a good file apply at once; a bad file
 * changes nothing. */
#include "agent_internal.h"
#include "dns_internal.h"

#include "outrider/core/config/settings.h"
#include "outrider/os/clock.h"
#include "outrider/shell/config_file.h"

#include <inttypes.h>
#include <stdlib.h>

static void log_changes(const struct config *running, const struct config *fresh)
{
    const struct setting *rows[SETTINGS_MAX];
    size_t count = config_diff(running, fresh, rows);
    if (count == 0) {
        log_info("agent", "configuration reloaded, nothing changed");
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i]->flags & SETTING_RELOADABLE) {
            log_info("agent", "configuration reloaded, setting changed", LOG_RATE(LOG_MANY),
                     LOG_TEXT("key", rows[i]->path));
        } else {
            log_warn("agent", "configuration reloaded, setting needs a restart", LOG_RATE(LOG_MANY),
                     LOG_TEXT("key", rows[i]->path));
        }
    }
}

static void put_into_force(struct agent *agent, struct config *fresh)
{
    struct config *running = agent->config;
    struct instant now = agent_now();
    config_keep(fresh, running);
    hooks_reload(agent->hooks, fresh);
    agent->config = fresh;
    log_setup((enum log_level)fresh->log.level, (enum log_format)fresh->log.format, 2);
    if (agent->router != NULL) {
        router_reload(agent->router, fresh, &now);
        agent_watch_network(agent);
        effects_look_up_host(&agent->effects);
        agent_rearm(agent);
    }
    fleet_reload(agent->fleet, fresh);
    sessions_reload(agent->sessions);
    dns_reload(agent->dns, fresh);
    agent_audit_reload(agent);
    if (agent->api != NULL) {
        api_reload(agent->api, fresh);
    }
    config_fini(running);
    free(running);
}

/* One log line for each problem, in either log format. */
static void log_problems(const char *path, struct str problems)
{
    while (problems.size > 0) {
        struct str problem = str_split(problems, '\n', &problems);
        if (problem.size > 0) {
            log_error("agent", "reload refused, configuration unchanged", LOG_RATE(LOG_MANY),
                      LOG_TEXT("file", path), LOG_STR("problem", problem));
        }
    }
}

void agent_log_warnings(struct str warnings)
{
    while (warnings.size > 0) {
        struct str warning = str_split(warnings, '\n', &warnings);
        if (warning.size > 0) {
            log_warn("agent", "configuration warning", LOG_RATE(LOG_MANY), LOG_STR("problem", warning));
        }
    }
}

/* What a running agent cannot become. */
static bool is_possible(const struct agent *agent, const struct config *fresh, struct buf *problems)
{
    if (fresh->server.present != agent->config->server.present) {
        buf_printf(problems, "server: %s: this needs a restart\n",
                   fresh->server.present ? "the observer would become the agent of a server"
                                         : "the agent would lose its server");
        return false;
    }
    if (!agent_programs_can(agent, fresh)) {
        buf_printf(problems, "the first program of an agent, of an exec probe or a hook, needs a restart: "
                             "the process that starts "
                             "programs begins with the agent\n");
        return false;
    }
    return true;
}

void agent_reload(struct agent *agent)
{
    if (agent->router != NULL && agent->router->shutdown.phase != SHUTDOWN_RUNNING) {
        log_info("agent", "reload ignored while stopping");
        return;
    }
    /* The timestamp distinguishes this reload from an older one for Type=notify-reload (sd_notify(3)). */
    agent_notify_systemd("RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
    agent_files_check(agent->agent_files);
    struct buf problems = {0};
    struct config *fresh = config_file_read(agent->config_path, &problems);
    if (fresh != NULL && !is_possible(agent, fresh, &problems)) {
        config_fini(fresh);
        free(fresh);
        fresh = NULL;
    }
    if (fresh == NULL) {
        agent->counters.reloads_bad++;
        log_problems(agent->config_path, buf_view(&problems));
    } else {
        agent->counters.reloads_ok++;
        log_changes(agent->config, fresh);
        put_into_force(agent, fresh);
        agent_log_warnings(buf_view(&problems));
    }
    buf_fini(&problems);
    agent_notify_systemd("READY=1");
}
