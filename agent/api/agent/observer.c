/* GET /api/agent of an observer, and the member `view` of any agent. */
#include "agent_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/text/printable.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_read.h"

/* Keys under the prefix that are no records; their bytes may be anything. */
static void write_unreadable(struct json_writer *json, const struct view_facts *fleet)
{
    json_member_int(json, "unreadable", (int64_t)fleet->unreadable);
    json_member_array(json, "unreadableKeys");
    for (size_t i = 0; i < fleet->name_count; i++) {
        char text[200];
        json_write_object(json);
        printable_copy(text, sizeof(text), fleet->names[i].key, '?');
        api_write_text(json, "key", text);
        printable_copy(text, sizeof(text), fleet->names[i].why, '?');
        api_write_text(json, "reason", text);
        json_write_object_end(json);
    }
    json_write_array_end(json);
}

void api_write_view(struct json_writer *json, const struct api_view *view)
{
    json_write_key(json, "view");
    if (view->fleet.view == NULL) {
        json_write_null(json);
        return;
    }
    const struct view_facts *fleet = view_facts(view->fleet.view);
    json_write_object(json);
    api_write_text(json, "state", view_state_name(fleet->state));
    json_member_bool(json, "known", fleet->known);
    json_member_bool(json, "synced", fleet->synced);
    json_member_int(json, "ageMs", view_age(view->fleet.view, &view->now));
    json_member_int(json, "revision", fleet->revision);
    json_member_int(json, "services", (int64_t)fleet->count);
    json_member_int(json, "healthy", (int64_t)fleet->servers[STATUS_READY]);
    json_member_int(json, "offline", (int64_t)fleet->tombstone_count);
    write_unreadable(json, fleet);
    json_member_int(json, "listings", (int64_t)fleet->listings);
    json_member_int(json, "stalls", (int64_t)fleet->stalls);
    api_write_text(json, "lastError", fleet->last_error);
    api_write_text(json, "fileLastError", view->fleet.last_error);
    json_write_object_end(json);
}

void api_write_observer(struct json_writer *json, const struct api_view *view)
{
    const struct view *fleet = view->fleet.view;
    json_member_time(json, "now", view->now.wall);
    json_member_bool(json, "observer", true);
    api_write_view(json, view);
    json_member_object(json, "registry");
    api_write_text(json, "prefix", view->config->registry.prefix);
    api_write_text(json, "endpoint", view->registry_endpoint);
    api_write_endpoints(json, view);
    api_write_hex(json, "clusterId", view->registry_cluster);
    api_write_text(json, "lastError", fleet == NULL ? NULL : view_facts(fleet)->last_error);
    json_write_object_end(json);
    api_write_process(json, view);
}
