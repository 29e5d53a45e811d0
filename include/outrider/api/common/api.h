/* The HTTP API of one agent (docs/design/protocol.md, "HTTP API"): reads by const accessors, acts through
 * api_ops. */
#ifndef OUTRIDER_API_COMMON_API_H
#define OUTRIDER_API_COMMON_API_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/instant.h"
#include "outrider/core/probe/verdict.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/server/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api;
struct config;
struct config_probe;
struct error;
struct discovery_local;
struct events;
struct follow;
struct hold;
struct intent;
struct loop;
struct probe;
struct registrar;
struct server;
struct shutdown;
struct view;

/* Buckets of a duration histogram, in us; the last is +Inf. */
enum { API_BUCKETS = 12 };
extern const int64_t api_bucket_bounds_us[API_BUCKETS - 1];

struct api_histogram {
    uint64_t buckets[API_BUCKETS]; /* not cumulative */
    uint64_t count;
    int64_t sum_us;
};

/* Counts one duration. */
void api_histogram_count(struct api_histogram *histogram, int64_t us);

/* What the shell counts and /metrics shows. */
struct api_counters {
    uint64_t transitions[STATUS_COUNT][STATUS_COUNT]; /* from, to */
    uint64_t registry[REGISTRY_OP_COUNT][REGISTRY_FAILURE_COUNT];
    struct api_histogram registry_duration[REGISTRY_OP_COUNT];
    uint64_t lines_ok, lines_bad, datagrams_ok, datagrams_bad, datagram_keys_ignored;
    uint64_t lines_overlong; /* among lines_bad */
    uint64_t line_peers, line_peers_refused, line_peers_evicted, line_accept_failures, replies_dropped;
    uint64_t state_writes, state_failures;
    uint64_t reloads_ok, reloads_bad;
    int64_t loop_lag_us; /* worst since the last scrape */
};

/* One probe as it runs. */
struct api_probe {
    const struct config_probe *config;
    const char *type, *target; /* as its driver names and describes it */
    const struct probe *probe;
    const struct api_histogram *duration;
};

/* The fleet as the agent sees it. */
struct api_fleet {
    const struct view *view;
    uint64_t writes, failures; /* of the file it is kept in */
    const char *last_error;    /* why that cannot be written, "" when it can or is off */
    struct events *events;     /* who follows it; NULL: nobody can */
};

/* The agent as it is between two steps; everything is borrowed for one request. */
struct api_view {
    struct instant now;
    int64_t started_wall;
    const char *version, *config_file, *id, *host; /* host NULL: none */
    const struct config *config;
    struct api_fleet fleet;
    const struct server *server; /* NULL for an observer, as registrar, intent, shutdown and keys */
    const struct registrar *registrar;
    const struct intent *intent;
    const struct shutdown *shutdown;
    const struct api_probe *probes;
    size_t probe_count;
    const char *registry_endpoint; /* that answered last; "" before the first answer */
    uint64_t registry_cluster;
    const struct registry_endpoint *registry_endpoints;
    size_t registry_endpoint_count;
    const struct follow *keys;    /* NULL: there is none */
    const char *state_last_error; /* why state_dir cannot be written now, "" when it can or is off */
    const struct api_counters *counters;
};

/* What became of a hold at a control key. `error` is empty when the registry has it, at `revision`; else
 * `failure` says what kind of failure it is. */
struct api_controlled {
    enum registry_failure failure;
    bool conflict; /* somebody else changes it all the time */
    struct str error;
    int64_t revision;
};
typedef void api_controlled_fn(const struct api_controlled *result, void *user);

struct api_ops {
    void (*look)(void *agent, struct api_view *ret_view);
    /* The operator's hold: reason valid UTF-8 of at most HOLD_REASON_MAX bytes; spans in ms, 0: none. */
    void (*drain)(void *agent, const char *reason, const char *by, int64_t deadline_ms, int64_t expires_ms);
    void (*undrain)(void *agent, const char *by);
    /* Somebody needs the fleet, now and for a while. */
    void (*want)(void *agent);
    /* Puts `hold` (not set: that there is none) at the control key of a server. Borrowed for the call. `done`
     * is called once, later, unless the agent ends before. */
    void (*control)(void *agent, struct str type, struct str id, const struct hold *hold,
                    api_controlled_fn *done, void *user);
};

/* Listens where `config->http` says and serves. NULL with `err` set when the address cannot be had (in use:
 * it is named) or the token file cannot be read. Everything is borrowed until api_free; `ops` and `agent`
 * too. */
struct api *api_new(struct loop *loop, const struct config *config, const struct api_ops *ops, void *agent,
                    struct error *err) MUST_CHECK;

/* Uses the settings of `config` from now on (limits, token file); the address stays. */
void api_reload(struct api *api, const struct config *config);

/* How the server beside this agent answers, by its probes; nothing is known of an observer's. Texts are
 * borrowed from `view`. */
void api_local(const struct api_view *view, struct discovery_local *ret_local);

/* The fleet is known, or cannot be read now: whoever waits for it is answered at the end of the turn. `changed`:
 * answers that were kept are out of date. */
void api_fleet_moved(struct api *api, bool changed);

/* Stops listening, closes every connection, frees. Accepts NULL. */
void api_free(struct api *api);

#endif
