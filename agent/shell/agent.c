/* Start and stop, in order. What can fail for good (configuration, state_dir, addresses) fails before
 * READY=1. The registry cannot: the agent starts without it and retries. */
#include "agent_internal.h"
#include "dns_internal.h"
#include "key_watches_internal.h"
#include "keys_internal.h"
#include "reservations_internal.h"

#include "outrider/base/mem.h"
#include "outrider/base/version.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/loop_watch.h"
#include "outrider/io/loop/timer.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/os/environment.h"
#include "outrider/os/mapped_code.h"
#include "outrider/os/privileges.h"
#include "outrider/registry/backends/registry_open.h"
#include "outrider/registry/registry.h"

#include "outrider/shell/agent.h"
#include "outrider/shell/audit/audit.h"
#include "outrider/shell/config_file.h"
#include "outrider/shell/key_files.h"
#include <inttypes.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* EX_CONFIG of sysexits.h */
enum { EXIT_CONFIG = 78 };

struct instant agent_now(void)
{
    return (struct instant){.mono = clock_mono_ms(), .boot = clock_boot_ms(), .wall = clock_wall_ms()};
}

/* ---- time ---- */

/* While a drain or a slow registry delays the end, systemd would kill the agent unless it gets these
 * extensions. */
enum { EXTEND_EVERY_MS = 10000 };

static int64_t extend_due(const struct agent *agent)
{
    if (agent->router == NULL) {
        return NEVER_MS; /* an observer ends at once */
    }
    enum shutdown_phase phase = agent->router->shutdown.phase;
    bool leaving = phase != SHUTDOWN_RUNNING && phase != SHUTDOWN_DONE;
    return leaving ? agent->stop_extended_mono + EXTEND_EVERY_MS : NEVER_MS;
}

void agent_rearm(struct agent *agent)
{
    const int64_t dues[] = {agent->router == NULL ? NEVER_MS : router_deadline(agent->router).latest,
                            extend_due(agent), agent->watchdog_due_mono, agent_files_due(agent->agent_files)};
    int64_t soonest = NEVER_MS;
    for (size_t i = 0; i < COUNT_OF(dues); i++) {
        soonest = dues[i] < soonest ? dues[i] : soonest;
    }
    timer_arm_at_ms(agent->timer, soonest);
    leadership_check(agent->leadership);
}

void agent_server_event(struct agent *agent, struct server_event event)
{
    event.now = agent_now();
    router_server_event(agent->router, &event);
    agent_rearm(agent);
}

void agent_hint(struct agent *agent)
{
    struct instant now = agent_now();
    router_hint(agent->router, &now);
    agent_rearm(agent);
}

static void on_timer(void *user)
{
    struct agent *agent = user;
    struct instant now = agent_now();
    if (agent->router != NULL) {
        router_tick(agent->router, &now);
    }
    if (now.mono >= extend_due(agent)) {
        agent->stop_extended_mono = now.mono;
        agent_notify_systemd("EXTEND_TIMEOUT_USEC=30000000");
    }
    agent_watchdog_feed(agent, now.mono);
    agent_files_tick(agent->agent_files, now.mono);
    agent_rearm(agent);
}

/* The clock was set, or the machine resumed: timers stood still meanwhile, so all is ticked at once. */
static void on_clock(void *user)
{
    struct agent *agent = user;
    leadership_tick(agent->leadership); /* before anything else: it may not lead any more */
    on_timer(agent);
    if (agent->fleet != NULL) {
        fleet_step(agent->fleet, VIEW_ON_TICK);
        reservations_tick(agent->reservations);
    }
    sessions_tick(agent->sessions);
    audit_tick(agent->audit);
}

/* ---- registry ---- */

/* Logs a note once, though each of the two clusters repeats it. */
static void note_registry(struct agent *agent, struct str note)
{
    if (note.size > 0 && !str_eq(note, str_of(agent->registry_note))) {
        log_warn("registry", "endpoints belong to different clusters", LOG_STR("detail", note),
                 LOG_TEXT("hint", "registry.endpoints must name members of one cluster"));
        snprintf(agent->registry_note, sizeof(agent->registry_note), "%.*s", STR_ARG(note));
    }
}

/* Counts every reply, of whichever client. */
static void on_any_reply(const struct registry_reply *reply, int64_t duration_us, void *user)
{
    struct agent *agent = user;
    api_histogram_count(&agent->counters.registry_duration[reply->op], duration_us);
    agent->counters.registry[reply->op][reply->failure]++;
    if (reply->failure == REGISTRY_OK) {
        snprintf(agent->registry_endpoint, sizeof(agent->registry_endpoint), "%.*s",
                 STR_ARG(reply->endpoint));
        agent->registry_cluster = reply->cluster;
    }
    note_registry(agent, reply->note);
}

