/* The agent as the API sees it, what it can ask of it, and the call of a handler. */
#ifndef OUTRIDER_API_COMMON_CONTEXT_H
#define OUTRIDER_API_COMMON_CONTEXT_H

#include "outrider/api/common/request.h"
#include "outrider/base/buf.h"
#include "outrider/core/command/dispatch.h"
#include "outrider/core/instant.h"
#include "outrider/core/registry/registry_request.h"
#include "outrider/core/seats/amend.h"
#include "outrider/core/session/join.h"
#include "outrider/core/session/session_request.h"
#include "outrider/core/wave/wave.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct allocate;
struct api_attempt;
struct audit_entry;
struct audit_facts;
struct audit_page;
struct audit_query;
struct allocate_counters;
struct api_counters;
struct api_credentials;
struct api_histogram;
struct api_lists;
struct api_packs;
struct api_page;
struct api_placements;
struct api_plans;
struct api_reply;
struct api_sockets;
struct config;
struct config_probe;
struct discovery_local;
struct dns_counters;
struct election;
struct events;
struct filter;
struct history;
struct follow;
struct hold;
struct hook;
struct http_server_counters;
struct inbox;
struct tls_server_counters;
struct intent;
struct key_watchers;
struct leaders;
struct mirror;
struct net_choice;
struct mirror_facts;
struct placement;
struct placement_query;
struct probe;
struct registrar;
struct registry_endpoint;
struct reservation;
struct seats;
struct server;
struct session;
struct session_events;
struct session_facts;
struct shutdown;
struct view;

/* One probe as it runs. */
struct api_probe {
    const struct config_probe *config;
    const char *type, *target; /* as the driver names and describes it */
    const struct probe *probe;
    const struct api_histogram *duration;
};

/* A unix socket that the agent serves. */
struct api_socket {
    const char *setting, *path;
    bool inherited;
    uint64_t remade;        /* how often its file was gone and was made again */
    const char *last_error; /* why it cannot be reached; "" when it can */
};

/* The saves of a file. */
struct api_saves {
    uint64_t writes, failures, bytes; /* bytes: of the last that is in its place; 0: none was made yet */
    const char *last_error;           /* "": the last one was made, or none is */
};

/* The fleet as the agent sees it. */
struct api_fleet {
    const struct view *view;
    struct placement *placement;
    uint64_t writes, failures;        /* of the file the view is kept in */
    const char *last_error;           /* why that file cannot be written; "" when it can or is off */
    struct events *events;            /* the hub of subscribers */
    const struct leaders *leaders;    /* who leads; NULL: never followed, as `leader_keys` */
    const struct mirror *leader_keys; /* what that is known from */
    const struct history *history;    /* what became of the servers; NULL: it is not kept, and not saved */
    struct api_saves history_saves;
};

/* Reservations as the agent sees them. */
struct api_seats {
    const struct seats *seats;
    const struct mirror_facts *mirror;        /* of their keys */
    const struct allocate_counters *counters; /* changes of them by this agent */
};

/* Operations on waves of servers. */
struct api_waves {
    bool present;                      /* this agent follows and drives them; else all is 0 */
    const struct mirror_facts *mirror; /* of their keys */
    const struct wave *const *list;    /* the oldest first */
    size_t count, active, unreadable;  /* active: not over; unreadable: keys that are none */
    bool leads;                        /* this agent drives them */
    uint64_t held, lifted, refused;    /* holds by this agent; steps that came too late */
};

/* The fleet by DNS. */
struct api_dns {
    const struct dns_counters *counters;
    size_t connections;                            /* of TCP, open now */
    uint64_t accepted, evicted, timed_out, broken; /* all of them, and how they ended */
    uint64_t oversized, unsent;                    /* datagrams */
    size_t names;                                  /* that exist */
    const size_t *left;                            /* DNS_LEFT_COUNT: what is left out now */
};

/* What the agent stands for. */
struct api_candidacy {
    const char *scope;
    const struct election *election;
    bool standing; /* false: a sidecar whose server is not ready */
};

/* The filter of system calls. */
struct api_sandbox {
    bool on;
    char cause[512]; /* why it is off; "": it is on */
};

