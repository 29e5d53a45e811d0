#include "outrider/core/dns/dns_choose.h"

#include "dns_choose_internal.h"

#include <assert.h>
#include <string.h>

void dns_zone_init(struct dns_zone *zone, const char *text)
{
    *zone = (struct dns_zone){.answers = 1};
    int rc = dns_name_read(str_of(text), &zone->origin);
    assert(rc == 0);
    zone->server = zone->mailbox = zone->origin;
    rc = dns_name_prepend(&zone->server, STR("ns.dns"));
    assert(rc == 0);
    rc = dns_name_prepend(&zone->mailbox, STR("hostmaster"));
    assert(rc == 0);
    (void)rc;
    zone->table = dns_table_new(&zone->origin);
}

void dns_zone_fini(struct dns_zone *zone)
{
    dns_table_free(zone->table);
    zone->table = NULL;
}

/* ---- names that stand for others ---- */

static struct str cut_first(struct str name, struct str *ret_rest)
{
    size_t size = (unsigned char)name.data[0];
    *ret_rest = (struct str){name.data + 1 + size, name.size - 1 - size};
    return (struct str){name.data + 1, size};
}

static bool is_protocol(struct str label)
{
    return str_eq(label, STR("_tcp")) || str_eq(label, STR("_udp"));
}

/* Writes the name of the type: `_TYPE._tcp` is `TYPE` (RFC 2782). `name` is the wire form in small letters, without the domain. */
static bool read_service(struct str name, struct dns_name *ret_name)
{
    struct str rest, first = cut_first(name, &rest);
    if (rest.size == 0 || first.size < 2 || first.data[0] != '_' || !is_protocol(cut_first(rest, &rest)) ||
        rest.size > 0) {
        return false;
    }
    ret_name->bytes[0] = (uint8_t)(first.size - 1);
    memcpy(ret_name->bytes + 1, first.data + 1, first.size - 1);
    ret_name->size = (uint8_t)first.size;
    return true;
}

static struct dns_node *find(const struct dns_zone *zone, struct str name)
{
    struct dns_name service;
    struct str rest;
    if (read_service(name, &service)) {
        return dns_table_find(zone->table, (struct str){(const char *)service.bytes, service.size});
    }
    if (str_eq(cut_first(name, &rest), STR("ready")) && rest.size > 0 &&
        (size_t)(unsigned char)rest.data[0] + 1 == rest.size) {
        return dns_table_find(zone->table, rest);
    }
    return dns_table_find(zone->table, name);
}

/* ---- answers ---- */

/* Nothing of that type; or, where the name is not there, nothing at all. */
static void answer_none(struct dns_choice *choice, bool exists)
{
    choice->answer->rcode = exists ? DNS_NOERROR : DNS_NXDOMAIN;
    dns_records_soa(choice, DNS_IN_AUTHORITY);
}

static void answer_domain(struct dns_choice *choice)
{
    if (choice->type == DNS_SOA) {
        dns_records_soa(choice, DNS_IN_ANSWER);
    } else if (choice->type == DNS_NS) {
        dns_records_ns(choice);
    }
}

static void answer_node(struct dns_choice *choice, struct dns_node *node, struct random *random)
{
    size_t most = choice->zone->answers;
    size_t some = dns_node_is_server(node) ? dns_node_count(node) : dns_node_offered(node);
    some = some < most ? some : most;
    if (!dns_node_is_server(node)) {
        dns_node_shuffle(node, some, random);
    }
    dns_records_of(choice, node, some);
}

/* Whether the name of this server is asked for; or the one above it, which has no records. */
static bool is_own(struct str name, bool *ret_above)
{
    static const char own[] = "\x02ns\x03"
                              "dns";
    *ret_above = str_eq(name, (struct str){own + 3, 4});
    return str_eq(name, (struct str){own, 7});
}

/* `name` is the wire form in small letters, without the domain. */
static void answer_name(struct dns_choice *choice, struct dns_zone *zone, struct str name,
                        struct random *random)
{
    bool above = false, exists = true;
    struct dns_node *node = NULL;
    if (name.size == 0) {
        answer_domain(choice);
    } else if (is_own(name, &above)) {
        dns_records_own_address(choice, DNS_IN_ANSWER, choice->type, NULL);
    } else {
        struct str rest, first = cut_first(name, &rest);
        node = find(zone, name);
        exists = node != NULL || above || (rest.size == 0 && is_protocol(first));
    }
    if (choice->type == DNS_ANY && exists) {
        dns_records_any(choice);
    } else if (node != NULL) {
        answer_node(choice, node, random);
    }
    if (choice->answer->count == 0) {
        answer_none(choice, exists);
    }
}

static bool is_transfer(uint16_t type)
{
    return type == DNS_AXFR || type == DNS_IXFR;
}

void dns_choose(struct dns_zone *zone, const struct dns_state *state, const struct dns_question *question,
                struct random *random, struct dns_answer *ret_answer)
{
    size_t size;
    uint32_t ttl = state->stale && zone->ttl > DNS_STALE_TTL ? DNS_STALE_TTL : zone->ttl;
    struct dns_choice choice = {
        .zone = zone, .answer = ret_answer, .type = question->type, .ttl = ttl, .serial = state->serial};
    ret_answer->count = 0;
    ret_answer->rcode = DNS_NOERROR;
    ret_answer->authoritative = false;
    if (question->class != DNS_CLASS_IN || is_transfer(question->type) ||
        !dns_name_is_below(&question->name, &zone->origin, &size)) {
        ret_answer->rcode = DNS_REFUSED;
    } else if (!state->known) {
        ret_answer->rcode = DNS_SERVFAIL;
    } else {
        struct dns_name folded = question->name;
        dns_name_fold(&folded);
        ret_answer->authoritative = true;
        answer_name(&choice, zone, (struct str){(const char *)folded.bytes, size}, random);
    }
}
