#include "dns_internal.h"

#include "outrider/base/error.h"

#ifndef OUTRIDER_DNS /* the configuration is refused where it names a place */

int dns_open(struct agent *agent, struct error *err)
{
    (void)agent;
    (void)err;
    return 0;
}

void dns_carry_out(struct dns *dns, const struct view_effect *effect)
{
    (void)dns;
    (void)effect;
}

void dns_reload(struct dns *dns, const struct config *config)
{
    (void)dns;
    (void)config;
}

const struct api_dns *dns_look(struct dns *dns)
{
    (void)dns;
    return NULL;
}

void dns_free(struct dns *dns)
{
    (void)dns;
}

#else

#include "outrider/base/mem.h"
#include "outrider/base/random.h"
#include "outrider/codec/dns/dns_wire.h"
#include "outrider/codec/record/view_item.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/listen.h"
#include "outrider/core/dns/dns_choose.h"
#include "outrider/core/dns/dns_counters.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/io/dns/dns_listener.h"
#include "outrider/os/entropy.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

static_assert((int)DNS_LISTENER_UDP_ANSWER == (int)DNS_UDP_MAX &&
                  (int)DNS_LISTENER_TCP_ANSWER == (int)DNS_TCP_MAX &&
                  (int)DNS_LISTENER_SLACK == (int)DNS_WIRE_SLACK &&
                  (int)DNS_LISTENER_TCP_QUERY == (int)DNS_QUERY_MAX,
              "what the listener has room for is what the codec writes");

struct dns {
    struct agent *agent;
    struct dns_listener *listener;
    struct dns_zone zone;
    struct random random;
    struct dns_counters counters;
    struct api_dns view;
    struct dns_answer answer; /* that is being made */
};

/* ---- the fleet ---- */

static void put(struct dns *dns, struct view_entry *entry)
{
    uint16_t ports[RECORD_PORTS_MAX];
    size_t count = view_record_ports(blob_view(entry->json), ports);
    dns_table_put(dns->zone.table, entry, ports, count);
}

void dns_carry_out(struct dns *dns, const struct view_effect *effect)
{
    if (dns == NULL || effect->type != VIEW_DO_CHANGED) {
        return;
    }
    if (effect->is != NULL) {
        put(dns, effect->is);
    } else {
        dns_table_drop(dns->zone.table, effect->was);
    }
}

static void fill(struct dns *dns)
{
    struct api_fleet look;
    fleet_look(dns->agent->fleet, &look);
    const struct view_facts *facts = view_facts(look.view);
    for (size_t i = 0; i < facts->count; i++) {
        put(dns, facts->entries[i]);
    }
}

static struct dns_state state_of(const struct dns *dns)
{
    struct api_fleet look;
    fleet_look(dns->agent->fleet, &look);
    const struct view_facts *facts = view_facts(look.view);
    return (struct dns_state){.known = facts->known && !facts->waking,
                              .stale = !facts->synced,
                              .serial = (uint32_t)facts->revision};
}

/* ---- questions ---- */

static void choose(struct dns *dns, const struct dns_question *question, enum dns_rcode rcode)
{
    struct dns_state state = state_of(dns);
    if (rcode == DNS_NOERROR) {
        dns_choose(&dns->zone, &state, question, &dns->random, &dns->answer);
    } else {
        dns->answer.rcode = rcode;
        dns->answer.authoritative = false;
        dns->answer.count = 0;
    }
}

static size_t on_message(const struct dns_peer *peer, struct str message, uint8_t *ret_answer, void *user)
{
    struct dns *dns = user;
    struct dns_question question;
    enum dns_rcode rcode;
    if (dns_wire_read(message, &question, &rcode) < 0) {
        dns->counters.ignored++;
        return 0;
    }
    choose(dns, &question, rcode);
    size_t limit = peer->is_tcp ? DNS_TCP_MAX : dns_wire_udp_limit(&question);
    size_t size = dns_wire_write(&question, &dns->answer, limit, ret_answer);
    dns_counters_count(&dns->counters, question.type, dns->answer.rcode);
    dns->counters.truncated += !peer->is_tcp && dns_wire_is_truncated(ret_answer) ? 1 : 0;
    return size;
}

/* ---- life ---- */

/* The address that NS leads to, where there is one that says where this server is. */
static void name_own_address(struct dns_zone *zone, const char *host)
{
    static const uint8_t none[16];
    uint8_t bytes[16];
    if (inet_pton(AF_INET, str_eq(str_of(host), STR("localhost")) ? "127.0.0.1" : host, bytes) == 1) {
        memcpy(zone->ipv4, bytes, sizeof(zone->ipv4));
        zone->has_ipv4 = memcmp(bytes, none, 4) != 0;
    } else if (inet_pton(AF_INET6, host, bytes) == 1) {
        memcpy(zone->ipv6, bytes, sizeof(zone->ipv6));
        zone->has_ipv6 = memcmp(bytes, none, sizeof(none)) != 0;
    }
}

static int listen_at(struct dns *dns, const struct config *config, struct error *err)
{
    struct listen_place place;
    if (listen_read(config->dns.listen, &place) < 0 || place.kind != LISTEN_TCP) {
        return error_set(err, ERROR_INVALID, "%s is not ADDRESS:PORT", config->dns.listen);
    }
    char *host = mem_copy(place.host.data, place.host.size);
    struct dns_listener_options options = {
        .host = host, .port = place.port, .max_connections = config->dns.max_connections};
    dns->listener = dns_listener_new(dns->agent->loop, &options, on_message, dns, err);
    name_own_address(&dns->zone, host);
    free(host);
    return dns->listener == NULL ? -1 : 0;
}

int dns_open(struct agent *agent, struct error *err)
{
    const struct config *config = agent->config;
    if (config->dns.listen == NULL) {
        return 0;
    }
    struct dns *dns = mem_zalloc(sizeof(*dns));
    uint64_t seed;
    entropy_fill(&seed, sizeof(seed));
    agent->dns = dns;
    dns->agent = agent;
    random_seed(&dns->random, seed);
    dns_zone_init(&dns->zone, config->dns.domain);
    dns_reload(dns, config);
    fill(dns);
    if (listen_at(dns, config, err) < 0) {
        return error_wrap(err, "dns.listen");
    }
    log_info("dns", "DNS open", LOG_TEXT("listen", config->dns.listen),
             LOG_TEXT("domain", config->dns.domain));
    return 0;
}

void dns_reload(struct dns *dns, const struct config *config)
{
    if (dns != NULL) {
        dns->zone.ttl = (uint32_t)(config->dns.ttl_ms / 1000);
        dns->zone.answers = config->dns.answers;
    }
}

const struct api_dns *dns_look(struct dns *dns)
{
    if (dns == NULL) {
        return NULL;
    }
    const struct dns_listener_counters *counters = dns_listener_counters(dns->listener);
    dns->view = (struct api_dns){.counters = &dns->counters,
                                 .connections = dns_listener_connections(dns->listener),
                                 .accepted = counters->accepted,
                                 .evicted = counters->evicted,
                                 .timed_out = counters->timed_out,
                                 .broken = counters->broken,
                                 .oversized = counters->udp_oversized,
                                 .unsent = counters->udp_unsent,
                                 .names = dns_table_names(dns->zone.table),
                                 .left = dns_table_left(dns->zone.table)};
    return &dns->view;
}

void dns_free(struct dns *dns)
{
    if (dns != NULL) {
        dns_listener_free(dns->listener);
        dns_zone_fini(&dns->zone);
        free(dns);
    }
}

#endif
