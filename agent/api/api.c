/* Between the HTTP server and the handlers: listeners and their policies, requests, and when a reply is sent. */
#include "outrider/api/api.h"

#include "listeners_internal.h"
#include "outrider/api/common/attempt.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/credentials.h"
#include "outrider/api/common/deferred.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/late.h"
#include "outrider/api/common/packs.h"
#include "outrider/api/common/placements.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/drains/plans.h"
#include "outrider/api/fleet/lists.h"
#include "outrider/api/keys/key_watchers.h"
#include "outrider/api/page/page.h"
#include "outrider/api/websocket/sockets.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/http_coding.h"
#include "outrider/io/http/http_parse.h"
#include "outrider/io/http/server/http_push.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api {
    struct http_server *server;
    struct api_listeners *listeners;
    struct api_context context;
    struct api_deferreds *deferreds;
    struct api_late *late;
    struct timer *names; /* looks at those who follow a stream by name; armed while there may be any */
    uint64_t refused_told, closed_told; /* of what is short: what the log has */
};

/* The name of a stream that is taken out of the access file loses it within so long, and a little. */
enum { NAMES_MS = 10000 };

/* ---- requests ---- */

/* Whether the complete reply, with the exchange, was taken over by what sends it later. */
static bool is_put_off(struct api *api, struct http_exchange *exchange, struct api_reply *reply)
{
    if (reply->pack != NULL && api_pack_done(reply->pack) == NULL) {
        return api_packs_wait(api->context.packs, exchange, reply);
    }
    return reply->delay_ms > 0 && api_late_add(api->late, exchange, reply);
}

static void serve(struct http_exchange *exchange, const struct api_request *request, bool impatient,
                  void *user)
{
    struct api *api = user;
    struct api_call call = {.context = &api->context, .request = *request};
    struct api_reply reply = {0};
    api->context.http = http_server_counters(api->server);
    api->context.tls = api_listeners_tls(api->listeners);
    api->context.impatient = impatient;
    api_handle(&call, &reply);
    if (reply.turn == API_TAKEN) {
        reply.take(&call, exchange);
        if (!timer_is_armed(api->names)) {
            timer_arm_ms(api->names, NAMES_MS);
        }
    } else if (reply.turn == API_ANSWERED && api_attempt_has_entry(call.attempt, &call.request)) {
        api_deferreds_hold(api->deferreds, &call, exchange, &reply);
    } else if (reply.turn == API_ANSWERED) {
        api_attempt_end(call.attempt, &api->context, &call.request, &reply, NULL, NULL);
        if (!is_put_off(api, exchange, &reply)) {
            api_respond(exchange, &reply);
        }
    } else if (api_deferreds_add(api->deferreds, &call, exchange, &reply)) {
        /* it is answered later */
    } else if (reply.deferral.begin == NULL) { /* no room to wait: handled at once */
        api->context.waiting_refused++;
        serve(exchange, request, true, api);
    } else { /* an operation that finds no room must not begin */
        reply.header = API_RETRY_SOON;
        api_refuse(&reply, 503, "busy", "%d requests wait already", API_DEFERRED_MAX);
        api_respond(exchange, &reply);
    }
    api_reply_fini(&reply);
    api_call_fini(&call);
}

static struct str header(const struct http_request *http, struct str name)
{
    struct str value;
    return http_head_find(http->head, name, &value) ? value : (struct str){NULL, 0};
}

static void on_request(struct http_exchange *exchange, const struct http_request *http, void *user)
{
    bool reads = str_eq(http->method, STR("GET"));
    const struct api_policy *policy = http->policy;
    struct str named = {NULL, 0};
    if (policy->proxy_header != NULL &&
        !http_head_find_one(http->head, str_of(policy->proxy_header), &named)) {
        named = (struct str){NULL, 0};
    }
    struct api_request request = {.method = http->method,
                                  .path = http->path,
                                  .query = http->query,
                                  .body = http->body,
                                  .host = http->host,
                                  .content_type = header(http, STR("Content-Type")),
                                  .authorization = header(http, STR("Authorization")),
                                  .origin = header(http, STR("Origin")),
                                  .if_match = header(http, STR("If-Match")),
                                  .if_none_match = header(http, STR("If-None-Match")),
                                  .last_event_id = header(http, STR("Last-Event-ID")),
                                  .cookie = header(http, STR("Cookie")),
                                  .fetch_site = header(http, STR("Sec-Fetch-Site")),
                                  .request_id = reads ? STR("") : header(http, STR("X-Request-Id")),
                                  .x_outrider = header(http, STR("X-Outrider")),
                                  .idempotency_key = header(http, STR("Idempotency-Key")),
                                  .is_unix = http->is_unix && policy->proxy_header == NULL,
                                  .proxy_user = named,
                                  .gzip = http_wants_gzip(http->head),
                                  .certificate = http->names,
                                  .head = http->head,
                                  .policy = http->policy,
                                  .exchange = exchange};
    serve(exchange, &request, false, user);
}

