#include "dns_table_internal.h"

#include <arpa/inet.h>
#include <string.h>

/* A first label that names no server: `ready.TYPE` is the same as TYPE. */
static const struct str ready = STR_INIT("ready");

struct dns_table *dns_table_new(const struct dns_name *origin)
{
    struct dns_table *table = mem_zalloc(sizeof(*table));
    table->origin = *origin;
    return table;
}

static void fini_member(struct dns_member *member)
{
    view_entry_unref(member->entry);
    free(member->places);
    free(member->host_name);
    free(member->name);
    free(member->ports);
    free(member);
}

static void end(struct dns_table *table, struct dns_member *member)
{
    dns_node_leave(table, member);
    for (size_t i = 0; i < DNS_LEFT_COUNT; i++) {
        table->left[i] -= member->left[i];
    }
    HASH_DEL(table->members, member);
    fini_member(member);
}

void dns_table_free(struct dns_table *table)
{
    if (table != NULL) {
        struct dns_member *member, *next;
        HASH_ITER(hh, table->members, member, next)
        {
            end(table, member);
        }
        free(table);
    }
}

static void leave_out(struct dns_table *table, struct dns_member *member, enum dns_left why)
{
    member->left[why]++;
    table->left[why]++;
}

/* ---- names ---- */

static size_t count_labels(struct str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++) {
        count += text.data[i] == '.' ? 1 : 0;
    }
    return count;
}

/* Makes the name of `parts`, the last label first, which fits in front of the domain. */
static int make_name(const struct dns_table *table, const struct str *parts, size_t count,
                     struct dns_name *ret_name)
{
    struct dns_name name = {.size = 1};
    for (size_t i = 0; i < count; i++) {
        if (dns_name_prepend(&name, parts[i]) < 0) {
            return -1;
        }
    }
    if (name.size - 1 + table->origin.size > DNS_NAME_MAX) {
        return -1;
    }
    *ret_name = name;
    return 0;
}

static void join(struct dns_table *table, struct dns_member *member, const struct dns_name *name,
                 bool is_server)
{
    struct dns_name folded = *name;
    dns_name_fold(&folded);
    if (dns_node_has_room(table, folded.bytes)) {
        dns_node_join(table, &folded, member, is_server);
    } else {
        leave_out(table, member, DNS_LEFT_LIMIT);
    }
}

/* `word` is what is selected by; the name of a label comes between it and the value. */
static void join_selected(struct dns_table *table, struct dns_member *member, struct str word,
                          struct str label, struct str value)
{
    struct dns_name name;
    const struct str parts[] = {view_entry_type(member->entry), word, label, value};
    const struct str unlabelled[] = {parts[0], word, value};
    bool has_label = label.data != NULL;
    if (value.size == 0) {
        return;
    }
    bool fits = count_labels(value) <= DNS_VALUE_LABELS_MAX && (!has_label || count_labels(label) == 1);
    if (fits && make_name(table, has_label ? parts : unlabelled, has_label ? 4 : 3, &name) == 0) {
        join(table, member, &name, false);
    } else {
        leave_out(table, member, DNS_LEFT_VALUE);
    }
}

static void join_all(struct dns_table *table, struct dns_member *member)
{
    static const struct {
        struct str word;
        enum view_field field;
    } selectors[] = {
        {STR_INIT("zone"), VIEW_ZONE}, {STR_INIT("region"), VIEW_REGION}, {STR_INIT("group"), VIEW_GROUP}};
    const struct view_entry *entry = member->entry;
    const struct str parts[] = {view_entry_type(entry), view_entry_id(entry)};
    struct dns_name name;
    if (!dns_name_is_label(parts[0]) || !dns_name_is_label(parts[1]) || str_eq_nocase(parts[1], ready) ||
        make_name(table, parts, 2, &name) < 0) {
        leave_out(table, member, DNS_LEFT_NAME);
        return;
    }
    size_t size = name.size - 1U;
    member->name = mem_zalloc(size + table->origin.size);
    memcpy(member->name, name.bytes, size);
    memcpy(member->name + size, table->origin.bytes, table->origin.size);
    member->server.name = member->name;
    join(table, member, &name, true);
    if (make_name(table, parts, 1, &name) == 0) {
        join(table, member, &name, false);
    }
    for (size_t i = 0; i < COUNT_OF(selectors); i++) {
        join_selected(table, member, selectors[i].word, (struct str){NULL, 0},
                      view_entry_text(entry, selectors[i].field));
    }
    for (size_t i = 0; i < entry->tag_count; i++) {
        join_selected(table, member, STR("tag"), (struct str){NULL, 0}, view_entry_tag_at(entry, i));
    }
    for (size_t i = 0; i < entry->label_count; i++) {
        struct view_label label = view_entry_label_at(entry, i);
        join_selected(table, member, STR("label"), label.name.data == NULL ? STR("") : label.name,
                      label.value);
    }
}

