/* Which handler a request goes to, and the refusals that every route shares. */
#include "api_private.h"

#include "outrider/codec/json_write.h"
#include "outrider/core/config.h"
#include "outrider/io/http_parse.h"

#include <stdarg.h>
#include <stdio.h>

enum route_method { ROUTE_GET, ROUTE_POST };

/* No route of today takes a parameter. */
static const struct route {
    enum route_method method;
    const char *path;
    bool changes_state;
    api_handler_fn *handler;
} routes[] = {
    {ROUTE_GET, "/api/agent", false, api_agent},
    {ROUTE_POST, "/api/agent/drain", true, api_drain},
    {ROUTE_POST, "/api/agent/undrain", true, api_undrain},
    {ROUTE_GET, "/healthz", false, api_healthz},
    {ROUTE_GET, "/health", false, api_healthz},
    {ROUTE_GET, "/readyz", false, api_readyz},
    {ROUTE_GET, "/metrics", false, api_metrics},
};

static const char json_type[] = "application/json";

struct buf *api_json(struct api_reply *reply)
{
    reply->status = 200;
    reply->content_type = json_type;
    return &reply->body;
}

void api_refuse(struct api_reply *reply, int status, const char *code, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    reply->status = status;
    reply->content_type = json_type;
    buf_clear(&reply->body);
    struct json_writer json = {.out = &reply->body};
    json_write_object(&json);
    json_write_key(&json, "error");
    json_write_object(&json);
    json_write_key(&json, "code");
    json_write_text(&json, code);
    json_write_key(&json, "message");
    json_write_text(&json, message);
    json_write_object_end(&json);
    json_write_object_end(&json);
}

void api_look(struct api_context *context, struct api_view *ret_view)
{
    context->ops->look(context->agent, ret_view);
    if (ret_view->counters->loop_lag_us > context->loop_lag_us) {
        context->loop_lag_us = ret_view->counters->loop_lag_us;
    }
}

static const struct route *find_route(struct str path)
{
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (str_eq(path, str_of(routes[i].path))) {
            return &routes[i];
        }
    }
    return NULL;
}

static bool method_fits(const struct route *route, struct str method)
{
    if (route->method == ROUTE_POST) {
        return str_eq(method, STR("POST"));
    }
    /* The server leaves the body out of answers to HEAD. */
    return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));
}

static bool has_no_parameters(struct str query, struct api_reply *reply)
{
    struct buf scratch = {0};
    struct str name, value;
    int found = http_query_next(&query, &scratch, &name, &value);
    if (found < 0) {
        api_refuse(reply, 400, "bad_query", "the query is malformed: %%XX must be two hex digits of UTF-8");
    } else if (found > 0) {
        api_refuse(reply, 400, "unknown_parameter", "unknown parameter `%.*s`: this path takes none",
                   (int)(name.size < 64 ? name.size : 64), name.data);
    }
    buf_fini(&scratch);
    return found == 0;
}

void api_handle(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    const struct route *route = find_route(request->path);
    if (route == NULL) {
        int size = (int)(request->path.size < 128 ? request->path.size : 128);
        api_refuse(reply, 404, "not_found", "there is nothing at %.*s", size, request->path.data);
        return;
    }
    if (!method_fits(route, request->method)) {
        bool post = route->method == ROUTE_POST;
        api_refuse(reply, 405, "method_not_allowed", "%s takes %s", route->path,
                   post ? "POST" : "GET and HEAD");
        reply->header = post ? "Allow: POST" : "Allow: GET, HEAD";
        return;
    }
    if (has_no_parameters(request->query, reply) &&
        (!route->changes_state || api_may_change(context, request, reply))) {
        route->handler(context, request, reply);
    }
}
