/* The simulator: worlds of real routers and cores beside a model of etcd, all from one seed under virtual
 * time.
 *
 * main.c (what is run), options.c (of its command line), world.c (time and the dispatch of events), node.c
 * (one agent process: start, death, restart), effects.c (the effects of the router), game.c (the game
 * server), learned.c (what its probes learn), flaps.c (whether it flaps), network.c (the way of a request), streams.c (the way of a watch), model_etcd.c (the registry),
 * faults.c (storms and calms), operators.c, intents.c (what operators want), invariants.c (checked at every
 * step), oracle.c (the record against the truth), observers*.c (observers of the fleet), narrative.c (what a
 * failure prints), herd.c (a thousand agents after an outage).
 *
 * A world alternates storms, in which anything may happen, and calms, at whose end every record must be true.
 */
#ifndef OUTRIDER_TESTS_SIM_SIM_H
#define OUTRIDER_TESTS_SIM_SIM_H

#include "heap.h"
#include "model_etcd.h"
#include "narrative.h"

#include "outrider/base/buf.h"
#include "outrider/base/random.h"
#include "outrider/codec/state/state_file.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/save.h"
#include "outrider/core/server/server.h"
#include "outrider/shell/router/effects.h"
#include "outrider/shell/router/router.h"

enum { PORTS = 2, INLINE_TRIES = 16, KEYS_MAX = 1024 };

enum event_type {
    /* of the agent process: delayed while it is stopped, dropped when it ends */
    EVENT_TICK,      /* the timer */
    EVENT_TRIED,     /* try `id` of probe `arg` timed out or answered late */
    EVENT_REPLY,     /* a packet comes back */
    EVENT_WORDS,     /* the game's line; `text` */
    EVENT_GONE,      /* process `arg` exited */
    EVENT_DETACHED,  /* a connection attached in life `id` closed */
    EVENT_SIGNAL,    /* `arg`: TERM, INT, QUIT as shutdown events */
    EVENT_SAVE,      /* state_dir's timer */
    EVENT_WATCHED,   /* the next event of its watch */
    EVENT_MUST_EXIT, /* it should have exited by now */
    /* of the machine: delayed while it is suspended */
    EVENT_GAME,  /* the game's next act */
    EVENT_SCENE, /* the game does scene `arg` */
    EVENT_SEND,  /* the game sends the line `text`, if it is still the one of script `arg` */
    EVENT_START, /* an agent starts */
    /* of the world */
    EVENT_ARRIVE, /* a packet reaches etcd */
    EVENT_EXPIRE, /* lease `id` may be over */
    EVENT_FAULT,  /* the next fault of the storm */
    EVENT_PHASE,  /* storm becomes calm, or calm storm */
    EVENT_ELECTED,
    EVENT_HEAL_NODE,
    EVENT_HEAL_ETCD,
    EVENT_STREAM_DEAD, /* stream `id` of a node has been in a black hole for as long as TCP waits */
    EVENT_REPAIRED,    /* a change by hand at `arg`, seen by stream `id`, must be repaired by now */
    EVENT_CHECK,       /* this node's record must be true by now */
    EVENT_OBSERVER     /* of an observer; `arg`: which, and what */
};

/* ---- the network ---- */

enum link { LINK_UP, LINK_REFUSED, LINK_BLACK_HOLE, LINK_SLOW };

/* A request in flight, and its outcome. Shared by the events that carry it. */
struct packet {
    struct packet *next_free;
    unsigned references, node;
    uint32_t life;
    int64_t sent_at, sent_boot;
    enum router_client client;
    struct registry_request request; /* holds a reference to its value; its key is the node's */
    struct registry_reply reply;
    struct blob *kv_value;
    bool late, create, control;
    unsigned copies; /* arrivals before the one that is answered */
    enum link fate;
};

/* An event of a watch that is not delivered yet. */
struct delivery {
    struct delivery *next;
    uint64_t id;
    enum registry_watch_event_type type;
    enum registry_failure failure;
    int64_t revision;
    uint64_t cluster, epoch;
    bool control;
    struct blob *value; /* NULL: deleted */
    int64_t mod_revision, create_revision, lease;
};