/* The agent between two steps; everything is borrowed for one request. */
struct api_view {
    struct instant now;
    int64_t started_wall;
    const char *version, *config_file, *id, *host; /* host NULL: none */
    const char *host_from; /* "default route", "interface", "configuration"; NULL: not known yet */
    const struct net_choice *addresses; /* those the host was chosen among; NULL or empty: it was not */
    const struct config *config;
    struct api_fleet fleet;
    struct api_seats seats;
    struct api_waves waves;
    const struct api_joins *joins; /* NULL: none was asked for yet */
    const struct api_dns *dns;     /* NULL: it serves none */
    const struct inbox *inbox;     /* commands to the own server; NULL: it takes none */
    const struct server *server;   /* NULL for an observer, as registrar, intent, shutdown and keys */
    const struct registrar *registrar;
    const struct intent *intent;
    const struct shutdown *shutdown;
    const struct api_probe *probes;
    size_t probe_count;
    const struct api_socket *sockets;
    size_t socket_count;
    const struct api_candidacy *candidacies;
    size_t candidacy_count;
    const struct hook *hooks; /* in the order of the configuration */
    size_t hook_count;
    const char *registry_endpoint; /* the last that answered; "" before the first answer */
    uint64_t registry_cluster;
    const struct registry_endpoint *registry_endpoints;
    size_t registry_endpoint_count;
    const struct follow *keys;             /* of the agent's own keys; NULL: none */
    const char *state_last_error;          /* why state_dir cannot be written; "" when it can or is off */
    const struct session_facts *sessions;  /* of the store; NULL: the agent keeps no sessions */
    struct session_events *session_events; /* the hub of those who listen to sessions; NULL likewise */
    const struct audit_facts *audit;       /* NULL: the agent keeps none */
    const struct api_counters *counters;
    const struct api_sandbox *sandbox; /* NULL: none to show */
};

/* What /service-discovery says about this agent's server: its response time and last check, by its probes; of an
 * observer nothing. Texts are borrowed from `view`. */
void api_local(const struct api_view *view, struct discovery_local *ret_local);

/* The result of writing a hold to a control key. `error` is empty when the registry has the hold, at
 * `revision`; otherwise `failure` is the kind of failure. */
struct api_controlled {
    enum registry_failure failure;
    bool conflict; /* other writers keep changing the key */
    bool held;     /* the key had a hold before */
    struct str error;
    int64_t revision;
};
typedef void api_controlled_fn(const struct api_controlled *result, void *user);

typedef void api_allocated_fn(const struct allocate *result, void *user);
typedef void api_amended_fn(const struct amend *result, void *user);
/* The reply of the registry, which can do `can` (a set of REGISTRY_CAN_*); borrowed for the call. */
typedef void api_key_fn(const struct registry_reply *reply, unsigned can, void *user);

/* Watches of keys at a time. */
enum { API_KEY_WATCHES_MAX = 8 };

/* A watch of keys for the key browser, and what it is told, from the loop and never from within a call of the operations; the last of them
 * is told once, and any of them may end the watch. */
struct api_key_watch;
struct api_key_watch_calls {
    void (*opened)(int64_t revision,
                   void *user); /* what changes after that revision is told; after a failure, too */
    void (*changed)(const struct registry_change *changes, size_t count, void *user);
    void (*failed)(struct str why, void *user); /* it is tried again */
    /* What changed in between is lost: compacted, the oldest revision that can be watched from (0: not known), or the registry has
     * another past. */
    void (*lost)(bool compacted, int64_t oldest, struct str why, void *user);
};

/* The reply of the session store; borrowed for the call. */
typedef void api_session_fn(const struct session_reply *reply, void *user);

/* A player that is to be brought to a server. */
struct api_join {
    const struct placement_query *query; /* its type, and where there may be a seat */
    struct str player, data;             /* data: a JSON object, empty: {} */
    bool leave;                          /* a draining server is left */
    void *owned;                         /* has all of it; ended with `free_owned` by the join */
    void (*free_owned)(void *owned);
};

/* What it came to; borrowed for the call. */
struct api_joined {
    enum join_outcome outcome;
    const struct session *session;         /* NULL: no place */
    const struct reservation *reservation; /* NULL: the player has arrived there before */
    struct str from;                       /* TYPE/ID before; empty: nowhere */
    const struct placement_query *query;   /* as it was asked last */
    const size_t *excluded;                /* NO_SEAT: PLACEMENT_EXCLUDED_COUNT numbers */
    bool is_full, is_denied; /* STORE_REFUSED: by its limit; REGISTRY_AWAY: by the rights of the agent */
    struct str error;        /* for people */
};
typedef void api_joined_fn(const struct api_joined *result, void *user);

