/* The agent: what agent.c (start and stop order), agent_effects.c (executors), agent_past.c (state_dir),
 * agent_reload.c, agent_api.c and status_sockets.c share. */
#ifndef OUTRIDER_SHELL_AGENT_INTERNAL_H
#define OUTRIDER_SHELL_AGENT_INTERNAL_H

#include "outrider/api/api.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/base/buf.h"
#include "outrider/base/ulid.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/server.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/log.h"
#include "outrider/os/process.h"
#include "outrider/shell/router/effects.h"
#include "outrider/shell/router/router.h"

#include "control_internal.h"
#include "fleet_internal.h"
#include "state_store_internal.h"
#include "status_sockets_internal.h"

struct agent;
struct discovery_local;
struct error;
struct saved_state;

/* effects.h leaves open who carries effects out: here it is the agent. */
struct effects {
    struct agent *agent;
};

/* One probe's running try and its durations. */
struct probe_slot {
    struct agent *agent;
    unsigned index;
    uint64_t try_id;
    const struct probe_driver *driver; /* of the running try */
    struct probe_try *running;
    struct api_histogram duration;
    struct buf target; /* what is probed, for the API */
};

/* One machine of the router as a client of the registry. */
struct agent_client {
    struct agent *agent;
    enum router_client which;
    struct registry_client *client;
};

struct agent {
    const char *config_path;
    struct config *config;
    char id[130];
    char host[256];   /* "" while there is none */
    bool host_missed; /* told that there is none */
    char boot_id[PROCESS_BOOT_ID_LENGTH + 1];
    int64_t started_wall;

    struct loop *loop;
    struct resolver *resolver;
    struct timer *timer;
    struct clock_watch *clock; /* NULL: not woken at resume */
    struct signals *signals;
    struct http_client *http;
    struct registry *registry;
    struct api *api;
    struct status_sockets *sockets;
    struct state_store *state;
    struct router *router;     /* NULL: an observer */
    struct saved_state *saved; /* as read at the start */
    struct fleet *fleet;
    struct control_writer *controls;
    struct effects effects;

    struct probe_slot probes[SERVER_PROBES_MAX];
    struct api_probe probe_views[SERVER_PROBES_MAX];
    struct agent_client clients[ROUTER_CLIENT_COUNT];
    struct pidfd_watch *mainpid_watch;
    struct deferred mainpid_gone; /* the process was gone before it could be watched */
    pid_t mainpid;
    struct registry_endpoint endpoint_views[CONFIG_ENDPOINTS_MAX];
    char registry_endpoint[128];
    char registry_note[512]; /* as told last */
    uint64_t registry_cluster;

    struct api_counters counters;
    int64_t stop_extended_mono; /* when systemd was last asked for more time */
    int exit_code;
};

/* The three clocks, now. */
struct instant agent_now(void);

/* Arms the one timer for the router's next window. Every entry from the world ends with it. */
void agent_rearm(struct agent *agent);

/* agent_systemd.c: one datagram to the service manager, if there is one; and STATUS= as things stand, with
 * `before` (whole lines, or "") in the same datagram. */
void agent_notify_systemd(const char *format, ...) PRINTF_LIKE(1, 2);
void agent_notify_status(const struct agent *agent, const char *before);

/* agent_reload.c: HUP. A bad file changes nothing and is logged. And what config_file_read warned of. */
void agent_reload(struct agent *agent);
void agent_log_warnings(struct str warnings);

/* How one kind of note of a machine is logged. */
struct agent_note {
    enum log_level level;
    const char *msg;
};

/* agent_effects.c: logs a note with the machine's own words as its detail. */
void agent_log_note(const struct agent_note *note, const char *module, struct str detail);

/* agent_restore.c: reads the state file and decides what of it still counts; sets agent->id and
 * agent->boot_id. The result owns what `ret_restore` points to, so it must outlive the router. */
struct saved_state *agent_restore_load(struct agent *agent, struct restore *ret_restore);
void agent_restore_free(struct saved_state *saved);

/* The bytes that a restart needs (a state_fill_fn). */
void agent_fill_state(void *agent, struct buf *out);

/* agent_api.c: what the API may do with the agent. */
extern const struct api_ops agent_api_ops;

/* agent_api.c: how our own server answers, for who is not the API. */
void agent_look_local(struct agent *agent, struct discovery_local *ret_local);

/* host.c: the address to publish by `server.host`, or why there is none. */
int host_look_up(const char *configured, struct error *err, char ret_host[static 256]) MUST_CHECK;

#endif
