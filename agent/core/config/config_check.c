/* A table of rules. Each names the settings it reads: it is skipped where one of them is already wrong. */
#include "outrider/core/config/config_check.h"

#include "settings_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/listen.h"
#include "outrider/core/config/settings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct rule {
    void (*apply)(const struct config *config, const struct config_check *check);
    const char *reads[5];
};

bool config_check_is_faulty(const struct config_check *check, const char *path)
{
    return check->is_faulty != NULL && check->is_faulty(path, check->user);
}

static void PRINTF_LIKE(3, 4)
    report(const struct config_check *check, const char *path, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    brief_vformat(text, sizeof(text), format, args);
    va_end(args);
    check->report(path, text, check->user);
}

static void warn(const struct config_check *check, const char *path, const char *text)
{
    if (check->warn != NULL) {
        check->warn(path, text, check->user);
    }
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool is_auto(const char *text)
{
    return same(text, "auto");
}

/* Probes without a server: more likely the section was forgotten. */
static void check_observer(const struct config *config, const struct config_check *check)
{
    if (config->server.present) {
        return;
    }
    if (config->probes_given && config->probe_count > 0) {
        report(check, "server", "required where there are probes: it names the server they probe");
    }
    if (config->http.listen_count == 0) {
        report(check, "http.listen", "null without a server section: nothing could reach this observer");
    }
    if (config->view.mode == CONFIG_VIEW_OFF) {
        report(check, "view.mode", "off without a server section: this observer would see nothing");
    }
}

/* The file of a server that was cut off must not make an observer. Probes without a server are reported already. */
static void check_observed(const struct config *config, const struct config_check *check)
{
    bool probes = config->probes_given && config->probe_count > 0;
    if (!config->server.present && !config->registry.present && !probes) {
        report(check, "registry",
               "required in a file without a server section: an observer says which registry it observes; "
               "for a sidecar add the section server");
    }
}

/* A warning: the agent works, and the file may have been one with a server. */
static void check_no_effect(const struct config *config, const struct config_check *check)
{
    static const char *const of_servers[] = {"status",       "drain.settle", "shutdown", "probe_host",
                                             "grace_period", "view.idle",    "record"};
    for (size_t i = 0; !config->server.present && check->is_written != NULL && i < COUNT_OF(of_servers);
         i++) {
        if (check->is_written(of_servers[i], check->user)) {
            warn(check, of_servers[i], "has no effect: without a server section this is an observer");
        }
    }
}

static void check_required(const struct config *config, const struct config_check *check)
{
    for (size_t i = 0; i < settings_of_file.count && config->server.present; i++) {
        const struct setting *row = &settings_of_file.rows[i];
        if ((row->flags & SETTING_REQUIRED) != 0 && !config_check_is_faulty(check, row->path) &&
            !setting_is_set(row, config)) {
            report(check, row->path, "required, there is no default");
        }
    }
}

/* Whether the server can report: at run time auto may find a directory, or sockets may be inherited. */
static bool can_report(const struct config *config)
{
    return config->status.socket != NULL || config->status.notify_socket != NULL;
}

static void check_unreported_ports(const struct config *config, const struct config_check *check)
{
    if (config->server.ports_dynamic && !can_report(config)) {
        report(check, "server.ports",
               "dynamic, but both status sockets are off: the server could never report them");
    }
}

static void check_unreported_status(const struct config *config, const struct config_check *check)
{
    if (config->server.require_status && !can_report(config)) {
        report(check, "server.require_status",
               "true, but both status sockets are off: the server could never be ready");
    }
}

static void check_no_probes(const struct config *config, const struct config_check *check)
{
    if (config->server.present && config->probes_given && config->probe_count == 0 &&
        !config->server.require_status) {
        report(check, "server.require_status",
               "must be true where probes is []: nothing else shows that the server is up");
    }
}

/* A write after one heartbeat interval and three timed-out requests must still find the lease alive; TTL/10
 * is for the delay of etcd and for clock drift. */
static void check_budget(const struct config *config, const struct config_check *check)
{
    const struct config_registry *registry = &config->registry;
    int64_t ttl = registry->ttl_ms, timeout = config_request_timeout(registry);
    int64_t heartbeat = registry->heartbeat_ms > 0 ? registry->heartbeat_ms : ttl / 3;
    int64_t needed = heartbeat + 3 * timeout + ttl / 10;
    if (needed <= ttl) {
        return;
    }
    char texts[4][24];
    report(check, registry->heartbeat_ms > 0 ? "registry.heartbeat" : "registry.request_timeout",
           "heartbeat %s + 3 request timeouts of %s + TTL/10 is %s: it must fit into the TTL of %s",
           duration_format(heartbeat, texts[0]), duration_format(timeout, texts[1]),
           duration_format(needed, texts[2]), duration_format(ttl, texts[3]));
}

/* Whether `path` is `above` or stands below it. */
static bool is_within(const char *path, const char *above)
{
    size_t size = strlen(above);
    return strncmp(path, above, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

static void check_prefixes(const struct config *config, const struct config_check *check)
{
    const char *prefix = config->registry.prefix, *control = config->registry.control_prefix;
    if (prefix == NULL || control == NULL) {
        return;
    }
    struct buf resolved = {0};
    buf_printf(&resolved, "%s%s", is_auto(control) ? "/outrider" : control, is_auto(control) ? prefix : "");
    if (is_within(buf_text(&resolved), prefix) || is_within(prefix, buf_text(&resolved))) {
        report(check, is_auto(control) ? "registry.prefix" : "registry.control_prefix",
               "the control prefix %s and the prefix %s overlap: neither may stand below the other",
               buf_text(&resolved), prefix);
    }
    buf_fini(&resolved);
}

static void check_sockets(const struct config *config, const struct config_check *check)
{
    const char *socket = config->status.socket, *notify = config->status.notify_socket;
    if (same(socket, notify) && !is_auto(socket)) {
        report(check, "status.notify_socket", "is the path of status.socket: each needs its own");
    }
}

/* A warning: who needs more than the defaults may have a proxy in front, whose clients are all one peer. */
static void check_peer_share(const struct config *config, const struct config_check *check)
{
    bool subscribers = config->http.max_subscribers > CONFIG_MAX_SUBSCRIBERS;
    if (config->http.peer_share == CONFIG_PEER_SHARE &&
        (subscribers || config->http.max_connections > CONFIG_MAX_CONNECTIONS)) {
        warn(check, subscribers ? "http.max_subscribers" : "http.max_connections",
             "one address or user gets a quarter of them: behind a proxy set http.peer_share to 100");
    }
}

static void check_token(const struct config *config, const struct config_check *check)
{
    if (config->http.token_file == NULL && config->http.access_file == NULL &&
        listen_beyond(config) != NULL) {
        report(check, "http.token_file",
               "this or http.access_file is required: http.listen %s can be reached from beyond this machine",
               listen_beyond(config));
    }
}

static void check_signed(const struct config *config, const struct config_check *check)
{
    if (config->view.require_signed && config->view.sign_key_count == 0) {
        report(check, "view.require_signed",
               "true, but view.sign_keys names no public key: no record would be served");
    }
}

/* Of a unix socket the mode decides, so that no token is asked for. */
static void check_read_token(const struct config *config, const struct config_check *check)
{
    size_t sockets = 0;
    while (listen_unix(config, sockets) != NULL) {
        sockets++;
    }
    bool is_unix = sockets > 0 && sockets == config->http.listen_count;
    if (config->http.read == CONFIG_READ_LOGIN && config->http.token_file == NULL &&
        config->http.access_file == NULL && !is_unix) {
        report(check, "http.read",
               "login needs http.access_file or http.token_file: the tokens that readers send");
    }
}

/* A warning: the network may be trusted. Without a token the address is an error already. */
static void check_read_open(const struct config *config, const struct config_check *check)
{
    bool named = config->http.token_file != NULL || config->http.access_file != NULL;
    if (config_reads_by_login(config) || !named || listen_beyond(config) == NULL) {
        return;
    }
    char text[512];
    snprintf(
        text, sizeof(text),
        "open: every client that reaches %s reads this agent, the fleet and the metrics without a token; set "
        "http.read: login where the network is not trusted",
        listen_beyond(config));
    warn(check, "http.read", text);
}

const char *config_check_key(const char *entry, const char *key, char out[static CONFIG_CHECK_PATH_SIZE])
{
    snprintf(out, CONFIG_CHECK_PATH_SIZE, "%s.%s", entry, key);
    return out;
}

static void check_probe_name(const struct config *config, size_t index, const char *path,
                             const struct config_check *check)
{
    char at[CONFIG_CHECK_PATH_SIZE];
    const char *name = config->probes[index].name;
    if (name == NULL && !config_check_is_faulty(check, config_check_key(path, "name", at))) {
        report(check, at, "required: it names the probe in status, log and metrics");
    }
    for (size_t i = 0; i < index; i++) {
        if (same(config->probes[i].name, name)) {
            report(check, config_check_key(path, "name", at), "`%s` is the name of probes[%zu] already", name,
                   i);
            return;
        }
    }
}

static void check_probes(const struct config *config, const struct config_check *check)
{
    for (size_t i = 0; config->probes_given && i < config->probe_count; i++) {
        char path[32];
        snprintf(path, sizeof(path), "probes[%zu]", i);
        config_check_probe(&config->probes[i], path, check);
        check_probe_name(config, i, path, check);
    }
}

static void check_candidacy(const struct config *config, size_t index, const char *path,
                            const struct config_check *check)
{
    char at[CONFIG_CHECK_PATH_SIZE], renew[24], third[24];
    const struct config_candidacy *candidacy = &config->candidacies[index];
    if (candidacy->renew_ms > candidacy->ttl_ms / 3 &&
        !config_check_is_faulty(check, config_check_key(path, "ttl", at)) &&
        !config_check_is_faulty(check, config_check_key(path, "renew", at))) {
        report(check, at, "%s must not be above a third of the ttl, %s",
               duration_format(candidacy->renew_ms, renew), duration_format(candidacy->ttl_ms / 3, third));
    }
    if (config_check_is_faulty(check, config_check_key(path, "scope", at))) {
        return;
    }
    if (!config->server.present && is_auto(candidacy->scope)) {
        report(check, at, "auto is server.type, and an observer has none: name the scope");
    }
    for (size_t i = 0; i < index; i++) {
        char other[64];
        snprintf(other, sizeof(other), "leader[%zu].scope", i);
        if (!config_check_is_faulty(check, other) &&
            same(config_scope(config, &config->candidacies[i]), config_scope(config, candidacy))) {
            report(check, at, "`%s` is the scope of leader[%zu] already", config_scope(config, candidacy), i);
            return;
        }
    }
}

/* An observer has no name of its own but the id in its state_dir. */
static void check_leader(const struct config *config, const struct config_check *check)
{
    for (size_t i = 0; i < config->candidacy_count; i++) {
        char path[32];
        snprintf(path, sizeof(path), "leader[%zu]", i);
        check_candidacy(config, i, path, check);
    }
    if (!config->server.present && config->candidacy_count > 0 && config->state_dir == NULL) {
        report(check, "state_dir",
               "required for an observer that stands for leadership: it keeps its id there");
    }
}

static void check_sessions(const struct config *config, const struct config_check *check)
{
    if (config->server.present && config->sessions.store == CONFIG_SESSIONS_MEMORY &&
        config->view.mode != CONFIG_VIEW_ALWAYS) {
        warn(check, "sessions.store", "memory of a sidecar sees servers go only with view.mode: always");
    }
}

static void check_audit(const struct config *config, const struct config_check *check)
{
    if (config->audit.file == CONFIG_AUDIT_ON && config->state_dir == NULL) {
        report(check, "audit.file", "on without a state_dir: the audit is kept there");
    }
}

static void check_history(const struct config *config, const struct config_check *check)
{
    if (config->history == CONFIG_HISTORY_ON && config->server.present &&
        config->view.mode != CONFIG_VIEW_ALWAYS) {
        warn(check, "history", "on of a sidecar knows only what it watches: set view.mode: always");
    }
}

static const struct rule rules[] = {
    {config_check_hooks, {"server"}},
    {check_observer, {"server", "probes", "http.listen", "view.mode"}},
    {check_observed, {"server", "registry", "probes", "yaml"}},
    {check_no_effect, {"server"}},
    {check_required, {NULL}},
    {check_unreported_ports, {"server.ports", "status.socket", "status.notify_socket"}},
    {check_unreported_status, {"server.require_status", "status.socket", "status.notify_socket"}},
    {check_no_probes, {"server.require_status", "probes"}},
    {check_budget, {"registry.ttl", "registry.heartbeat", "registry.request_timeout"}},
    {check_prefixes, {"registry.prefix", "registry.control_prefix"}},
    {config_check_registry_login, {"registry.backend", "registry.username", "registry.password_file"}},
    {config_check_registry_certificate, {"registry.tls.cert_file", "registry.tls.key_file"}},
    {config_check_registry_endpoints, {"registry.backend", "registry.endpoints", "registry.tls"}},
    {config_check_registry_in_the_clear,
     {"registry.endpoints", "registry.username", "registry.password_file", "registry.consul.token_file"}},
    {config_check_registry_backend, {"registry.backend", "registry.redis", "registry.consul"}},
    {check_sockets, {"status.socket", "status.notify_socket"}},
    {config_check_listen_paths, {"http.listen", "status.socket", "status.notify_socket"}},
    {config_check_listen, {"http.listen", "http.tls", "http.proxy_header", "http.proxy_socket"}},
    {check_token, {"http.listen", "http.token_file", "http.access_file"}},
    {check_peer_share, {"http.max_connections", "http.max_subscribers", "http.peer_share"}},
    {check_signed, {"view.require_signed", "view.sign_keys"}},
    {check_read_token, {"http.listen", "http.token_file", "http.access_file", "http.read"}},
    {check_read_open, {"http.listen", "http.token_file", "http.access_file", "http.read"}},
    {check_probes, {NULL}},
    {config_check_redis, {"sessions.store", "sessions.redis"}},
    {check_leader, {"server", "state_dir"}},
    {check_audit, {"audit.file", "state_dir"}},
    {check_sessions, {"server", "sessions.store", "view.mode"}},
    {check_history, {"server", "history", "view.mode"}},
    {config_check_dns, {"dns.listen", "view.mode"}},
};

void config_check(const struct config *config, const struct config_check *check)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        bool sound = true;
        for (size_t j = 0; rules[i].reads[j] != NULL; j++) {
            sound = sound && !config_check_is_faulty(check, rules[i].reads[j]);
        }
        if (sound) {
            rules[i].apply(config, check);
        }
    }
}