/* A command as it is after `command` of the operations; borrowed for the call. */
typedef void api_commanded_fn(const struct dispatch *result, void *user);

/* How long a join takes at most. */
enum { API_JOIN_LIMIT_MS = 5000 };

/* Joins of this agent. */
struct api_joins {
    size_t running;
    uint64_t outcomes[JOIN_OUTCOME_COUNT];
};

/* What became of a new operation, or of an order for one. */
enum api_wave_outcome {
    API_WAVE_WRITTEN,
    API_WAVE_SO_ALREADY,
    API_WAVE_UNKNOWN_ID,
    API_WAVE_NOT_NOW,
    API_WAVE_CONFLICT,
    API_WAVE_FAILED
};

/* `failure` and `error` of FAILED; `wave` as it is then, NULL: there is none. Borrowed for the call. */
struct api_waved {
    enum api_wave_outcome outcome;
    enum registry_failure failure;
    const struct wave *wave;
    struct str error;
};
typedef void api_waved_fn(const struct api_waved *result, void *user);

/* A page of the audit; borrowed for the call. */
typedef void api_audit_page_fn(struct audit_page *page, void *user);

struct api_ops {
    void (*look)(void *agent, struct api_view *ret_view);
    /* Sets the operator's hold: `reason` is valid UTF-8 of at most HOLD_REASON_MAX bytes; spans in ms, 0: none. */
    void (*drain)(void *agent, const char *reason, const char *by, int64_t deadline_ms, int64_t expires_ms);
    void (*undrain)(void *agent, const char *by);
    void (*unflap)(void *agent, const char *by); /* ends the damping of a flapping server */
    /* A request needs the fleet: watch it, now and for a while. */
    void (*want)(void *agent);
    /* Writes `hold` (not set: none) to the control key of a server. Borrowed for the call. `done` is called
     * once, later, unless the agent ends before. */
    void (*control)(void *agent, struct str type, struct str id, const struct hold *hold,
                    api_controlled_fn *done, void *user);
    /* Reserves seats under `id` for `ttl_ms`; `fresh_id`: no other request can have the id. `query` is borrowed until `done`, which is called as above. False, with nothing begun: too
     * many changes are under way. */
    bool (*allocate)(void *agent, const struct placement_query *query, struct str id, bool fresh_id,
                     int64_t ttl_ms, api_allocated_fn *done, void *user);
    /* The same for the reservation `id` of a server: reads, extends or releases it. The texts are borrowed for the call. */
    bool (*amend)(void *agent, enum amend_op op, struct str type, struct str server, struct str id,
                  int64_t ttl_ms, api_amended_fn *done, void *user);
    /* Asks the session store, where there is one; what `request` points to is borrowed for the call. `done` is called once, later,
     * unless the agent ends before. */
    void (*session)(void *agent, const struct session_request *request, api_session_fn *done, void *user);
    /* Brings a player to a server, where there are sessions. `ask->owned` is taken, whatever is returned. `done` is called as above. False,
     * with nothing begun: too many joins are under way. */
    bool (*join)(void *agent, const struct api_join *ask, api_joined_fn *done, void *user);
    /* Where waves are present: writes a new operation, borrowed for the call, or has one obey. `done` is called once, within the call or later, unless
     * the agent ends before. False, with nothing begun: too many are under way. */
    bool (*wave_create)(void *agent, const struct wave *wave, api_waved_fn *done, void *user);
    bool (*wave_order)(void *agent, struct str id, enum wave_order order, api_waved_fn *done, void *user);
    /* The audit, where the agent keeps one. Whether an entry can be written for certain: 0, or -1 with `err`. */
    int (*audit_room)(void *agent, struct error *err);
    /* Writes an entry; `done` is called once it is on the disk, or was written to the log, later, unless the agent ends before; NULL: none
     * waits. */
    void (*audit)(void *agent, const struct audit_entry *entry, void (*done)(bool written, void *user),
                  void *user);
    /* Counts an attempt that has no entry of its own. */
    void (*audit_count)(void *agent, const struct audit_entry *attempt);
    /* Finds a page of entries. False, with nothing begun: too many look-ups are under way. */
    bool (*audit_find)(void *agent, const struct audit_query *query, api_audit_page_fn *done, void *user);
    /* Sends a command to a server, or reads one (core/command/dispatch.h). `command` is taken over. `done` is called as above. False, with
     * nothing begun: too many are under way. */
    bool (*command)(void *agent, enum dispatch_op op, struct str type, struct str server,
                    struct server_command *command, api_commanded_fn *done, void *user);
    /* Waits for what becomes of a command that was sent: one call of `done` as above, or of `drop` where the agent ends before. `command` is
     * copied. False, with nothing begun: too many are waited for. */
    bool (*command_follow)(void *agent, struct str type, struct str server,
                           const struct server_command *command, api_commanded_fn *done,
                           void (*drop)(void *user), void *user);
    /* Asks the registry for the key browser; id and timeout are filled in. What `request` points to is borrowed for the call. `done` is
     * called as above. False, with nothing begun: too many are under way, which a request from within `done` never meets. */
    bool (*key)(void *agent, const struct registry_request *request, api_key_fn *done, void *user);
    /* Watches the keys from `key` to before `end`, what changes after the revision `after` (0: from now on); the texts are borrowed for the
     * call, `calls` and `user` until key_unwatch. There is a place, where fewer than API_KEY_WATCHES_MAX are open. */
    struct api_key_watch *(*key_watch)(void *agent, struct str key, struct str end, int64_t after,
                                       const struct api_key_watch_calls *calls, void *user);
    void (*key_unwatch)(void *agent, struct api_key_watch *watch);
};

