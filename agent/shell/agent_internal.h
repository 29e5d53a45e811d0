/* What the files of the agent share: agent.c (order of start and stop), agent_effects.c (carries effects
 * out), agent_restore.c (state_dir), agent_reload.c, agent_systemd.c, agent_log.c, agent_api.c, control.c, fleet.c, reservations.c,
 * agent_files.c, agent_privileges.c, agent_programs.c, agent_sandbox.c, status_sockets.c. */
#ifndef OUTRIDER_SHELL_AGENT_INTERNAL_H
#define OUTRIDER_SHELL_AGENT_INTERNAL_H

#include "outrider/api/api.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/base/buf.h"
#include "outrider/base/rate.h"
#include "outrider/base/ulid.h"
#include "outrider/codec/state/state_file.h"
#include "outrider/core/audit/audit_facts.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view.h"
#include "outrider/io/loop/loop.h"
#include "outrider/os/listen_fds.h"
#include "outrider/os/log.h"
#include "outrider/os/process.h"
#include "outrider/os/user.h"
#include "outrider/probe/driver.h"
#include "outrider/shell/host_search.h"
#include "outrider/shell/router/effects.h"
#include "outrider/shell/router/router.h"

#include "hooks_internal.h"
#include "leadership_internal.h"
#include "sessions_internal.h"
#include "state_store_internal.h"

struct agent;
struct audit;
struct control_writer;
struct discovery_local;
struct dns;
struct error;
struct fleet;
struct leadership;
struct agent_files;
struct joins;
struct key_watches;
struct keys;
struct programs;
struct seats_owner;
struct status_sockets;
struct unix_bound;
struct wave;
struct waves_owner;

/* The agent carries out the effects of effects.h. */
struct effects {
    struct agent *agent;
};

/* The running try of one probe, and the durations of its tries. */
struct probe_slot {
    struct agent *agent;
    unsigned index;
    uint64_t try_id;
    const struct probe_driver *driver; /* of the running try */
    struct probe_try *running;
    struct deferred unpublished; /* a try that ends at once, as there is no address */
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
    bool host_missed;            /* logged that there is none */
    const char *host_from;       /* as in struct host_answer; NULL: not looked up yet */
    struct net_choice addresses; /* those that it was chosen among; empty for what is published as written */
    char boot_id[PROCESS_BOOT_ID_LENGTH + 1];
    int64_t started_wall;

    struct loop *loop;
    struct resolver *resolver;
    struct timer *timer;
    struct timer *log_timer;    /* lines that the log holds back */
    struct timer *status_timer; /* STATUS= that was not sent, as there were too many */
    struct rate status_rate;
    struct loop_watch *clock; /* NULL: a resume is noticed with the next timer */
    struct loop_watch *signals;
    struct loop_watch *network; /* NULL: changes of addresses are not noticed, or mean nothing */
    struct host_search *host_search;
    struct http_client *http;
    struct registry *registry;
    struct api *api;
    struct status_sockets *sockets;
    int inherited_stream, inherited_datagram; /* for `sockets`; -1: none */
    int http_fd;                              /* of the service manager, for http.listen; 0: none */
    char http_path[sizeof(((struct listen_fd *)NULL)->path)]; /* its file; "": none */
    struct agent_files *agent_files;
    struct state_store *state;
    struct router *router;    /* NULL: an observer */
    struct saved_state saved; /* as read at the start; the router borrows of it */
    struct restore restore;   /* what of it still counts */
    struct fleet *fleet;
    struct seats_owner *reservations;
    struct joins *joins;             /* NULL: none was asked for yet */
    struct keys *keys;               /* NULL: likewise */
    struct key_watches *key_watches; /* NULL: likewise */
    struct sign_key *sign_key;       /* NULL: the record is not signed */
    struct sign_trust *trust;        /* NULL: signatures are not looked at */
    struct control_writer *controls;
    struct waves_owner *waves;                                    /* NULL: it follows no operations */
    struct server_inbox *inbox;                                   /* NULL: the own server takes no commands */
    struct dispatches *dispatches;                                /* NULL: none was sent or read yet */
    struct dns *dns;                                              /* NULL: it serves none */
    struct sessions *sessions;                                    /* NULL: it keeps none */
    struct audit_facts audit_facts;                               /* for the API */
    struct audit *audit;                                          /* NULL: it keeps none */
    char audit_name[HOST_NAME_SIZE > 130 ? HOST_NAME_SIZE : 130]; /* of this agent, in its entries */
    struct leadership *leadership;                                /* NULL: it stands for nothing */
    int starter;               /* the way to the process that starts programs; -1: there is none */
    struct hooks *hooks;       /* NULL: likewise */
    struct programs *programs; /* NULL: likewise */
    struct effects effects;

