/* The inside of api: routes.c (which handler), guard.c (who may change state), and the handlers, all pure: a
 * request and the agent as it is in, a reply out. api.c alone knows that there is an HTTP server. */
#ifndef OUTRIDER_API_API_PRIVATE_H
#define OUTRIDER_API_API_PRIVATE_H

#include "outrider/api/api.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hold;
struct http_server_counters;
struct json_writer;

/* What a handler may know of a request; everything is borrowed. A header that is absent is empty, but for
 * `origin`: an empty one is foreign as well. */
struct api_request {
    struct str method, path, query, body;
    struct str host, content_type, authorization, origin;
    bool has_origin;
    bool is_unix;
    struct str peer; /* "127.0.0.1:5555", "[::1]:5555", "pid 17 uid 1000" */
};

struct api_reply {
    int status;
    const char *content_type; /* static */
    const char *header;       /* static: one more header, "Name: value", or NULL */
    struct buf body;          /* the caller's, to be ended with buf_fini */
};

/* What handlers need beside the request. */
struct api_context {
    const struct config *config;
    const struct api_ops *ops;
    void *agent;
    const struct http_server_counters *http; /* NULL: none to show */
    int64_t loop_lag_us;                     /* worst since the last scrape */
};

/* Answers one request, whatever it is. `reply` is zeroed. */
void api_handle(struct api_context *context, const struct api_request *request, struct api_reply *reply);

/* Makes `reply` the error `code` with a message for a person. */
void api_refuse(struct api_reply *reply, int status, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Makes `reply` a 200 with JSON, and returns the body to write it to. */
struct buf *api_json(struct api_reply *reply);

/* Takes the view for this request and keeps the worst lag seen, because looking takes it from the loop. */
void api_look(struct api_context *context, struct api_view *ret_view);

/* guard.c: whether the request may change state: Host, Origin, Content-Type, token. False with `reply` made.
 */
bool api_may_change(const struct api_context *context, const struct api_request *request,
                    struct api_reply *reply);

/* guard.c: whether the token file can be read, for the start. Returns 0, also when there is none, or -1. */
int api_check_token_file(const struct config *config, struct error *err) MUST_CHECK;

/* One handler; the route's rules (method, parameters, guard) have been applied. */
typedef void api_handler_fn(struct api_context *context, const struct api_request *request,
                            struct api_reply *reply);

api_handler_fn api_agent, api_drain, api_undrain, api_healthz, api_readyz, api_metrics;

/* agent.c: one member, a number; a wall time in ms, null for 0. */
void api_write_int(struct json_writer *json, const char *name, int64_t value);
void api_write_time(struct json_writer *json, const char *name, int64_t wall_ms);

/* agent_holds.c: the value of one hold that is set. */
void api_write_hold(struct json_writer *json, const char *kind, const struct hold *hold,
                    const struct instant *now);

/* agent_registry.c: the members registry, lease, withheld and record of the document, and why nothing has
 * been published yet ("" when something has). */
void api_write_registry(struct json_writer *json, const struct api_view *view);
const char *api_unpublished_reason(const struct api_view *view);

/* agent_probes.c: the member probes. */
void api_write_probes(struct json_writer *json, const struct api_view *view);

#endif
