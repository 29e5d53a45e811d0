/* Names, and who is at them. */
#include "dns_table_internal.h"

#include <assert.h>
#include <string.h>

static struct dns_node *find(const struct dns_table *table, const uint8_t *name, size_t size)
{
    struct dns_node *node;
    HASH_FIND(hh, table->nodes, name, size, node);
    return node;
}

static struct dns_node *find_or_make(struct dns_table *table, const uint8_t *name, size_t size)
{
    struct dns_node *node = find(table, name, size);
    if (node == NULL) {
        node = mem_zalloc(sizeof(*node) + size);
        node->size = size;
        memcpy(node->name, name, size);
        HASH_ADD_KEYPTR(hh, table->nodes, node->name, node->size, node);
    }
    return node;
}

static void end_if_empty(struct dns_table *table, struct dns_node *node)
{
    if (node->count == 0 && node->below == 0) {
        HASH_DEL(table->nodes, node);
        free(node->stands);
        free(node);
    }
}

bool dns_node_has_room(const struct dns_table *table, const uint8_t *name)
{
    size_t labels = 0;
    for (size_t at = 0; name[at] != 0; at += 1U + name[at]) {
        labels++;
    }
    return HASH_COUNT(table->nodes) + labels <= DNS_NODES_MAX;
}

static void stand_at(struct dns_node *node, size_t at, struct dns_stand stand)
{
    node->stands[at] = stand;
    stand.member->places[stand.place].at = at;
}

static void exchange(struct dns_node *node, size_t a, size_t b)
{
    struct dns_stand first = node->stands[a];
    stand_at(node, a, node->stands[b]);
    stand_at(node, b, first);
}

/* Two tags that differ in case are one name. */
static bool stands_at(const struct dns_member *member, const uint8_t *name, size_t size)
{
    for (size_t i = 0; i < member->place_count; i++) {
        const struct dns_node *node = member->places[i].node;
        if (node->size == size && memcmp(node->name, name, size) == 0) {
            return true;
        }
    }
    return false;
}

void dns_node_join(struct dns_table *table, const struct dns_name *name, struct dns_member *member,
                   bool is_server)
{
    size_t size = name->size - 1U;
    if (stands_at(member, name->bytes, size)) {
        return;
    }
    struct dns_node *node = find_or_make(table, name->bytes, size);
    for (size_t at = 1U + name->bytes[0]; at < size; at += 1U + name->bytes[at]) {
        find_or_make(table, name->bytes + at, size - at)->below++;
    }
    node->is_server = is_server;
    node->stands = mem_grow(node->stands, node->count, &node->capacity, sizeof(node->stands[0]));
    member->places =
        mem_grow(member->places, member->place_count, &member->place_capacity, sizeof(member->places[0]));
    member->places[member->place_count] = (struct dns_place){.node = node};
    stand_at(node, node->count, (struct dns_stand){member, member->place_count});
    member->place_count++;
    if (member->server.offered) {
        exchange(node, node->offered, node->count);
        node->offered++;
    }
    node->count++;
}

static void leave(struct dns_node *node, size_t at)
{
    if (at < node->offered) {
        node->offered--;
        exchange(node, at, node->offered);
        at = node->offered;
    }
    node->count--;
    exchange(node, at, node->count);
    if (node->count == 0) {
        node->is_server = false;
    }
}

void dns_node_leave(struct dns_table *table, struct dns_member *member)
{
    for (size_t i = 0; i < member->place_count; i++) {
        struct dns_node *node = member->places[i].node;
        leave(node, member->places[i].at);
        for (size_t at = 1U + node->name[0]; at < node->size; at += 1U + node->name[at]) {
            struct dns_node *above = find(table, node->name + at, node->size - at);
            assert(above != NULL && above->below > 0);
            above->below--;
            end_if_empty(table, above);
        }
        end_if_empty(table, node);
    }
    member->place_count = 0;
}

struct dns_node *dns_table_find(const struct dns_table *table, struct str name)
{
    return find(table, (const uint8_t *)name.data, name.size);
}

bool dns_node_is_server(const struct dns_node *node)
{
    return node->is_server;
}

size_t dns_node_count(const struct dns_node *node)
{
    return node->count;
}

size_t dns_node_offered(const struct dns_node *node)
{
    return node->offered;
}

const struct dns_server *dns_node_server(const struct dns_node *node, size_t index)
{
    assert(index < node->count);
    return &node->stands[index].member->server;
}

void dns_node_shuffle(struct dns_node *node, size_t count, struct random *random)
{
    for (size_t i = 0; i < count && i + 1 < node->offered; i++) {
        exchange(node, i, i + (size_t)random_below(random, node->offered - i));
    }
}
