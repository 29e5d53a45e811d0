/* A zone `outrider.` with the servers that a test puts there, and the answers to what it asks, as text. */
#ifndef OUTRIDER_TESTS_DNS_WORLD_H
#define OUTRIDER_TESTS_DNS_WORLD_H

#include "outrider/core/dns/dns_choose.h"

struct dns_world {
    struct dns_zone zone;
    struct dns_state state;
    struct random random;
    struct dns_answer *answer;
    char text[4096];
};

/* One server: TYPE/ID and what differs from a ready one at 10.0.0.1 without a port. */
struct dns_case {
    const char *key, *host, *zone, *region, *group;
    enum status status;
    unsigned weight; /* 0: none in the record; DNS_CASE_NEVER: 0 */
    uint16_t ports[4];
    const char *tags[4];
    struct {
        const char *name, *value;
    } labels[4];
    uint32_t players;
};
enum { DNS_CASE_NEVER = 1000 };

/* A zone that is known and certain, with a TTL of 30 s and 16 servers in an answer. */
void dns_world_begin(struct dns_world *world);
void dns_world_end(struct dns_world *world);

/* A record comes or changes; a record goes. */
void dns_world_put(struct dns_world *world, const struct dns_case *server);
void dns_world_drop(struct dns_world *world, const char *key);

/* Asks for a name with or without a dot at the end. The answer: the result, then ` TYPE DATA` of each record of the answer, ` ~` before
 * those of the authority and ` +` before additional ones; with "OWNER" where it is not the name of the question. */
const char *dns_world_ask(struct dns_world *world, const char *name, uint16_t type);

#endif
