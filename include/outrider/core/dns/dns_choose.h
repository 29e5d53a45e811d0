/* Which records answer a question (docs/dns.md, "Names"). */
#ifndef OUTRIDER_CORE_DNS_DNS_CHOOSE_H
#define OUTRIDER_CORE_DNS_DNS_CHOOSE_H

#include "outrider/base/random.h"
#include "outrider/core/dns/dns_message.h"
#include "outrider/core/dns/dns_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* While it is not certain that the fleet is as it is known, an answer is kept for that many seconds at most. */
enum { DNS_STALE_TTL = 2 };

/* What is answered from. */
struct dns_zone {
    struct dns_name origin;          /* the domain */
    struct dns_name server, mailbox; /* of the records NS and SOA; the first is below the domain */
    bool has_ipv4, has_ipv6;         /* the addresses of this server */
    uint8_t ipv4[4], ipv6[16];
    struct dns_table *table;
    uint32_t ttl;   /* s */
    size_t answers; /* servers in one answer at most, up to DNS_ANSWERS_MAX */
};

/* What is known of the fleet. */
struct dns_state {
    bool known, stale;
    uint32_t serial;
};

/* Prepares a zone: names that follow from the domain `text`, which the configuration has checked, an empty table, TTL 0. */
void dns_zone_init(struct dns_zone *zone, const char *text);

/* Accepts {0}. */
void dns_zone_fini(struct dns_zone *zone);

/* Answers `question`, of which the class, the type and the name count. Names in the answer are borrowed from `zone`. The order of
 * servers that stand at a name changes. */
void dns_choose(struct dns_zone *zone, const struct dns_state *state, const struct dns_question *question,
                struct random *random, struct dns_answer *ret_answer);

#endif