static void on_reply(const struct registry_reply *reply, void *user)
{
    const struct agent_client *client = user;
    struct instant now = agent_now();
    router_replied(client->agent->router, client->which, reply, &now);
    agent_rearm(client->agent);
}

static void on_watch(const struct registry_watch_event *event, void *user)
{
    const struct agent_client *client = user;
    struct instant now = agent_now();
    router_watched(client->agent->router, event, &now);
    server_inbox_watched(client->agent->inbox, event);
    agent_rearm(client->agent);
}

/* An observer has no id: where it begins is another place at each start. */
static struct registry *new_registry(struct agent *agent)
{
    char name[17];
    struct registry_means means = {
        .loop = agent->loop, .resolver = agent->resolver, .http = agent->http, .agent = agent->id};
    entropy_fill(&means.seed, sizeof(means.seed));
    if (!agent->config->server.present) {
        snprintf(name, sizeof(name), "%016" PRIx64, means.seed);
        means.agent = name;
    }
    return registry_open(&agent->config->registry, &means);
}

static void open_registry(struct agent *agent)
{
    agent->registry = new_registry(agent);
    registry_observe(agent->registry, on_any_reply, agent);
    for (int i = 0; i < ROUTER_CLIENT_COUNT; i++) {
        struct agent_client *client = &agent->clients[i];
        *client = (struct agent_client){.agent = agent, .which = (enum router_client)i};
        client->client = registry_attach(agent->registry, on_reply, on_watch, client);
    }
}

/* ---- signals ---- */

static void stop(struct agent *agent, enum shutdown_event_type how)
{
    struct instant now = agent_now();
    bool first = agent->router == NULL || agent->router->shutdown.phase == SHUTDOWN_RUNNING;
    if (first) {
        agent_notify_systemd("STOPPING=1");
    }
    if (agent->router == NULL) {
        /* An observer has no record to withdraw and no lease to hand over. */
        effects_exit(&agent->effects, 0);
        return;
    }
    const char *not_kept = "state_dir not set";
    if (agent->state != NULL && how == SHUTDOWN_ON_QUIT) {
        state_store_save(agent->state, EFFECTS_SAVE_NOW);
        not_kept = state_store_log(agent->state)->last_error;
    }
    bool state_kept = not_kept[0] == '\0';
    if (first && how == SHUTDOWN_ON_QUIT && !state_kept) {
        log_warn("agent", "nothing to hand over, record withdrawn", LOG_TEXT("cause", not_kept),
                 LOG_TEXT("hint", "set state_dir to a directory that the agent can write"));
    }
    router_stop(agent->router, how, state_kept, &now);
    agent_rearm(agent);
}

static void set_hold(struct agent *agent, bool drain)
{
    if (agent->router == NULL) {
        log_warn("agent", "signal ignored, an observer has no server to drain",
                 LOG_TEXT("hint", "outrider drain --id drains a server of the fleet"));
    } else if (!drain && !server_facts(agent->router->server).holds[HOLD_OPS].set) {
        log_info("server", "not drained by an operator, nothing to lift");
    } else if (!drain) {
        agent_server_event(agent, (struct server_event){.type = SERVER_ON_UNHOLD, .kind = HOLD_OPS});
    } else if (!server_facts(agent->router->server).holds[HOLD_OPS].set) {
        /* One that is set may have a reason and a deadline, which a signal has not. */
        agent_server_event(agent, (struct server_event){.type = SERVER_ON_HOLD,
                                                        .kind = HOLD_OPS,
                                                        .reason = "",
                                                        .by = "signal",
                                                        .deadline_ms = agent->config->drain.deadline_ms});
    }
}

static void on_signal(int signo, void *user)
{
    struct agent *agent = user;
    if (signo != SIGCHLD) {
        log_info("agent", "signal received", LOG_TEXT("name", sigabbrev_np(signo)));
    }
    switch (signo) {
    case SIGUSR1: set_hold(agent, true); break;
    case SIGUSR2: set_hold(agent, false); break;
    case SIGHUP: agent_reload(agent); break;
    case SIGTERM: stop(agent, SHUTDOWN_ON_TERM); break;
    case SIGINT: stop(agent, SHUTDOWN_ON_INT); break;
    case SIGQUIT: stop(agent, SHUTDOWN_ON_QUIT); break;
    case SIGCHLD: (void)process_reap(); break; /* as PID 1 of a container the agent inherits orphans */
    default: break;
    }
}

/* ---- start ---- */

