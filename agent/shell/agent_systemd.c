/* What the service manager is told (docs/design/protocol.md, "Service manager"), and the sockets that it passes. A failure costs a log
 * line at debug level and changes nothing else. */
#include "agent_internal.h"

#include "outrider/api/common/published.h"
#include "outrider/base/brief.h"
#include "outrider/core/config/listen.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/sd_notify.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static bool notify(const char *text)
{
    struct error err;
    bool sent = sd_notify_send(str_of(text), &err) == 0;
    if (!sent) {
        log_debug("agent", "service manager not notified", LOG_TEXT("error", err.text));
    }
    return sent;
}

void agent_notify_systemd(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    brief_vformat(text, sizeof(text), format, args);
    va_end(args);
    (void)notify(text);
}

/* ---- the watchdog of the service manager ---- */

/* A message that the manager did not take is sent again after this part of the usual interval. */
enum { WATCHDOG_RETRY_PART = 8 };

void agent_watchdog_start(struct agent *agent)
{
    struct error err;
    int64_t us = 0;
    agent->watchdog_due_mono = NEVER_MS;
    if (sd_notify_watchdog(&err, &us) < 0) {
        log_warn("agent", "service manager's watchdog not fed", LOG_TEXT("error", err.text));
    } else if (us > 0) {
        agent->watchdog_every_ms = us / 2000 > 0 ? us / 2000 : 1;
        agent->watchdog_due_mono = clock_mono_ms() + agent->watchdog_every_ms;
        log_info("agent", "service manager's watchdog is fed", LOG_INT("timeout_ms", us / 1000),
                 LOG_INT("every_ms", agent->watchdog_every_ms));
    }
}

void agent_watchdog_feed(struct agent *agent, int64_t now_mono)
{
    if (now_mono < agent->watchdog_due_mono) {
        return;
    }
    int64_t every = agent->watchdog_every_ms, soon = every / WATCHDOG_RETRY_PART;
    agent->watchdog_due_mono = now_mono + (notify("WATCHDOG=1") ? every : soon > 0 ? soon : 1);
}

/* ---- STATUS= ---- */

/* The record in the registry. A write that is still under way is no news: nothing is reported when it is done. */
static void add_registry(const struct agent *agent, struct buf *out)
{
    struct api_view view = {
        .now = agent_now(), .server = agent->router->server, .registrar = agent->router->registrar};
    struct registrar_facts facts = registrar_facts(view.registrar);
    bool failing = facts.last_error[0] != '\0';
    bool hindered =
        failing || server_record(view.server) == NULL || !registry_lease_is_none(facts.conflict_lease);
    if (hindered && !api_is_published(&view)) {
        buf_str(out, STR("NOT PUBLISHED: "));
        api_add_not_published(&view, out);
    } else if (failing) {
        buf_printf(out, "registry failing: %s", facts.last_error);
    } else {
        buf_printf(out, facts.visible ? "registered" : "not registered yet");
    }
}

/* The service manager handles each message: a game that changes its status a thousand times a second must not keep it
 * busy. */
static const struct rate_limit status_limit = {.burst = 20, .every_ms = 500};

static void notify_view(const struct agent *agent, const char *before)
{
    struct api_fleet look;
    fleet_look(agent->fleet, &look);
    const struct view_facts *fleet = view_facts(look.view);
    const char *last_error = fleet->last_error;
    if (!fleet->known) {
        agent_notify_systemd("%sSTATUS=observing, fleet not listed yet%s%s", before,
                             last_error[0] == '\0' ? "" : ": ", last_error);
    } else {
        agent_notify_systemd("%sSTATUS=observing %zu service%s%s%s%s", before, fleet->count,
                             fleet->count == 1 ? "" : "s", fleet->synced ? "" : ", stale",
                             last_error[0] == '\0' ? "" : ": ", last_error);
    }
}

void agent_notify_status(struct agent *agent, const char *before)
{
    if (before[0] == '\0' && !rate_take(&agent->status_rate, &status_limit, clock_mono_ms())) {
        timer_arm_at_ms(agent->status_timer, rate_due(&agent->status_rate, &status_limit));
        return;
    }
    if (agent->router == NULL) {
        if (agent->fleet != NULL) {
            notify_view(agent, before);
        }
        return;
    }
    struct server_facts facts = server_facts(agent->router->server);
    struct buf text = {0};
    buf_printf(&text, "%sSTATUS=%s%s%s; ", before, status_name(facts.status),
               facts.cause[0] == '\0' ? "" : ": ", facts.cause);
    add_registry(agent, &text);
    agent_notify_systemd("%s", buf_text(&text));
    buf_fini(&text);
}

static void on_status_timer(void *user)
{
    agent_notify_status(user, "");
}

void agent_notify_start(struct agent *agent)
{
    agent->status_timer = timer_new(agent->loop, on_status_timer, agent);
}

/* Inherited sockets are used first (docs/design/protocol.md, "Status sockets"). One named "http" is for the API, in the place of
 * its first unix socket. Those of no use are closed. */
void status_sockets_inherit(struct agent *agent)
{
    const char *socket = listen_unix(agent->config, 0);
    struct listen_fd fds[8];
    size_t count = listen_fds_take(fds, COUNT_OF(fds));
    agent->inherited_stream = agent->inherited_datagram = -1;
    for (size_t i = 0; i < count; i++) {
        bool http = fds[i].kind == LISTEN_FD_UNIX_STREAM && strcmp(fds[i].name, "http") == 0;
        if (http && agent->http_fd == 0 && socket != NULL) {
            agent->http_fd = fds[i].fd;
            snprintf(agent->http_path, sizeof(agent->http_path), "%s", fds[i].path);
        } else if (fds[i].kind == LISTEN_FD_UNIX_STREAM && !http && agent->inherited_stream < 0) {
            agent->inherited_stream = fds[i].fd;
        } else if (fds[i].kind == LISTEN_FD_UNIX_DATAGRAM && agent->inherited_datagram < 0) {
            agent->inherited_datagram = fds[i].fd;
        } else {
            log_warn("status", "inherited socket not used", LOG_TEXT("name", fds[i].name));
            close(fds[i].fd);
        }
    }
}
