/* The simulator of reservations: three observers with the real view, placement, reservations and allocations, game servers beside
 * the real router and registrar, and players that reserve, extend, give back, arrive, vanish and leave. All from one seed under
 * virtual time, with clocks that differ by up to a second each way, requests that are lost, late or arrive twice, machines
 * that are cut off, compactions, and agents and observers that die and start again. The registry is of one of three kinds
 * (--like), each with what that kind promises; it may lose all it has, or, where it does not keep what it acknowledged, its last
 * changes. So may the session store.
 *
 * seats_main.c (options), seats_world.c (time, events), seats_faults.c, seats_store.c (the registry), seats_undo.c (what it loses),
 * seats_net.c (requests and watches),
 * seats_observers.c, seats_agents.c (the agent, its effects), seats_players.c (games and players), seats_joins.c (players who are brought by a join), seats_oracle.c (what must
 * hold).
 *
 * What must hold is said in seats_oracle.c. */
#ifndef OUTRIDER_TESTS_SIM_SEATS_SIM_H
#define OUTRIDER_TESTS_SIM_SEATS_SIM_H

#include "sim/heap.h"
#include "sim/narrative.h"

#include "outrider/base/buf.h"
#include "outrider/base/hash.h"
#include "outrider/base/random.h"
#include "outrider/codec/state/state_file.h"
#include "outrider/core/config/config.h"
#include "outrider/core/seats/reservation.h"
#include "outrider/core/session/join.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/shell/router/fleet_router.h"
#include "outrider/shell/router/router.h"
#include "outrider/shell/router/seats_router.h"

enum {
    OBSERVERS = 3,
    SERVERS_MAX = 6,
    MACHINES = OBSERVERS + SERVERS_MAX,
    INSIDE_MAX = 64,
    SAYINGS_MAX = 2048
};
enum { TIMEOUT_MS = 1500, TTL_MS = 10000, SKEW_MS = 1000, ITEMS_MAX = 64 };

/* From one revision to the next: others use the registry as well, and a store that was emptied counts with another remainder, so
 * that no revision of it is one of before by accident, which no compare can tell. */
enum { REVISION_STEP = 8 };

/* Changes that a failover can undo. */
enum { UNDO_MAX = 64 };

enum what {
    ON_ARRIVE, /* a packet reaches the registry */
    ON_REPLY,  /* its answer comes back */
    ON_STREAM, /* a watch delivers */
    ON_TICK,   /* the timer of a machine */
    ON_SAVE,   /* the state file is due */
    ON_PLAYER, /* the next act of a player */
    ON_LINE,   /* the game's line reaches the agent */
    ON_START,  /* an agent or an observer starts */
    ON_NEW,    /* the next player comes */
    ON_FAULT,  /* something befalls the world */
    ON_PULSE,  /* observers are looked at */
    ON_JOIN,   /* the deadline of a join */
    ON_ERRAND, /* a request of a join reaches the session store, or its answer comes back */
    ON_GO,     /* an observer begins what it was asked */
    ON_SWEEP   /* leases that ran out end */
};

/* ---- the registry ---- */

struct stored {
    UT_hash_handle hh;
    char *name;
    struct blob *value;
    int64_t mod_revision, create_revision;
    struct registry_lease lease;
};

struct store_lease {
    UT_hash_handle hh;
    uint64_t id;
    int64_t ttl_ms, ends;
};

struct change {
    char *key;
    struct blob *value; /* NULL: deleted */
    int64_t revision, create_revision;
    struct registry_lease lease;
};

/* A key as it was before `revision`. */
struct undo {
    char *key;
    struct blob *value; /* NULL: it was absent */
    int64_t revision, mod_revision, create_revision;
    struct registry_lease lease;
};

struct store {
    const struct memory_kind *kind;
    struct stored *keys;
    struct store_lease *leases;
    struct change *changes; /* number `dropped` and on */
    size_t count, capacity;
    uint64_t dropped;
    int64_t revision, compacted;
    uint64_t cluster, epoch, last_lease;
    struct undo undo[UNDO_MAX]; /* the oldest first */
    size_t undo_count;
};

/* ---- machines and their ways to it ---- */

enum port { PORT_REGISTRAR, PORT_INTENT, PORT_KEYS, PORT_VIEW, PORT_MIRROR, PORT_CHANGES, PORT_COUNT };

struct stream {
    uint64_t id; /* 0: none */
    char from[REGISTRY_RANGES_MAX][96], to[REGISTRY_RANGES_MAX][96];
    size_t ranges;
    uint64_t next; /* the change to deliver next */
    bool open, planned, deaf;
    int64_t wanted_from;
    enum registry_failure ends; /* it ends with this; OK: it does not */
    bool relist;                /* it ends because what was is not what is */
};

enum way { WAY_OPEN, WAY_REFUSED, WAY_HOLE };

