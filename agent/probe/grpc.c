/* grpc.health.v1.Health/Check over HTTP/2: with `tls`, by ALPN; without, by prior knowledge. */
#include "web_try_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/version.h"
#include "outrider/codec/game/grpc_health.h"
#include "outrider/io/http/http_status.h"

#include <inttypes.h>
#include <stdio.h>

enum { ANSWER_MAX = 4096 };

static void describe(const char *host, const struct config_probe *probe, struct buf *out)
{
    web_try_origin(out, probe->tls.given, host, probe);
    if (probe->service != NULL) {
        buf_printf(out, "/%s", probe->service);
    }
}

static void send(struct web_try *attempt, struct http_call *call)
{
    const struct config_probe *probe = attempt->probe;
    const struct http_tls tls = web_try_tls(probe);
    struct buf url = {0}, body = {0};
    char agent[64];
    snprintf(agent, sizeof(agent), "User-Agent: outrider/%s", version_text());
    const char *const headers[] = {"Content-Type: application/grpc", "TE: trailers", agent, NULL};
    web_try_origin(&url, probe->tls.given, attempt->host, probe);
    buf_str(&url, STR(GRPC_HEALTH_PATH));
    grpc_health_request(str_of(probe->service), &body);
    call->method = HTTP_POST;
    call->http2 = true;
    call->url = buf_text(&url);
    call->headers = headers;
    call->body = buf_view(&body);
    call->max_response = ANSWER_MAX;
    call->tls = probe->tls.given ? &tls : NULL;
    web_try_send(attempt, call);
    buf_fini(&body);
    buf_fini(&url);
}

static void judge(const struct config_probe *probe, const struct http_result *answer,
                  struct web_verdict *verdict)
{
    struct error err;
    (void)probe;
    if (!answer->http2) {
        web_fail(verdict, "the server speaks HTTP/1.1 on this port, and not HTTP/2");
    } else if (answer->status != 200) {
        web_fail(verdict, "HTTP %d %s", answer->status, http_status_reason(answer->status));
    } else if (grpc_health_answer(&(struct grpc_answer){.head = answer->head,
                                                        .trailers = answer->trailers,
                                                        .body = answer->body},
                                  &err) < 0) {
        web_fail(verdict, "%s", err.text);
    }
}

static const struct web_kind kind = {.send = send, .judge = judge};

static struct probe_try *start(const struct probe_context *context, const char *host,
                               const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    struct http_client **kept = &context->clients->grpc;
    if (*kept == NULL) {
        *kept = web_try_client(context);
        http_client_relay(*kept);
    }
    return web_try_start(&kind, *kept, host, probe, fn, user);
}

const struct probe_driver probe_grpc = {
    .name = "grpc", .describe = describe, .start = start, .cancel = web_try_cancel};