    struct probe_slot *probes[SERVER_PROBES_MAX]; /* NULL: not used yet, see agent_probe_slot() */
    struct probe_clients probe_clients;
    struct api_probe probe_views[SERVER_PROBES_MAX];
    struct agent_client clients[ROUTER_CLIENT_COUNT];
    struct loop_watch *mainpid_watch;
    struct deferred mainpid_gone; /* the process exited before it could be watched */
    pid_t mainpid;
    struct api_candidacy candidacy_views[CONFIG_CANDIDACIES_MAX];
    struct registry_endpoint endpoint_views[CONFIG_ENDPOINTS_MAX];
    char registry_endpoint[128];
    char registry_note[512]; /* as logged last */
    uint64_t registry_cluster;

    struct api_counters counters;
    struct api_sandbox sandbox;
    int64_t stop_extended_mono; /* when systemd was last asked for more time */
    int64_t watchdog_due_mono;  /* when its watchdog is fed next; NEVER_MS: it has none */
    int64_t watchdog_every_ms;
    int exit_code;
};

/* Reads the three clocks. */
struct instant agent_now(void);

/* Arms the one timer for the router's next deadline. Every callback that enters the router ends with it. */
void agent_rearm(struct agent *agent);

/* An event of the server (router_server_event()), now. */
void agent_server_event(struct agent *agent, struct server_event event);

/* agent_effects.c: what is kept for a probe; it is there from the first call on. The second frees all, at the end. */
struct probe_slot *agent_probe_slot(struct agent *agent, unsigned index);
void agent_free_slots(struct agent *agent);

/* agent_network.c: follows changes of addresses where server.host depends on them: a machine that starts containers has many, and each wakes
 * those who listen. */
void agent_watch_network(struct agent *agent);

/* Something of the server may have ended (router_hint()), now. */
void agent_hint(struct agent *agent);

/* agent_systemd.c: the first comes before the others. The second sends one datagram to the service manager, if there is one.
 * The third sends STATUS= for the present state, preceded by `before` (whole lines, or "") in the same datagram; alone it is
 * sent only so often, the last one always. */
void agent_notify_start(struct agent *agent);
void agent_notify_systemd(const char *format, ...) PRINTF_LIKE(1, 2);
void agent_notify_status(struct agent *agent, const char *before);

/* agent_systemd.c: the service manager's watchdog, WATCHDOG=1 at half of its timeout. The first reads whether there is
 * one. The second feeds it once agent->watchdog_due_mono is reached. It is called behind router_tick() alone, so that
 * a loop that renews no lease feeds no watchdog. */
void agent_watchdog_start(struct agent *agent);
void agent_watchdog_feed(struct agent *agent, int64_t now_mono);

/* agent_privileges.c: gives up every capability that this agent does not need once everything is open, and says what is left. */
void agent_give_up_privileges(const struct agent *agent);

/* agent_reload.c: reloads the configuration (HUP); a bad file changes nothing and is logged. The second logs
 * the warnings of config_file_read(), one a line. */