struct machine {
    struct world *world;
    unsigned index;
    uint32_t life; /* of the process; odd: it runs */
    enum way way;
    int64_t way_until, armed_at, skew;
    struct stream streams[PORT_COUNT];
};

/* A request, and its answer. */
struct packet {
    struct machine *machine;
    enum port port;
    uint32_t life;
    unsigned references;
    uint64_t cluster; /* of the store that it is sent to */
    struct registry_request request;
    char *key, *range_end;
    struct registry_txn *txn;
    bool answered, tells; /* the first arrival has made the answer; it comes back */
    struct registry_reply reply;
    struct registry_item items[ITEMS_MAX];
    struct blob *values[ITEMS_MAX + 1];
    char *names[ITEMS_MAX];
};

/* ---- players and games ---- */

enum stage {
    STAGE_ASKS,   /* an observer allocates for it */
    STAGE_HOLDS,  /* it has a reservation and is on its way */
    STAGE_INSIDE, /* in the game; `claimed`: the registry has let its reservation go for it */
    STAGE_GONE    /* it comes no more; its reservation may still be there */
};

struct player {
    UT_hash_handle hh, by_id;
    uint64_t number;
    char id[32]; /* of its reservation */
    enum stage stage;
    int server; /* -1: none */
    uint32_t seats;
    int64_t until_wall; /* as acknowledged */
    int64_t said_at;    /* when the claim was said last; 0: it is to be said */
    int64_t gone_at;
    bool acknowledged;
    bool claimed;   /* its reservation went in a transaction with a record that counts it */
    bool confirmed; /* the claim was answered */
    bool refused;   /* it is to leave */
    bool released;
    bool comes;
    bool undone; /* the registry has lost a change of its reservation: what it was told need not be so */
    unsigned asks;
};

/* Who was inside when the game said its state for the n-th time. */
struct saying {
    uint64_t serial;
    unsigned count;
    uint64_t inside[INSIDE_MAX];
};

struct effects {
    struct agent *agent;
};

struct agent {
    struct machine machine;
    char id[8];
    struct effects effects;
    struct config *config;
    struct router *router;
    struct buf kept;
    struct saved_state saved;
    bool state_dir, dirty, exiting, leaving;
    int64_t saved_at;
    uint64_t boot;
    /* the game */
    uint32_t capacity;
    uint64_t inside[INSIDE_MAX];
    unsigned inside_count;
    uint64_t serial, lines; /* of the state; of lines on their way */
    int64_t serial_at, started_at;
    pid_t pid;
    struct saying sayings[SAYINGS_MAX];
    /* What the registry has of it: */
    struct reservations seats;
    bool seats_grew, recorded, record_changed;
    uint64_t record_serial; /* 0: the record is of nothing that the game has said */
    bool record_ready;
    int64_t gone_at; /* when its record last went */
};

/* A reservation that goes in the present revision. */
struct removal {
    unsigned server;
    struct reservation entry;
};

struct fleet {
    struct observer *observer;
};

struct seats_owner {
    struct observer *observer;
};

struct observer {
    struct machine machine;
    struct fleet fleet;
    struct seats_owner owner;
    struct fleet_router router;
    struct seats_router *seats;
};

/* ---- the world ---- */

struct totals {
    uint64_t allocations, made, existed, none, conflict, failed, claims, claimed, unknown, away, vanished,
        lapsed, released, extended, requests, starts, faults, steps, milliseconds, wiped, failed_over, undone,
        sessions_lost, joins[JOIN_OUTCOME_COUNT];
};

struct world_options {
    const struct memory_kind *kind; /* of the registry */
    uint64_t wanted;                /* players to come */
    unsigned slow; /* so many times as long until the next player comes, and the next fault */
    bool verbose;
};

struct world {
    uint64_t seed;
    struct world_options options;
    struct random random;
    struct heap heap;
    int64_t now;
    struct store store;
    struct agent agents[SERVERS_MAX];
    unsigned server_count;
    struct observer observers[OBSERVERS];
    struct player *players, *by_id;
    struct joins *joins;
    uint64_t last_player;         /* players that came */
    unsigned lost, late, doubled; /* per mille of requests */
    bool calm, failed;
    int64_t calm_since;
    int64_t undone_at; /* when the registry last lost something; 0: it did not */
    struct removal removals[ITEMS_MAX];
    size_t removal_count;
    struct narrative *narrative;
    struct totals totals;
};