/* ---- hosts ---- */

static bool is_host_name(struct str host)
{
    bool digits = true;
    for (struct str rest = host; rest.size > 0;) {
        if (!dns_name_is_label(str_split(rest, '.', &rest))) {
            return false;
        }
    }
    for (size_t i = 0; i < host.size; i++) {
        digits = digits && ((host.data[i] >= '0' && host.data[i] <= '9') || host.data[i] == '.');
    }
    return !digits;
}

static void read_host(struct dns_table *table, struct dns_member *member)
{
    struct dns_server *server = &member->server;
    struct str host = view_entry_text(member->entry, VIEW_HOST);
    struct dns_name name;
    char text[INET6_ADDRSTRLEN] = {0};
    if (host.size == 0) {
        return;
    }
    if (host.size < sizeof(text)) {
        memcpy(text, host.data, host.size);
    }
    if (inet_pton(AF_INET, text, server->address) == 1) {
        server->host = DNS_HOST_IPV4;
    } else if (inet_pton(AF_INET6, text, server->address) == 1) {
        server->host = DNS_HOST_IPV6;
    } else if (is_host_name(host) && dns_name_read(host, &name) == 0) {
        server->host = DNS_HOST_NAME;
        member->host_name = mem_copy(name.bytes, name.size);
        server->host_name = member->host_name;
    } else {
        leave_out(table, member, DNS_LEFT_HOST);
    }
}

/* ---- changes ---- */

static uint64_t hash_of(const struct view_entry *entry, const uint16_t *ports, size_t port_count)
{
    static const enum view_field fields[] = {VIEW_HOST, VIEW_REGION, VIEW_ZONE, VIEW_GROUP};
    const unsigned char numbers[] = {entry->status, entry->weight, entry->tag_count, entry->label_count};
    uint64_t hash = str_hash((struct str){(const char *)numbers, sizeof(numbers)}, port_count);
    hash = str_hash((struct str){(const char *)ports, port_count * sizeof(ports[0])}, hash);
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        hash = str_hash(view_entry_text(entry, fields[i]), hash);
    }
    for (size_t i = 0; i < entry->tag_count; i++) {
        hash = str_hash(view_entry_tag_at(entry, i), hash);
    }
    for (size_t i = 0; i < entry->label_count; i++) {
        struct view_label label = view_entry_label_at(entry, i);
        hash = str_hash(label.value, str_hash(label.name, hash));
    }
    return hash;
}

/* TYPE/ID as it stands at the end of the key. */
static struct str key_of(const struct view_entry *entry)
{
    struct str type = view_entry_type(entry);
    return (struct str){type.data, type.size + 1 + view_entry_id(entry).size};
}

static struct dns_member *find(const struct dns_table *table, const struct view_entry *entry)
{
    struct str key = key_of(entry);
    struct dns_member *member;
    HASH_FIND(hh, table->members, key.data, key.size, member);
    return member;
}

static void add(struct dns_table *table, struct view_entry *is, uint64_t facts, const uint16_t *ports,
                size_t port_count)
{
    struct str key = key_of(is);
    struct dns_member *member = mem_zalloc(sizeof(*member) + key.size);
    member->entry = view_entry_ref(is);
    member->facts = facts;
    member->key_size = key.size;
    memcpy(member->key, key.data, key.size);
    member->ports = mem_copy(ports, port_count * sizeof(ports[0]));
    member->server = (struct dns_server){.entry = is, .ports = member->ports, .port_count = port_count};
    read_host(table, member);
    member->server.offered =
        is->status == STATUS_READY && is->weight > 0 && member->server.host != DNS_HOST_NONE;
    HASH_ADD_KEYPTR(hh, table->members, member->key, member->key_size, member);
    join_all(table, member);
}

void dns_table_put(struct dns_table *table, struct view_entry *is, const uint16_t *ports, size_t port_count)
{
    struct dns_member *member = find(table, is);
    uint64_t facts = hash_of(is, ports, port_count);
    if (member != NULL && member->facts == facts) { /* players and times change more often than all else */
        view_entry_unref(member->entry);
        member->entry = view_entry_ref(is);
        member->server.entry = is;
        return;
    }
    if (member != NULL) {
        end(table, member);
    }
    add(table, is, facts, ports, port_count);
}

void dns_table_drop(struct dns_table *table, const struct view_entry *was)
{
    struct dns_member *member = find(table, was);
    if (member != NULL) {
        end(table, member);
    }
}

const size_t *dns_table_left(const struct dns_table *table)
{
    return table->left;
}

size_t dns_table_names(const struct dns_table *table)
{
    return HASH_COUNT(table->nodes);
}
