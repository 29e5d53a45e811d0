/* Registry, lease, record and fleet as JSON. */
#include "agent_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/published.h"
#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/codec/text/printable.h"
#include "outrider/core/control/intent.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/registry/follow.h"
#include "outrider/core/server/record.h"
#include "outrider/core/server/server.h"

#include <inttypes.h>
#include <stdio.h>

void api_write_hex(struct json_writer *json, const char *name, uint64_t id)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIx64, id);
    json_member_text(json, name, id == 0 ? NULL : text);
}

static void write_lease_id(struct json_writer *json, const char *name, struct registry_lease lease,
                           bool shown)
{
    char text[REGISTRY_LEASE_TEXT_SIZE];
    bool none = registry_lease_is_none(lease) || !shown;
    json_member_text(json, name, none ? NULL : registry_lease_text(lease, text));
}

/* The other holder of the key; its host is null when its record cannot be read. */
static void write_conflict(struct json_writer *json, const struct registrar_facts *facts, bool lease_ids)
{
    struct record record;
    struct error err;
    json_write_key(json, "conflict");
    if (registry_lease_is_none(facts->conflict_lease)) {
        json_write_null(json);
        return;
    }
    bool readable = record_decode(facts->conflict_value, &record, &err) == 0;
    json_write_object(json);
    write_lease_id(json, "lease", facts->conflict_lease, lease_ids);
    json_member_span(json, "leftMs", facts->conflict_left_ms);
    json_member_text(json, "host", readable ? record.host : NULL);
    json_write_object_end(json);
    if (readable) {
        record_fini(&record);
    }
}

void api_write_text(struct json_writer *json, const char *name, const char *value)
{
    json_member_text(json, name, value == NULL || value[0] == '\0' ? NULL : value);
}

void api_write_endpoints(struct json_writer *json, const struct api_view *view)
{
    json_member_array(json, "endpoints");
    for (size_t i = 0; i < view->registry_endpoint_count; i++) {
        const struct registry_endpoint *endpoint = &view->registry_endpoints[i];
        bool failed = endpoint->last_error != NULL && endpoint->last_error[0] != '\0';
        json_write_object(json);
        json_member_text(json, "url", endpoint->name);
        json_member_bool(json, "inUse", endpoint->in_use);
        api_write_text(json, "lastError", endpoint->last_error);
        json_member_time(json, "failedAt", failed ? endpoint->failed_wall : 0);
        json_write_object_end(json);
    }
    json_write_array_end(json);
}

static void write_published(struct json_writer *json, const struct api_view *view)
{
    bool published = api_is_published(view);
    struct buf why = {0};
    if (!published) {
        api_add_not_published(view, &why);
    }
    json_member_bool(json, "published", published);
    api_write_text(json, "notPublished", buf_text(&why));
    buf_fini(&why);
}

static void write_sync(struct json_writer *json, const struct api_view *view, bool lease_ids)
{
    struct registrar_facts facts = registrar_facts(view->registrar);
    json_member_object(json, "registry");
    json_member_bool(json, "inSync", facts.in_sync);
    json_member_bool(json, "settled", facts.settled);
    write_published(json, view);
    api_write_text(json, "endpoint", view->registry_endpoint);
    api_write_endpoints(json, view);
    api_write_hex(json, "clusterId", view->registry_cluster);
    api_write_hex(json, "clusterBefore", facts.cluster_before);
    json_member_int(json, "revision", facts.revision);
    json_member_time(json, "lastWrite", facts.written_wall);
    json_member_uint(json, "registrations", facts.registrations);
    api_write_text(json, "lastError", facts.last_error);
    json_member_time(json, "lastErrorSince", facts.last_error[0] == '\0' ? 0 : facts.last_error_wall);
    write_conflict(json, &facts, lease_ids);
    const struct follow *watch = view->keys;
    json_member_text(json, "watch", watch == NULL ? NULL : follow_state_name(watch->state));
    api_write_text(json, "watchLastError", watch == NULL ? NULL : watch->last_error);
    json_write_object_end(json);
}

