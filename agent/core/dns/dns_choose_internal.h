/* The parts of the choice: dns_choose.c (which name), dns_records.c (which records of it). */
#ifndef OUTRIDER_CORE_DNS_DNS_CHOOSE_INTERNAL_H
#define OUTRIDER_CORE_DNS_DNS_CHOOSE_INTERNAL_H

#include "outrider/core/dns/dns_choose.h"

/* One answer that is being made. */
struct dns_choice {
    const struct dns_zone *zone;
    struct dns_answer *answer;
    uint16_t type; /* that is asked for */
    uint32_t ttl;
    uint32_t serial;
};

/* Adds a record; NULL where the answer has as many as it can. */
struct dns_record *dns_records_add(struct dns_choice *choice, enum dns_section section, uint16_t type,
                                   const uint8_t *owner);

/* Adds the records of the asked type of servers at the node, the first `count` of them. */
void dns_records_of(struct dns_choice *choice, const struct dns_node *node, size_t count);

/* Adds an SOA record to that section, NS and the addresses of this server. */
void dns_records_soa(struct dns_choice *choice, enum dns_section section);
void dns_records_ns(struct dns_choice *choice);
void dns_records_own_address(struct dns_choice *choice, enum dns_section section, uint16_t type,
                             const uint8_t *owner);

/* Adds HINFO "RFC8482": what ANY gets. */
void dns_records_any(struct dns_choice *choice);

#endif
