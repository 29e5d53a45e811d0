/* Endpoints that failed are asked again while no request needs them. Otherwise one that is healthy again would be shown as
 * failed, and not be used, until every other one has failed.
 *
 *     a request fails --> pause --> asked --answered--> healthy, the next request may go there
 *                           ^         |
 *                           '---------' failed: a longer pause
 *
 * A single endpoint is left to the requests. */
#ifndef OUTRIDER_REGISTRY_ENDPOINTS_RECHECK_H
#define OUTRIDER_REGISTRY_ENDPOINTS_RECHECK_H

#include "outrider/base/random.h"
#include "outrider/registry/endpoints/endpoints.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_call;
struct http_client;
struct http_request_handle;
struct http_result;
struct loop;
struct timer;

/* What is asked: of each backend another thing, that takes a leader. */
struct recheck_question {
    /* Fills in all of `ret_call` for endpoint `index` but the time-outs; borrowed until the next call. */
    void (*ask)(void *user, size_t index, struct http_call *ret_call);
    /* Whether the answer is one of a healthy endpoint, that it is denied among them: `ret_cluster` gets the id it names, 0: none.
     * Else `ret_why` says what is wrong. */
    bool (*is_healthy)(void *user, const struct http_result *result, uint64_t *ret_cluster,
                       char ret_why[static ENDPOINT_ERROR_MAX]);
};

/* Embedded; zeroed at first. */
struct recheck {
    struct endpoints *endpoints;
    const struct recheck_question *question;
    void *user;
    struct http_client *http;
    struct timer *timer; /* NULL where there is one endpoint */
    struct random random;
    int64_t timeout_ms;
    struct recheck_call {
        struct recheck *recheck;
        size_t endpoint;
        struct http_request_handle *http; /* NULL: not being asked */
    } calls[CONFIG_ENDPOINTS_MAX];
};

/* Begins to look after `endpoints`. Everything is borrowed. `timeout_ms` is how long an answer may take. */
void recheck_init(struct recheck *recheck, struct endpoints *endpoints, struct loop *loop,
                  struct http_client *http, int64_t timeout_ms, const struct recheck_question *question,
                  void *user);

/* Asks no more. Accepts a zeroed one. */
void recheck_fini(struct recheck *recheck);

/* endpoints_failed(), and the endpoint is asked again after a pause. */
void recheck_failed(struct recheck *recheck, size_t index, const char *why);

#endif
