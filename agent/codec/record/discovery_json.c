#include "outrider/codec/record/discovery_json.h"

#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/fleet/view_read.h"

#include <stdlib.h>

const char *discovery_health(unsigned status)
{
    static const char *const names[VIEW_STATUS_COUNT] = {
        [STATUS_READY] = "healthy",     [STATUS_INITIALIZING] = "starting",
        [STATUS_DRAINING] = "draining", [STATUS_SHUTTING_DOWN] = "stopped",
        [STATUS_ERROR] = "unhealthy",   [STATUS_UNKNOWN] = "unhealthy",
    };
    return status < VIEW_STATUS_COUNT ? names[status] : names[STATUS_UNKNOWN];
}

static void write_text(struct json_writer *json, const char *name, struct str value)
{
    json_write_key(json, name);
    if (value.size == 0) {
        json_write_null(json);
    } else {
        json_write_string(json, value);
    }
}

/* The members that a service and the current service share. Without a leader election every role is "member". */
static void write_who(struct json_writer *json, const struct view_entry *entry)
{
    write_text(json, "id", view_entry_id(entry));
    write_text(json, "name", view_entry_type(entry));
    write_text(json, "host", view_entry_text(entry, VIEW_HOST));
    json_member_span(json, "port", entry->port == 0 ? -1 : entry->port);
    write_text(json, "status", view_entry_text(entry, VIEW_STATUS));
    write_text(json, "role", STR("member"));
}

static void write_health(struct json_writer *json, const struct view_entry *entry,
                         const struct discovery_local *local)
{
    bool known = local != NULL && local->known && str_eq(local->type, view_entry_type(entry)) &&
                 str_eq(local->id, view_entry_id(entry));
    json_member_object(json, "health");
    json_member_text(json, "status", discovery_health(entry->status));
    json_member_span(json, "responseTime", known ? local->response_ms : -1);
    json_member_time(json, "lastCheck", known ? local->last_check_wall : 0);
    json_write_object_end(json);
}

static void write_service(struct json_writer *json, const struct view_entry *entry,
                          const struct discovery_local *local)
{
    json_write_object(json);
    write_who(json, entry);
    write_health(json, entry, local);
    json_member_bool(json, "isHealthy", entry->status == STATUS_READY);
    json_write_object_end(json);
}

void discovery_json_service(const struct view_entry *entry, const struct discovery_local *local,
                            struct buf *out)
{
    struct json_writer json = {.out = out};
    write_service(&json, entry, local);
}

void discovery_json_services(const struct view *view, const struct discovery_local *local, struct buf *out)
{
    const struct view_facts *facts = view_facts(view);
    struct json_writer json = {.out = out};
    size_t healthy = facts->servers[STATUS_READY];
    json_write_object(&json);
    json_member_array(&json, "services");
    for (size_t i = 0; i < facts->count; i++) {
        write_service(&json, facts->entries[i], local);
    }
    json_write_array_end(&json);
    json_member_uint(&json, "total", facts->count);
    json_member_uint(&json, "healthy", healthy);
    json_member_uint(&json, "unhealthy", facts->count - healthy);
    json_write_object_end(&json);
}

static int by_bytes(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void write_regions(struct json_writer *json, const struct view_facts *facts)
{
    size_t count = facts->count;
    struct str *regions = mem_resize(NULL, count, sizeof(*regions));
    for (size_t i = 0; i < count; i++) {
        struct str region = view_entry_text(facts->entries[i], VIEW_REGION);
        regions[i] = region.size == 0 ? STR("unknown") : region;
    }
    qsort(regions, count, sizeof(*regions), by_bytes);
    json_member_object(json, "servicesByRegion");
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && str_eq(regions[i], regions[next]);) {
            next++;
        }
        char *name = mem_copy(regions[i].data, regions[i].size);
        json_member_uint(json, name, next - i);
        free(name);
    }
    json_write_object_end(json);
    free(regions);
}

void discovery_json_topology(const struct view *view, struct buf *out)
{
    static const unsigned statuses[] = {STATUS_READY, STATUS_ERROR, STATUS_INITIALIZING, STATUS_DRAINING,
                                        STATUS_SHUTTING_DOWN};
    const struct view_facts *facts = view_facts(view);
    struct json_writer json = {.out = out};
    size_t healthy = facts->servers[STATUS_READY];
    json_write_object(&json);
    json_member_uint(&json, "totalServices", facts->count);
    json_member_uint(&json, "healthyServices", healthy);
    json_member_uint(&json, "unhealthyServices", facts->count - healthy);
    write_regions(&json, facts);
    json_member_object(&json, "servicesByStatus");
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        size_t unknown = statuses[i] == STATUS_ERROR ? facts->servers[STATUS_UNKNOWN] : 0;
        json_member_uint(&json, discovery_health(statuses[i]), facts->servers[statuses[i]] + unknown);
    }
    json_write_object_end(&json);
    json_member_text(&json, "leader", NULL);
    json_write_object_end(&json);
}

void discovery_json_status(const struct view_entry *current, bool registered, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_bool(&json, "enabled", true);
    if (current == NULL) {
        json_member_text(&json, "currentService", NULL);
    } else {
        json_member_object(&json, "currentService");
        write_who(&json, current);
        json_write_object_end(&json);
    }
    json_member_bool(&json, "isLeader", false);
    json_member_text(&json, "status", registered ? "registered" : "unregistered");
    json_write_object_end(&json);
}

bool discovery_json_event(const struct view_entry *was, const struct view_entry *is, int64_t wall_ms,
                          const struct discovery_local *local, struct buf *out)
{
    const char *type = was == NULL ? "serviceJoined" : is == NULL ? "serviceLeft" : "serviceHealthChanged";
    const struct view_entry *entry = is != NULL ? is : was;
    if (entry == NULL || (was != NULL && is != NULL && was->status == is->status)) {
        return false;
    }
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_text(&json, "type", type);
    json_write_key(&json, "service");
    write_service(&json, entry, local);
    write_text(&json, "serviceId", view_entry_id(entry));
    json_member_int(&json, "timestamp", wall_ms);
    json_write_object_end(&json);
    return true;
}
