/* The records of servers, and those of the domain itself. */
#include "dns_choose_internal.h"

#include "outrider/base/attr.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of the SOA record: no server copies the zone, so only `minimum` says something, how long nothing is remembered. */
enum { SOA_REFRESH = 3600, SOA_RETRY = 600, SOA_EXPIRE = 86400 };

/* One priority for all: which of them is near is for the client to ask, by zone. */
enum { PRIORITY = 1 };

struct dns_record *dns_records_add(struct dns_choice *choice, enum dns_section section, uint16_t type,
                                   const uint8_t *owner)
{
    struct dns_answer *answer = choice->answer;
    if (answer->count == DNS_RECORDS_MAX) {
        return NULL;
    }
    struct dns_record *record = &answer->records[answer->count++];
    *record = (struct dns_record){.section = section, .type = type, .ttl = choice->ttl, .owner = owner};
    return record;
}

/* ---- addresses ---- */

static size_t address_size(uint16_t type)
{
    return type == DNS_A ? 4 : 16;
}

static bool has_address(const struct dns_server *server, uint16_t type)
{
    return (type == DNS_A && server->host == DNS_HOST_IPV4) ||
           (type == DNS_AAAA && server->host == DNS_HOST_IPV6);
}

/* Servers may share a host, and a set of records has each one once. */
static bool is_there(const struct dns_answer *answer, const struct dns_server *server, uint16_t type)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (memcmp(answer->records[i].of.address, server->address, address_size(type)) == 0) {
            return true;
        }
    }
    return false;
}

static void add_address(struct dns_choice *choice, enum dns_section section, uint16_t type,
                        const struct dns_server *server, const uint8_t *owner)
{
    struct dns_record *record = dns_records_add(choice, section, type, owner);
    if (record != NULL) {
        memcpy(record->of.address, server->address, address_size(type));
    }
}

static void add_alias(struct dns_choice *choice, const struct dns_server *server)
{
    struct dns_record *record = dns_records_add(choice, DNS_IN_ANSWER, DNS_CNAME, NULL);
    if (record != NULL) {
        record->of.target = server->host_name;
    }
}

/* Where no host has such an address and one is a name, that name is the answer: there can be only one. */
static void add_addresses(struct dns_choice *choice, const struct dns_node *node, size_t count)
{
    const struct dns_server *named = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct dns_server *server = dns_node_server(node, i);
        if (has_address(server, choice->type) && !is_there(choice->answer, server, choice->type)) {
            add_address(choice, DNS_IN_ANSWER, choice->type, server, NULL);
        }
        named = named == NULL && server->host == DNS_HOST_NAME ? server : named;
    }
    if (choice->answer->count == 0 && named != NULL) {
        add_alias(choice, named);
    }
}

/* ---- SRV ---- */

static const uint8_t *target_of(const struct dns_server *server)
{
    return server->host == DNS_HOST_NAME ? server->host_name : server->name;
}

static bool has_service(const struct dns_answer *answer, const uint8_t *target, uint16_t port)
{
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];
        size_t size = dns_name_size(target);
        if (record->of.srv.port == port && dns_name_size(record->of.srv.target) == size &&
            memcmp(record->of.srv.target, target, size) == 0) {
            return true;
        }
    }
    return false;
}

static void add_service(struct dns_choice *choice, const struct dns_server *server, uint16_t port)
{
    const uint8_t *target = target_of(server);
    if (server->host == DNS_HOST_NAME && has_service(choice->answer, target, port)) {
        return;
    }
    struct dns_record *record = dns_records_add(choice, DNS_IN_ANSWER, DNS_SRV, NULL);
    if (record != NULL) {
        record->of.srv.target = target;
        record->of.srv.priority = PRIORITY;
        record->of.srv.weight = server->entry->weight;
        record->of.srv.port = port;
    }
}

