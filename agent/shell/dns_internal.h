/* dns.c: the fleet by DNS (docs/dns.md). */
#ifndef OUTRIDER_SHELL_DNS_INTERNAL_H
#define OUTRIDER_SHELL_DNS_INTERNAL_H

#include "agent_internal.h"

struct api_dns;

/* Serves where dns.listen says, from the fleet as it is and as it changes; sets agent->dns, which stays NULL where DNS is off. Returns 0,
 * or -1 with `err` naming the setting. */
int dns_open(struct agent *agent, struct error *err) MUST_CHECK;

/* Of the following each accepts NULL. An effect of the view; a new dns.ttl and dns.answers. */
void dns_carry_out(struct dns *dns, const struct view_effect *effect);
void dns_reload(struct dns *dns, const struct config *config);

/* For the API, borrowed until the next step; NULL: it is off. */
const struct api_dns *dns_look(struct dns *dns);

/* Closes everything. */
void dns_free(struct dns *dns);

#endif
