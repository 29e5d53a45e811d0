/* What a handler uses beside the request: settings, the agent, and what the API counts. */
#ifndef OUTRIDER_API_COMMON_CONTEXT_H
#define OUTRIDER_API_COMMON_CONTEXT_H

#include "outrider/api/common/view.h"
#include "outrider/base/str.h"
#include "outrider/core/registry/registry_request.h"

#include <stdbool.h>
#include <stdint.h>

struct api_lists;
struct api_reply;
struct hold;
struct http_server_counters;

/* The result of writing a hold to a control key. `error` is empty when the registry has the hold, at
 * `revision`; otherwise `failure` is the kind of failure. */
struct api_controlled {
    enum registry_failure failure;
    bool conflict; /* other writers keep changing the key */
    struct str error;
    int64_t revision;
};
typedef void api_controlled_fn(const struct api_controlled *result, void *user);

struct api_ops {
    void (*look)(void *agent, struct api_view *ret_view);
    /* Sets the operator's hold: `reason` is valid UTF-8 of at most HOLD_REASON_MAX bytes; spans in ms, 0: none. */
    void (*drain)(void *agent, const char *reason, const char *by, int64_t deadline_ms, int64_t expires_ms);
    void (*undrain)(void *agent, const char *by);
    /* A request needs the fleet: watch it, now and for a while. */
    void (*want)(void *agent);
    /* Writes `hold` (not set: none) to the control key of a server. Borrowed for the call. `done` is called
     * once, later, unless the agent ends before. */
    void (*control)(void *agent, struct str type, struct str id, const struct hold *hold,
                    api_controlled_fn *done, void *user);
};

struct api_context {
    const struct config *config;
    const struct api_ops *ops;
    void *agent;
    const struct http_server_counters *http; /* NULL: none to show */
    int64_t loop_lag_us;                     /* the largest since the last scrape */
    bool impatient;                          /* the request has waited to its timeout: reply now */
    uint64_t waiting_refused;                /* requests for the fleet that found no room to wait */
    struct api_lists *lists;                 /* see fleet/lists.h */
};

/* Takes the view for this request. Looking resets the lag of the loop, so the largest is kept here. */
void api_look(struct api_context *context, struct api_view *ret_view);

/* Takes the view for a request that needs the fleet. False while the fleet is not known: `reply` is then an
 * error, or waits for the fleet. */
bool api_need_fleet(struct api_context *context, struct api_view *ret_view, struct api_reply *reply);

#endif
