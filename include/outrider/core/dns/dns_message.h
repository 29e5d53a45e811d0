/* A question of a DNS client and its answer (RFC 1035), without their bytes. */
#ifndef OUTRIDER_CORE_DNS_DNS_MESSAGE_H
#define OUTRIDER_CORE_DNS_DNS_MESSAGE_H

#include "outrider/base/str.h"
#include "outrider/core/dns/dns_name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of the protocol. */
enum {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_HINFO = 13,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_IXFR = 251,
    DNS_AXFR = 252,
    DNS_ANY = 255
};
enum { DNS_CLASS_IN = 1 };
enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_BADVERS = 16 /* in the OPT record */
};

/* Bytes of an answer: the least that a client of UDP takes, the most that this server sends over UDP to one that takes more, and
 * the most over TCP. */
enum { DNS_UDP_MIN = 512, DNS_UDP_MAX = 1232, DNS_TCP_MAX = 65535 };

/* What a client asks. `name` keeps the case in which it was written; it is empty where the message has none that can be read. */
struct dns_question {
    uint16_t id;
    uint8_t opcode;
    bool recursion_desired, checking_disabled; /* given back, not obeyed */
    struct dns_name name;
    uint16_t type, class;
    bool edns, dnssec_ok; /* it has an OPT record; its flag DO */
    uint16_t udp_size;    /* of that record */
};

enum dns_section { DNS_IN_ANSWER, DNS_IN_AUTHORITY, DNS_IN_ADDITIONAL };

/* One record. Names are of the wire form (dns_name.h) and borrowed as long as the answer says. */
struct dns_record {
    enum dns_section section;
    uint16_t type;
    uint32_t ttl;
    const uint8_t *owner; /* NULL: the name of the question */
    union {
        uint8_t address[16];   /* A: 4 bytes of it; AAAA */
        const uint8_t *target; /* NS, CNAME */
        struct {
            const uint8_t *target;
            uint16_t priority, weight, port;
        } srv;
        struct {
            const uint8_t *server, *mailbox;
            uint32_t serial, refresh, retry, expire, minimum;
        } soa;
        struct str texts; /* TXT, HINFO: strings, a byte with its size before each */
    } of;
};

/* Servers in one answer at most, and records of it: each server may have many ports. */
enum { DNS_ANSWERS_MAX = 256, DNS_RECORDS_MAX = 1024, DNS_TEXTS_MAX = 1024 };

/* Names are borrowed from what the answer was chosen of, until that changes. */
struct dns_answer {
    enum dns_rcode rcode;
    bool authoritative;
    size_t count;
    struct dns_record
        records[DNS_RECORDS_MAX]; /* those of one section together, in the order of the sections */
    char texts[DNS_TEXTS_MAX];    /* of TXT and HINFO */
};

#endif
