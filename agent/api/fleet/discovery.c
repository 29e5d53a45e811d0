/* /service-discovery/ (docs/design/protocol.md, "Service discovery"): the shapes that existing clients know. */
#include "outrider/api/fleet/discovery.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/request.h"
#include "outrider/api/fleet/handlers.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/discovery_json.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/probe/probe.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/server/server.h"

void api_local(const struct api_view *view, struct discovery_local *ret_local)
{
    *ret_local = (struct discovery_local){.response_ms = -1};
    if (view->server == NULL) {
        return;
    }
    ret_local->type = str_of(view->config->server.type);
    ret_local->id = str_of(view->id);
    int64_t last = 0;
    for (size_t i = 0; i < view->probe_count; i++) {
        const struct probe *probe = view->probes[i].probe;
        if (probe->tried && probe->last_try_mono >= last) {
            last = probe->last_try_mono;
            ret_local->known = true;
            ret_local->last_check_wall = view->now.wall - (view->now.mono - probe->last_try_mono);
        }
        if (probe->tried && probe->last_outcome == PROBE_PASSED &&
            probe->last_duration_us / 1000 > ret_local->response_ms) {
            ret_local->response_ms = probe->last_duration_us / 1000;
        }
    }
}

/* This agent's own service, from the record it offers: a request for it alone must not start a watch of the
 * fleet, and has a reply during a registry outage. Returns NULL while nothing is offered; the caller owns the
 * result. */
static struct view_entry *own_service(const struct api_view *view)
{
    const struct record *record = server_record(view->server);
    struct view_entry *entry = NULL;
    struct str prefix = str_of(view->config->registry.prefix);
    struct buf key = {0}, json = {0};
    struct error err;
    if (record != NULL) {
        buf_printf(&key, "%s/%s/%s", prefix.data, view->config->server.type, view->id);
        record_encode(record, &json);
        if (view_record_decode(prefix, &(struct view_place){.key = buf_view(&key)}, buf_view(&json), &entry,
                               &err) < 0) {
            entry = NULL;
        }
    }
    buf_fini(&key);
    buf_fini(&json);
    return entry;
}

void api_discovery_status(struct api_context *context, const struct api_request *request,
                          struct api_reply *reply)
{
    struct api_view view;
    (void)request;
    api_look(context, &view);
    if (view.server == NULL) {
        discovery_json_status(NULL, false, api_json(reply));
        return;
    }
    struct view_entry *own = own_service(&view);
    discovery_json_status(own, registrar_facts(view.registrar).visible, api_json(reply));
    view_entry_unref(own);
}

void api_discovery_services(struct api_context *context, const struct api_request *request,
                            struct api_reply *reply)
{
    struct api_view view;
    struct discovery_local local;
    (void)request;
    if (api_need_fleet(context, &view, reply)) {
        api_local(&view, &local);
        discovery_json_services(view.fleet.view, &local, api_json(reply));
    }
}

static bool need_one(const struct view *fleet, struct str id, struct api_reply *reply)
{
    size_t count;
    (void)view_find_id(fleet, id, &count);
    if (count == 0) {
        api_refuse(reply, 404, "no_such_service", "no service of the fleet has the id %.*s",
                   id.size < 130 ? (int)id.size : 130, id.data);
    }
    return count > 0;
}

/* Types may share an id: replies with all services that have it, in the shape of the list. */
void api_discovery_health(struct api_context *context, const struct api_request *request,
                          struct api_reply *reply)
{
    struct api_view view;
    struct discovery_local local;
    if (!api_need_fleet(context, &view, reply) || !need_one(view.fleet.view, request->id, reply)) {
        return;
    }
    size_t total = 0, healthy = 0;
    struct buf *out = api_json(reply);
    api_local(&view, &local);
    buf_str(out, STR("{\"services\":["));
    for (size_t i = 0; i < view_count(view.fleet.view); i++) {
        const struct view_entry *entry = view_at(view.fleet.view, i);
        if (str_eq(view_entry_id(entry), request->id)) {
            buf_str(out, total++ == 0 ? STR("") : STR(","));
            healthy += view_entry_status(entry) == STATUS_READY ? 1 : 0;
            discovery_json_service(entry, &local, out);
        }
    }
    buf_printf(out, "],\"total\":%zu,\"healthy\":%zu,\"unhealthy\":%zu}", total, healthy, total - healthy);
}

void api_discovery_topology(struct api_context *context, const struct api_request *request,
                            struct api_reply *reply)
{
    struct api_view view;
    (void)request;
    if (api_need_fleet(context, &view, reply)) {
        discovery_json_topology(view.fleet.view, api_json(reply));
    }
}

/* Handles the request as one of /api/services/{type}/{id}. Only one server may have the id. */
static void with_type(struct api_context *context, const struct api_request *request, struct api_reply *reply,
                      api_handler_fn *handler)
{
    struct api_view view;
    size_t count;
    if (!api_need_fleet(context, &view, reply) || !need_one(view.fleet.view, request->id, reply)) {
        return;
    }
    const struct view_entry *entry = view_find_id(view.fleet.view, request->id, &count);
    if (count > 1) {
        api_refuse(reply, 409, "ambiguous_id",
                   "%zu services have the id %.*s: use /api/services/TYPE/ID/drain", count,
                   request->id.size < 130 ? (int)request->id.size : 130, request->id.data);
        return;
    }
    struct api_request typed = *request;
    typed.type = view_entry_type(entry);
    handler(context, &typed, reply);
}

void api_discovery_enable(struct api_context *context, const struct api_request *request,
                          struct api_reply *reply)
{
    with_type(context, request, reply, api_service_undrain);
}

void api_discovery_disable(struct api_context *context, const struct api_request *request,
                           struct api_reply *reply)
{
    with_type(context, request, reply, api_service_drain);
}