static void on_gone(struct http_exchange *exchange, void *user)
{
    struct api *api = user;
    api_deferreds_gone(api->deferreds, exchange);
    api_late_gone(api->late, exchange);
    api_packs_gone(api->context.packs, exchange);
}

static bool may_go_on(struct str tag, void *user)
{
    struct access_identity who;
    memcpy(&who, tag.data, sizeof(who));
    return api_may_go_on(user, &who);
}

static void on_names(void *user)
{
    struct api *api = user;
    if (http_server_counters(api->server)->pushing > 0) {
        struct api_standing standing =
            api_credentials_look(api->context.credentials, api->context.config, clock_wall_ms());
        http_server_end_pushes(api->server, may_go_on, &standing);
        timer_arm_ms(api->names, NAMES_MS);
    }
}

/* ---- listeners ---- */

static uint64_t sum(const uint64_t *counts, size_t count)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        all += counts[i];
    }
    return all;
}

/* At once and then at most every minute, so that the crowd does not fill the log, too. */
static void on_short(enum http_shortage what, const char *peer, void *user)
{
    static const char *const hints[HTTP_SHORTAGES] = {
        [HTTP_SHORT_CONNECTIONS] =
            "raise http.max_connections and LimitNOFILE, or let fewer reach http.listen",
        [HTTP_SHORT_SHARE] = "a proxy, or many users behind one address: raise http.peer_share",
        [HTTP_SHORT_PUSHES] = "raise http.max_subscribers and LimitNOFILE, or let fewer reach http.listen",
        [HTTP_SHORT_PUSH_SHARE] = "a proxy, or many users behind one address: raise http.peer_share",
    };
    static const char *const names[HTTP_SHORTAGES] = {"connections", "connections of one peer", "subscribers",
                                                      "subscribers of one peer"};
    struct api *api = user;
    const struct http_server_counters *now = http_server_counters(api->server);
    uint64_t refused = sum(now->refused, HTTP_SHORTAGES), closed = sum(now->closed, HTTP_EVICTIONS);
    log_warn("http", "places ran short, peers were refused or closed", LOG_TEXT("places", names[what]),
             LOG_TEXT("peer", peer), LOG_INT("refused", (int64_t)(refused - api->refused_told)),
             LOG_INT("closed", (int64_t)(closed - api->closed_told)), LOG_TEXT("hint", hints[what]));
    api->refused_told = refused;
    api->closed_told = closed;
}

/* ---- public ---- */

struct api *api_new(struct loop *loop, const struct config *config, int inherited_fd,
                    const struct api_ops *ops, void *agent, struct error *err)
{
    struct api_credentials *credentials = api_credentials_new();
    if (api_credentials_check(credentials, config, err) < 0) {
        api_credentials_free(credentials);
        return NULL;
    }
    struct api *api = mem_zalloc(sizeof(*api));
    api->context = (struct api_context){.config = config,
                                        .ops = ops,
                                        .agent = agent,
                                        .credentials = credentials,
                                        .lists = api_lists_new(),
                                        .packs = api_packs_new(loop),
                                        .page = api_page_new(),
                                        .placements = api_placements_new(),
                                        .plans = api_plans_new(),
                                        .key_watchers = key_watchers_new(loop),
                                        .sockets = api_sockets_new(loop),
                                        .inner = {serve, on_gone, api}};
    api->server = http_server_new(loop, on_request, on_gone, api);
    api->deferreds = api_deferreds_new(loop, serve, api);
    api->late = api_late_new(loop);
    api->names = timer_new(loop, on_names, api);
    http_server_limit_waiting(api->server, (size_t)config->http.max_waiting);
    api->listeners = api_listeners_new();
    if (api_listeners_open(api->listeners, api->server, loop, config, inherited_fd, on_short, err) < 0) {
        api_free(api);
        return NULL;
    }
    return api;
}

void api_reload(struct api *api, const struct config *config)
{
    api->context.config = config;
    http_server_limit_waiting(api->server, (size_t)config->http.max_waiting);
}

int api_check_socket(struct api *api, size_t nth, struct error *err)
{
    return api_listeners_check(api->listeners, nth, err);
}

void api_fleet_moved(struct api *api, bool changed)
{
    if (changed) {
        api_lists_clear(api->context.lists);
    }
    api_deferreds_wake(api->deferreds);
}

void api_free(struct api *api)
{
    if (api != NULL) {
        api_deferreds_free(api->deferreds);
        api_late_free(api->late);
        api_sockets_free(api->context.sockets);
        key_watchers_free(api->context.key_watchers);
        timer_free(api->names);
        api_lists_free(api->context.lists);
        api_packs_free(api->context.packs);
        http_server_free(api->server);
        api_credentials_free(api->context.credentials);
        api_placements_free(api->context.placements);
        api_plans_free(api->context.plans);
        api_page_free(api->context.page);
        api_listeners_free(api->listeners);
        free(api);
    }
}
