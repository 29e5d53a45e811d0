/* The HTTP server's side: where it listens, and requests and replies between its words and ours. */
#include "outrider/api/common/api.h"

#include "controls_internal.h"
#include "outrider/api/common/handler.h"
#include "outrider/api/events/events.h"
#include "outrider/base/blob.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/os/log.h"
#include "wait_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct api {
    struct http_server *server;
    struct api_context context;
    struct api_waiters *waiters;
    struct api_controls *controls;
};

static struct str header(const struct http_request *request, struct str name)
{
    struct str value;
    return http_request_header(request, name, &value) ? value : (struct str){NULL, 0};
}

/* Who looks at a list again and again is told by its ETag whether it is new; everything else is of the
 * moment.
 */
static void respond(struct http_exchange *exchange, const struct api_reply *reply)
{
    char etag[SERVICES_ETAG_MAX + 8], stale[48];
    const char *headers[6] = {reply->etag[0] == '\0' ? "Cache-Control: no-store" : "Cache-Control: no-cache"};
    size_t count = 1;
    if (reply->header != NULL) {
        headers[count++] = reply->header;
    }
    if (reply->etag[0] != '\0') {
        snprintf(etag, sizeof(etag), "ETag: %s", reply->etag);
        headers[count++] = etag;
    }
    if (reply->stale_ms > 0) {
        snprintf(stale, sizeof(stale), "Outrider-Stale-Ms: %" PRId64, reply->stale_ms);
        headers[count++] = stale;
    }
    if (reply->retry_after) {
        headers[count++] = "Retry-After: 1";
    }
    http_respond(exchange, &(struct http_response){.status = reply->status,
                                                   .content_type = str_of(reply->content_type),
                                                   .blob = reply->blob,
                                                   .body = buf_view(&reply->body),
                                                   .headers = headers});
}

static void stream(struct api *api, enum events_kind kind, struct http_exchange *exchange,
                   const struct http_request *http)
{
    struct api_view view;
    api_look(&api->context, &view);
    events_subscribe(view.fleet.events, kind, exchange, http);
}

static void serve(struct http_exchange *exchange, const struct http_request *http, bool impatient, void *user)
{
    struct api *api = user;
    char peer[80] = "";
    if (str_eq(http->method, STR("POST"))) { /* whose hold it is; who only reads is spared the question */
        http_exchange_peer(exchange, peer, sizeof(peer));
    }
    struct str origin;
    struct api_request request = {
        .method = http->method,
        .path = http->path,
        .query = http->query,
        .body = http->body,
        .host = http->host,
        .content_type = header(http, STR("Content-Type")),
        .authorization = header(http, STR("Authorization")),
        .has_origin = http_request_header(http, STR("Origin"), &origin),
        .origin = header(http, STR("Origin")),
        .if_none_match = header(http, STR("If-None-Match")),
        .is_unix = http->is_unix,
        .peer = str_of(peer),
    };
    struct api_reply reply = {0};
    api->context.http = http_server_counters(api->server);
    api->context.impatient = impatient;
    api_handle(&api->context, &request, &reply);
    switch (reply.turn) {
    case API_ANSWERED: respond(exchange, &reply); break;
    case API_WAITS:
        if (!api_waiters_add(api->waiters, exchange, http,
                             api->context.config->registry.request_timeout_ms)) {
            api->context.waiting_refused++;
            serve(exchange, http, true, user);
        }
        break;
    case API_STREAMS_FLEET: stream(api, EVENTS_FLEET, exchange, http); break;
    case API_STREAMS_DISCOVERY: stream(api, EVENTS_DISCOVERY, exchange, http); break;
    case API_CONTROLS: api_controls_begin(api->controls, &api->context, exchange, &reply); break;
    }
    buf_fini(&reply.body);
    blob_unref(reply.blob);
}

static void on_request(struct http_exchange *exchange, const struct http_request *http, void *user)
{
    serve(exchange, http, false, user);
}

static void log_limit(const char *setting, size_t wanted, size_t most)
{
    if (most < wanted) {
        log_info("http", "limit lowered by the limit of open files, raise LimitNOFILE",
                 LOG_TEXT("setting", setting), LOG_INT("wanted", (int64_t)wanted),
                 LOG_INT("most", (int64_t)most));
    }
}

static int listen_at(struct api *api, const struct config *config, struct error *err)
{
    struct http_listener_options options = {.gid = (gid_t)-1,
                                            .max_connections = config->http.max_connections,
                                            .max_pushes = config->http.max_subscribers};
    const char *where = config->http.listen;
    struct str host = {NULL, 0};
    if (str_starts(str_of(where), STR("unix:"))) {
        options.unix_path = where + 5;
    } else if (address_split(str_of(where), &host, &options.port) < 0) {
        return error_set(err, ERROR_INVALID, "%s is not HOST:PORT, [V6]:PORT or unix:/PATH", where);
    }
    char *copy = mem_copy(host.data, host.size);
    options.host = copy;
    const struct http_listener *listener = http_server_listen(api->server, &options, err);
    free(copy);
    if (listener == NULL) {
        return -1;
    }
    log_limit("http.max_connections", config->http.max_connections, http_listener_max_connections(listener));
    log_limit("http.max_subscribers", config->http.max_subscribers, http_listener_max_pushes(listener));
    return 0;
}

struct api *api_new(struct loop *loop, const struct config *config, const struct api_ops *ops, void *agent,
                    struct error *err)
{
    if (api_check_token_file(config, err) < 0) {
        return NULL;
    }
    struct api *api = mem_zalloc(sizeof(*api));
    api->context = (struct api_context){.config = config, .ops = ops, .agent = agent};
    api->server = http_server_new(loop, on_request, api);
    if (listen_at(api, config, err) < 0) {
        error_wrap(err, "http.listen");
        http_server_free(api->server);
        free(api);
        return NULL;
    }
    api->waiters = api_waiters_new(loop, serve, api);
    api->controls = api_controls_new();
    return api;
}

void api_reload(struct api *api, const struct config *config)
{
    api->context.config = config;
}

void api_fleet_moved(struct api *api, bool changed)
{
    if (changed) {
        api_lists_clear(&api->context.lists);
    }
    api_waiters_wake(api->waiters);
}

void api_free(struct api *api)
{
    if (api != NULL) {
        api_waiters_free(api->waiters);
        api_controls_free(api->controls);
        api_lists_clear(&api->context.lists);
        http_server_free(api->server);
        free(api);
    }
}
