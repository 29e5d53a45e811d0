/* The inside of api: routes.c (which handler), guard.c (who may change state), reply.c (what every answer
 * shares) and the handlers, all pure: a request and the agent as it is in, a reply out. api.c alone knows
 * that there is an HTTP server. */
#ifndef OUTRIDER_API_COMMON_HANDLER_H
#define OUTRIDER_API_COMMON_HANDLER_H

#include "outrider/api/common/api.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"
#include "outrider/codec/record/services_json.h"
#include "outrider/core/server/hold.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob;
struct http_server_counters;
struct json_writer;

/* What a handler may know of a request; everything is borrowed. A header that is absent is empty, but for
 * `origin`: an empty one is foreign as well. */
struct api_request {
    struct str method, path, query, body;
    struct str host, content_type, authorization, origin, if_none_match;
    bool has_origin;
    bool is_unix;
    struct str peer;     /* "127.0.0.1:5555", "[::1]:5555", "pid 17 uid 1000" */
    struct str type, id; /* what stands in the path where the route has {type} and {id} */
};

/* What an answer is besides its bytes. */
enum api_turn {
    API_ANSWERED,      /* the reply is all */
    API_WAITS,         /* for the fleet to be known: ask again then, or at the end of patience */
    API_STREAMS_FLEET, /* the hub answers: GET /api/subscribe */
    API_STREAMS_DISCOVERY,
    API_CONTROLS /* answered once the registry has `hold` at the control key of type and id */
};

struct api_reply {
    int status;
    const char *content_type; /* static */
    const char *header;       /* static: one more header, "Name: value", or NULL */
    struct buf body;          /* the caller's, to be ended with buf_fini */
    struct blob *blob;        /* instead of the body where it is not NULL; a reference of the caller's */
    char etag[SERVICES_ETAG_MAX];
    int64_t stale_ms; /* how old what is told may be; 0: it is certain */
    bool retry_after; /* another try in a second may do */
    enum api_turn turn;
    struct hold hold;    /* controls: not set, to lift it */
    struct str type, id; /* controls: of whom; borrowed until the view is stepped */
};

/* Answers kept as long as the fleet does not change: who polls it pays for what is new only. */
enum { API_LISTS_MAX = 8, API_LISTS_BYTES_MAX = 32 << 20 };
struct api_lists {
    struct {
        struct buf filter;
        struct blob *answer;
    } lists[API_LISTS_MAX];
    size_t count, bytes, next;
    int64_t revision; /* of all of them */
    uint64_t cluster;
};

/* What handlers need beside the request. */
struct api_context {
    const struct config *config;
    const struct api_ops *ops;
    void *agent;
    const struct http_server_counters *http; /* NULL: none to show */
    int64_t loop_lag_us;                     /* worst since the last scrape */
    bool impatient;                          /* this request has waited long enough */
    uint64_t waiting_refused;                /* requests for the fleet that found no room to wait */
    struct api_lists lists;
};

/* services.c: forgets the kept answers. */
void api_lists_clear(struct api_lists *lists);

/* services.c: takes the view for a request that needs the fleet. False with `reply` made, or with it waiting,
 * while that is not known. */
bool api_need_fleet(struct api_context *context, struct api_view *ret_view, struct api_reply *reply);

/* Answers one request, whatever it is. `reply` is zeroed. */
void api_handle(struct api_context *context, const struct api_request *request, struct api_reply *reply);

/* reply.c: makes `reply` the error `code` with a message for a person. */
void api_refuse(struct api_reply *reply, int status, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* reply.c: makes `reply` a 200 with JSON, and returns the body to write it to. */
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
api_handler_fn api_services, api_service, api_subscribe, api_service_drain, api_service_undrain;
api_handler_fn api_discovery_status, api_discovery_services, api_discovery_health, api_discovery_topology;
api_handler_fn api_discovery_events, api_discovery_enable, api_discovery_disable;

/* agent_process.c: the members about the process. */
void api_write_process(struct json_writer *json, const struct api_view *view);

/* observer.c: the document of an agent without a server; the member view of either. */
void api_write_observer(struct json_writer *json, const struct api_view *view);
void api_write_view(struct json_writer *json, const struct api_view *view);

/* agent_holds.c: the value of one hold that is set. */
void api_write_hold(struct json_writer *json, const char *kind, const struct hold *hold,
                    const struct instant *now);

/* agent_holds.c: who asks, for holds and logs: "api uid 1000" over the unix socket, "api 127.0.0.1" over TCP;
 * the pid and the port are of no use later. */
void api_name_operator(const struct api_request *request, char ret_by[static HOLD_BY_MAX + 1]);

/* agent_holds.c: what a drain's body asks for, as a hold of `request`'s peer. False with `reply` made. */
bool api_read_hold(struct api_context *context, const struct api_request *request, struct api_reply *reply,
                   struct hold *ret_hold);

/* agent_holds.c: that an undrain's body asks for nothing. False with `reply` made. */
bool api_read_nothing(const struct api_request *request, struct api_reply *reply);

/* metrics_fleet.c: what is known of the fleet, and of who follows it. */
void api_write_fleet_metrics(struct buf *out, const struct api_view *view, const struct api_context *context);

/* agent_registry.c: the endpoints as a member. */
void api_write_endpoints(struct json_writer *json, const struct api_view *view);

/* agent_registry.c: the members registry, lease, withheld and record of the document, and why nothing has
 * been published yet ("" when something has). */
void api_write_registry(struct json_writer *json, const struct api_view *view);
const char *api_unpublished_reason(const struct api_view *view);

/* agent_probes.c: the member probes. */
void api_write_probes(struct json_writer *json, const struct api_view *view);

#endif
