/* A simulation of drains of many servers: three observers with the real shell/waves, election and mirrors on the store in
 * memory, under virtual time; servers whose agents follow their control keys, and operators who begin, stop and undo drains
 * and change keys by hand. Observers are killed and frozen, networks are cut, slow or swallow everything, the registry is away,
 * servers vanish, fail and come back, and wall clocks differ.
 *
 * At each change of the store (waves_oracle.c): never more holds under way than maxDraining, never below the floor by what a
 * step did, keepOne keeps one, no hold of others is replaced or lifted, only the first in the queue of the lock acts, a hold is
 * never there without its operation knowing it, an empty server was empty for so long, and a finished operation leaves no hold
 * that it should not. After the storm the drains end. */
#ifndef OUTRIDER_TESTS_SIM_WAVES_H
#define OUTRIDER_TESTS_SIM_WAVES_H

#include "sim/heap.h"
#include "sim/narrative.h"

#include "outrider/base/attr.h"
#include "outrider/base/random.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/shell/waves/waves.h"

enum {
    NODES = 3,
    SERVERS = 12,
    OPERATIONS = 24,
    OPEN_MAX = 64,
    WATCHES_MAX = 64,
    TTL_MS = 6000,
    SLOW_MS = 3000,
    BEHIND_MS = 8000,
    OPEN_MS = 2000 /* of a watch */
};
enum { STORM_MS = 600000, CALM_MS = 900000, SKEW_MS = 1000 };

enum event_type {
    EVENT_TICK,
    EVENT_REQUEST, /* arrives at the store */
    EVENT_REPLY,   /* arrives at an observer, as EVENT_TIMEOUT and EVENT_CHANGE */
    EVENT_TIMEOUT,
    EVENT_WATCH, /* arrives at the store */
    EVENT_CHANGE,
    EVENT_SEE,   /* an observer sees the record of a server */
    EVENT_AGENT, /* an agent follows its control key */
    EVENT_LIFE,  /* of a server: players leave and come, it starts */
    EVENT_START, /* an observer */
    EVENT_HEAL,  /* its network */
    EVENT_UP,    /* the store */
    EVENT_FAULT,
    EVENT_OPERATOR,
    EVENT_END
};

enum network { NETWORK_UP, NETWORK_REFUSES, NETWORK_SWALLOWS, NETWORK_SLOW };

/* The record of a server; not there where `exists` is false. */
struct shown {
    bool exists;
    unsigned status;
    uint32_t players;
};

/* What travels, with what it points to. */
struct packet {
    enum waves_client client;
    uint64_t id;
    struct registry_request request;
    struct registry_txn *txn;
    struct blob *value;
    struct registry_reply reply;
    struct registry_watch watch;
    struct registry_watch_event event;
    char *key, *end;
    struct registry_item *items;
    struct registry_change *changes;
    struct shown looked[SERVERS]; /* of a request: the fleet that its sender knew */
};

struct server {
    char place[32], zone[4], region[4];
    uint32_t capacity;
    struct shown record;
    bool held;                    /* as its agent knows */
    int64_t empty_since;          /* gone, or not ready and without players; 0: it is not so */
    char holder[ULID_LENGTH + 1]; /* operation of the hold at its control key; "": none; "-": by hand */
    int64_t control_revision;     /* of that key; 0: there is none */
};

struct waves_owner {
    struct world *world;
    unsigned index;
    uint32_t life;
    bool alive;
    int64_t frozen_until, skew;
    enum network network;
    struct waves *waves;
    struct shown seen[SERVERS], looked[SERVERS]; /* as it knows them; as its last step knew them */
    int64_t seen_at[SERVERS], tick_at, looked_at;
    bool moved, synced;
    struct {
        enum waves_client client;
        uint64_t id;
    } open[OPEN_MAX];
};

struct open_watch {
    uint64_t id; /* of the store; 0: free */
    unsigned node;
    uint32_t life;
    enum waves_client client;
    uint64_t node_id;
    int64_t last_at;
    bool silent;
};

/* An operation as the oracle saw it last. */
struct known {
    char id[ULID_LENGTH + 1];
    struct wave wave;
    bool present;
    int64_t paused_at;
};

struct stats {
    uint64_t ms, events, requests, steps, holds, lifts, begun, ended, faults, takeovers;
};

struct world {
    uint64_t seed;
    struct random random;
    struct heap heap;
    int64_t now, store_now;
    struct registry *store;
    struct registry_client *client;
    bool down, calm, failed, ended;
    bool sabotaged; /* a rule is broken on purpose: the oracle must say so */
    struct waves_owner nodes[NODES];
    struct server servers[SERVERS];
    struct known known[OPERATIONS];
    size_t known_count;
    struct open_watch watches[WATCHES_MAX];
    uint64_t last_watch, last_request, last_ticket;
    struct packet *at_store; /* the request that is carried out */
    unsigned at_store_node, last_driver;
    bool loses_reply;   /* to that request */
    struct packet *own; /* the reply to a request of the world itself */
    struct narrative *narrative;
    struct stats stats;
};

/* ---- waves_world.c ---- */

struct world *world_new(uint64_t seed, struct narrative *narrative);
void world_run(struct world *world);
void world_free(struct world *world);
void plan(struct world *world, int64_t delay, enum event_type type, unsigned node, struct packet *packet,
          uint64_t id);
int64_t between(struct world *world, int64_t least, int64_t most);
bool chance(struct world *world, unsigned percent);
void tell(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
void break_rule(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- waves_node.c ---- */

void node_start(struct waves_owner *node);
void node_kill(struct waves_owner *node);
void node_event(struct waves_owner *node, struct waves_event event);
struct instant node_now(const struct waves_owner *node);
/* Shows the node the record of a server as it is now. */
void node_see(struct waves_owner *node, size_t server);

/* ---- waves_net.c ---- */

void net_request(struct waves_owner *node, enum waves_client client, const struct registry_request *request);
void net_watch(struct waves_owner *node, enum waves_client client, const struct registry_watch *watch);
void net_unwatch(struct waves_owner *node, enum waves_client client, uint64_t id);
void net_arrive(struct world *world, const struct event *event);
void net_open(struct world *world);
void net_end_watches(struct world *world, const struct waves_owner *node);
/* A request of the world itself: done at once. The reply is borrowed until the next. */
const struct registry_reply *net_do(struct world *world, struct registry_request request);
void packet_free(struct packet *packet);

/* ---- waves_servers.c ---- */

/* The record is another one: observers see it in a while. */
void server_changed(struct world *world, size_t server);
/* Its agent follows the control key; players leave, or it starts. */
void server_follow(struct world *world, size_t server);
void server_live(struct world *world, size_t server);
void faults_one(struct world *world);
/* Puts a hold of a drain that there is none of. */
void faults_sabotage(struct world *world);
/* Now and then an operator is faster than a step: changes one of its control keys by hand. */
void faults_race(struct world *world, const struct packet *packet);
void operators_one(struct world *world);

/* ---- waves_oracle.c ---- */

/* After each request at the store. `packet`: the request, NULL: of the world itself. */
void oracle_check(struct world *world, const struct packet *packet, unsigned node);
/* After the calm. */
void oracle_end(struct world *world);

#endif
