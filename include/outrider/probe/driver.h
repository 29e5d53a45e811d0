/* A probe driver makes one attempt to reach the server and reports the result. A driver keeps no state
 * between attempts: interval, rise and fall are core/probe. */
#ifndef OUTRIDER_PROBE_DRIVER_H
#define OUTRIDER_PROBE_DRIVER_H

#include "outrider/core/config/config.h"
#include "outrider/core/probe/verdict.h"

struct buf;
struct http_client;
struct loop;
struct probe_try;
struct programs;
struct resolver;

/* What is kept from one attempt to the next: connections that the server lets us use again. A client is NULL until the first
 * attempt that needs it. The owner zeroes the structure and ends the clients with probe_clients_fini. */
struct probe_clients {
    struct http_client *http, *grpc;
};

/* What drivers work with. The members are borrowed until the attempt ends. */
struct probe_context {
    struct loop *loop;
    struct resolver *resolver;
    struct probe_clients *clients;
    struct programs *programs; /* NULL: none can be started, and a try of type exec fails */
};

/* Closes what is kept. No attempt may be running. */
void probe_clients_fini(struct probe_clients *clients);

/* The result of an attempt. Called from the loop exactly once per attempt that is not cancelled, within the
 * probe's timeout and a little, never from within start. `result` is borrowed for the call; the handle is no
 * longer valid. */
typedef void probe_try_fn(const struct probe_result *result, void *user);

struct probe_driver {
    const char *name; /* as in the configuration: "tcp" */

    /* Appends what is probed, for a person: "127.0.0.1:8001". `host` as for start. */
    void (*describe)(const char *host, const struct config_probe *probe, struct buf *out);

    /* Starts an attempt that ends within `probe->timeout_ms`. `host` is probe_host of the configuration, borrowed for the
     * call; `probe` is borrowed until the attempt ends. The handle is borrowed: valid until `fn` is entered or cancel. */
    struct probe_try *(*start)(const struct probe_context *context, const char *host,
                               const struct config_probe *probe, probe_try_fn *fn, void *user);

    /* Ends the attempt without a callback. Accepts NULL. */
    void (*cancel)(struct probe_try *attempt);
};

/* The driver of a probe type; never NULL. */
const struct probe_driver *probe_driver_for(enum config_probe_type type);

#endif