static void add_services(struct dns_choice *choice, const struct dns_node *node, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct dns_server *server = dns_node_server(node, i);
        for (size_t j = 0; j < server->port_count && server->host != DNS_HOST_NONE; j++) {
            add_service(choice, server, server->ports[j]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct dns_server *server = dns_node_server(node, i);
        bool is_ipv4 = server->host == DNS_HOST_IPV4;
        if (server->port_count > 0 && (is_ipv4 || server->host == DNS_HOST_IPV6)) {
            add_address(choice, DNS_IN_ADDITIONAL, is_ipv4 ? DNS_A : DNS_AAAA, server, server->name);
        }
    }
}

/* ---- TXT ---- */

static void PRINTF_LIKE(3, 4) add_text(struct dns_answer *answer, size_t *size, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (length < 0 || length > 255 || *size + 1 + (size_t)length > sizeof(answer->texts)) {
        return; /* a longer one is left out, not cut: half a value is another one */
    }
    answer->texts[(*size)++] = (char)(unsigned char)length;
    memcpy(answer->texts + *size, text, (size_t)length);
    *size += (size_t)length;
}

static void add_state(struct dns_answer *answer, const struct view_entry *entry, size_t *size)
{
    static const struct {
        const char *name;
        enum view_field field;
    } fields[] = {
        {"region", VIEW_REGION}, {"zone", VIEW_ZONE}, {"group", VIEW_GROUP}, {"version", VIEW_VERSION}};
    add_text(answer, size, "status=%s", view_status_name(entry->status));
    if (entry->has_players) {
        add_text(answer, size, "players=%u", entry->players);
    }
    if (entry->has_capacity) {
        add_text(answer, size, "capacity=%u", entry->capacity);
    }
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        struct str text = view_entry_text(entry, fields[i].field);
        if (text.size > 0) {
            add_text(answer, size, "%s=%.*s", fields[i].name, STR_ARG(text));
        }
    }
}

static void add_texts(struct dns_choice *choice, const struct dns_node *node)
{
    size_t size = 0;
    if (dns_node_is_server(node)) {
        add_state(choice->answer, dns_node_server(node, 0)->entry, &size);
    } else {
        add_text(choice->answer, &size, "servers=%zu", dns_node_count(node));
        add_text(choice->answer, &size, "ready=%zu", dns_node_offered(node));
    }
    struct dns_record *record = dns_records_add(choice, DNS_IN_ANSWER, DNS_TXT, NULL);
    if (record != NULL) {
        record->of.texts = (struct str){choice->answer->texts, size};
    }
}

void dns_records_of(struct dns_choice *choice, const struct dns_node *node, size_t count)
{
    switch (choice->type) {
    case DNS_A:
    case DNS_AAAA: add_addresses(choice, node, count); break;
    case DNS_CNAME:
        if (dns_node_is_server(node) && dns_node_server(node, 0)->host == DNS_HOST_NAME) {
            add_alias(choice, dns_node_server(node, 0));
        }
        break;
    case DNS_SRV: add_services(choice, node, count); break;
    case DNS_TXT:
        if (dns_node_count(node) > 0) {
            add_texts(choice, node);
        }
        break;
    default: break;
    }
}

/* ---- of the domain ---- */

void dns_records_soa(struct dns_choice *choice, enum dns_section section)
{
    const struct dns_zone *zone = choice->zone;
    struct dns_record *record = dns_records_add(choice, section, DNS_SOA, zone->origin.bytes);
    if (record != NULL) {
        record->of.soa.server = zone->server.bytes;
        record->of.soa.mailbox = zone->mailbox.bytes;
        record->of.soa.serial = choice->serial;
        record->of.soa.refresh = SOA_REFRESH;
        record->of.soa.retry = SOA_RETRY;
        record->of.soa.expire = SOA_EXPIRE;
        record->of.soa.minimum = choice->ttl;
    }
}

void dns_records_own_address(struct dns_choice *choice, enum dns_section section, uint16_t type,
                             const uint8_t *owner)
{
    const struct dns_zone *zone = choice->zone;
    if ((type == DNS_A && zone->has_ipv4) || (type == DNS_AAAA && zone->has_ipv6)) {
        struct dns_record *record = dns_records_add(choice, section, type, owner);
        if (record != NULL) {
            memcpy(record->of.address, type == DNS_A ? zone->ipv4 : zone->ipv6, address_size(type));
        }
    }
}

void dns_records_ns(struct dns_choice *choice)
{
    const uint8_t *server = choice->zone->server.bytes;
    struct dns_record *record = dns_records_add(choice, DNS_IN_ANSWER, DNS_NS, choice->zone->origin.bytes);
    if (record != NULL) {
        record->of.target = server;
    }
    dns_records_own_address(choice, DNS_IN_ADDITIONAL, DNS_A, server);
    dns_records_own_address(choice, DNS_IN_ADDITIONAL, DNS_AAAA, server);
}

void dns_records_any(struct dns_choice *choice)
{
    static const char texts[] = "\x07"
                                "RFC8482";
    struct dns_record *record = dns_records_add(choice, DNS_IN_ANSWER, DNS_HINFO, NULL);
    if (record != NULL) {
        record->of.texts =
            (struct str){texts, sizeof(texts)}; /* its NUL is the second string, which is empty */
    }
}