/* The watch of an agent at etcd; its events are delivered in order, late or not at all. */
struct stream {
    uint64_t id; /* 0: none */
    bool open;   /* etcd adds to it */
    bool stalls; /* it stays open and delivers nothing */
    int64_t opened_at, last_at;
    struct delivery *first, **last;
};

/* ---- the game server ---- */

enum style { GAME_SILENT, GAME_TALKS, GAME_ATTACHED, GAME_NOTIFIES };
enum port { PORT_CLOSED, PORT_OPEN, PORT_HANGS };
enum scene { SCENE_BOOT, SCENE_OPEN, SCENE_RESAY, SCENE_FEED, SCENE_CLOSE, SCENE_BACK };

struct game {
    enum style style;
    bool up;
    enum port ports[PORTS];
    enum reported_status reported;
    bool drained, goodbye;
    unsigned players, text;
    pid_t pid;
    uint64_t life;  /* counts its processes */
    int64_t script; /* scenes of earlier scripts are dropped */
    bool hung, died_drained;
    uint32_t heard_by;       /* the agent process that knows of this life; 0: none */
    uint32_t drain_heard_by; /* the one that knows whether it drains itself */
    uint32_t witness_by;     /* the one that would see it end, by its pid or its connection */
    bool attached;
    uint64_t attached_life;          /* the number of the life at the agent */
    enum reported_status heard_said; /* the last status that this agent process has received */
    int64_t heard_said_at;           /* mono */
    int64_t said_at, up_at, died_at, changed_at, resaid_at, well_at;
};

/* ---- one machine: a game server, and the agent beside it ---- */

struct node;

struct effects {
    struct node *node;
};

struct inline_try {
    unsigned index;
    uint64_t id;
};

/* What the invariants keep of one agent process. */
struct watch {
    const struct packet *lease_flying, *key_flying, *control_flying, *compare_flying; /* NULL: none */
    int64_t lease_flying_for, key_flying_for; /* the lease they were for */
    int64_t write_tat;                        /* us: burst and rate of writes, as one bucket */
    int64_t failure_tat[3],
        request_tat; /* us: failures in a row (lease, key, control key) and requests are limited in rate */
    int64_t control_tat; /* us: so are writes of the control key */
    int64_t spun_at;     /* the number of steps at that moment */
    unsigned spins;
    bool taken_over, knew_all; /* the earlier record is still there; every probe has had its verdict since */
    int64_t refused_since;     /* since when only its writes of the record are refused; 0: they are not */
    unsigned outage_lines;     /* log lines about the present outage */
    bool quiet;                /* handed over without a fault: the next agent may not write */
    int64_t quiet_until;
};

enum { FLAPS_MAX = 16 };

/* How often the server of one agent process comes and goes. */
struct flaps {
    int64_t at[FLAPS_MAX]; /* mono: moves that count, as a ring */
    unsigned count;
    bool seen, up, excused, on, partly;
    int64_t gap_at; /* mono ms of the latest gap's end */
    int64_t synced_at;
};

struct node {
    struct world *world;
    unsigned index, key;
    char id[24];
    struct effects effects;
    struct config *configs[2];
    unsigned config;
    bool state_dir;

    int64_t mono_lag, wall_step; /* suspends and steps of the wall clock so far */
    int64_t stopped_until;       /* the agent process is stopped until then */
    int64_t suspended_until;     /* the machine is suspended until then */
    uint64_t boot;
    enum link link;
    int64_t fault_until; /* no request was hindered after that */
    bool no_route, slow_retry;

    struct router *router;
    bool alive, exiting, stopping, stays_dead;
    int exit_code;
    uint32_t life; /* of the agent process */
    int64_t started_at, died_at, armed_at, stop_at, must_exit_at;
    uint64_t tries[SERVER_PROBES_MAX];
    struct probe_facts told[PORTS]; /* by the latest try of each probe that has passed */
    unsigned try_epoch;
    struct inline_try inline_tries[INLINE_TRIES];
    unsigned inline_count;
    pid_t watched;

