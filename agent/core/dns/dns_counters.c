#include "outrider/core/dns/dns_counters.h"

static const struct {
    uint16_t type;
    const char *name;
} types[DNS_COUNTED_TYPES] = {{DNS_A, "A"},     {DNS_AAAA, "AAAA"},   {DNS_SRV, "SRV"},
                              {DNS_TXT, "TXT"}, {DNS_CNAME, "CNAME"}, {DNS_SOA, "SOA"},
                              {DNS_NS, "NS"},   {DNS_ANY, "ANY"},     {0, "other"}};

static const struct {
    enum dns_rcode rcode;
    const char *name;
} rcodes[DNS_COUNTED_RCODES] = {{DNS_NOERROR, "NOERROR"},   {DNS_FORMERR, "FORMERR"},
                                {DNS_SERVFAIL, "SERVFAIL"}, {DNS_NXDOMAIN, "NXDOMAIN"},
                                {DNS_NOTIMP, "NOTIMP"},     {DNS_REFUSED, "REFUSED"},
                                {DNS_BADVERS, "BADVERS"}};

void dns_counters_count(struct dns_counters *counters, uint16_t type, enum dns_rcode rcode)
{
    size_t i = 0, j = 0;
    while (i + 1 < DNS_COUNTED_TYPES && types[i].type != type) {
        i++;
    }
    while (j + 1 < DNS_COUNTED_RCODES && rcodes[j].rcode != rcode) {
        j++;
    }
    counters->questions[i][j]++;
}

const char *dns_counters_type(size_t index)
{
    return types[index].name;
}

const char *dns_counters_rcode(size_t index)
{
    return rcodes[index].name;
}