/* How a request is served that comes in a message of a WebSocket: as those of connections are, and as one whose peer has gone. */
struct api_inner {
    void (*serve)(struct http_exchange *exchange, const struct api_request *request, bool impatient,
                  void *user);
    void (*gone)(struct http_exchange *exchange, void *user);
    void *user;
};

struct api_context {
    const struct config *config;
    const struct api_ops *ops;
    void *agent;
    const struct http_server_counters *http; /* NULL: none to show */
    const struct tls_server_counters *tls;   /* NULL: no listener has TLS */
    int64_t loop_lag_us;                     /* the largest since the last scrape */
    bool impatient;                          /* the request has waited to its timeout: reply now */
    uint64_t waiting_refused;                /* requests for the fleet that found no room to wait */
    struct api_credentials *credentials;
    struct api_lists *lists;           /* see fleet/lists.h */
    struct api_packs *packs;           /* see packs.h; NULL: nothing is compressed */
    struct api_placements *placements; /* what became of them; NULL: not counted */
    struct api_plans *plans;           /* previews of drains that were given */
    struct api_page *page;             /* of the page in the agent, see page/page.h; NULL: there is none */
    struct key_watchers *key_watchers; /* streams of keys (keys/key_watchers.h) */
    struct api_sockets *sockets;       /* WebSockets (websocket/sockets.h) */
    struct api_inner inner;            /* for their messages */
};

/* The id of an event is shorter; what is longer is none. */
enum { API_EVENT_ID_MAX = 64 };

/* One call of a handler. {.context, .request} before api_handle; ended with api_call_fini after the reply. */
struct api_call {
    struct api_context *context;
    struct api_request request;
    char event_id[API_EVENT_ID_MAX]; /* what request.last_event_id views where the query has it */
    char cursor[API_EVENT_ID_MAX];   /* what `after` views */
    struct str after;                /* of a stream the parameter, undecided; empty: none */
    bool stream_gzip;                /* of a stream: api_stream_begin() is to say so, and begins the file */
    struct buf names;                /* what request.names view */
    struct api_view view;            /* of the agent, taken for this call */
    struct api_attempt *attempt;     /* what is told the audit; NULL: nothing */
    struct filter *filter;           /* the parameters of a route that takes them; else NULL */
};

/* Frees what api_handle made. */
void api_call_fini(struct api_call *call);

/* Takes the view again, for what has changed since. Looking resets the lag of the loop, so the largest is kept
 * in the context. */
void api_look(struct api_call *call);

/* How old the fleet may be, in ms; 0: it is current. There is one. */
int64_t api_stale_ms(const struct api_view *view);

/* Takes the view for a request that needs the fleet. False while the fleet is not known: `reply` is then an
 * error, or waits for the fleet. */
bool api_need_fleet(struct api_call *call, struct api_reply *reply);

/* The same for one that needs to know who leads, once the fleet is known. With `can_do_without` only a first answer of the
 * registry is waited for, and an error is none. */
bool api_need_leaders(struct api_call *call, bool can_do_without, struct api_reply *reply);

/* Makes `reply` the error of an agent whose fleet has not been read yet; says why. */
void api_refuse_unknown_fleet(const struct view *fleet, struct api_reply *reply);

#endif
