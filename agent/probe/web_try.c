#include "web_try_internal.h"

#include "connect_try_internal.h"
#include "game_facts_internal.h"
#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/os/clock.h"

#include <stdlib.h>

void web_try_origin(struct buf *out, bool is_tls, const char *host, const struct config_probe *probe)
{
    buf_str(out, is_tls ? STR("https://") : STR("http://"));
    connect_try_describe(host, probe, out);
}

void web_fail(struct web_verdict *verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    brief_vformat(verdict->detail, sizeof(verdict->detail), format, args);
    va_end(args);
    verdict->outcome = PROBE_FAILED;
}

static enum probe_outcome outcome_of(enum http_transport transport)
{
    switch (transport) {
    case HTTP_TRANSPORT_OK: return PROBE_PASSED;
    case HTTP_TRANSPORT_REFUSED: return PROBE_REFUSED;
    case HTTP_TRANSPORT_UNREACHABLE: return PROBE_UNREACHABLE;
    case HTTP_TRANSPORT_TIMEOUT: return PROBE_TIMED_OUT;
    case HTTP_TRANSPORT_RESOLVE: return PROBE_NOT_RESOLVED;
    case HTTP_TRANSPORT_RESET: return PROBE_RESET;
    case HTTP_TRANSPORT_TLS:
    case HTTP_TRANSPORT_TOO_LARGE:
    case HTTP_TRANSPORT_OTHER: break;
    }
    return PROBE_FAILED;
}

static void end(struct web_try *attempt)
{
    http_request_cancel(attempt->request);
    free(attempt->host);
    free(attempt);
}

static void finish(struct web_try *attempt, const struct http_result *answer)
{
    struct web_verdict verdict = {.outcome = outcome_of(answer->transport)};
    if (verdict.outcome == PROBE_PASSED) {
        attempt->kind->judge(attempt->probe, answer, &verdict);
    } else {
        bool is_tls = answer->transport == HTTP_TRANSPORT_TLS;
        brief_format(verdict.detail, sizeof(verdict.detail), "%s%s", is_tls ? "TLS: " : "", answer->reason);
    }
    struct probe_result result = {.outcome = verdict.outcome,
                                  .detail = verdict.detail,
                                  .duration_us = clock_mono_us() - attempt->started_us,
                                  .facts = game_facts_of(&verdict.facts)};
    probe_try_fn *fn = attempt->fn;
    void *user = attempt->user;
    end(attempt);
    fn(&result, user);
}

static void send(struct web_try *attempt)
{
    int64_t left_ms = attempt->probe->timeout_ms - (clock_mono_us() - attempt->started_us) / 1000;
    struct http_call call = {.timeout_ms = left_ms > 1 ? left_ms : 1, .fresh = attempt->is_second};
    attempt->kind->send(attempt, &call);
}

static void on_result(const struct http_result *answer, void *user)
{
    struct web_try *attempt = user;
    attempt->request = NULL;
    if (answer->transport == HTTP_TRANSPORT_RESET && answer->kept && !attempt->is_second) {
        attempt->is_second = true;
        send(attempt);
        return;
    }
    finish(attempt, answer);
}

void web_try_send(struct web_try *attempt, const struct http_call *call)
{
    attempt->request = http_client_send(attempt->client, call, on_result, attempt);
}

struct http_client *web_try_client(const struct probe_context *context)
{
    struct http_client *client = http_client_new(context->loop, context->resolver, NULL);
    http_client_keep(client, CONFIG_PROBES_MAX);
    return client;
}

struct http_tls web_try_tls(const struct config_probe *probe)
{
    return (struct http_tls){.ca_file = probe->tls.ca_file,
                             .server_name = probe->tls.server_name,
                             .trusts_all = !probe->tls.verify};
}

struct probe_try *web_try_start(const struct web_kind *kind, struct http_client *client, const char *host,
                                const struct config_probe *probe, probe_try_fn *fn, void *user)
{
    struct web_try *attempt = mem_zalloc(sizeof(*attempt));
    *attempt = (struct web_try){.kind = kind,
                                .probe = probe,
                                .client = client,
                                .fn = fn,
                                .user = user,
                                .started_us = clock_mono_us(),
                                .host = mem_strdup(host)};
    send(attempt);
    return (struct probe_try *)(void *)attempt;
}

void web_try_cancel(struct probe_try *handle)
{
    if (handle != NULL) {
        end((struct web_try *)(void *)handle);
    }
}

void probe_clients_fini(struct probe_clients *clients)
{
    http_client_free(clients->http);
    http_client_free(clients->grpc);
    *clients = (struct probe_clients){0};
}
