/* An attempt that sends one request through libcurl: what http and grpc probes share.
 *
 *     send ──answered──────────────────────────────────────> judge ──> result
 *       ^         │ a kept connection that the server has closed
 *       └─────────┘ once, on a new one, within the same timeout */
#ifndef OUTRIDER_PROBE_WEB_TRY_INTERNAL_H
#define OUTRIDER_PROBE_WEB_TRY_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/codec/game/game.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/probe/driver.h"

extern const struct probe_driver probe_http, probe_grpc;

/* The result, while it is made. */
struct web_verdict {
    enum probe_outcome outcome;
    char detail[256];
    struct game_facts facts;
};

struct web_try;

/* What a type adds. */
struct web_kind {
    /* Completes `call`, whose timeout and freshness are set, and sends it with web_try_send. */
    void (*send)(struct web_try *attempt, struct http_call *call);
    /* An answer was read: says in `verdict` (PROBE_PASSED, no detail, no facts) what it means. */
    void (*judge)(const struct config_probe *probe, const struct http_result *answer,
                  struct web_verdict *verdict);
};

struct web_try {
    const struct web_kind *kind;
    const struct config_probe *probe;
    struct http_client *client;
    struct http_request_handle *request;
    probe_try_fn *fn;
    void *user;
    int64_t started_us;
    char *host;
    bool is_second;
};

/* A client that keeps a connection for each probe. The caller owns it. */
struct http_client *web_try_client(const struct probe_context *context);

/* What the probe says of TLS; borrowed of it. */
struct http_tls web_try_tls(const struct config_probe *probe);

/* Starts an attempt through `client`, as the driver's start. */
struct probe_try *web_try_start(const struct web_kind *kind, struct http_client *client, const char *host,
                                const struct config_probe *probe, probe_try_fn *fn, void *user);

/* The cancel of every such driver. */
void web_try_cancel(struct probe_try *handle);

/* Sends `call`, which is copied. */
void web_try_send(struct web_try *attempt, const struct http_call *call);

/* Appends "http://HOST:PORT", with an IPv6 address in brackets. */
void web_try_origin(struct buf *out, bool is_tls, const char *host, const struct config_probe *probe);

/* Sets PROBE_FAILED, and why. */
void web_fail(struct web_verdict *verdict, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