void agent_reload(struct agent *agent);
void agent_log_warnings(struct str warnings);

/* The log line of one kind of note of a machine. */
struct agent_note {
    enum log_level level;
    const char *msg;
};

/* agent_log.c: logs a note; `detail` is the text of the machine. */
void agent_log_note(const struct agent_note *note, const char *module, struct str detail);

/* agent_log.c: from the first on, lines that the log holds back are written when they may be; the second writes them all. */
void agent_log_start(struct agent *agent);
void agent_log_end(struct agent *agent);

/* agent_effects.c: what server.host came to (a host_search_fn). The second: the host that `probe` connects to, NULL while
 * it is the published one and there is none; borrowed until the next look-up. */
void agent_on_host(const struct host_answer *answer, void *agent);
const char *agent_probe_host(const struct agent *agent, const struct config_probe *probe);

/* agent_effects.c: cancels every try, and closes the connections that probes keep. */
void agent_end_probes(struct agent *agent);

/* agent_restore.c: reads the state file into agent->saved, which `ret_restore` borrows of, and decides what of
 * it still counts; sets agent->id and agent->boot_id. */
void agent_restore_load(struct agent *agent, struct restore *ret_restore);

/* agent_restore.c: whether the agent does without state_dir: 0, or -1 where it does not. */
int agent_restore_possible(const struct agent *agent, struct error *err) MUST_CHECK;

/* agent_restore.c: of an observer that stands for leadership: reads its id from the state file, or makes one. */
void agent_restore_id(struct agent *agent);

/* Appends the content of the state file (a state_fill_fn). */
void agent_fill_state(void *agent, struct buf *out);

/* agent_api.c: what the API reads and does. */
extern const struct api_ops agent_api_ops;

/* agent_api.c: the own server as GET /api/services shows it, for the event stream. */
void agent_look_local(struct agent *agent, struct discovery_local *ret_local);

/* agent_audit.c: the audit, where the configuration has one, once the registry is open; a new time to keep entries. */
void agent_audit_start(struct agent *agent);
void agent_audit_reload(struct agent *agent);

/* control.c: writes the control key of any server of the fleet (docs/design/protocol.md, "Control key"), for
 * operators over HTTP. `agent` is borrowed; the caller owns the result. */
struct control_writer *control_writer_new(struct agent *agent);

/* What is under way is not answered any more. Accepts NULL. */
void control_writer_free(struct control_writer *writer);

/* Puts `hold` at the control key of `type` and `id`, by compare on what is read there; as in struct api_ops. */
void control_writer_put(struct control_writer *writer, struct str type, struct str id,
                        const struct hold *hold, api_controlled_fn *done, void *user);

/* fleet.c: the fleet as this agent sees it: runs the view on the registry, saves it in state_dir, and feeds the
 * subscribers. A new one has done nothing yet, with what state_dir has of a view. `agent` is borrowed; the
 * caller owns the result. */
struct fleet *fleet_new(struct agent *agent);

/* Accepts NULL. */
void fleet_free(struct fleet *fleet);

/* VIEW_ON_START: the agent runs, and a view that is always followed begins now. STOP: the agent ends, what is
 * known is kept. TICK: time may have passed unseen. WANT: a request needs the fleet. */
void fleet_step(struct fleet *fleet, enum view_event_type type);

/* New settings view.*. */
void fleet_reload(struct fleet *fleet, const struct config *config);

/* What the API may see of it; borrowed until the next step. */
void fleet_look(const struct fleet *fleet, struct api_fleet *ret_fleet);

/* Tells subscribers that an operation on waves of servers is another one. */
void fleet_emit_wave(struct fleet *fleet, const struct wave *wave);

/* The record of `server`, TYPE/ID, borrowed; NULL: there is none. */
const struct view_entry *fleet_find(const struct fleet *fleet, struct str server);

