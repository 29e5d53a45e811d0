/* What /service-discovery says about the server beside this agent. */
#ifndef OUTRIDER_API_FLEET_DISCOVERY_H
#define OUTRIDER_API_FLEET_DISCOVERY_H

struct api_view;
struct discovery_local;

/* The response time and the last check of this agent's server, by its probes; of an observer nothing. Texts
 * are borrowed from `view`. */
void api_local(const struct api_view *view, struct discovery_local *ret_local);

#endif