/* A second agent of the same state_dir waits this long for the first one to end (docs/design/protocol.md,
 * "Restart"). */
enum { LOCK_PATIENCE_MS = 10000 };

static int open_state(struct agent *agent, struct error *err)
{
    if (agent->config->state_dir == NULL) {
        log_info("agent", "state_dir not set, a restart keeps neither id nor lease nor holds",
                 LOG_TEXT("cause", agent->config->state_dir_auto
                                       ? "auto, and $STATE_DIRECTORY names no directory"
                                       : "null in the configuration"),
                 LOG_TEXT("hint", "set state_dir to a directory that the agent can write or make"));
        return agent_restore_possible(agent, err) < 0 ? EXIT_CONFIG : 0;
    }
    agent->state = state_store_open(agent->config->state_dir, LOCK_PATIENCE_MS, err);
    if (agent->state != NULL) {
        return 0;
    }
    error_wrap(err, "state_dir");
    return err->code == ERROR_BUSY ? 1 : EXIT_CONFIG;
}

static int open_loop(struct agent *agent, struct error *err)
{
    agent->loop = loop_new(err);
    if (agent->loop == NULL) {
        return -1;
    }
    agent_log_start(agent);
    agent_notify_start(agent);
    agent_programs_start(agent);
    agent->resolver = resolver_new(agent->loop, NULL);
    agent->timer = timer_new(agent->loop, on_timer, agent);
    agent->host_search = host_search_new(agent->loop, agent->resolver, agent_on_host, agent);
    agent->clock = loop_watch_clock(agent->loop, on_clock, agent, err);
    if (agent->clock == NULL) {
        log_warn("agent", "clock watch unavailable, a resume is noticed with the next timer",
                 LOG_TEXT("error", err->text));
    }
    const struct config_registry *registry = &agent->config->registry;
    agent->http = http_client_new(agent->loop, agent->resolver,
                                  &(struct http_tls){.ca_file = registry->tls.ca_file,
                                                     .cert_file = registry->tls.cert_file,
                                                     .key_file = registry->tls.key_file,
                                                     .server_name = registry->tls.server_name});
    agent->signals = loop_watch_signals(agent->loop, on_signal, agent, err);
    return agent->signals == NULL ? -1 : 0;
}

static int read_keys(struct agent *agent, struct error *err)
{
    if (agent->config->server.present && key_files_signer(agent->config, err, &agent->sign_key) < 0) {
        return -1;
    }
    if (agent->sign_key != NULL) {
        log_info("agent", "record is signed", LOG_TEXT("key_id", sign_key_id(agent->sign_key)));
    }
    return key_files_trust(agent->config, err, &agent->trust);
}

static int open_world(struct agent *agent, struct error *err)
{
    if (open_loop(agent, err) < 0 || read_keys(agent, err) < 0) {
        return -1;
    }
    bool named = agent->config->server.present || agent->config->candidacy_count > 0;
    if (agent->config->server.present) {
        agent_restore_load(agent, &agent->restore);
    } else if (named) {
        agent_restore_id(agent);
    }
    open_registry(agent);
    agent_audit_start(agent);
    if (agent->config->server.present) {
        agent->sockets = status_sockets_new(agent, err);
        if (agent->sockets == NULL) {
            return -1;
        }
    }
    if (agent->config->http.listen_count > 0) {
        agent->api = api_new(agent->loop, agent->config, agent->http_fd, &agent_api_ops, agent, err);
        if (agent->api == NULL) {
            return -1;
        }
    } else {
        log_info("http", "API off", LOG_TEXT("cause", "http.listen is null"));
    }
    agent->agent_files = agent_files_new(agent);
    if (agent->state != NULL && named) {
        state_store_start(agent->state, agent->loop, agent_fill_state, agent);
    }
    agent->reservations = reservations_new(agent);
    agent->fleet = fleet_new(agent);
    if (dns_open(agent, err) < 0) {
        return -1;
    }
    agent->controls = control_writer_new(agent);
    commands_start(agent);
    agent->leadership = leadership_new(agent);
    agent_give_up_privileges(agent);
    return 0;
}

static void start_sidecar(struct agent *agent)
{
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    log_info("agent", "started", LOG_TEXT("type", agent->config->server.type), LOG_TEXT("id", agent->id),
             LOG_TEXT("config", agent->config_path));
    agent_watch_network(agent); /* before the first look-up, so that no change falls between them */
    struct instant now = agent_now();
    agent->router = router_new(agent->config, agent->id, &agent->restore, seed, registry_can(agent->registry),
                               &agent->effects, &now);
    router_sign_with(agent->router, agent->sign_key);
    router_start(agent->router, &now);
}

