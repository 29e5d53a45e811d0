/* The parts of GET /api/agent. Each function writes members of the object that is open. */
#ifndef OUTRIDER_API_AGENT_AGENT_INTERNAL_H
#define OUTRIDER_API_AGENT_AGENT_INTERNAL_H

struct api_view;
struct json_writer;

/* agent_process.c: the process, the same for a sidecar and an observer. */
void api_write_process(struct json_writer *json, const struct api_view *view);

/* observer.c: the document of an agent without a server; the member `view` of either. */
void api_write_observer(struct json_writer *json, const struct api_view *view);
void api_write_view(struct json_writer *json, const struct api_view *view);

/* agent_registry.c: `endpoints`; `registry`, `lease`, `control`, `withheld` and `record`. */
void api_write_endpoints(struct json_writer *json, const struct api_view *view);
void api_write_registry(struct json_writer *json, const struct api_view *view);

/* agent_registry.c: why nothing has been published yet, "" when something has. */
const char *api_unpublished_reason(const struct api_view *view);

/* agent_probes.c: `probes`. */
void api_write_probes(struct json_writer *json, const struct api_view *view);

#endif