static void write_lease(struct json_writer *json, const struct api_view *view, bool lease_ids)
{
    struct registrar_facts facts = registrar_facts(view->registrar);
    bool has = !registry_lease_is_none(facts.lease);
    int64_t left = facts.lease_deadline_boot - view->now.boot;
    json_member_object(json, "lease");
    json_member_text(json, "state", lease_state_name(facts.lease_state));
    write_lease_id(json, "id", facts.lease, lease_ids);
    json_member_int(json, "ttlMs", facts.ttl_ms);
    json_member_int(json, "leftMs", has && left > 0 ? left : 0);
    json_write_object_end(json);
}

static void write_control(struct json_writer *json, const struct intent *intent)
{
    struct intent_facts facts = intent_facts(intent);
    json_member_object(json, "control");
    json_member_text(json, "key", facts.key);
    json_member_bool(json, "known", facts.known);
    json_member_bool(json, "inSync", facts.in_sync);
    json_member_int(json, "revision", facts.seen);
    json_member_time(json, "pendingSince", facts.pending ? facts.pending_wall : 0);
    api_write_text(json, "lastError", facts.last_error);
    api_write_text(json, "unreadable", facts.unreadable);
    json_write_object_end(json);
}

static void write_record(struct json_writer *json, const struct server *server)
{
    const struct record *record = server_record(server);
    api_write_text(json, "withheld", server_facts(server).withheld);
    json_write_key(json, "record");
    if (record == NULL) {
        json_write_null(json);
    } else {
        struct buf bytes = {0};
        record_encode(record, &bytes);
        json_write_raw(json, buf_view(&bytes));
        buf_fini(&bytes);
    }
}

void api_write_registry(struct json_writer *json, const struct api_view *view, bool lease_ids)
{
    write_sync(json, view, lease_ids);
    write_lease(json, view, lease_ids);
    write_control(json, view->intent);
    write_record(json, view->server);
}

/* Keys under the prefix that are no records; their bytes may be anything. */
static void write_unreadable(struct json_writer *json, const struct view_facts *fleet)
{
    json_member_int(json, "unreadable", (int64_t)fleet->unreadable);
    json_member_object(json, "skipped");
    for (enum view_skip skip = VIEW_SKIP_NONE + 1; skip < VIEW_SKIP_COUNT; skip++) {
        json_member_int(json, view_skip_name(skip), (int64_t)fleet->skipped[skip]);
    }
    json_write_object_end(json);
    json_member_array(json, "unreadableKeys");
    for (size_t i = 0; i < fleet->name_count; i++) {
        char text[200];
        json_write_object(json);
        printable_copy(text, sizeof(text), fleet->names[i].key, '?');
        api_write_text(json, "key", text);
        json_member_text(json, "kind", view_skip_name(fleet->names[i].skip));
        struct buf why = {0};
        printable_add(&why, fleet->names[i].why, SIZE_MAX, '?');
        brief_copy(text, sizeof(text), buf_view(&why));
        api_write_text(json, "reason", text);
        buf_fini(&why);
        json_write_object_end(json);
    }
    json_write_array_end(json);
}

/* Null where no key is trusted. */
static void write_signatures(struct json_writer *json, const struct view_facts *fleet)
{
    if (fleet->trust == 0) {
        json_member_text(json, "signatures", NULL);
        return;
    }
    json_member_object(json, "signatures");
    json_member_int(json, "good", (int64_t)fleet->signatures[VIEW_SIGNATURE_GOOD]);
    json_member_int(json, "bad", (int64_t)fleet->signatures[VIEW_SIGNATURE_BAD]);
    json_member_int(json, "none", (int64_t)fleet->signatures[VIEW_SIGNATURE_NONE]);
    json_write_object_end(json);
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
    api_write_text(json, "state", fleet->state);
    json_member_bool(json, "known", fleet->known);
    json_member_bool(json, "synced", fleet->synced);
    json_member_int(json, "ageMs", view_age(view->fleet.view, &view->now));
    json_member_int(json, "revision", fleet->revision);
    json_member_int(json, "services", (int64_t)fleet->count);
    json_member_int(json, "healthy", (int64_t)fleet->servers[STATUS_READY]);
    json_member_int(json, "offline", (int64_t)fleet->tombstone_count);
    write_signatures(json, fleet);
    write_unreadable(json, fleet);
    json_member_int(json, "listings", (int64_t)fleet->listings);
    json_member_int(json, "stalls", (int64_t)fleet->stalls);
    api_write_text(json, "lastError", fleet->last_error);
    api_write_text(json, "fileLastError", view->fleet.last_error);
    json_write_object_end(json);
}