static void run(struct agent *agent)
{
    agent_watchdog_start(agent);
    if (agent->config->server.present) {
        start_sidecar(agent);
    } else {
        log_info("agent", "observer started", LOG_TEXT("prefix", agent->config->registry.prefix),
                 LOG_TEXT("config", agent->config_path));
    }
    agent_rearm(agent);
    fleet_step(agent->fleet, VIEW_ON_START);
    agent_notify_status(agent, "READY=1\n");
    loop_run(agent->loop);
    fleet_step(agent->fleet, VIEW_ON_STOP);
    if (agent->router != NULL) {
        state_store_save(agent->state, EFFECTS_SAVE_NOW);
    }
}

static void close_world(struct agent *agent)
{
    agent_end_probes(agent);
    loop_watch_free(agent->network);
    host_search_free(agent->host_search);
    loop_watch_free(agent->mainpid_watch);
    deferred_cancel(&agent->mainpid_gone);
    api_free(agent->api); /* answers the requests that wait, for which it looks at the agent */
    audit_free(agent->audit);
    agent_files_free(agent->agent_files);
    agent->agent_files = NULL; /* what is closed below may rearm the timer */
    agent_free_slots(agent);
    dns_free(agent->dns);
    agent->dns = NULL; /* the fleet ends below */
    fleet_free(agent->fleet);
    reservations_free(agent->reservations);
    keys_free(agent->keys);
    key_watches_free(agent->key_watches);
    control_writer_free(agent->controls);
    commands_end(agent);
    leadership_free(agent->leadership);
    agent->leadership = NULL; /* likewise */
    status_sockets_free(agent->sockets);
    registry_free(agent->registry);
    http_client_free(agent->http);
    router_free(agent->router);
    sign_key_free(agent->sign_key);
    sign_trust_free(agent->trust);
    saved_state_fini(&agent->saved);
    loop_watch_free(agent->signals);
    state_store_free(agent->state);
    timer_free(agent->timer);
    timer_free(agent->status_timer);
    agent_log_end(agent);
    loop_watch_free(agent->clock);
    resolver_free(agent->resolver);
    agent_programs_end(agent);
    loop_free(agent->loop);
    config_fini(agent->config);
    free(agent->config);
}

static int start_and_run(struct agent *agent)
{
    struct error err;
    int failed = agent_programs_fork(agent, &err) < 0 ? 1 : open_state(agent, &err);
    if (failed == 0) {
        failed = open_world(agent, &err) < 0 ? 1 : 0;
    }
    if (failed == 0) {
        failed = agent_enter_sandbox(agent, &err) < 0 ? EXIT_CONFIG : 0;
    }
    if (failed != 0) {
        log_error("agent", "start failed", LOG_TEXT("error", err.text));
        return failed;
    }
    mapped_code_release(); /* most of it was for the start */
    run(agent);
    return agent->exit_code;
}

/* The first line: a file that lost its server section makes an observer. */
static void log_what(const struct agent *agent)
{
    struct buf what = {0};
    config_describe(agent->config, &what);
    log_info("agent", "configuration loaded", LOG_TEXT("agent", buf_text(&what)),
             LOG_TEXT("config", agent->config_path), LOG_TEXT("version", version_text()));
    buf_fini(&what);
}

static void log_removed(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        log_warn("agent", "environment variable ignored, unset it", LOG_TEXT("name", names[i]));
    }
}

int agent_run(const char *config_path)
{
    const char *removed[ENVIRONMENT_REMOVED_MAX];
    size_t removed_count = environment_clean(removed);
    struct agent agent = {.config_path = config_path,
                          .started_wall = clock_wall_ms(),
                          .watchdog_due_mono = NEVER_MS,
                          .exit_code = 1};
    agent.effects.agent = &agent;
    struct buf warnings = {0};
    agent.config = config_file_load(config_path, &warnings);
    if (agent.config == NULL) {
        return EXIT_CONFIG;
    }
    log_setup((enum log_level)agent.config->log.level, (enum log_format)agent.config->log.format, 2);
    log_what(&agent);
    log_removed(removed, removed_count);
    if (!agent.config->core_dumps) {
        privileges_hide_memory();
    }
    agent_log_warnings(buf_view(&warnings));
    buf_fini(&warnings);
    if (agent.config->server.present) {
        status_sockets_inherit(&agent);
    }
    process_raise_files();
    /* A sidecar writes one large text, its metrics, now and then; an observer lists all the time. */
    mem_give_back(agent.config->server.present ? 32 << 10 : 128 << 10);
    int status = start_and_run(&agent);
    close_world(&agent);
    return status;
}
