/* The configuration as checked values. */
#ifndef OUTRIDER_CORE_CONFIG_CONFIG_H
#define OUTRIDER_CORE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* The weight of a server that the record does not mention. */
enum { CONFIG_WEIGHT = 1 };

enum { CONFIG_PORTS_MAX = 64, CONFIG_LABELS_MAX = 64, CONFIG_TAGS_MAX = 64, CONFIG_PROBES_MAX = 64 };
enum { CONFIG_CANDIDACIES_MAX = 16, CONFIG_HOOKS_MAX = 16, CONFIG_COMMAND_MAX = 16 };
enum { CONFIG_ENDPOINTS_MAX = 16, CONFIG_SIGN_KEYS_MAX = 16, CONFIG_HOSTS_MAX = 16, CONFIG_LISTEN_MAX = 8 };

/* The defaults of http.max_connections, http.max_subscribers and http.peer_share. */
enum { CONFIG_MAX_CONNECTIONS = 1024, CONFIG_MAX_SUBSCRIBERS = 5000, CONFIG_PEER_SHARE = 25 };

struct config_label {
    char *name;
    char *value;
};

/* What becomes of a server without players. */
enum config_idle { CONFIG_IDLE_SHUT_DOWN, CONFIG_IDLE_DRAIN };

/* The identity of the server. Strings are NULL where the file has none. */
struct config_server {
    bool present; /* a server: section exists; without one the agent is an observer */
    char *type;
    char *id;   /* "auto" or the id */
    char *host; /* "auto", an address, a name or an interface */
    bool ports_dynamic;
    uint16_t ports[CONFIG_PORTS_MAX];
    size_t port_count;
    char *region, *zone, *group, *version;
    bool has_capacity;
    uint32_t capacity, weight;
    char *tags[CONFIG_TAGS_MAX];
    size_t tag_count;
    struct config_label labels[CONFIG_LABELS_MAX];
    size_t label_count;
    bool require_status;
    int64_t watchdog_ms;                              /* 0: off */
    int64_t initializing_max_ms, deregister_after_ms; /* 0: never */
    struct {
        uint32_t changes; /* 0: off */
        int64_t within_ms, hold_ms;
    } flapping;
    struct {
        int64_t after_ms; /* 0: off */
        enum config_idle then;
    } idle;
};

/* Which server for which player. */
struct config_placement {
    uint32_t virtual_nodes, balance_factor;
    int64_t reservation_ttl_ms;
};

/* What the URL of a Redis server begins with. */
#define CONFIG_REDIS_PLAIN "redis://"
#define CONFIG_REDIS_SECURE "rediss://"

enum config_redis_mode {
    CONFIG_REDIS_AUTO,
    CONFIG_REDIS_SINGLE,
    CONFIG_REDIS_SENTINEL,
    CONFIG_REDIS_CLUSTER
};

/* Redis servers, and what is ours in them. Strings are NULL where the file has none. */
struct config_redis {
    char *endpoints[CONFIG_ENDPOINTS_MAX]; /* redis://host:port or rediss://host:port, all of one kind */
    size_t endpoint_count;
    enum config_redis_mode mode;
    char *master_name; /* as sentinels call it */
    char *username,
        *password_file; /* the file is read at each login; without a user it is the default user's */
    char *space;        /* the namespace: what every key begins with */
    struct {
        char *ca_file, *cert_file, *key_file, *server_name;
    } tls;
};

/* Where sessions are kept. auto: memory on an observer, off on a sidecar. */
enum config_session_store {
    CONFIG_SESSIONS_AUTO,
    CONFIG_SESSIONS_MEMORY,
    CONFIG_SESSIONS_REDIS,
    CONFIG_SESSIONS_OFF
};

struct config_sessions {
    enum config_session_store store;
    int64_t ttl_ms, reconnect_grace_ms;
    uint32_t max;
    struct config_redis redis;
};

enum config_backend { CONFIG_BACKEND_ETCD, CONFIG_BACKEND_REDIS, CONFIG_BACKEND_CONSUL };