    struct buf kept; /* the state file */
    struct save save;
    struct saved_state saved; /* as the running agent has read it */
    bool hears;               /* a message of its server is being handled */
    bool restores_message;    /* its report is restored if the record still stands */
    bool recalls;             /* the same, until an attached game says another status word */
    uint64_t recalled_life;   /* of the game then */

    enum { OPS_OFF, OPS_ON, OPS_UNSURE } ops; /* what operators want */
    bool ops_by_hand;                         /* written to the control key, not asked of the agent */
    bool died_unwritten; /* it ended before all it knew, or had sent, was known to be at the key */
    int64_t
        control_left; /* when an agent without state_dir ended while a write of its control key was under way */
    int64_t control_unanswered; /* when a write of its control key was last given up; 0: never */
    struct game game;
    struct watch watch;
    struct flaps flaps;
    struct stream stream;
    int64_t hands[6]; /* when its key was changed by hand, newest first */
};

/* The strength of a storm: faults per mille of requests, and which acts may happen. */
struct weather {
    unsigned lost, unanswered, late, doubled, slow;
    unsigned acts;     /* bits of enum act */
    int64_t act_every; /* mean ms between two of them */
    int64_t game_every;
};

/* What went wrong, as the end of a run counts it. */
/* clang-format off */
#define FAULTS(X) \
    X(ETCD_REFUSES, "etcd refuses connections") \
    X(ETCD_BLACK_HOLE, "etcd is in a black hole") \
    X(ELECTION, "no leader, then another") \
    X(WIPED, "etcd lost its data") \
    X(FAILED_OVER, "writes lost in a failover") \
    X(FULL, "etcd full") \
    X(DENIED, "permission denied") \
    X(REVOKED, "lease revoked by hand") \
    X(DELETED, "record deleted by hand") \
    X(OVERWRITTEN, "record overwritten by hand") \
    X(FOREIGN, "another holder takes the key") \
    X(CONTROL, "control key changed by hand") \
    X(REFUSED, "one agent's network refused") \
    X(BLACK_HOLE, "one agent's network a black hole") \
    X(SLOW, "one agent's network slow") \
    X(CUT, "watch cut") \
    X(STALLED, "watch deaf") \
    X(NO_ROUTE, "no address") \
    X(WALL, "wall clock set") \
    X(STOPPED, "agent stopped") \
    X(SLEPT, "machine slept") \
    X(KILLED, "agent killed") \
    X(ENDED, "agent asked to stop") \
    X(HANDED, "handed over") \
    X(OPERATOR, "operator") \
    X(RELOADED, "reloaded") \
    X(LOST, "request lost") \
    X(LATE, "request late, given up") \
    X(UNANSWERED, "answer lost") \
    X(DOUBLED, "request or answer twice") \
    X(LAGGED, "request slow")
/* clang-format on */
#define FAULT_ENUM(name, text) FAULT_##name,
enum fault { FAULTS(FAULT_ENUM) FAULT_COUNT };

struct stats {
    uint64_t steps, requests, writes, starts, storms, checks, expiries, elections, repairs, agent_ms, views,
        resumed;
    uint64_t faults[FAULT_COUNT];
};

struct world {
    uint64_t seed;
    struct random random;
    int64_t now, end;
    struct heap heap;
    struct etcd etcd;
    struct node *nodes;
    unsigned count;
    struct packet *packets; /* free ones */
    struct narrative *narrative;
    struct stats stats;

    enum link etcd_link;
    bool leaderless, nospace, denied;
    bool calm, faulty;
    int64_t phase_end;
    int64_t calm_since, wiped_at;
    unsigned leader_changes;
    struct weather weather;
    bool failed, herd;
    void *herd_user;
    struct observers *observers; /* NULL: none */
};

