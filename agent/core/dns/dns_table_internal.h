/* The parts of core/dns: dns_table.c (servers), dns_node.c (names). */
#ifndef OUTRIDER_CORE_DNS_DNS_TABLE_INTERNAL_H
#define OUTRIDER_CORE_DNS_DNS_TABLE_INTERNAL_H

#include "outrider/base/hash.h"
#include "outrider/core/dns/dns_table.h"

/* Where a server stands at one name. */
struct dns_place {
    struct dns_node *node;
    size_t at;
};

struct dns_member {
    struct dns_server server;
    struct view_entry *entry;
    uint64_t facts; /* a hash of what answers and names are made of */
    struct dns_place *places;
    size_t place_count, place_capacity;
    size_t left[DNS_LEFT_COUNT];
    uint8_t *host_name, *name;
    uint16_t *ports;
    UT_hash_handle hh; /* by key */
    size_t key_size;
    char key[]; /* TYPE/ID */
};

/* A member at a node, and which of its places that is. */
struct dns_stand {
    struct dns_member *member;
    size_t place;
};

struct dns_node {
    struct dns_stand *stands; /* the offered ones first */
    size_t count, capacity, offered;
    size_t below; /* names that end in this one, counted for each server at them */
    bool is_server;
    UT_hash_handle hh; /* by name */
    size_t size;
    uint8_t name[]; /* wire form without the 0, in small letters */
};

struct dns_table {
    struct dns_name origin;
    struct dns_member *members;
    struct dns_node *nodes;
    size_t left[DNS_LEFT_COUNT];
};

/* Whether the name with `size` bytes could be made with those that it ends in. */
bool dns_node_has_room(const struct dns_table *table, const uint8_t *name);

/* Puts the member at a name, folded; makes the node where there is none. */
void dns_node_join(struct dns_table *table, const struct dns_name *name, struct dns_member *member,
                   bool is_server);

/* Takes the member from its places; nodes without any end. */
void dns_node_leave(struct dns_table *table, struct dns_member *member);

#endif
