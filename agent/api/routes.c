/* The routes: which handler a request goes to, and what is checked before. */
#include "outrider/api/common/attempt.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/guard.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/buf.h"
#include "outrider/core/fleet/filter.h"
#include "outrider/io/http/http_parse.h"

#include <stdio.h>
#include <string.h>

/* All but ROUTE_GET, which takes HEAD as well, change state. */
enum route_method { ROUTE_GET, ROUTE_POST, ROUTE_PUT, ROUTE_DELETE };
static const struct str method_names[] = {
    [ROUTE_GET] = STR_INIT("GET"),
    [ROUTE_POST] = STR_INIT("POST"),
    [ROUTE_PUT] = STR_INIT("PUT"),
    [ROUTE_DELETE] = STR_INIT("DELETE"),
};
/* What is judged before the role, by what a request does. */
enum route_checks {
    ANYONE = 0, /* health: whatever Host says */
    READS = API_CHECK_HOST,
    MONITOR = API_CHECK_HOST_OR_TOKEN,
    WHOAMI = API_CHECK_HOST | API_CHECK_WHO,
    SOCKET = API_CHECK_HOST | API_CHECK_ORIGIN | API_CHECK_SOCKET,
    CHANGES = API_CHECK_HOST | API_CHECK_ORIGIN | API_CHECK_TYPE
};
/* What the handler finds in its call, besides the view: the fleet is known; the parameters are a filter; they may have the
 * id of an event; the parameters are not read yet. And what it is let do while no entry of the audit can be written: it may not wait. */
enum route_needs { NOTHING = 0, FLEET = 1, FILTER = 2, STREAM = 4, UNREAD = 8, URGENT = 16 };

/* A {name} matches one segment, which is decoded once it is known where it ends: %2F is a part of a name and separates nothing. {page}
 * matches all that is left, whatever it is: the page reads that by itself. All else is compared as it was sent, so that a path that a proxy's rule does not match leads nowhere. Of two paths that match, the first
 * counts, for all methods; a path has a row for each method that it takes. */