/* What may go wrong in a storm (bits of weather.acts). */
enum act {
    ACT_ETCD_DOWN,
    ACT_ELECTION,
    ACT_WIPE,
    ACT_REVOKE,
    ACT_DELETE,
    ACT_OVERWRITE,
    ACT_FOREIGN,
    ACT_NOSPACE,
    ACT_DENIED,
    ACT_PARTITION,
    ACT_STOP,
    ACT_SUSPEND,
    ACT_KILL,
    ACT_TERM,
    ACT_QUIT,
    ACT_OPERATOR,
    ACT_CONTROL,
    ACT_RELOAD,
    ACT_NO_ROUTE,
    ACT_WALL,
    ACT_CUT,
    ACT_STALL,
    ACT_COUNT
};

/* world.c */
/* A world of that seed with a registry like `kind`. */
struct world *world_new(uint64_t seed, const struct memory_kind *kind, struct narrative *narrative);
void world_free(struct world *world);
/* Runs until the end of the world or its first failure. */
void world_run(struct world *world);
/* Plans an event; `node` NULL: of the world. `more` has its id, arg, packet or text. */
void world_at(struct world *world, int64_t at, enum event_type type, const struct node *node,
              struct event more);
#define PLAIN ((struct event){0})
uint64_t world_below(struct world *world, uint64_t below);
bool world_chance(struct world *world, unsigned per_mille);
/* A span around `mean`, exponential in steps. */
int64_t world_span(struct world *world, int64_t mean);
/* A line of the narrative; `node` NULL: of the world itself. */
void narrate(const struct world *world, const struct node *node, const char *format, ...) PRINTF_LIKE(3, 4);
/* Reports a broken invariant and ends the world. */
void violated(struct world *world, const struct node *node, const char *format, ...) PRINTF_LIKE(3, 4);

/* node.c */
void node_init(struct node *node, struct world *world, unsigned index);
void node_fini(struct node *node);
struct instant node_now(const struct node *node);
void node_start(struct node *node);
void node_kill(struct node *node);
void node_signal(struct node *node, enum shutdown_event_type how);
void node_settle(struct node *node);
void node_tick(struct node *node);
void node_reload(struct node *node);
/* Saves now; soon; or now, if `due_mono` is still when to save. */
void node_save(struct node *node);
void node_save_later(struct node *node);
void node_save_due(struct node *node, int64_t due_mono);
void node_restart_later(struct node *node, int64_t after);
const struct config *node_config(const struct node *node);
/* Whether another agent is configured with its id. */
bool node_shares_key(const struct node *node);
/* Whether no agent uses the id again. */
bool node_ends_with_its_id(const struct node *node);

/* setup.c: a random configuration, by the seed of the world. */
struct config *setup_config(struct world *world, const struct node *node, const struct config *like);

/* game.c */
void game_init(struct node *node);
void game_act(struct node *node);
void game_scene(struct node *node, enum scene scene);
void game_send(struct node *node, char *line);
void game_settle(struct node *node);
void game_agent_started(struct node *node);
/* A line arrives; `line` is owned by the function. `pid` and `life`: as in its MAINPID, 0 without one. */
void game_hear(struct node *node, char *line, pid_t pid, uint64_t life);
void game_lost_agent(struct node *node);

/* learned.c: a try ends; a record that is written; a drain that ends as empty. */
void learned_tried(struct node *node, unsigned index, uint64_t id, enum probe_outcome outcome);
void learned_check(struct node *node, struct str record);
bool learned_counts(const struct game *game);
bool learned_players(struct str record, uint32_t *ret_players);
void learned_check_empty(struct node *node);

/* flaps.c: the status changed; a step of the agent is done. */
void flaps_moved(struct node *node, enum status to);
void flaps_settle(struct node *node);

