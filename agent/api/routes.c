/* The routes: which handler a request goes to, and what is checked before. */
#include "api_internal.h"
#include "outrider/api/agent/handlers.h"
#include "outrider/api/common/guard.h"
#include "outrider/api/common/request.h"
#include "outrider/api/events/handlers.h"
#include "outrider/api/fleet/handlers.h"
#include "outrider/api/metrics/handlers.h"

enum route_method { ROUTE_GET, ROUTE_POST };
enum route_rule { PLAIN, CHANGES_STATE, TAKES_PARAMETERS };

/* {type} and {id} match one segment each. Of two rows that match, the first counts. */
static const struct route {
    enum route_method method;
    const char *path;
    enum route_rule rule;
    api_handler_fn *handler;
} routes[] = {
    {ROUTE_GET, "/api/agent", PLAIN, api_agent},
    {ROUTE_POST, "/api/agent/drain", CHANGES_STATE, api_drain},
    {ROUTE_POST, "/api/agent/undrain", CHANGES_STATE, api_undrain},
    {ROUTE_GET, "/api/services", TAKES_PARAMETERS, api_services},
    {ROUTE_GET, "/api/services/{type}/{id}", PLAIN, api_service},
    {ROUTE_POST, "/api/services/{type}/{id}/drain", CHANGES_STATE, api_service_drain},
    {ROUTE_POST, "/api/services/{type}/{id}/undrain", CHANGES_STATE, api_service_undrain},
    {ROUTE_GET, "/api/subscribe", TAKES_PARAMETERS, api_subscribe},
    {ROUTE_GET, "/service-discovery/status", PLAIN, api_discovery_status},
    {ROUTE_GET, "/service-discovery/services", PLAIN, api_discovery_services},
    {ROUTE_GET, "/service-discovery/services/{id}/health", PLAIN, api_discovery_health},
    {ROUTE_GET, "/service-discovery/topology", PLAIN, api_discovery_topology},
    {ROUTE_GET, "/service-discovery/events", PLAIN, api_discovery_events},
    {ROUTE_POST, "/service-discovery/services/{id}/enable", CHANGES_STATE, api_discovery_enable},
    {ROUTE_POST, "/service-discovery/services/{id}/disable", CHANGES_STATE, api_discovery_disable},
    {ROUTE_GET, "/healthz", PLAIN, api_healthz},
    {ROUTE_GET, "/health", PLAIN, api_healthz},
    {ROUTE_GET, "/readyz", PLAIN, api_readyz},
    {ROUTE_GET, "/metrics", PLAIN, api_metrics},
};

/* `ret_routed` gets the segments at {type} and {id}. */
static bool path_fits(struct str pattern, struct str path, struct api_request *ret_routed)
{
    while (pattern.size > 0 && path.size > 0) {
        struct str want = str_split(pattern, '/', &pattern);
        struct str have = str_split(path, '/', &path);
        if (str_eq(want, STR("{type}")) && have.size > 0) {
            ret_routed->type = have;
        } else if (str_eq(want, STR("{id}")) && have.size > 0) {
            ret_routed->id = have;
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
    return pattern.size == 0 && path.size == 0;
}

static const struct route *find_route(struct str path, struct api_request *ret_routed)
{
    /* A slash at the end begins an empty segment, which no route has. */
    bool ends = path.size > 0 && path.data[path.size - 1] == '/';
    for (size_t i = 0; i < COUNT_OF(routes) && !ends; i++) {
        if (path_fits(str_of(routes[i].path), path, ret_routed)) {
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

void api_handle(struct api_context *context, const struct api_request *request, struct api_reply *reply)
{
    struct api_request routed = *request;
    const struct route *route = find_route(request->path, &routed);
    if (route == NULL) {
        int size = (int)(request->path.size < 128 ? request->path.size : 128);
        api_refuse(reply, 404, "not_found", "no such path: %.*s", size, request->path.data);
        return;
    }
    if (!method_fits(route, request->method)) {
        bool post = route->method == ROUTE_POST;
        api_refuse(reply, 405, "method_not_allowed", "%s takes %s", route->path,
                   post ? "POST" : "GET and HEAD");
        api_add_header(reply, post ? "Allow: POST" : "Allow: GET, HEAD");
        return;
    }
    if ((route->rule == TAKES_PARAMETERS || api_no_parameters(request, reply)) &&
        (route->rule != CHANGES_STATE || api_may_change(context, request, reply))) {
        route->handler(context, &routed, reply);
    }
}
