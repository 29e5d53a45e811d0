/* /service-discovery/ (docs/design/protocol.md, "Service discovery"): the shapes that existing clients know. */
#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/fleet/lists.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/discovery_json.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/leader/election.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/server/server.h"

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

/* Whether this agent leads a scope: it knows that best itself. */
static bool leads(const struct api_view *view)
{
    for (size_t i = 0; i < view->candidacy_count; i++) {
        if (election_leads(view->candidacies[i].election, &view->now, NULL)) {
            return true;
        }
    }
    return false;
}

void api_discovery_status(struct api_call *call, struct api_reply *reply)
{
    const struct api_view *view = &call->view;
    struct view_entry *own = view->server == NULL ? NULL : own_service(view);
    discovery_json_status(own, leads(view), view->server != NULL && registrar_facts(view->registrar).visible,
                          api_json(reply));
    view_entry_unref(own);
}

void api_discovery_services(struct api_call *call, struct api_reply *reply)
{
    struct discovery_local local;
    if (!api_need_leaders(call, true, reply)) {
        return;
    }
    api_local(&call->view, &local);
    (void)api_json(reply);
    reply->blob = api_lists_discovery(call->context->lists, call->view.fleet.view, &local, &call->view.now);
}

void api_discovery_topology(struct api_call *call, struct api_reply *reply)
{
    const struct config *config = call->view.config;
    if (api_need_leaders(call, true, reply)) {
        discovery_json_topology(call->view.fleet.view, call->view.fleet.leaders,
                                config->server.present ? str_of(config->server.type) : STR(""),
                                api_json(reply));
    }
}

/* How many services have the id of the request; with 0 `reply` is made a 404. */
static size_t count_id(const struct api_call *call, struct api_reply *reply,
                       const struct view_entry **ret_first)
{
    size_t count;
    struct str id = call->request.id;
    *ret_first = view_find_id(call->view.fleet.view, id, &count);
    if (count == 0) {
        api_refuse(reply, 404, "no_such_service", "no service of the fleet has the id %.*s",
                   id.size < 130 ? (int)id.size : 130, id.data);
    }
    return count;
}

/* Types may share an id: replies with all services that have it, in the shape of the list. */
void api_discovery_health(struct api_call *call, struct api_reply *reply)
{
    const struct view_facts *fleet = view_facts(call->view.fleet.view);
    const struct view_entry *entry;
    struct discovery_local local;
    if (!api_need_leaders(call, true, reply) || count_id(call, reply, &entry) == 0) {
        return;
    }
    size_t total = 0, healthy = 0;
    struct buf *out = api_json(reply);
    api_local(&call->view, &local);
    buf_str(out, STR("{\"services\":["));
    for (size_t i = 0; i < fleet->count; i++) {
        entry = fleet->entries[i];
        if (str_eq(view_entry_id(entry), call->request.id)) {
            buf_str(out, total++ == 0 ? STR("") : STR(","));
            healthy += entry->status == STATUS_READY ? 1 : 0;
            discovery_json_service(entry, &local, out);
        }
    }
    buf_printf(out, "],\"total\":%zu,\"healthy\":%zu,\"unhealthy\":%zu}", total, healthy, total - healthy);
}

/* Handles the request as one of /api/services/{type}/{id}. Only one server may have the id. */
static void with_type(struct api_call *call, struct api_reply *reply, api_handler_fn *handler)
{
    const struct view_entry *entry;
    size_t count = count_id(call, reply, &entry);
    if (count > 1) {
        struct str id = call->request.id;
        api_refuse(reply, 409, "ambiguous_id",
                   "%zu services have the id %.*s: use /api/services/TYPE/ID/drain", count,
                   id.size < 130 ? (int)id.size : 130, id.data);
    } else if (count == 1) {
        call->request.type = view_entry_type(entry);
        handler(call, reply);
    }
}

void api_discovery_enable(struct api_call *call, struct api_reply *reply)
{
    with_type(call, reply, api_service_undrain);
}

void api_discovery_disable(struct api_call *call, struct api_reply *reply)
{
    with_type(call, reply, api_service_drain);
}
