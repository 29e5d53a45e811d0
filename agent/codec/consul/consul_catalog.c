#include "outrider/codec/consul/consul_catalog.h"

#include "consul_codec_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/json/json_scan.h"
#include "outrider/codec/json/json_write.h"

#include <stdlib.h>

bool consul_record_key(struct str prefix, struct str key, struct str *ret_type, struct str *ret_id)
{
    if (!str_starts(key, prefix) || key.size <= prefix.size + 1 || key.data[prefix.size] != '/') {
        return false;
    }
    struct str id = {key.data + prefix.size + 1, key.size - prefix.size - 1}, rest;
    struct str type = str_split(id, '/', &rest);
    if (type.size == 0 || rest.size == 0 || memchr(rest.data, '/', rest.size) != NULL) {
        return false;
    }
    *ret_type = type;
    *ret_id = id;
    return true;
}

/* ---- what of a record matters ---- */

struct facts {
    struct str status, host, zone, version;
    uint64_t port;
};

/* The first of an array. */
static int scan_port(struct json_scan *scan, uint64_t *ret_port)
{
    bool first = true;
    uint64_t port;
    int more;
    while ((more = json_scan_next(scan, ']', first)) > 0) {
        if (json_scan_uint(scan, UINT16_MAX, &port) < 0) {
            return -1;
        }
        *ret_port = first ? port : *ret_port;
        first = false;
    }
    return more;
}

static struct str *text_of(struct facts *facts, struct str name)
{
    return str_eq(name, STR("status"))    ? &facts->status
           : str_eq(name, STR("host"))    ? &facts->host
           : str_eq(name, STR("zone"))    ? &facts->zone
           : str_eq(name, STR("version")) ? &facts->version
                                          : NULL;
}

static int scan_facts(struct json_scan *scan, struct facts *facts)
{
    bool first = true;
    struct str name;
    int more;
    while ((more = json_scan_member(scan, first, &name)) > 0) {
        struct str *text = text_of(facts, name);
        bool none = json_scan_null(scan);
        int rc = none                         ? 0
                 : text != NULL               ? json_scan_string(scan, text)
                 : str_eq(name, STR("ports")) ? scan_port(scan, &facts->port)
                                              : json_scan_skip(scan);
        if (rc < 0) {
            return -1;
        }
        first = false;
    }
    return more;
}

/* ---- operations ---- */

static void encode_service(struct json_writer *json, struct str node, struct str type, struct str id,
                           const struct facts *facts, struct registry_lease session)
{
    char text[CONSUL_SESSION_SIZE];
    json_write_object(json);
    json_member_object(json, "Service");
    json_member_text(json, "Verb", "set");
    json_member_string(json, "Node", node);
    json_member_object(json, "Service");
    json_member_string(json, "ID", id);
    json_member_string(json, "Service", type);
    json_member_string(json, "Address", facts->host);
    json_member_uint(json, "Port", facts->port);
    json_member_object(json, "Meta");
    json_member_string(json, "status", facts->status);
    json_member_string(json, "zone", facts->zone);
    json_member_string(json, "version", facts->version);
    json_member_text(json, "session", consul_session_text(session, text));
    json_write_object_end(json);
    json_write_object_end(json);
    json_write_object_end(json);
    json_write_object_end(json);
}

/* Without ServiceName Consul takes it for a check of the node, which takes another right. */
static void encode_check(struct json_writer *json, struct str node, struct str type, struct str id,
                         const struct facts *facts)
{
    json_write_object(json);
    json_member_object(json, "Check");
    json_member_text(json, "Verb", "set");
    json_member_object(json, "Check");
    json_member_string(json, "Node", node);
    json_member_string(json, "CheckID", id);
    json_member_text(json, "Name", "outrider");
    json_member_text(json, "Status", str_eq(facts->status, STR("ready")) ? "passing" : "critical");
    json_member_string(json, "Output", facts->status);
    json_member_string(json, "ServiceID", id);
    json_member_string(json, "ServiceName", type);
    json_write_object_end(json);
    json_write_object_end(json);
    json_write_object_end(json);
}

int consul_service_encode(struct str node, struct str type, struct str id, struct str value,
                          struct registry_lease session, struct buf *out)
{
    struct error err;
    struct facts facts = {0};
    struct json_scan scan = {.text = value, .err = &err};
    int rc = str_is_utf8(value) ? scan_facts(&scan, &facts) : -1;
    if (rc == 0) {
        struct json_writer json = {.out = out, .more = out->size > 0};
        encode_service(&json, node, type, id, &facts, session);
        encode_check(&json, node, type, id, &facts);
    }
    json_scan_fini(&scan);
    return rc;
}

void consul_service_remove(struct str node, struct str type, struct str id, int64_t index, struct buf *out)
{
    struct json_writer json = {.out = out, .more = out->size > 0};
    json_write_object(&json);
    json_member_object(&json, "Service");
    json_member_text(&json, "Verb", index > 0 ? "delete-cas" : "delete");
    json_member_string(&json, "Node", node);
    json_member_object(&json, "Service");
    json_member_string(&json, "ID", id);
    json_member_string(&json, "Service", type);
    if (index > 0) {
        json_member_int(&json, "ModifyIndex", index);
    }
    json_write_object_end(&json);
    json_write_object_end(&json);
    json_write_object_end(&json);
}

/* ---- the services of a node ---- */

void consul_services_fini(struct consul_services *services)
{
    free(services->list);
    buf_fini(&services->bytes);
    *services = (struct consul_services){0};
}

static int by_id(const void *a, const void *b)
{
    return str_compare(((const struct consul_service *)a)->id, ((const struct consul_service *)b)->id);
}

/* Ours are called "TYPE/ID", and TYPE is the name of the service. */
static void add_service(const json_t *service, struct consul_services *services)
{
    struct str id = consul_json_text(service, "ID"), name = consul_json_text(service, "Service"), rest;
    json_int_t mod = json_integer_value(json_object_get(service, "ModifyIndex"));
    struct str type = str_split(id, '/', &rest);
    if (type.size > 0 && rest.size > 0 && str_eq(type, name) && mod > 0 && mod <= REGISTRY_REVISION_MAX) {
        buf_str(&services->bytes, id);
        services->list[services->count++] = (struct consul_service){.id = {NULL, id.size}, .mod = mod};
    }
}

int consul_services_decode(struct str body, struct consul_services *services)
{
    consul_services_fini(services);
    json_t *root = consul_json_parse(body);
    json_t *found = json_object_get(root, "Services");
    int rc = json_is_object(found) || (json_is_object(root) && (found == NULL || json_is_null(found))) ||
                     json_is_null(root) /* there is no such node */
                 ? 0
                 : -1;
    const char *name;
    json_t *service;
    services->list = mem_resize(NULL, json_object_size(found) + 1, sizeof(services->list[0]));
    json_object_foreach(found, name, service)
    {
        add_service(service, services);
    }
    const char *at = buf_text(&services->bytes);
    for (size_t i = 0; i < services->count; i++) {
        services->list[i].id.data = at;
        at += services->list[i].id.size;
    }
    if (services->count > 1) {
        qsort(services->list, services->count, sizeof(services->list[0]), by_id);
    }
    json_decref(root);
    if (rc < 0) {
        consul_services_fini(services);
    }
    return rc;
}
