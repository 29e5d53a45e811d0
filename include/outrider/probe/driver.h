/* A probe driver makes one attempt to reach the server and says how it went. Types are the user's choice, so
 * this is one of the two run-time vtables of the program; a driver keeps no state between attempts. */
#ifndef OUTRIDER_PROBE_DRIVER_H
#define OUTRIDER_PROBE_DRIVER_H

#include "outrider/core/config/config.h"
#include "outrider/core/probe/verdict.h"

#include <stdint.h>

struct loop;
struct probe_try;

/* How an attempt ended. Called from the loop exactly once per attempt that is not cancelled, within the
 * probe's timeout and a little, never from within start. `detail` is for a person ("connection refused",
 * "timed out after 500ms"; "" when passed), borrowed. The handle is no longer valid. */
typedef void probe_try_fn(enum probe_outcome outcome, const char *detail, int64_t duration_us, void *user);

struct probe_driver {
    const char *name; /* as in the configuration: "tcp" */

    /* Starts an attempt that ends within `probe->timeout_ms`. `host` is probe_host of the configuration;
     * `host` and `probe` are borrowed for the call. The handle is borrowed: valid until `fn` is entered or
     * cancel. */
    struct probe_try *(*start)(struct loop *loop, const char *host, const struct config_probe *probe,
                               probe_try_fn *fn, void *user);

    /* Ends the attempt without a callback. Accepts NULL. */
    void (*cancel)(struct probe_try *attempt);
};

/* The driver of a probe type; never NULL. */
const struct probe_driver *probe_driver_for(enum config_probe_type type);

#endif