/* seats_world.c */
uint64_t below(struct world *world, uint64_t limit);
bool chance(struct world *world, unsigned per_mille);
void plan(struct world *world, int64_t after, enum what what, unsigned machine, uint64_t id);
void tell(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
void violated(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
struct instant machine_now(const struct machine *machine);
struct machine *machine_at(struct world *world, unsigned index);
bool machine_runs(const struct machine *machine);
void machine_arm(struct machine *machine, int64_t at_mono);
/* Plays a world; whether all held. Adds to `totals`. */
bool world_play(uint64_t seed, const struct world_options *options, struct totals *totals);

/* seats_faults.c: something befalls the world, and plans the next. */
void befall(struct world *world);

/* seats_store.c: `reply` borrows keys and values until the next change. */
void store_init(struct store *store, const struct memory_kind *kind);
bool store_can(const struct store *store, enum registry_capability capability);
/* When a lease of so long a TTL ends at the earliest. */
int64_t store_lease_end(const struct world *world, int64_t ttl_ms);
void store_fini(struct store *store);
struct stored *store_find(const struct store *store, const char *key);
void store_apply(struct world *world, const struct registry_request *request, const struct registry_txn *txn,
                 struct registry_reply *reply, struct registry_item items[static ITEMS_MAX]);
void store_sweep(struct world *world);
void store_compact(struct store *store, int64_t revision);
void store_forget(struct stored *stored, struct store *store);

/* seats_undo.c: `stored` (NULL: none) of `key` changes at `revision`; all is lost, and another store is there; the last changes are
 * lost in a failover; another server leads, and leases have their time again. */
void undo_note(struct store *store, struct str key, const struct stored *stored, int64_t revision);
void undo_forget(struct store *store);
void store_wipe(struct world *world);
void store_fail_over(struct world *world);
void store_renew(struct world *world);

/* seats_net.c */
void net_send(struct machine *machine, enum port port, const struct registry_request *request);
void net_arrive(struct packet *packet);
void net_reply(struct packet *packet);
void net_watch(struct machine *machine, enum port port, const struct registry_watch *watch);
void net_unwatch(struct machine *machine, enum port port);
void net_stream(struct machine *machine, enum port port);
void net_changed(struct world *world);
void net_cut(struct machine *machine, enum port port);
/* Every watch ends; `relist`: the keys are to be listed again. */
void net_cut_all(struct world *world, bool relist);
bool net_watched(const struct world *world);
void net_forget(struct machine *machine);

/* seats_observers.c */
void observer_init(struct observer *observer, struct world *world, unsigned index);
void observer_start(struct observer *observer);
void observer_end(struct observer *observer);
void observer_tick(struct observer *observer);
void observer_replied(struct observer *observer, enum port port, const struct registry_reply *reply);
void observer_watched(struct observer *observer, enum port port, const struct registry_watch_event *event);
void observer_check(struct observer *observer);
void observer_allocate(struct observer *observer, struct player *player);
void observer_amend(struct observer *observer, struct player *player, enum amend_op op);

/* seats_agents.c */
void agent_init(struct agent *agent, struct world *world, unsigned index);
void agent_fini(struct agent *agent);
void agent_start(struct agent *agent);
void agent_kill(struct agent *agent);
void agent_stop(struct agent *agent);
void agent_settle(struct agent *agent);
void agent_tick(struct agent *agent);
void agent_save(struct agent *agent);

/* seats_players.c */
struct player *player_find(struct world *world, uint64_t number);
uint64_t player_number(const struct world *world, struct str id);
/* A join has brought a member to a server, where the seat `id` is kept. */
void player_placed(struct world *world, struct str id, int server, int64_t until_wall);
void player_new(struct world *world);
void player_act(struct world *world, uint64_t number);
void player_allocated(struct world *world, uint64_t number, const struct allocate *result);
void player_amended(struct world *world, uint64_t number, const struct amend *result);
void game_say(struct agent *agent);
void game_line(struct agent *agent, uint64_t line);
void game_claimed(struct agent *agent, uint64_t number, enum registrar_claim_outcome outcome);
void game_crash(struct agent *agent);

/* seats_joins.c: one or several joins of a member begin; a deadline, an errand; the observer of joins ends. */
void joins_new(struct world *world);
void joins_free(struct world *world);
void joins_begin(struct world *world);
void joins_due(struct world *world, uint64_t serial);
void joins_errand(struct world *world, void *errand);
void joins_forget(struct observer *observer);
/* The session store loses its last changes, or all. */
void joins_undone(struct world *world, bool all);

/* seats_oracle.c: a key changes in the present revision, to `is` (NULL: absent); all of a revision changed. */
void oracle_changed(struct world *world, const char *key, const struct blob *is);
void oracle_revision(struct world *world);
/* The registry has become another: it was emptied, or lost its last changes. */
void oracle_undone(struct world *world);
void oracle_acknowledged(struct world *world, const struct player *player);
void oracle_refused(struct world *world, const struct agent *agent, uint64_t number);
void oracle_confirmed(struct world *world, const struct agent *agent, uint64_t number);
void oracle_pulse(struct world *world);
void oracle_end(struct world *world);

#endif
