#include "outrider/codec/record/discovery_json.h"

#include "outrider/base/mem.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/leader/leaders.h"

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

static bool leads(const struct leaders *leaders, const struct view_entry *entry)
{
    return leaders != NULL && leaders_led_by(leaders, view_entry_type(entry), view_entry_id(entry)) != NULL;
}

/* The members that a service, the current service and the leader share. */
static void write_who(struct json_writer *json, const struct view_entry *entry, bool leader)
{
    json_member_string_or_null(json, "id", view_entry_id(entry));
    json_member_string_or_null(json, "name", view_entry_type(entry));
    json_member_string_or_null(json, "host", view_entry_text(entry, VIEW_HOST));
    json_member_span(json, "port", entry->port == 0 ? -1 : entry->port);
    json_member_string_or_null(json, "status", view_entry_text(entry, VIEW_STATUS));
    json_member_string_or_null(json, "role", leader ? STR("leader") : STR("member"));
}

/* The same of a leader without a record. */
static void write_candidate(struct json_writer *json, const struct candidate *who)
{
    json_member_string_or_null(json, "id", str_of(who->id));
    json_member_string_or_null(json, "name", str_of(who->type));
    json_member_string_or_null(json, "host", str_of(who->host));
    json_member_text(json, "port", NULL);
    json_member_text(json, "status", NULL);
    json_member_text(json, "role", "leader");
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
    write_who(json, entry, local != NULL && leads(local->leaders, entry));
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

/* Clients of this document know one leader. */
static const struct leaders_scope *one_leader(const struct leaders *leaders, struct str scope)
{
    const struct leaders_scope *found = leaders == NULL ? NULL : leaders_find(leaders, scope);
    for (size_t i = 0; leaders != NULL && (found == NULL || !found->named) && i < leaders_count(leaders);
         i++) {
        found = leaders_at(leaders, i);
    }
    return found != NULL && found->named ? found : NULL;
}

static void write_leader(struct json_writer *json, const struct view *view, const struct leaders_scope *scope)
{
    if (scope == NULL) {
        json_member_text(json, "leader", NULL);
        return;
    }
    const struct view_entry *entry = view_find(view, str_of(scope->who.type), str_of(scope->who.id));
    json_member_object(json, "leader");
    if (entry != NULL) {
        write_who(json, entry, true);
    } else {
        write_candidate(json, &scope->who);
    }
    json_write_object_end(json);
}

void discovery_json_topology(const struct view *view, const struct leaders *leaders, struct str scope,
                             struct buf *out)
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
    write_leader(&json, view, one_leader(leaders, scope));
    json_write_object_end(&json);
}

void discovery_json_status(const struct view_entry *current, bool leads, bool registered, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_bool(&json, "enabled", true);
    if (current == NULL) {
        json_member_text(&json, "currentService", NULL);
    } else {
        json_member_object(&json, "currentService");
        write_who(&json, current, leads);
        json_write_object_end(&json);
    }
    json_member_bool(&json, "isLeader", leads);
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
    json_member_string_or_null(&json, "serviceId", view_entry_id(entry));
    json_member_int(&json, "timestamp", wall_ms);
    json_write_object_end(&json);
    return true;
}

void discovery_json_elected(const struct leaders_scope *scope, const struct view_entry *entry,
                            const struct discovery_local *local, int64_t wall_ms, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_text(&json, "type", "leaderElected");
    json_write_key(&json, "service");
    if (entry != NULL) {
        write_service(&json, entry, local);
    } else {
        json_write_object(&json);
        write_candidate(&json, &scope->who);
        json_write_object_end(&json);
    }
    json_member_text(&json, "serviceId", scope->who.id);
    json_member_string(&json, "scope", scope->name);
    json_member_int(&json, "timestamp", wall_ms);
    json_write_object_end(&json);
}
