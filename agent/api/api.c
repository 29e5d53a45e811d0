/* The HTTP server's side: where it listens, and requests and replies between its words and ours. */
#include "outrider/api/api.h"

#include "api_private.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/address.h"
#include "outrider/core/config.h"
#include "outrider/io/http_server.h"

#include <stdlib.h>

struct api {
    struct http_server *server;
    struct api_context context;
};

static struct str header(const struct http_request *request, struct str name)
{
    struct str value;
    return http_request_header(request, name, &value) ? value : (struct str){NULL, 0};
}

static void on_request(struct http_exchange *exchange, const struct http_request *http, void *user)
{
    struct api *api = user;
    char peer[80];
    http_exchange_peer(exchange, peer, sizeof(peer));
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
        .is_unix = http->is_unix,
        .peer = str_of(peer),
    };
    struct api_reply reply = {0};
    api->context.http = http_server_counters(api->server);
    api_handle(&api->context, &request, &reply);
    const char *const headers[] = {"Cache-Control: no-store", reply.header, NULL};
    http_respond(exchange, &(struct http_response){.status = reply.status,
                                                   .content_type = str_of(reply.content_type),
                                                   .body = buf_view(&reply.body),
                                                   .headers = headers});
    buf_fini(&reply.body);
}

static struct http_server *listen_at(struct api *api, struct loop *loop, const struct config *config,
                                     struct error *err)
{
    struct http_server_options options = {.gid = (gid_t)-1, .max_connections = config->http.max_connections};
    const char *where = config->http.listen;
    if (str_starts(str_of(where), STR("unix:"))) {
        options.unix_path = where + 5;
        return http_server_new(loop, &options, on_request, api, err);
    }
    struct str host;
    if (address_split(str_of(where), &host, &options.port) < 0) {
        error_set(err, ERROR_INVALID, "%s is not HOST:PORT, [V6]:PORT or unix:/PATH", where);
        return NULL;
    }
    char *copy = mem_copy(host.data, host.size);
    options.host = copy;
    struct http_server *server = http_server_new(loop, &options, on_request, api, err);
    free(copy);
    return server;
}

struct api *api_new(struct loop *loop, const struct config *config, const struct api_ops *ops, void *agent,
                    struct error *err)
{
    if (api_check_token_file(config, err) < 0) {
        return NULL;
    }
    struct api *api = mem_zalloc(sizeof(*api));
    api->context = (struct api_context){.config = config, .ops = ops, .agent = agent};
    api->server = listen_at(api, loop, config, err);
    if (api->server == NULL) {
        error_wrap(err, "http.listen");
        free(api);
        return NULL;
    }
    return api;
}

void api_reload(struct api *api, const struct config *config)
{
    api->context.config = config;
}

void api_free(struct api *api)
{
    if (api != NULL) {
        http_server_free(api->server);
        free(api);
    }
}
