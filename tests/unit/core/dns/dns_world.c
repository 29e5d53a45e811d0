#include "dns_world.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

static struct view_entry *make(const struct dns_case *server)
{
    char key[256];
    struct view_entry_facts facts = {.status = server->status};
    int size = snprintf(key, sizeof(key), "/p/%s", server->key);
    facts.fields[VIEW_STATUS] = str_of(status_name(server->status));
    facts.fields[VIEW_HOST] = str_of(server->host == NULL ? "10.0.0.1" : server->host);
    facts.fields[VIEW_ZONE] = str_of(server->zone);
    facts.fields[VIEW_REGION] = str_of(server->region);
    facts.fields[VIEW_GROUP] = str_of(server->group);
    for (; facts.tag_count < 4 && server->tags[facts.tag_count] != NULL; facts.tag_count++) {
        facts.tags[facts.tag_count] = str_of(server->tags[facts.tag_count]);
    }
    for (; facts.label_count < 4 && server->labels[facts.label_count].name != NULL; facts.label_count++) {
        facts.labels[facts.label_count] = (struct view_label){
            str_of(server->labels[facts.label_count].name), str_of(server->labels[facts.label_count].value)};
    }
    if (server->weight > 0) {
        facts.weight = (struct view_count){true, server->weight == DNS_CASE_NEVER ? 0 : server->weight};
    }
    facts.players = (struct view_count){server->players > 0, server->players};
    struct view_place place = {.key = {key, (size_t)size}, .prefix_size = 2, .mod_revision = 1};
    return view_entry_new(&place, STR("{}"), &facts);
}

void dns_world_begin(struct dns_world *world)
{
    *world = (struct dns_world){.state = {.known = true, .serial = 7}};
    world->answer = calloc(1, sizeof(*world->answer));
    random_seed(&world->random, 1);
    dns_zone_init(&world->zone, "outrider.");
    world->zone.ttl = 30;
    world->zone.answers = 16;
}

void dns_world_end(struct dns_world *world)
{
    dns_zone_fini(&world->zone);
    free(world->answer);
}

void dns_world_put(struct dns_world *world, const struct dns_case *server)
{
    struct view_entry *entry = make(server);
    size_t ports = 0;
    while (ports < 4 && server->ports[ports] != 0) {
        ports++;
    }
    dns_table_put(world->zone.table, entry, server->ports, ports);
    view_entry_unref(entry);
}

void dns_world_drop(struct dns_world *world, const char *key)
{
    struct view_entry *entry = make(&(struct dns_case){.key = key});
    dns_table_drop(world->zone.table, entry);
    view_entry_unref(entry);
}

static size_t add_name(char *out, size_t room, const uint8_t *name)
{
    size_t at = 0;
    for (; name[0] != 0 && at < room; name += 1U + name[0]) {
        at += (size_t)snprintf(out + at, room - at, "%.*s.", name[0], (const char *)name + 1);
    }
    return at;
}

static size_t add_data(char *out, size_t room, const struct dns_record *record)
{
    const uint8_t *a = record->of.address;
    size_t at = 0;
    switch (record->type) {
    case DNS_A: return (size_t)snprintf(out, room, "A %u.%u.%u.%u", a[0], a[1], a[2], a[3]);
    case DNS_AAAA: return (size_t)snprintf(out, room, "AAAA %02x%02x::%02x", a[0], a[1], a[15]);
    case DNS_CNAME:
    case DNS_NS:
        at = (size_t)snprintf(out, room, record->type == DNS_NS ? "NS " : "CNAME ");
        return at + add_name(out + at, room - at, record->of.target);
    case DNS_SOA: return (size_t)snprintf(out, room, "SOA %u", record->of.soa.minimum);
    case DNS_SRV:
        at = (size_t)snprintf(out, room, "SRV %u %u %u ", record->of.srv.priority, record->of.srv.weight,
                              record->of.srv.port);
        return at + add_name(out + at, room - at, record->of.srv.target);
    default: break;
    }
    at = (size_t)snprintf(out, room, record->type == DNS_TXT ? "TXT" : "HINFO");
    for (size_t i = 0; i < record->of.texts.size; i += 1U + (unsigned char)record->of.texts.data[i]) {
        at += (size_t)snprintf(out + at, room - at, " %.*s", record->of.texts.data[i],
                               record->of.texts.data + i + 1);
    }
    return at;
}

const char *dns_world_ask(struct dns_world *world, const char *name, uint16_t type)
{
    static const char *const results[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
    static const char *const marks[] = {"", "~", "+"};
    struct dns_question question = {.type = type, .class = DNS_CLASS_IN};
    size_t at, room = sizeof(world->text);
    assert_int_equal(dns_name_read(str_of(name), &question.name), 0);
    dns_choose(&world->zone, &world->state, &question, &world->random, world->answer);
    at = (size_t)snprintf(world->text, room, "%s", results[world->answer->rcode]);
    for (size_t i = 0; i < world->answer->count && at < room; i++) {
        const struct dns_record *record = &world->answer->records[i];
        at += (size_t)snprintf(world->text + at, room - at, " %s", marks[record->section]);
        if (record->owner != NULL) {
            at += add_name(world->text + at, room - at, record->owner);
            at += (size_t)snprintf(world->text + at, room - at, " ");
        }
        at += add_data(world->text + at, room - at, record);
    }
    return world->text;
}
