/* An agent without I/O: the real machines, stepped by the test, behind the API's operations. */
#ifndef OUTRIDER_TESTS_API_SMALL_AGENT_H
#define OUTRIDER_TESTS_API_SMALL_AGENT_H

#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/common/request.h"
#include "outrider/base/queue.h"
#include "outrider/core/config/config.h"
#include "outrider/core/probe/probe.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/registry/mirror.h"
#include "outrider/core/server/server.h"
#include "outrider/core/server/shutdown.h"

#include <jansson.h>

struct small_agent {
    struct config config;
    struct instant now;
    struct server *server;
    struct registrar *registrar;
    struct intent *intent;
    struct shutdown shutdown;
    struct probe probe;
    struct api_histogram probe_duration;
    struct api_probe probe_view;
    struct api_counters counters;
    struct api_context context;
    bool registry_outage; /* requests fail from now on */
    const char *conflict; /* the record of another holder of the key, under lease 0xfeed; NULL: none */
    char by[80], reason[300];
    int64_t deadline_ms, expires_ms;
    unsigned drains, undrains, unflaps;
    const char *host, *state_last_error;
    const struct api_sandbox *sandbox;
    const struct view *fleet;      /* NULL: none */
    const struct history *history; /* NULL: none is kept */
    struct api_saves history_saves;
    struct mirror_facts reservations;
    struct placement *placement;
    unsigned wants;
    unsigned controls;
    api_controlled_fn *controlled; /* of the last control */
    void *controlled_user;
};

/* World "01TEST" with one tcp probe "game" on 8001, fall 3, rise 2, listening at 127.0.0.1:7117; not started. */
void small_agent_init(struct small_agent *agent);
void small_agent_fini(struct small_agent *agent);

/* Set-up and tear-down of a test whose `*state` is such an agent. */
int small_agent_set_up(void **state);
int small_agent_tear_down(void **state);
#define WITH_AGENT(test) cmocka_unit_test_setup_teardown(test, small_agent_set_up, small_agent_tear_down)

/* Starts without a state file and with an address; the record is registered unless registry_outage is set. */
void small_agent_start(struct small_agent *agent);

/* The server reports a status line. */
void small_agent_say(struct small_agent *agent, const char *line);

/* The probe's try ends; a verdict reaches the server. */
void small_agent_try(struct small_agent *agent, enum probe_outcome outcome);

/* Steps the server with one event (its time is filled in) and lets the registry reply. */
void small_agent_step(struct small_agent *agent, struct server_event event);

/* Handles a request; the reply is ended with api_reply_fini, or buf_fini(&reply.body) when it has only that. */
struct api_reply small_agent_ask(struct small_agent *agent, const struct api_request *request);

/* The same for GET `path` with `query`. */
struct api_reply small_agent_get(struct small_agent *agent, const char *path, const char *query);

/* The same for a POST of JSON from loopback, as an operator's command sends it. */
struct api_reply small_agent_post(struct small_agent *agent, const char *path, const char *body);

/* Parses the body as JSON, which it must be, and frees it; the result is ended with json_decref. */
json_t *small_agent_json(struct api_reply *reply);

/* Asserts that the reply is an error of that status and code with a message, and frees its body. */
void small_agent_refused(struct api_reply reply, int status, const char *code);

#endif
