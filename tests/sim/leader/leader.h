/* A simulation of leadership: candidates of one scope, each the real machine of core/leader, on the store in memory,
 * under virtual time. Packets are slow, lost, late and doubled, networks are cut or swallow everything, processes are
 * killed, stopped and suspended, clocks run at different speeds, and the store changes its leader, loses its data or what
 * it acknowledged. */
#ifndef OUTRIDER_TESTS_SIM_LEADER_H
#define OUTRIDER_TESTS_SIM_LEADER_H

#include "sim/heap.h"
#include "sim/narrative.h"

#include "outrider/base/attr.h"
#include "outrider/base/random.h"
#include "outrider/core/leader/election.h"
#include "outrider/registry/memory/memory.h"

enum { NODES_MAX = 6, OPEN_MAX = 16, WATCHES_MAX = 256, DELAY_MAX = 3000 };

enum event_type {
    EVENT_TICK,    /* a deadline of a node */
    EVENT_REQUEST, /* arrives at the store */
    EVENT_REPLY,   /* arrives at a node */
    EVENT_TIMEOUT, /* of a request */
    EVENT_WATCH,   /* arrives at the store */
    EVENT_UNWATCH,
    EVENT_CHANGE, /* of a watch, arrives at a node */
    EVENT_RESUME, /* a node runs again */
    EVENT_START,  /* a node that was killed starts */
    EVENT_HEAL,   /* the network of a node */
    EVENT_UP,     /* the store */
    EVENT_FAULT,
    EVENT_LED,    /* by now one leads */
    EVENT_RESIGN, /* the leader is told to resign */
    EVENT_FOLLOWED,
    EVENT_END
};

enum network { NETWORK_UP, NETWORK_REFUSES, NETWORK_SWALLOWS, NETWORK_SLOW };

/* What travels. A reply and a watch event have copies of what they point to. */
struct packet {
    struct registry_request request;
    struct registry_reply reply;
    struct registry_watch watch;
    struct registry_watch_event event;
    uint64_t id; /* of the request or watch, as the node knows it */
    char *key, *end, *error;
    struct registry_item *items;
    struct registry_change *changes;
};

struct node {
    struct world *world;
    unsigned index;
    uint32_t life; /* counts processes; what is sent to an earlier one is dropped */
    bool alive, stopped, asleep, ready, leaving;
    bool believes; /* GAINED came last */
    int64_t token;
    struct election election;
    struct queue effects;
    int64_t boot_base, slept;
    int64_t stopped_from, stopped_until;
    int64_t parts; /* speed of its clock, in millionths */
    enum network network;
    uint64_t opened, silenced; /* the last watch that opened, that delivers nothing any more */
    uint64_t open[OPEN_MAX];   /* requests without a reply */
    int64_t tick_at;
};

struct open_watch {
    uint64_t id; /* of the store; 0: free */
    unsigned node;
    uint32_t life;
    uint64_t node_id;
    int64_t last_at; /* the latest arrival: events come in order */
    bool silent;
};

struct stats {
    uint64_t agent_ms, events, gained, lost[ELECTION_REASON_COUNT], requests, lists, faults, calms, handovers;
};

struct world {
    uint64_t seed;
    const struct memory_kind *kind;
    struct random random;
    struct heap heap;
    int64_t now;
    struct registry *store;
    struct registry_client *client;
    uint64_t cluster;
    int64_t store_now; /* how far the store's clock is */
    bool down;
    struct packet *at_store; /* the request that is carried out */
    unsigned at_store_node;
    struct node nodes[NODES_MAX];
    unsigned node_count;
    int64_t ttl_ms, renew_ms;
    struct open_watch watches[WATCHES_MAX];
    uint64_t last_watch, last_request;
    int64_t revision, revision_floor; /* of the store as seen last; that nothing before is undone */
    struct packet *own;               /* the reply to a request of the world itself */
    bool calm, silenced;              /* a watch was made silent in this storm */
    int64_t storm_ends;
    uint64_t lists_before; /* the leader resigned */
    unsigned storms;
    int64_t last_token;
    unsigned last_leader;
    uint32_t last_leader_life;
    int64_t excused_until; /* until then two may believe: data were lost, or keys deleted by hand */
    bool failed, ended;
    struct narrative *narrative;
    struct stats stats;
};

/* ---- world.c ---- */

struct world *world_new(uint64_t seed, const struct memory_kind *kind, struct narrative *narrative);
void world_run(struct world *world);
void world_free(struct world *world);

/* Plans an event in `delay` ms. */
void plan(struct world *world, int64_t delay, enum event_type type, struct node *node, struct packet *packet,
          uint64_t id);

/* Uniform from `least` to `most`. */
int64_t between(struct world *world, int64_t least, int64_t most);
bool chance(struct world *world, unsigned percent);

/* Asks every node that could be asked now whether it leads. */
void ask_all(struct world *world);

/* A line of the narrative. */
void tell(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

/* An invariant does not hold. */
void break_rule(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- node.c ---- */

void node_start(struct node *node);
void node_kill(struct node *node);
void node_event(struct node *node, enum election_event_type type, const struct registry_reply *reply,
                const struct registry_watch_event *watch);
struct instant node_now(const struct node *node);
bool node_leads(const struct node *node, int64_t *ret_token);
void node_resume(struct node *node);
void node_tell(struct node *node, bool ready);

/* ---- net.c ---- */

void net_request(struct node *node, const struct registry_request *request);
void net_watch(struct node *node, const struct registry_watch *watch);
void net_unwatch(struct node *node, uint64_t id);
void net_arrive(struct world *world, const struct event *event);
void net_open_store(struct world *world);
void net_close_store(struct world *world);
/* A request of the world itself: done at once. Borrowed until the next. */
const struct registry_reply *net_do(struct world *world, struct registry_request request);
void net_end_watches(struct world *world, const struct node *node);
void packet_free(struct packet *packet);

/* ---- faults.c ---- */

void faults_one(struct world *world);
/* Until when a node is stopped. */
int64_t faults_last(const struct world *world);
void faults_calm(struct world *world);

#endif
