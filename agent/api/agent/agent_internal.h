/* The parts of GET /api/agent. Each function writes members of the object that is open. */
#ifndef OUTRIDER_API_AGENT_AGENT_INTERNAL_H
#define OUTRIDER_API_AGENT_AGENT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

struct api_view;
struct json_writer;

/* agent_registry.c: `endpoints`; `registry`, `lease`, `control`, `withheld` and `record`; `view`. `lease_ids`: ids of leases
 * are shown. One is enough to keep a dead server's record alive, where etcd does not ask for a user. */
void api_write_endpoints(struct json_writer *json, const struct api_view *view);
void api_write_registry(struct json_writer *json, const struct api_view *view, bool lease_ids);
void api_write_view(struct json_writer *json, const struct api_view *view);

/* agent_sessions.c: `sessions`, null where the agent keeps none. */
void api_write_sessions(struct json_writer *json, const struct api_view *view);

/* agent_facts.c: `facts`: players, capacity, map, version and name, as far as they are known. */
void api_write_facts(struct json_writer *json, const struct api_view *view);

/* agent_flapping.c: `flapping`, null where it is not damped. */
void api_write_flapping(struct json_writer *json, const struct api_view *view);

/* agent_leader.c: `leader`: what the agent stands for. */
void api_write_leader(struct json_writer *json, const struct api_view *view);

/* agent_registry.c: a text, null when it is NULL or empty; an id in hexadecimal, as etcdctl prints it, null
 * when it is 0. */
void api_write_text(struct json_writer *json, const char *name, const char *value);
void api_write_hex(struct json_writer *json, const char *name, uint64_t id);

#endif
