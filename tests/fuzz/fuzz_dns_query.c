/* Messages of DNS clients, behind a byte that says how they come: whatever they are, the answer is within its limit, repeats id and
 * question, is whole for ldns, and over UDP has at most 512 bytes without an OPT record. */
#include "must.h"

#include "outrider/codec/dns/dns_wire.h"
#include "outrider/core/dns/dns_choose.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

enum { OVER_TCP = 1, UNKNOWN = 2, STALE = 4, SERVERS = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct dns_zone *zone, size_t number)
{
    static const uint16_t ports[] = {8001, 8002};
    static const char *const hosts[] = {"10.0.0.1", "fd00::1", "game.example", ""};
    char key[32];
    struct view_entry_facts facts = {.status = number % 5 == 0 ? STATUS_ERROR : STATUS_READY};
    int length = snprintf(key, sizeof(key), "/p/w/w%zu", number);
    facts.fields[VIEW_STATUS] = STR("ready");
    facts.fields[VIEW_HOST] = str_of(hosts[number % 4]);
    facts.fields[VIEW_ZONE] = STR("eu.1");
    struct view_place place = {.key = {key, (size_t)length}, .prefix_size = 2};
    struct view_entry *entry = view_entry_new(&place, STR("{}"), &facts);
    dns_table_put(zone->table, entry, ports, number % 3);
    view_entry_unref(entry);
}

static void start(struct dns_zone *zone)
{
    dns_zone_init(zone, "o");
    zone->ttl = 5;
    zone->answers = 32;
    for (size_t i = 0; i < SERVERS; i++) {
        put(zone, i);
    }
}

static void check(const struct dns_question *question, struct str message, const uint8_t *bytes, size_t size,
                  size_t limit)
{
    ldns_pkt *packet = NULL;
    must(size >= 12 && size <= limit && (bytes[2] & 0x80) != 0);
    must(memcmp(bytes, message.data, 2) == 0);
    must(question->name.size == 0 || memcmp(bytes + 12, message.data + 12, question->name.size + 4U) == 0);
    must(ldns_wire2pkt(&packet, bytes, size) == LDNS_STATUS_OK);
    must(ldns_pkt_edns(packet) == question->edns);
    ldns_pkt_free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dns_zone zone;
    static struct dns_answer answer;
    static struct random random;
    static uint8_t bytes[DNS_TCP_MAX + DNS_WIRE_SLACK];
    struct dns_question question;
    enum dns_rcode rcode;
    if (zone.table == NULL) {
        start(&zone);
    }
    unsigned how = size == 0 ? 0 : data[0];
    struct str message = {(const char *)data + (size == 0 ? 0 : 1), size == 0 ? 0 : size - 1};
    struct dns_state state = {.known = (how & UNKNOWN) == 0, .stale = (how & STALE) != 0};
    random_seed(&random, how);
    if (dns_wire_read(message, &question, &rcode) < 0) {
        return 0;
    }
    answer.count = 0;
    answer.rcode = rcode;
    answer.authoritative = false;
    if (rcode == DNS_NOERROR) {
        dns_choose(&zone, &state, &question, &random, &answer);
    }
    size_t limit = (how & OVER_TCP) != 0 ? DNS_TCP_MAX : dns_wire_udp_limit(&question);
    must((how & OVER_TCP) != 0 || limit <= (question.edns ? DNS_UDP_MAX : DNS_UDP_MIN));
    check(&question, message, bytes, dns_wire_write(&question, &answer, limit, bytes), limit);
    return 0;
}
