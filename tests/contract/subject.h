/* A registry under test and a way to ask it one thing at a time, the same for every backend. */
#ifndef OUTRIDER_TESTS_CONTRACT_SUBJECT_H
#define OUTRIDER_TESTS_CONTRACT_SUBJECT_H

#include "outrider/base/buf.h"
#include "outrider/core/registry/registry_limits.h"
#include "outrider/core/registry/registry_request.h"

struct http_client;
struct resolver;
struct loop;
struct registry;
struct timer;

struct subject {
    struct registry *registry;
    struct registry_client *client;
    bool is_memory;
    bool is_redis;
    bool shares_revisions; /* the store counts more than these keys: the next revision is any later one */
    struct loop *loop;     /* the last three: not memory */
    struct resolver *resolver;
    struct http_client *http;
    struct timer *pause;
    bool paused, submitting;
    uint64_t last_id;
    size_t answers;              /* in all */
    struct registry_reply reply; /* the last one; its strings live in the buffers */
    struct buf error, endpoint, note, value;
    struct registry_item items[8]; /* the first of them */
    struct buf listed;
};

/* Opens the memory backend of the kind chosen, or with `endpoints` (comma-separated) the backend chosen on those. */
void subject_open(struct subject *subject, const char *endpoints);

/* Redis: another registry in its place, with a login. */
struct redis_login;
void subject_log_in(struct subject *subject, const struct redis_login *login);

/* Closes it; open requests get no answer. */
void subject_close(struct subject *subject);

/* Reads the command line of a suite, "memory", "memory_redis", "memory_consul", "etcd", "redis" or "consul", for subject_set_up().
 * `ret_endpoints` (may be NULL) gets NULL, or what OUTRIDER_TEST_ETCD, OUTRIDER_TEST_REDIS or OUTRIDER_TEST_CONSUL says. False
 * when it is none of these, or a server without endpoints; the usage is printed. */
bool subject_chosen(int argc, char **argv, const char **ret_endpoints);

/* Setup and teardown of a test: `*state` is a subject, opened as subject_chosen() found. */
int subject_set_up(void **state);
int subject_tear_down(void **state);

/* Whether the registry under test can; the test ends here, skipped, where it cannot. */
bool subject_can(const struct subject *subject, enum registry_capability capability);
void subject_need(const struct subject *subject, enum registry_capability capability);

/* That `revision` is the one after `before`: the next, or a later one where the store counts other things as well. */
void subject_expect_next(const struct subject *subject, int64_t revision, int64_t before);

/* Asks what makes a registry look whether leases have run out, where it does not by itself. */
void subject_wake_leases(struct subject *subject);

/* Starts `request` with an id of its own (and 5 s unless it says otherwise). */
void subject_submit(struct subject *subject, struct registry_request request);

/* One turn of the loop, until something happens; or a run of memory. */
void subject_turn(struct subject *subject);

/* Runs until there were `answers` replies in all. */
void subject_run_until(struct subject *subject, size_t answers);

/* Submits, waits, and checks that the answer belongs to the request. */
const struct registry_reply *subject_ask(struct subject *subject, struct registry_request request);

/* Asks and insists on success. */
const struct registry_reply *subject_do(struct subject *subject, struct registry_request request);

/* Lets a little time pass: memory's clock, or the loop's. */
void subject_pass_time(struct subject *subject);

#define NO_LEASE ((struct registry_lease){0})

/* A put of text; lease and revision as in the request. */
const struct registry_reply *subject_put(struct subject *subject, struct str key, struct str value,
                                         struct registry_lease lease, int64_t expect_revision);

/* A new lease of 60 s. */
struct registry_lease subject_lease(struct subject *subject);

/* An id, and a key, that are not in use; the key lives until the process ends. */
struct registry_lease fresh_lease_id(void);
struct str fresh_key(void);

#endif
