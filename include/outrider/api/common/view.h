/* The agent as the API sees it. */
#ifndef OUTRIDER_API_COMMON_VIEW_H
#define OUTRIDER_API_COMMON_VIEW_H

#include "outrider/core/instant.h"

#include <stddef.h>
#include <stdint.h>

struct api_counters;
struct api_histogram;
struct config;
struct config_probe;
struct events;
struct follow;
struct intent;
struct probe;
struct registrar;
struct registry_endpoint;
struct server;
struct shutdown;
struct view;

/* One probe as it runs. */
struct api_probe {
    const struct config_probe *config;
    const char *type, *target; /* as the driver names and describes it */
    const struct probe *probe;
    const struct api_histogram *duration;
};

/* The fleet as the agent sees it. */
struct api_fleet {
    const struct view *view;
    uint64_t writes, failures; /* of the file the view is kept in */
    const char *last_error;    /* why that file cannot be written; "" when it can or is off */
    struct events *events;     /* the hub of subscribers */
};

/* The agent between two steps; everything is borrowed for one request. */
struct api_view {
    struct instant now;
    int64_t started_wall;
    const char *version, *config_file, *id, *host; /* host NULL: none */
    const struct config *config;
    struct api_fleet fleet;
    const struct server *server; /* NULL for an observer, as registrar, intent, shutdown and keys */
    const struct registrar *registrar;
    const struct intent *intent;
    const struct shutdown *shutdown;
    const struct api_probe *probes;
    size_t probe_count;
    const char *registry_endpoint; /* the last that answered; "" before the first answer */
    uint64_t registry_cluster;
    const struct registry_endpoint *registry_endpoints;
    size_t registry_endpoint_count;
    const struct follow *keys;    /* of the agent's own keys; NULL: none */
    const char *state_last_error; /* why state_dir cannot be written; "" when it can or is off */
    const struct api_counters *counters;
};

#endif