struct config_registry {
    bool present; /* a registry: section exists; an observer needs one */
    enum config_backend backend;
    char *endpoints[CONFIG_ENDPOINTS_MAX]; /* scheme://host:port without a path; "auto" already replaced */
    size_t endpoint_count;
    char *prefix;         /* begins with '/', does not end with one */
    char *control_prefix; /* "auto" already replaced */
    int64_t ttl_ms;
    int64_t heartbeat_ms;       /* 0: auto */
    int64_t request_timeout_ms; /* never 0: "auto" already replaced by min(ttl/6, 2s) */
    /* The file is read at each login. etcd: both or neither; Redis: without a user it is the default user's. */
    char *username, *password_file;
    struct {
        char *ca_file, *cert_file, *key_file, *server_name; /* NULL: not given */
    } tls;
    struct {
        enum config_redis_mode mode;
        char *master_name; /* as sentinels call it; NULL: not given */
        char *space;       /* the namespace: what every key begins with */
    } redis;
    struct {
        char *node;       /* that the sessions belong to; the operator registers it */
        char *token_file; /* NULL: no token */
        bool catalog;
    } consul;
};

enum config_probe_type {
    CONFIG_PROBE_TCP,
    CONFIG_PROBE_UNIX,
    CONFIG_PROBE_HTTP,
    CONFIG_PROBE_GRPC,
    CONFIG_PROBE_A2S,
    CONFIG_PROBE_MINECRAFT,
    CONFIG_PROBE_RAKNET,
    CONFIG_PROBE_QUAKE3,
    CONFIG_PROBE_EXEC
};

enum config_probe_scheme { CONFIG_PROBE_PLAIN, CONFIG_PROBE_SECURE };
enum config_probe_method { CONFIG_PROBE_GET, CONFIG_PROBE_HEAD, CONFIG_PROBE_POST };
enum config_probe_bots { CONFIG_PROBE_BOTS_INCLUDE, CONFIG_PROBE_BOTS_EXCLUDE };

enum { CONFIG_PROBE_HEADERS_MAX = 16, CONFIG_PROBE_STATUS_MAX = 8 };

/* What a probe may find out about the server. */
enum config_fact {
    CONFIG_FACT_PLAYERS,
    CONFIG_FACT_CAPACITY,
    CONFIG_FACT_MAP,
    CONFIG_FACT_VERSION,
    CONFIG_FACT_NAME,
    CONFIG_FACT_COUNT
};

/* "players", "capacity", "map", "version" or "name". */
const char *config_fact_name(enum config_fact fact);

/* The host of a probe that connects to the address that is published. */
#define CONFIG_PROBE_PUBLISHED "published"

struct config_probe {
    char *name;
    enum config_probe_type type;
    uint16_t port; /* 0: unix, exec */
    char *path;    /* unix: the socket; http: of the URL, NULL: "/" */
    char *host;    /* where it connects; NULL: probe_host */
    int64_t interval_ms, timeout_ms;
    int64_t fast_interval_ms; /* 0: auto */
    unsigned fall, rise;

    /* A fact and, for http, the JSON pointer to its value; "" elsewhere. Not given: every fact that the type knows. */
    struct config_label facts[CONFIG_FACT_COUNT];
    size_t fact_count;
    bool facts_given;

    /* http, and of these scheme and tls for grpc: with tls given, grpc uses TLS */
    enum config_probe_scheme scheme;
    enum config_probe_method method;
    char *host_header; /* NULL: where it connects */
    struct config_label headers[CONFIG_PROBE_HEADERS_MAX];
    size_t header_count;
    char *statuses[CONFIG_PROBE_STATUS_MAX]; /* "204" or "200-399" */
    size_t status_count;                     /* 0: 200 to 399 */
    char *body;                              /* what the body must contain; NULL: anything */
    struct {
        bool given, verify;
        char *ca_file, *server_name; /* NULL: those of the system; the host */
    } tls;

    char *service;                     /* grpc; NULL: "", the server as a whole */
    enum config_probe_bots bots;       /* a2s */
    char *command[CONFIG_COMMAND_MAX]; /* exec: the program and its arguments */
    size_t command_count;
    char *user; /* exec; NULL: that of the agent */
};

/* What the agent stands for. */
struct config_candidacy {
    char *scope; /* "auto": server.type */
    int64_t ttl_ms;
    int64_t renew_ms; /* 0: auto, a third of the TTL */
};

/* What a hook is told. */
enum config_hook_event {
    CONFIG_HOOK_DRAIN,
    CONFIG_HOOK_UNDRAIN,
    CONFIG_HOOK_READY,
    CONFIG_HOOK_ERROR,
    CONFIG_HOOK_SHUTTING_DOWN,
    CONFIG_HOOK_LEADER_GAINED,
    CONFIG_HOOK_LEADER_LOST,
    CONFIG_HOOK_EVENT_COUNT
};

/* "drain", "undrain", "ready", "error", "shutting_down", "leader_gained" or "leader_lost". */
const char *config_hook_event_name(enum config_hook_event event);

