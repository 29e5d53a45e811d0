/* The documents below /service-discovery/ (docs/design/protocol.md, "Service discovery"), for existing clients. */
#ifndef OUTRIDER_CODEC_RECORD_DISCOVERY_JSON_H
#define OUTRIDER_CODEC_RECORD_DISCOVERY_JSON_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct leaders;
struct leaders_scope;
struct view;
struct view_entry;

/* What is not of the fleet. Probe results of the server beside this agent: observers have none. */
struct discovery_local {
    const struct leaders *leaders; /* who leads; NULL: not known, then every role is member */
    struct str type, id;
    bool known;              /* a probe has answered */
    int64_t response_ms;     /* of the last probe that passed; negative: none has passed */
    int64_t last_check_wall; /* ms since 1970 */
};

/* "healthy", "starting", "draining", "stopped", "unhealthy" for ready, initializing, draining, shutting_down
 * and every other status. */
const char *discovery_health(unsigned status);

/* Appends one service: {id,name,host,port,status,role,health:{status,responseTime,lastCheck},isHealthy}.
 * `name` is the type, `port` the first or null; unknown values are null. `role` is "leader" of a service that leads a scope,
 * else "member". `local` may be NULL. */
void discovery_json_service(const struct view_entry *entry, const struct discovery_local *local,
                            struct buf *out);

/* Appends {"services":[...],"total","healthy","unhealthy"}. */
void discovery_json_services(const struct view *view, const struct discovery_local *local, struct buf *out);

/* Appends {"totalServices",...,"servicesByRegion":{},"servicesByStatus":{...},"leader":{id,name,host,port,status,role}}.
 * Services without a region are counted under "unknown". The leader is that of the scope `scope`, else of the first one by name
 * that has one; without a record it has what its key says; null where no scope has a leader. */
void discovery_json_topology(const struct view *view, const struct leaders *leaders, struct str scope,
                             struct buf *out);

/* Appends {"enabled":true,"currentService":{id,name,host,port,status,role},"isLeader":...,"status":...}.
 * `current` is NULL for an observer and for a record that is not in the view yet; `leads`: this agent leads a scope;
 * `registered`: it has been published. */
void discovery_json_status(const struct view_entry *current, bool leads, bool registered, struct buf *out);

/* Appends the data of the event of a scope that has another leader, which is named: {"type":"leaderElected","service":{...},
 * "serviceId","scope","timestamp"}. `entry` is the leader's record; NULL: there is none, as of an observer. */
void discovery_json_elected(const struct leaders_scope *scope, const struct view_entry *entry,
                            const struct discovery_local *local, int64_t wall_ms, struct buf *out);

/* Appends the data of an event: {"type":"serviceJoined"|"serviceLeft"|"serviceHealthChanged","service":{...},
 * "serviceId","timestamp"}, timestamp in ms. Returns false and appends nothing for a change that is none of the
 * three. One of the entries may be NULL. */
bool discovery_json_event(const struct view_entry *was, const struct view_entry *is, int64_t wall_ms,
                          const struct discovery_local *local, struct buf *out);

#endif
