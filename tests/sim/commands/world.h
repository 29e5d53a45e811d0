/* A game server, the agent beside it with the real inbox, and two observers with real dispatches, on a registry that is away now and
 * then, answers late or not at all, and ends leases. Virtual time. */
#ifndef OUTRIDER_TESTS_SIM_COMMANDS_WORLD_H
#define OUTRIDER_TESTS_SIM_COMMANDS_WORLD_H

#include "outrider/base/queue.h"
#include "outrider/base/random.h"
#include "outrider/core/command/dispatch.h"
#include "outrider/core/command/inbox.h"

enum { KEYS_MAX = 96, PEERS_MAX = 3, FLIGHTS_MAX = 256, CHANGES_MAX = 512 };

/* One command: its key, and all that the checks need to know. */
struct key {
    bool exists;
    struct server_command stored;
    int64_t revision;
    struct registry_lease lease;
    int64_t lease_ends;
    struct dispatch dispatch; /* of its sender */
    bool sending;
    int64_t sent_at, heard_at, ended_at; /* 0: not yet */
    char taken[8][32];                   /* results that an agent has taken as the first: "ok text" */
    size_t taken_count;
    enum command_state told; /* what an observer was told as the end; QUEUED: nothing */
    bool quiet;              /* sent after the faults: must be heard and answered */
};

/* A request under way: of the agent (`key` < 0: a listing), or of a dispatch. */
struct flight {
    bool used, of_agent, is_read;
    int key;
    uint64_t request;
    enum dispatch_state state;
    int64_t applies, replies; /* applies NEVER_MS: it is not carried out */
    bool applied;
    enum registry_failure failure;
    struct server_command value;
    struct registry_lease lease;
    int64_t revision, ttl_ms;
    bool succeeded, found;
    struct server_command seen;
    int64_t seen_revision;
    struct registry_lease seen_lease;
    bool walks;
};

struct peer {
    bool connected;
    uint64_t number;
    bool heard[KEYS_MAX];
    int64_t answers[KEYS_MAX]; /* when the server says its result; 0: not */
    int64_t next_answer;       /* none of them is sooner */
};

struct world {
    struct random random;
    uint64_t seed;
    int64_t now;        /* ms */
    int64_t away_until; /* of the registry */
    int64_t skew[3];    /* of the clocks of agent and observers, ms */
    bool faults, sends;
    int64_t revision;
    uint64_t leases;
    struct key keys[KEYS_MAX];
    int count, first_there, first_sending; /* no key before them is there; is being sent or asked for */
    struct flight flights[FLIGHTS_MAX];
    size_t flight_end; /* no place from it on is used */
    struct inbox inbox;
    struct queue effects;
    bool agent_up, watching;
    int64_t opens_at; /* the watch of the agent: opens then; 0: it is open */
    struct {
        int key;
        int64_t at;
    } changes[CHANGES_MAX]; /* on their way to the agent */
    size_t change_count;
    struct peer peers[PEERS_MAX];
    uint64_t last_peer;
    enum inbox_verdict verdict;
    const char *broken; /* the invariant */
    uint64_t delivered, answered, expired;
};

/* One episode: `storm_ms` with faults, then without. Returns NULL, or the invariant that broke. */
const char *world_run(struct world *world, uint64_t seed, int64_t storm_ms);

/* store.c: the registry. */
void store_submit(struct world *world, struct flight flight);
void store_step(struct world *world);
bool store_is_away(const struct world *world);

/* agents.c: what gets the answers. */
struct instant agent_clock(const struct world *world, int which);
void agent_replied(struct world *world, struct flight *flight);
void agent_step(struct world *world, struct inbox_event event);
void agent_changed(struct world *world, int key);
void observer_replied(struct world *world, struct flight *flight);
void observer_go_on(struct world *world, int key);
void observer_send(struct world *world);
void server_step(struct world *world);

/* The first invariant that breaks is kept. */
void world_break(struct world *world, const char *what);

#endif