/* A program that is run at an event. */
struct config_hook {
    char *on[CONFIG_HOOK_EVENT_COUNT]; /* names of events */
    size_t on_count;
    char *command[CONFIG_COMMAND_MAX]; /* the program and its arguments */
    size_t command_count;
    int64_t timeout_ms;
    char *user; /* NULL: that of the agent */
};

/* Of status.accept and status.call. */
enum { CONFIG_ACCEPT_MAX = 32, CONFIG_CALL_MAX = 16 };

struct config_status {
    char *socket;                         /* path, or NULL: off. "auto" already replaced */
    char *notify_socket;                  /* likewise */
    bool socket_auto, notify_socket_auto; /* "auto" was replaced, maybe by NULL */
    unsigned mode;                        /* permission bits of both */
    char *group;                          /* or NULL */
    int64_t min_publish_interval_ms;
    struct {
        char *players, *capacity; /* patterns (core/config/extract.h), or NULL */
    } extract;
    char *accept[CONFIG_ACCEPT_MAX]; /* names of commands, or beginnings that end in '*' */
    size_t accept_count;
    char *call[CONFIG_CALL_MAX]; /* types of servers that the own server may send commands to */
    size_t call_count;
};

/* auto: an observer keeps the history of the fleet, a sidecar does not. */
enum config_history { CONFIG_HISTORY_AUTO, CONFIG_HISTORY_ON, CONFIG_HISTORY_OFF };
/* auto: an observer always follows the fleet, a sidecar while requests need it. */
enum config_view_mode { CONFIG_VIEW_AUTO, CONFIG_VIEW_ALWAYS, CONFIG_VIEW_OFF };

/* Who may read over TCP. auto: as login where there is an access file, else as open. open: anyone. login: clients with a token or a session. */
enum config_http_read { CONFIG_READ_AUTO, CONFIG_READ_OPEN, CONFIG_READ_LOGIN };

/* Which keys the key browser shows. own: those below prefix and control_prefix. */
enum config_http_keys { CONFIG_KEYS_OFF, CONFIG_KEYS_OWN, CONFIG_KEYS_ALL };

/* auto: an observer with a state_dir. */
enum config_audit_file { CONFIG_AUDIT_AUTO, CONFIG_AUDIT_ON, CONFIG_AUDIT_OFF };

enum config_log_level { CONFIG_LOG_DEBUG, CONFIG_LOG_INFO, CONFIG_LOG_WARN, CONFIG_LOG_ERROR };
enum config_log_format { CONFIG_LOG_LOGFMT, CONFIG_LOG_JSON };

/* auto: where the kernel lets it; required: no start without. */
enum config_sandbox { CONFIG_SANDBOX_AUTO, CONFIG_SANDBOX_REQUIRED, CONFIG_SANDBOX_OFF };

struct config {
    struct config_server server;
    struct config_registry registry;
    struct {
        char *sign_key; /* the file of the private key; NULL: records are not signed */
    } record;
    char *probe_host;
    bool probes_given;           /* a probes: list exists, maybe an empty one */
    struct config_probe *probes; /* when !probes_given: one per server.ports, filled in */
    size_t probe_count;          /* at most CONFIG_PROBES_MAX */
    int64_t grace_period_ms;
    struct config_status status;
    struct {
        int64_t deadline_ms, settle_ms;
    } drain;
    struct {
        bool drain;
        int64_t linger_ms, timeout_ms;
    } shutdown;
    struct {
        char *listen[CONFIG_LISTEN_MAX]; /* see core/config/listen.h; "auto" already replaced */
        size_t listen_count;             /* 0: off */
        struct {
            char *cert_file, *key_file, *client_ca_file;
        } tls;              /* of the places that are tls:// */
        char *proxy_header; /* of the unix socket of the proxy */
        char *proxy_socket; /* its path; NULL: the only one */
        char *public_url;   /* "https://host" or with a port */
        char *token_file;
        char *access_file;      /* names and their roles; NULL: none */
        char *session_key_file; /* the key of the cookies; NULL: in memory alone. "auto" already replaced */
        enum config_http_read read;
        enum config_http_keys keys;
        char *hosts[CONFIG_HOSTS_MAX]; /* names of this machine, beside its addresses and its own name */
        size_t host_count;
        uint32_t max_connections, max_subscribers;
        uint32_t peer_share; /* in percent of both */
        int64_t max_waiting; /* bytes */
        int64_t idle_timeout_ms;
    } http;
    struct {
        char *listen; /* NULL: off */
        char *domain;
        int64_t ttl_ms;
        uint32_t answers, max_connections;
    } dns;
    struct {
        enum config_view_mode mode;
        int64_t idle_ms;
        char *sign_keys[CONFIG_SIGN_KEYS_MAX]; /* files of public keys */
        size_t sign_key_count;                 /* 0: signatures are not looked at */
        bool require_signed;
    } view;
    enum config_history history;
    struct config_placement placement;
    struct config_sessions sessions;
    struct config_candidacy *candidacies;
    size_t candidacy_count; /* at most CONFIG_CANDIDACIES_MAX */
    struct config_hook *hooks;
    size_t hook_count; /* at most CONFIG_HOOKS_MAX */
    struct {
        enum config_audit_file file;
        bool registry;
        int64_t keep_ms;
    } audit;
    struct {
        char *name, *colour; /* by which people know the fleet that they act on; NULL: none */
    } ui;
    struct {
        enum config_log_level level;
        enum config_log_format format;
    } log;
    bool
        core_dumps; /* other processes of the user may see the memory, and the kernel writes it when the agent crashes */
    char *state_dir;      /* or NULL: none. "auto" already replaced */
    bool state_dir_named; /* the file names it, so that it must be writable */
    bool state_dir_auto;  /* "auto" was replaced, maybe by NULL */
    enum config_sandbox sandbox;
};