static const struct route {
    enum route_method method;
    const char *path;
    enum access_role takes; /* the least role that may */
    enum route_checks checks;
    unsigned needs;
    api_handler_fn *handler;
    const char *does; /* what the audit calls it; NULL: it changes nothing */
} routes[] = {
    {ROUTE_GET, "/api/me", ACCESS_NONE, WHOAMI, NOTHING, api_me, NULL},
    {ROUTE_POST, "/api/session", ACCESS_NONE, CHANGES, URGENT, api_signin_post, "sign_in"},
    {ROUTE_DELETE, "/api/session", ACCESS_NONE, CHANGES, URGENT, api_signin_delete, "sign_out"},
    {ROUTE_GET, "/api/agent", ACCESS_VIEWER, READS, NOTHING, api_agent, NULL},
    {ROUTE_POST, "/api/agent/drain", ACCESS_OPERATOR, CHANGES, URGENT, api_drain, "drain"},
    {ROUTE_POST, "/api/agent/undrain", ACCESS_OPERATOR, CHANGES, URGENT, api_undrain, "undrain"},
    {ROUTE_GET, "/api/services", ACCESS_VIEWER, READS, FILTER | FLEET, api_services, NULL},
    {ROUTE_GET, "/api/services/{type}/{id}", ACCESS_VIEWER, READS, FLEET, api_service, NULL},
    {ROUTE_GET, "/api/services/{type}/{id}/history", ACCESS_VIEWER, READS, NOTHING, api_service_history,
     NULL},
    {ROUTE_POST, "/api/services/{type}/{id}/drain", ACCESS_OPERATOR, CHANGES, URGENT, api_service_drain,
     "drain"},
    {ROUTE_POST, "/api/services/{type}/{id}/undrain", ACCESS_OPERATOR, CHANGES, URGENT, api_service_undrain,
     "undrain"},
    {ROUTE_GET, "/api/drains", ACCESS_VIEWER, READS, FLEET, api_drains, NULL},
    {ROUTE_POST, "/api/drains", ACCESS_OPERATOR, CHANGES, FLEET | UNREAD, api_drains_post, "wave.create"},
    {ROUTE_GET, "/api/drains/{id}", ACCESS_VIEWER, READS, FLEET, api_drains_one, NULL},
    {ROUTE_POST, "/api/drains/{id}/pause", ACCESS_OPERATOR, CHANGES, FLEET | URGENT, api_drains_pause,
     "wave.pause"},
    {ROUTE_POST, "/api/drains/{id}/resume", ACCESS_OPERATOR, CHANGES, FLEET, api_drains_resume,
     "wave.resume"},
    {ROUTE_POST, "/api/drains/{id}/cancel", ACCESS_OPERATOR, CHANGES, FLEET | URGENT, api_drains_cancel,
     "wave.cancel"},
    {ROUTE_POST, "/api/drains/{id}/undo", ACCESS_OPERATOR, CHANGES, FLEET | URGENT, api_drains_undo,
     "wave.undo"},
    {ROUTE_POST, "/api/services/{type}/{server}/commands", ACCESS_OPERATOR, CHANGES, FLEET, api_command_post,
     "command"},
    {ROUTE_GET, "/api/services/{type}/{server}/commands/{id}", ACCESS_OPERATOR, READS, NOTHING, api_command,
     NULL},
    {ROUTE_GET, "/api/route/{type}", ACCESS_VIEWER, READS, FLEET | UNREAD, api_route, NULL},
    {ROUTE_GET, "/api/fleet/history", ACCESS_VIEWER, READS, NOTHING, api_fleet_history, NULL},
    {ROUTE_GET, "/api/offline", ACCESS_VIEWER, READS, UNREAD, api_offline, NULL},
    {ROUTE_GET, "/api/activity", ACCESS_VIEWER, READS, UNREAD, api_activity, NULL},
    {ROUTE_GET, "/api/leader", ACCESS_VIEWER, READS, FLEET, api_leaders, NULL},
    {ROUTE_GET, "/api/leader/{scope}", ACCESS_VIEWER, READS, FLEET, api_leader, NULL},
    {ROUTE_POST, "/api/allocate/{type}", ACCESS_SERVICE, CHANGES, FLEET, api_allocate, "allocate"},
    {ROUTE_POST, "/api/join/{type}", ACCESS_SERVICE, CHANGES, FLEET, api_join, "join"},
    {ROUTE_GET, "/api/reservations/{type}/{server}/{id}", ACCESS_VIEWER, READS, NOTHING, api_reservation,
     NULL},
    {ROUTE_DELETE, "/api/reservations/{type}/{server}/{id}", ACCESS_SERVICE, CHANGES, NOTHING,
     api_reservation_release, "reservation.release"},
    {ROUTE_POST, "/api/reservations/{type}/{server}/{id}/extend", ACCESS_SERVICE, CHANGES, NOTHING,
     api_reservation_extend, "reservation.extend"},
    {ROUTE_GET, "/api/subscribe", ACCESS_VIEWER, READS, FILTER | STREAM, api_subscribe, NULL},
    {ROUTE_GET, "/api/ws", ACCESS_VIEWER, SOCKET, NOTHING, api_ws, NULL},
    {ROUTE_GET, "/api/sessions", ACCESS_VIEWER, READS, UNREAD, api_sessions, NULL},
    {ROUTE_POST, "/api/sessions", ACCESS_SERVICE, CHANGES, NOTHING, api_session_post, "session.put"},
    {ROUTE_GET, "/api/sessions/subscribe", ACCESS_VIEWER, READS, UNREAD, api_sessions_subscribe, NULL},
    {ROUTE_GET, "/api/sessions/{id}", ACCESS_VIEWER, READS, NOTHING, api_session, NULL},
    {ROUTE_PUT, "/api/sessions/{id}", ACCESS_SERVICE, CHANGES, NOTHING, api_session_put, "session.put"},
    {ROUTE_DELETE, "/api/sessions/{id}", ACCESS_SERVICE, CHANGES, NOTHING, api_session_delete, "session.end"},
    {ROUTE_POST, "/api/sessions/{id}/touch", ACCESS_SERVICE, CHANGES, NOTHING, api_session_touch,
     "session.touch"},
    {ROUTE_GET, "/api/players/{player}/session", ACCESS_VIEWER, READS, UNREAD, api_player_session, NULL},
    {ROUTE_GET, "/api/keys", ACCESS_ADMIN, READS, UNREAD, api_keys, NULL},
    {ROUTE_POST, "/api/keys/delete-prefix", ACCESS_ADMIN, CHANGES, UNREAD, api_keys_remove,
     "keys.delete_prefix"},
    {ROUTE_GET, "/api/keys/watch", ACCESS_ADMIN, READS, UNREAD, api_keys_watch, NULL},
    {ROUTE_GET, "/api/keys/{id}", ACCESS_ADMIN, READS, NOTHING, api_key, NULL},
    {ROUTE_PUT, "/api/keys/{id}", ACCESS_ADMIN, CHANGES, NOTHING, api_key_put, "key.put"},
    {ROUTE_DELETE, "/api/keys/{id}", ACCESS_ADMIN, CHANGES, NOTHING, api_key_delete, "key.delete"},
    {ROUTE_GET, "/api/audit", ACCESS_OPERATOR, READS, UNREAD, api_audit, NULL},
    {ROUTE_GET, "/service-discovery/status", ACCESS_VIEWER, READS, NOTHING, api_discovery_status, NULL},
    {ROUTE_GET, "/service-discovery/services", ACCESS_VIEWER, READS, FLEET, api_discovery_services, NULL},
    {ROUTE_GET, "/service-discovery/services/{id}/health", ACCESS_VIEWER, READS, FLEET, api_discovery_health,
     NULL},
    {ROUTE_GET, "/service-discovery/topology", ACCESS_VIEWER, READS, FLEET, api_discovery_topology, NULL},
    {ROUTE_GET, "/service-discovery/events", ACCESS_VIEWER, READS, FLEET | STREAM, api_discovery_events,
     NULL},
    {ROUTE_POST, "/service-discovery/services/{id}/enable", ACCESS_OPERATOR, CHANGES, FLEET | URGENT,
     api_discovery_enable, "undrain"},
    {ROUTE_POST, "/service-discovery/services/{id}/disable", ACCESS_OPERATOR, CHANGES, FLEET | URGENT,
     api_discovery_disable, "drain"},
    {ROUTE_GET, "/", ACCESS_NONE, READS, UNREAD, api_page, NULL},
    {ROUTE_GET, "/server/{page}", ACCESS_NONE, READS, UNREAD, api_page, NULL},
    {ROUTE_GET, "/drains", ACCESS_NONE, READS, UNREAD, api_page, NULL},
    {ROUTE_GET, "/drains/{page}", ACCESS_NONE, READS, UNREAD, api_page, NULL},
    {ROUTE_GET, "/activity", ACCESS_NONE, READS, UNREAD, api_page, NULL},
    {ROUTE_GET, "/audit", ACCESS_NONE, READS, UNREAD, api_page, NULL},
    {ROUTE_GET, "/sessions", ACCESS_NONE, READS, UNREAD, api_page, NULL},
    {ROUTE_GET, "/keys", ACCESS_NONE, READS, UNREAD, api_page, NULL},
    {ROUTE_GET, "/about", ACCESS_NONE, READS, UNREAD, api_page, NULL},
    {ROUTE_GET, "/assets/{page}", ACCESS_NONE, READS, UNREAD, api_page_file, NULL},
    {ROUTE_GET, "/icon.svg", ACCESS_NONE, READS, UNREAD, api_page_file, NULL},
    {ROUTE_GET, "/manifest.webmanifest", ACCESS_NONE, READS, UNREAD, api_page_file, NULL},
    {ROUTE_GET, "/healthz", ACCESS_NONE, ANYONE, NOTHING, api_healthz, NULL},
    {ROUTE_GET, "/health", ACCESS_NONE, ANYONE, NOTHING, api_healthz, NULL},
    {ROUTE_GET, "/readyz", ACCESS_NONE, ANYONE, NOTHING, api_readyz, NULL},
    {ROUTE_GET, "/metrics", ACCESS_VIEWER, MONITOR, NOTHING, api_metrics, NULL},
};

