/* The documents below /service-discovery/ (docs/design/protocol.md, "Service discovery"), for existing clients. */
#ifndef OUTRIDER_CODEC_RECORD_DISCOVERY_JSON_H
#define OUTRIDER_CODEC_RECORD_DISCOVERY_JSON_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct view;
struct view_entry;

/* Probe results of the server beside this agent. Observers have none. */
struct discovery_local {
    struct str type, id;
    bool known;              /* a probe has answered */
    int64_t response_ms;     /* of the last probe that passed; negative: none has passed */
    int64_t last_check_wall; /* ms since 1970 */
};

/* "healthy", "starting", "draining", "stopped", "unhealthy" for ready, initializing, draining, shutting_down
 * and every other status. */
const char *discovery_health(unsigned status);

/* Appends one service: {id,name,host,port,status,role,health:{status,responseTime,lastCheck},isHealthy}.
 * `name` is the type, `port` the first or null; unknown values are null. `local` may be NULL. */
void discovery_json_service(const struct view_entry *entry, const struct discovery_local *local,
                            struct buf *out);

/* Appends {"services":[...],"total","healthy","unhealthy"}. */
void discovery_json_services(const struct view *view, const struct discovery_local *local, struct buf *out);

/* Appends {"totalServices",...,"servicesByRegion":{},"servicesByStatus":{...},"leader":null}. Services
 * without a region are counted under "unknown". */
void discovery_json_topology(const struct view *view, struct buf *out);

/* Appends {"enabled":true,"currentService":{id,name,host,port,status,role},"isLeader":false,"status":...}.
 * `current` is NULL for an observer and for a record that is not in the view yet; `registered`: it has been published. */
void discovery_json_status(const struct view_entry *current, bool registered, struct buf *out);

/* Appends the data of an event: {"type":"serviceJoined"|"serviceLeft"|"serviceHealthChanged","service":{...},
 * "serviceId","timestamp"}, timestamp in ms. Returns false and appends nothing for a change that is none of the
 * three. One of the entries may be NULL. */
bool discovery_json_event(const struct view_entry *was, const struct view_entry *is, int64_t wall_ms,
                          const struct discovery_local *local, struct buf *out);

#endif
