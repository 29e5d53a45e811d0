/* The etcd backend on two servers of a few lines, and the events of its watches. */
#ifndef OUTRIDER_TESTS_CONTRACT_RAW_WORLD_H
#define OUTRIDER_TESTS_CONTRACT_RAW_WORLD_H

#include "support/temp_dir.h"
#include "unit/io/raw_server.h"

struct http_client;
struct resolver;
struct loop;
struct registry;

enum { SERVERS = 2, TIMEOUT_MS = 200 };

struct world {
    struct loop *loop;
    struct resolver *resolver;
    struct http_client *http;
    struct registry *registry;
    struct registry_client *client;
    struct raw_server servers[SERVERS];
    struct buf answers[SERVERS];
    char names[SERVERS][64];
    struct temp_dir dir;
    struct buf applied; /* a line for each event */
    size_t ended;
    uint64_t last_id;
    bool close_when_opened, open_when_ended;
};

/* Set-up and tear-down: the servers run, the backend is for each test to start. */
int open_world(void **state);
int close_world(void **state);

/* Starts the backend on the first `endpoint_count` servers; `password` NULL: without credentials. */
void start(struct world *world, size_t endpoint_count, const char *password);

/* Opens the next watch, 1, 2, ... */
void watch(struct world *world, int64_t timeout_ms);

/* Lets servers and loop do what they can do now. */
void turn(struct world *world);

/* What server `i` does to the next request: `body` in one chunk, and if `last` nothing after it; or an answer
 * of known length. */
void will_stream(struct world *world, size_t i, enum raw_act act, const char *body, bool last);
void will_answer(struct world *world, size_t i, int status, const char *body);

/* Waits until these events were delivered, which are then forgotten: a line for each event, "1a opened 3 of 5" (watch 1
 * on server a), "1a changed 4: 1" (one change), "1a ended retry: why". */
void expect_heard(struct world *world, const char *expected);

/* The same for an end, on the server that `id` ("1a") names, because of `why`. */
void expect_ended(struct world *world, const char *id, const char *failure, const char *why);

/* Wait until server `i` got so many requests; has so many connections closed by us. */
void wait_requests(struct world *world, size_t i, size_t count);
void wait_closed(struct world *world, size_t i, size_t count);

#endif
