/* What became of questions, by their type and the result. */
#ifndef OUTRIDER_CORE_DNS_DNS_COUNTERS_H
#define OUTRIDER_CORE_DNS_DNS_COUNTERS_H

#include "outrider/core/dns/dns_message.h"

#include <stddef.h>
#include <stdint.h>

enum { DNS_COUNTED_TYPES = 9, DNS_COUNTED_RCODES = 7 };

struct dns_counters {
    uint64_t questions[DNS_COUNTED_TYPES][DNS_COUNTED_RCODES];
    uint64_t ignored;   /* messages that are no questions, so that nothing was sent */
    uint64_t truncated; /* answers over UDP that say so */
};

/* Counts one. A type without a place of its own, and what has none as it could not be read, is "other". */
void dns_counters_count(struct dns_counters *counters, uint16_t type, enum dns_rcode rcode);

/* "A", ..., "other"; "NOERROR", ..., "BADVERS". */
const char *dns_counters_type(size_t index);
const char *dns_counters_rcode(size_t index);

#endif
