/* An attempt that only connects: what tcp and unix probes share. */
#ifndef OUTRIDER_PROBE_CONNECT_TRY_INTERNAL_H
#define OUTRIDER_PROBE_CONNECT_TRY_INTERNAL_H

#include "outrider/io/net/connect.h"
#include "outrider/probe/driver.h"

struct probe_try {
    struct connect_attempt *connection;
    probe_try_fn *fn;
    void *user;
};

extern const struct probe_driver probe_tcp, probe_unix, probe_exec;

/* The describe of every type that has a host and a port: "127.0.0.1:8001", "[::1]:8001". */
void connect_try_describe(const char *host, const struct config_probe *probe, struct buf *out);

/* What the end of a connection is for a probe. */
enum probe_outcome connect_try_outcome(enum connect_outcome outcome);

/* A new attempt without a connection; the driver sets it. */
struct probe_try *connect_try_new(probe_try_fn *fn, void *user);

/* The connect_fn of every such attempt: maps the outcome, reports it, and frees the attempt. */
void connect_try_done(enum connect_outcome outcome, const char *detail, int64_t elapsed_us, void *user);

/* The cancel of every such driver. */
void connect_try_cancel(struct probe_try *attempt);

#endif