/* Looks up an environment variable; NULL when it is unset. The result is borrowed until the next call. */
typedef const char *config_env_fn(const char *name, void *user);

/* Frees what the configuration owns and zeroes it; accepts NULL and a zeroed one. */
void config_fini(struct config *config);

/* Replaces every "auto" that has an answer before the agent runs, once config_check found nothing:
 * registry.control_prefix, registry.request_timeout, the status sockets and http.listen ($RUNTIME_DIRECTORY)
 * and state_dir ($STATE_DIRECTORY); adds the default probes when none are given and the ports are known.
 * systemd may put several directories into these variables, separated by colons: the first counts, and one
 * that is not absolute is as good as unset. `env` is called with `user`. */
void config_resolve(struct config *config, config_env_fn *env, void *user);

/* Appends what an agent of `config` is: "sidecar of world/world-1", "sidecar of world, server.id auto" or
 * "observer of /services". */
void config_describe(const struct config *config, struct buf *out);

/* How long one registry request may take, ms: what is configured, or for "auto" min(ttl/6, 2s). With a
 * heartbeat at the latest TTL/3 and three such tries the TTL is never used up: 1/3 + 3/6 + 1/10 < 1. */
int64_t config_request_timeout(const struct config_registry *registry);

/* From one attempt to the next while the verdict is in doubt, ms: what is configured, or for "auto" a tenth of the
 * interval, at least 50ms; never more than the interval. */
int64_t config_fast_interval(const struct config_probe *probe);

/* Whether the agent keeps an audit. */
bool config_has_audit(const struct config *config);

/* Whether over TCP only those may read who send a token or have a session. */
bool config_reads_by_login(const struct config *config);

/* The scope of a candidacy: server.type for `auto`. */
const char *config_scope(const struct config *config, const struct config_candidacy *candidacy);

/* Adds a probe, all zeros, to a configuration that has fewer than CONFIG_PROBES_MAX. Borrowed until the next one is added. */
struct config_probe *config_probe_add(struct config *config);

/* Frees what one probe owns and zeroes it; accepts NULL and a zeroed one. */
void config_probe_fini(struct config_probe *probe);

/* Whether two probes are the same definition, so that a reload keeps the state of the running one. */
bool config_probe_equal(const struct config_probe *a, const struct config_probe *b);

/* Whether a probe of this type connects to a host and a port. */
bool config_probe_has_port(enum config_probe_type type);

/* Whether the probe takes this fact, and the JSON pointer to it ("" unless given, borrowed). */
bool config_probe_takes(const struct config_probe *probe, enum config_fact fact, const char **ret_pointer);

/* Whether an HTTP status is one that passes. */
bool config_probe_status_passes(const struct config_probe *probe, unsigned status);

/* "tcp", "unix", "http", "grpc", "a2s", "minecraft", "raknet", "quake3" or "exec". */
const char *config_probe_type_name(enum config_probe_type type);

/* Makes `out` (zeroed) a default tcp probe of `port`, named "tcp-PORT": with the defaults of the settings
 * table (interval 1s, timeout 500ms, fall 3, rise 2). The caller ends it with config_probe_fini. */
void config_probe_default(struct config_probe *out, uint16_t port);

#endif