/* Whether it is certain that every record is there. */
bool fleet_is_current(const struct fleet *fleet);

/* dispatches.c: commands to and from the own server, where it takes some; the end of them all. server_inbox.c: the watch of the own keys
 * had an event; accepts NULL. */
void commands_start(struct agent *agent);
void commands_end(struct agent *agent);
void server_inbox_watched(struct server_inbox *inbox, const struct registry_watch_event *event);

/* status_sockets.c: the two status sockets (docs/design/protocol.md, "Status sockets"): lines and datagrams
 * in, status messages to the router, replies and events out. Opens what the configuration and LISTEN_FDS name;
 * `agent` is borrowed. The caller owns the result. NULL with `err` naming the setting and the path that
 * failed. */
struct status_sockets *status_sockets_new(struct agent *agent, struct error *err) MUST_CHECK;

/* agent_systemd.c: takes what the service manager has passed. To be called before the agent opens a descriptor of its own:
 * LISTEN_FDS may name one that is not open, and its number would then be that of the agent's. */
void status_sockets_inherit(struct agent *agent);

/* Closes both sockets and their connections. Accepts NULL. */
void status_sockets_free(struct status_sockets *sockets);

/* `pid` is the process of the server: places are kept for it. Accepts NULL. */
void status_sockets_mainpid(struct status_sockets *sockets, pid_t pid);

/* Sends a state event, one line without its end, to the connections that watch; of a `kind` the newest counts. Accepts NULL. */
void status_sockets_emit(struct status_sockets *sockets, const char *kind, struct str event);

/* How many connections watch. Accepts NULL. */
size_t status_sockets_watching(const struct status_sockets *sockets);

/* A claim of the line of `ticket` ended, as status_replies_claimed(); 0: of a datagram. Accepts NULL. */
void status_sockets_claimed(struct status_sockets *sockets, uint64_t ticket, bool good, struct str id,
                            struct str why);

/* Of the stream socket or of the datagram socket: compares its file with what is at its path, as unix_check(); the socket and
 * its file, NULL: it is off. Both accept NULL. */
int status_sockets_check(struct status_sockets *sockets, bool datagrams, struct error *err) MUST_CHECK;
const struct unix_bound *status_sockets_bound(const struct status_sockets *sockets, bool datagrams);

/* agent_files.c: looks at the files of the unix sockets and state_dir, first within the call. `agent` is borrowed; the caller owns the
 * result. */
struct agent_files *agent_files_new(struct agent *agent);

/* Accepts NULL. */
void agent_files_free(struct agent_files *files);

/* When (mono) to tick at the latest, NEVER_MS: there is no such file; looks if it is about time. Both accept NULL. */
int64_t agent_files_due(const struct agent_files *files);
void agent_files_tick(struct agent_files *files, int64_t now_mono);

/* Looks now: makes again what is gone, and logs it. */
void agent_files_check(struct agent_files *files);

/* What was found last, borrowed until the next look. */
const struct api_socket *agent_files_view(const struct agent_files *files, size_t *ret_count);

/* agent_programs.c: forks the process that starts programs where the configuration has some, before anything is open; then begins to
 * use it; ends it and all programs. The first returns 0, or -1 where it cannot be forked. */
int agent_programs_fork(struct agent *agent, struct error *err) MUST_CHECK;
void agent_programs_start(struct agent *agent);
void agent_programs_end(struct agent *agent);

/* Whether the programs of a new configuration can be started. */
bool agent_programs_can(const struct agent *agent, const struct config *config);

/* agent_sandbox.c: enters the sandbox as the setting says, once everything is open. Returns 0, or -1 where it is required and cannot be
 * entered. */
int agent_enter_sandbox(struct agent *agent, struct error *err) MUST_CHECK;

/* Copies the counters of the line socket; the others are counted in the agent's. Accepts NULL. */
void status_sockets_count(const struct status_sockets *sockets, struct api_counters *counters);

#endif
