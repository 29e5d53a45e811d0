/* The fleet by the names that DNS clients ask for. Each server is at some names:
 *
 *     TYPE                                          all servers of a type
 *     ID.TYPE                                       one of them
 *     VALUE.zone.TYPE, VALUE.region.TYPE, ...       those with a value; one with dots is several labels
 *     VALUE.NAME.label.TYPE, TAG.tag.TYPE           those with a label or a tag
 *
 * A name exists while a server is at it or below it. Of the servers at a name, those that may be given to clients stand before the
 * others. Names are relative to the domain, and their case does not count.
 *
 * What cannot be asked for is left out and counted: an id or a type that is no label (docs/dns.md, "What is left out"). */
#ifndef OUTRIDER_CORE_DNS_DNS_TABLE_H
#define OUTRIDER_CORE_DNS_DNS_TABLE_H

#include "outrider/base/random.h"
#include "outrider/core/dns/dns_name.h"
#include "outrider/core/fleet/view_entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_node;
struct dns_table;

/* Names at most: beyond them servers and values are left out. Labels of one value at most. */
enum { DNS_NODES_MAX = 400000, DNS_VALUE_LABELS_MAX = 8 };

enum dns_left {
    DNS_LEFT_NAME,  /* servers whose id or type is no label, or whose id is a word of ours */
    DNS_LEFT_HOST,  /* servers whose host is neither an address nor a name */
    DNS_LEFT_VALUE, /* values and names of labels that are no labels */
    DNS_LEFT_LIMIT, /* of either, for DNS_NODES_MAX */
    DNS_LEFT_COUNT
};

enum dns_host { DNS_HOST_NONE, DNS_HOST_IPV4, DNS_HOST_IPV6, DNS_HOST_NAME };

/* One server, borrowed until the next change of the table. */
struct dns_server {
    const struct view_entry *entry;
    enum dns_host host;
    uint8_t address[16];
    const uint8_t *host_name; /* wire form; NULL: none */
    const uint8_t *name;      /* ID.TYPE and the domain, wire form */
    const uint16_t *ports;
    size_t port_count;
    bool offered; /* ready, with a host and a weight */
};

/* An empty table for names below `origin`. The caller owns it. */
struct dns_table *dns_table_new(const struct dns_name *origin);

/* Accepts NULL. */
void dns_table_free(struct dns_table *table);

/* A record came or changed to `is`, which has these ports; takes a reference of its own. */
void dns_table_put(struct dns_table *table, struct view_entry *is, const uint16_t *ports, size_t port_count);

/* The record with this type and id went. */
void dns_table_drop(struct dns_table *table, const struct view_entry *was);

/* The name whose wire form, without the domain and in small letters, is `name`; NULL: there is none. Borrowed until the next change. */
struct dns_node *dns_table_find(const struct dns_table *table, struct str name);

/* Whether the name is that of one server. Two whose ids differ in case share one. */
bool dns_node_is_server(const struct dns_node *node);

/* How many servers are at the name, and how many of them may be given to clients; those stand first. */
size_t dns_node_count(const struct dns_node *node);
size_t dns_node_offered(const struct dns_node *node);

/* The server that stands at `index`, below dns_node_count(). */
const struct dns_server *dns_node_server(const struct dns_node *node, size_t index);

/* Puts `count` of those that may be given to clients, at random and in random order, before the others of them. */
void dns_node_shuffle(struct dns_node *node, size_t count, struct random *random);

/* DNS_LEFT_COUNT numbers of what is left out now; how many names there are. */
const size_t *dns_table_left(const struct dns_table *table);
size_t dns_table_names(const struct dns_table *table);

#endif
