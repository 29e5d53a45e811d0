/* The market of test_seats_router.c: agents with real routers and views at one registry in memory, requests on their way to it, and what
 * the agents have promised. */
#ifndef OUTRIDER_UNIT_SHELL_ROUTER_MARKET_H
#define OUTRIDER_UNIT_SHELL_ROUTER_MARKET_H

#include "outrider/base/random.h"
#include "outrider/registry/memory/memory.h"
#include "outrider/shell/router/fleet_router.h"
#include "outrider/shell/router/seats_router.h"

#include <stdbool.h>

enum { AGENTS = 3, SERVERS = 4, CAPACITY = 6, IDS = 10, FLIGHTS = 256, PROMISES = 4096, SKEW_MS = 1000 };

struct market;

struct fleet {
    struct market *market;
    struct seats_owner *owner;
    struct fleet_router router;
    struct registry_client *client;
};

struct seats_owner {
    struct market *market;
    struct fleet fleet;
    struct seats_router *router;
    struct registry_client *followed, *changed;
    int64_t skew;
    char by[8];
    size_t skipped;
};

/* A request on its way. */
struct flight {
    struct seats_owner *owner;
    uint64_t id;
    struct registry_txn *txn; /* NULL: the place is free */
    bool ghost;               /* it has been answered as not known, and is carried out late */
};

/* What an agent has promised: an allocation or an extension that it reported as made. */
struct promise {
    char id[16], server[8];
    uint32_t seats;
    int64_t until, skew; /* by the clock of the agent */
    bool over;           /* released, claimed, or its server has gone */
};

struct wish {
    struct market *market;
    struct seats_owner *owner;
    struct placement_query query;
    char id[16], key[8], server[8];
    enum amend_op op;
    uint32_t seats;
    struct wish *next; /* of those that release */
};

struct market {
    struct wish *releases; /* under way */
    struct registry *registry;
    struct registry_client *writer, *ghosts;
    struct seats_owner agents[AGENTS];
    struct instant now;
    struct random random;
    struct flight flights[FLIGHTS];
    struct promise promises[PROMISES];
    size_t promise_count, wishes, made, existed, none, conflicts, failed, refused, unknown, released;
    uint64_t last_write;
    unsigned players[SERVERS], fresh;
    bool gone[SERVERS];
    bool faults;
    bool silent;         /* no request is answered before its time is up */
    size_t compares_max; /* a transaction of more is refused; 0: none is */
    uint64_t seed;
};

/* market.c: a number below `count`; the present of an agent, whose clock is off. */
unsigned market_below(struct market *market, unsigned count);
struct instant market_now(const struct seats_owner *owner);

/* A market with its servers and agents, and its end. `faults`: answers are lost, servers go. */
struct market *market_new(const struct memory_kind *kind, uint64_t seed);
void market_free(struct market *market);

/* Writes a transaction, and the record of a server as it is now. */
void market_write(struct market *market, const struct registry_txn *txn);
void market_write_record(struct market *market, unsigned server);
struct blob *market_record(const struct market *market, unsigned server);

/* The list of a server, as the registry has it. */
void market_read_list(struct market *market, const char *server, struct reservations *ret_list);

/* market_check.c: by how much the clock of the agent `by` is off; and whether no server is sold beyond its capacity, no promise is broken
 * and no id has two reservations. */
int64_t market_skew(const struct market *market, const char *by);
void market_check(struct market *market);

/* The registry answers, and what must hold is checked. */
void market_run(struct market *market);

/* market_flights.c: some of the requests that are on their way arrive, or not, one of `chance` each; time passes for all agents. */
void market_land(struct market *market, unsigned chance);
void market_pass(struct market *market, int64_t ms);

#endif
