/* The servers of a registry as the configuration names them, how each was when it was last asked, which of
 * them is asked next, and how a request's time is shared among them.
 *
 * An endpoint is healthy until it fails, and again from its next good answer on. Healthy endpoints are asked first, in an
 * order of this agent's own: a thousand agents with the same list must not all sit on its first entry, nor move to the
 * same one when it fails. Of the others the one whose failure is oldest comes first. So a black hole costs a request one
 * attempt, once: by requests it is asked again only when every other has failed more recently. Beside them recheck.c asks
 * it now and then. */
#ifndef OUTRIDER_REGISTRY_ENDPOINTS_ENDPOINTS_H
#define OUTRIDER_REGISTRY_ENDPOINTS_ENDPOINTS_H

#include "outrider/base/backoff.h"
#include "outrider/base/buf.h"
#include "outrider/core/config/config.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENDPOINT_ERROR_MAX = 256 };

struct endpoint {
    char *name;          /* scheme://host:port, as configured */
    uint64_t rank;       /* the lowest of the healthy ones is asked first */
    uint64_t failed;     /* number of its last failure, in the order of all; 0: it is healthy */
    int64_t failed_wall; /* when that was, ms since 1970 */
    char last_error[ENDPOINT_ERROR_MAX]; /* why, for people; "" when healthy */
    uint64_t cluster;                    /* to which it belonged by its last answer; 0: not known */
    int64_t healthy_mono;                /* since when it is healthy */
    struct backoff again;                /* of recheck.c, as the next */
    int64_t again_mono;                  /* when it is asked again though no request needs it */
};

struct endpoints {
    struct endpoint list[CONFIG_ENDPOINTS_MAX];
    size_t count;
    uint64_t failures; /* of all, so that they can be ordered */
};

/* One bit for each endpoint, those that a request has asked already. */
typedef uint32_t endpoint_set;

/* Copies the endpoints of `config`, which has at least one. They are asked in an order that follows from `agent`, or in
 * that of the configuration where it is NULL. */
void endpoints_init(struct endpoints *endpoints, const struct config_registry *config, const char *agent);

/* Accepts a zeroed one. */
void endpoints_fini(struct endpoints *endpoints);

/* The endpoint to ask next by a request that has asked `asked`; `count` when it has asked them all. */
size_t endpoints_next(const struct endpoints *endpoints, endpoint_set asked);

/* `asked` with endpoint `index`. */
endpoint_set endpoints_with(endpoint_set asked, size_t index);

/* Endpoint `index` answered as a healthy member does; `cluster` is the id it named, 0: none. */
void endpoints_answered(struct endpoints *endpoints, size_t index, uint64_t cluster);

/* Endpoint `index` failed in a way another may not: it is asked last from now on. `why` is for people. */
void endpoints_failed(struct endpoints *endpoints, size_t index, const char *why);

/* Endpoint `index` for people; false beyond the last. */
bool endpoints_describe(const struct endpoints *endpoints, size_t index,
                        struct registry_endpoint *ret_endpoint);

/* Appends that `index` and another endpoint belonged to two clusters when they answered last, if it is so: neither id says which is
 * the wrong one. The text is the same whichever of them is asked, so that it is logged once. */
void endpoints_note_clusters(const struct endpoints *endpoints, size_t index, struct buf *note);

/* How long, in ms, one attempt may take of the `left_ms` a request has that has asked `asked`: half, so that
 * one that swallows everything leaves time for the rest; all of it when there are no others. At least 1. */
int64_t endpoints_share(const struct endpoints *endpoints, endpoint_set asked, int64_t left_ms);

#endif