/* Whether the segment is "." or "..", whose dots may be escaped. A proxy that removes such segments has judged another
 * path than the one it passes on. */
static bool is_dots(struct str segment)
{
    size_t dots = 0;
    while (segment.size > 0) {
        bool escaped = segment.size >= 3 && segment.data[0] == '%' && segment.data[1] == '2' &&
                       (segment.data[2] == 'e' || segment.data[2] == 'E');
        size_t size = escaped ? 3 : 1;
        if (!escaped && segment.data[0] != '.') {
            return false;
        }
        segment = (struct str){segment.data + size, segment.size - size};
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool has_dots(struct str path)
{
    while (path.size > 0) {
        if (is_dots(str_split(path, '/', &path))) {
            return true;
        }
    }
    return false;
}

/* The member of the request that the segment `pattern` of a route stands for; NULL: it stands for itself, as most do. */
static struct str *name_of(struct api_request *request, struct str pattern)
{
    static const struct str patterns[API_NAMES] = {STR_INIT("{type}"), STR_INIT("{server}"), STR_INIT("{id}"),
                                                   STR_INIT("{player}"), STR_INIT("{scope}")};
    bool is_name = pattern.size > 0 && pattern.data[0] == '{';
    for (size_t i = 0; is_name && i < API_NAMES; i++) {
        if (str_eq(pattern, patterns[i])) {
            return &request->names[i];
        }
    }
    return NULL;
}

/* `ret_routed` gets the segments that have names, undecoded. */
static bool path_fits(struct str pattern, struct str path, struct api_request *ret_routed)
{
    memset(ret_routed->names, 0, sizeof(ret_routed->names));
    while (pattern.size > 0 && path.size > 0) {
        struct str want = str_split(pattern, '/', &pattern);
        struct str have = str_split(path, '/', &path);
        if (have.size > 0 && str_eq(want, STR("{page}"))) {
            return true;
        }
        struct str *name = name_of(ret_routed, want);
        if (name != NULL && have.size > 0) {
            *name = have;
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
    return pattern.size == 0 && path.size == 0;
}

/* Whether the path begins as the pattern does before its first name: this alone rules out most rows. */
static bool may_fit(const char *pattern, struct str path)
{
    size_t same = 0;
    while (same < path.size && pattern[same] == path.data[same] && pattern[same] != '{') {
        same++;
    }
    return pattern[same] == '{' || (pattern[same] == '\0' && same == path.size);
}

/* The first row of the path. */
static const struct route *find_path(struct str path, struct api_request *ret_routed)
{
    /* A slash at the end begins an empty segment, which no route but the first has. */
    bool ends = path.size > 1 && path.data[path.size - 1] == '/';
    for (size_t i = 0; i < COUNT_OF(routes) && !ends; i++) {
        if (may_fit(routes[i].path, path) && path_fits(str_of(routes[i].path), path, ret_routed)) {
            return &routes[i];
        }
    }
    return NULL;
}

/* The row of the method among those of the path of `first`; NULL, with `reply` made an error that has all of them. */
static const struct route *find_method(const struct route *first, struct str method, struct api_reply *reply)
{
    struct str asked = str_eq(method, STR("HEAD")) ? method_names[ROUTE_GET] : method;
    struct buf allow = {0};
    for (const struct route *each = first; each < routes + COUNT_OF(routes); each++) {
        if (strcmp(each->path, first->path) != 0) {
            continue;
        }
        if (str_eq(asked,
                   method_names[each->method])) { /* the server leaves the body out of answers to HEAD */
            buf_fini(&allow);
            return each;
        }
        buf_printf(&allow, "%s%.*s%s", allow.size > 0 ? ", " : "", STR_ARG(method_names[each->method]),
                   each->method == ROUTE_GET ? ", HEAD" : "");
    }
    api_refuse(reply, 405, "method_not_allowed", "%s takes %s", first->path, buf_text(&allow));
    snprintf(reply->allow, sizeof(reply->allow), "%s", buf_text(&allow));
    buf_fini(&allow);
    return NULL;
}

/* Decodes the names of the path into call->names. The HTTP server has checked the escapes of the path as a whole; a character
 * that a slash cuts is none. */
static bool decode_names(struct api_call *call)
{
    struct str *names = call->request.names;
    size_t ends[API_NAMES];
    for (size_t i = 0; i < API_NAMES; i++) {
        if (names[i].size > 0 && http_percent_decode(names[i], false, &call->names) < 0) {
            return false;
        }
        ends[i] = call->names.size;
    }
    for (size_t i = 0, begin = 0; i < API_NAMES && call->names.size > 0; begin = ends[i++]) {
        names[i] = (struct str){buf_text(&call->names) + begin, ends[i] - begin};
    }
    return true;
}

/* Players' traffic has no entry for each request: there are thousands a second. */
static enum api_kept kept_of(const struct route *route)
{
    if (route->takes == ACCESS_SERVICE) {
        return API_KEEPS_COUNTS;
    }
    return (route->needs & URGENT) != 0 ? API_KEEPS_URGENT : API_KEEPS_ALL;
}

void api_handle(struct api_call *call, struct api_reply *reply)
{
    struct str path = call->request.path;
    if (has_dots(path)) {
        api_refuse(reply, 400, "bad_request", "the path has a segment of dots: %.*s",
                   path.size < 128 ? (int)path.size : 128, path.data);
        return;
    }
    const struct route *route = find_path(path, &call->request);
    if (route == NULL) {
        api_refuse(reply, 404, "not_found", "no such path: %.*s", path.size < 128 ? (int)path.size : 128,
                   path.data);
        return;
    }
    route = find_method(route, call->request.method, reply);
    if (route == NULL) {
        return;
    }
    if (!decode_names(call)) {
        api_refuse(reply, 400, "bad_request", "the path of the request is malformed");
        return;
    }
    call->filter = (route->needs & FILTER) != 0 ? filter_new() : NULL;
    if (route->does != NULL) {
        call->attempt = api_attempt_new(call, route->does, kept_of(route));
    }
    bool passed = api_guard(call, route->takes, route->checks, reply);
    /* One that may not learns nothing of the parameters. */
    if (!api_attempt_passes(call->attempt, call, passed, reply) ||
        ((route->needs & UNREAD) == 0 && !api_read_query(call, (route->needs & STREAM) != 0, reply))) {
        return;
    }
    if ((route->needs & FLEET) == 0) {
        api_look(call);
    } else if (!api_need_fleet(call, reply)) {
        return;
    }
    route->handler(call, reply);
}
