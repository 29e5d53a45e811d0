/* Agents with a store in Redis each, asked one thing at a time. */
#ifndef OUTRIDER_TESTS_CONTRACT_REDIS_AGENTS_H
#define OUTRIDER_TESTS_CONTRACT_REDIS_AGENTS_H

#include "redis_servers.h"

#include "outrider/base/buf.h"
#include "outrider/session/store.h"

enum { HOUR_MS = 3600000, AGENTS = 2 };

/* One agent's store, and what it said last. */
struct agent {
    struct session_store *store;
    struct session_client *client;
    uint64_t last_id;
    size_t answers, failures;
    enum session_failure failure;
    bool found;
    size_t count;
    char id[80], player[300], server[80], replaced[80], error[400];
    struct buf events; /* a line each: what it is, of which session, why */
};

extern struct agent agents[AGENTS];
extern struct buf logged; /* by both */
extern char space[40];    /* their namespace, another one for each test */
extern struct redis_login login;

/* Starts a request; await() runs the loop until all are answered, ask() does both, must() insists on success. */
void submit(struct agent *agent, struct session_request request, int64_t timeout_ms);
void await(struct agent *agent);
void ask(struct agent *agent, struct session_request request);
void must(struct agent *agent, struct session_request request);

/* A put of a session that ends in an hour. */
struct session_request put_of(const char *id, const char *player, const char *server);

bool has(struct agent *agent, const char *id);

/* Runs the loop until the agent has heard `text`. */
void hears(struct agent *agent, const char *text);
void run_for(int64_t ms);

/* An agent that listens, in place of one that is gone. */
void open_agent(struct agent *agent);
void close_agent(struct agent *agent);

int setup(void **state);
int teardown(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