/* network.c */
/* The number of a node's control key in the model: behind the records. */
unsigned network_control(const struct node *node);
void network_submit(struct node *node, enum router_client client, const struct registry_request *request);
void network_arrive(struct world *world, struct packet *packet);
/* The agent is stopped or suspended, starts or continues: requests until then were hindered. */
void network_hindered(struct node *node, int64_t until);
void network_reply(struct node *node, struct packet *packet);
void network_release(struct world *world, struct packet *packet);
/* When a lease may end; it ends, if it is over. */
void network_plan_expiry(struct world *world, const struct model_lease *lease);
void network_expire(struct world *world, int64_t id);

/* streams.c: a watch is opened or closed; its next event is delivered; a key changed; the watch of an agent
 * that ended is dropped. Faults: the stream of one agent or of all is cut; etcd cannot be reached. */
void stream_open(struct node *node, const struct registry_watch *watch);
void stream_close(struct node *node, uint64_t id);
void stream_deliver(struct node *node);
void streams_changed(void *world, unsigned key);
void stream_forget(struct node *node);
void stream_cut(struct node *node, const char *why);
void streams_cut(struct world *world, const char *why, unsigned per_mille);
void stream_lost(struct node *node);
void stream_dead(struct node *node, uint64_t id);
void stream_stall(struct node *node);
/* Whether it has been open and delivering for `ms`. */
bool stream_is_well(const struct node *node, int64_t ms);
/* The same, or the storm has been over for so long that a stalled watch with undelivered events must have
 * been found. */
bool stream_is_followed(const struct node *node, int64_t ms);
/* The key of `node` was changed by hand: a watched key must be repaired within a second. */
void stream_hand(struct node *node, bool is_ours_to_undo);
void stream_repaired(struct node *node, uint64_t id, int64_t hand_at);

/* observers.c: observers of the fleet; they do not influence the agents. */
void observers_begin(struct world *world);
void observers_end(struct world *world);
void observers_event(struct world *world, const struct event *event);
void observers_changed(struct world *world, unsigned key);
void observers_cut(struct world *world, unsigned per_mille);
/* The registry forgot what came after `revision`. */
void observers_undone(struct world *world, int64_t revision);

/* faults.c, operators.c */
void faults_begin(struct world *world);
void faults_phase(struct world *world);
void faults_act(struct world *world);
void faults_elected(struct world *world);
void faults_heal_etcd(struct world *world);
void faults_heal_node(struct node *node);
void operators_act(struct node *node);

/* intents.c: an operator's request was answered; the control key was written by hand; an agent starts, ends,
 * loses its state; a control key is checked against its agent long after the storm. */
void intents_drained(struct node *node, bool for_a_while);
void intents_undrained(struct node *node);
void intents_by_hand(struct node *node);
void intents_wiped(struct world *world);
void intents_undone(struct world *world);
void intents_started(struct node *node, bool with_state);
void intents_ended(struct node *node);
void intents_forgotten(struct node *node);
bool intents_unseen(const struct node *node);
void intents_unanswered(struct node *node, const struct packet *packet);
void intents_left(struct node *node, int code);
void intents_check(struct node *node, const char *what);

/* invariants.c: checks at each of these moments. */
void check_request(struct node *node, const struct registry_request *request, struct packet *packet);
void check_landed(struct node *node, const struct packet *packet, const struct registry_reply *reply);
void check_deadline(struct node *node, const struct packet *packet, const struct registry_reply *reply);
void check_put(struct world *world, const struct packet *packet, const struct key *before);
void check_expiry(struct world *world, const struct model_lease *lease);
void check_exit(struct node *node, int code);
void check_spin(struct node *node);
void check_handed_over(struct node *node);
bool record_says(struct str json, const char *status);

/* oracle.c: checks the record of the node against its true state. `what` names the moment. */
void oracle_check(struct node *node, const char *what);
/* How long after a storm the record may still be wrong. */
int64_t oracle_bound(const struct node *node);

/* herd.c: returns whether the limits are met. */
bool herd_run(unsigned agents, uint64_t seed);
void herd_answered(struct world *world, struct node *node, const struct packet *packet);
void herd_sent(struct world *world, struct node *node);

#endif
