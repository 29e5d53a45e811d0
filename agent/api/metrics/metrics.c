/* GET /metrics (docs/design/protocol.md, "Metrics"): base units, one family after the other. */
#include "metrics_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/codec/text/prometheus.h"
#include "outrider/core/config/config.h"
#include "outrider/core/probe/health.h"
#include "outrider/core/probe/probe.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/server/server.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/os/usage.h"

#define LABEL(key, text) ((struct prometheus_label){(key), str_of(text)})

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

void metrics_write(struct buf *out, const struct metrics_sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct metrics_sample *sample = &samples[i];
        prometheus_family(out, sample->name, sample->type, sample->help);
        if (sample->is_us) {
            prometheus_double(out, sample->name, NULL, 0, seconds(sample->value));
        } else {
            prometheus_int(out, sample->name, NULL, 0, sample->value);
        }
    }
}

void metrics_write_outcomes(struct buf *out, const char *name, const char *help, uint64_t ok, uint64_t failed)
{
    struct prometheus_label good = LABEL("outcome", "ok"), bad = LABEL("outcome", "error");
    prometheus_family(out, name, PROMETHEUS_COUNTER, help);
    prometheus_int(out, name, &good, 1, (int64_t)ok);
    prometheus_int(out, name, &bad, 1, (int64_t)failed);
}

static void write_histogram(struct buf *out, const char *name, struct prometheus_label label,
                            const struct api_histogram *histogram)
{
    double bounds[API_BUCKETS - 1];
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        bounds[i] = seconds(api_bucket_bounds_us[i]);
    }
    struct prometheus_histogram shown = {.bounds = bounds,
                                         .bound_count = COUNT_OF(bounds),
                                         .counts = histogram->buckets,
                                         .sum = seconds(histogram->sum_us)};
    prometheus_histogram(out, name, &label, 1, &shown);
}

static void write_status(struct buf *out, const struct api_view *view)
{
    prometheus_family(out, "outrider_build_info", PROMETHEUS_GAUGE, "Version of the agent; always 1.");
    struct prometheus_label version = LABEL("version", view->version);
    prometheus_int(out, "outrider_build_info", &version, 1, 1);
    if (view->server == NULL) {
        return;
    }
    prometheus_family(out, "outrider_status", PROMETHEUS_GAUGE,
                      "1 for the effective status of the server, 0 for the others.");
    for (int status = 0; status < STATUS_COUNT; status++) {
        struct prometheus_label label = LABEL("status", status_name((enum status)status));
        prometheus_int(out, "outrider_status", &label, 1,
                       server_facts(view->server).status == (enum status)status);
    }
    const char *name = "outrider_status_transitions_total";
    prometheus_family(out, name, PROMETHEUS_COUNTER, "Changes of the effective status.");
    for (int from = 0; from < STATUS_COUNT; from++) {
        for (int to = 0; to < STATUS_COUNT; to++) {
            struct prometheus_label labels[] = {LABEL("from", status_name((enum status)from)),
                                                LABEL("to", status_name((enum status)to))};
            if (from != to) {
                prometheus_int(out, name, labels, 2, (int64_t)view->counters->transitions[from][to]);
            }
        }
    }
}

static void write_probes(struct buf *out, const struct api_view *view)
{
    prometheus_family(out, "outrider_probe_success", PROMETHEUS_GAUGE,
                      "1 while the verdict of the probe is passing, 0 while it is failing or unknown.");
    for (size_t i = 0; i < view->probe_count; i++) {
        struct prometheus_label label = LABEL("probe", view->probes[i].config->name);
        bool passing = health_verdict(&view->probes[i].probe->health) == VERDICT_PASSING;
        prometheus_int(out, "outrider_probe_success", &label, 1, passing);
    }
    prometheus_family(out, "outrider_probe_duration_seconds", PROMETHEUS_HISTOGRAM,
                      "Duration of a probe's tries.");
    for (size_t i = 0; i < view->probe_count; i++) {
        write_histogram(out, "outrider_probe_duration_seconds", LABEL("probe", view->probes[i].config->name),
                        view->probes[i].duration);
    }
}

static void write_requests(struct buf *out, const struct api_counters *counters)
{
    const char *name = "outrider_registry_requests_total";
    prometheus_family(out, name, PROMETHEUS_COUNTER, "Registry requests by outcome.");
    for (int op = 0; op < REGISTRY_OP_COUNT; op++) {
        for (int outcome = 0; outcome < REGISTRY_FAILURE_COUNT; outcome++) {
            struct prometheus_label labels[] = {
                LABEL("op", registry_op_name((enum registry_op)op)),
                LABEL("outcome", registry_failure_name((enum registry_failure)outcome))};
            prometheus_int(out, name, labels, 2, (int64_t)counters->registry[op][outcome]);
        }
    }
    name = "outrider_registry_request_duration_seconds";
    prometheus_family(out, name, PROMETHEUS_HISTOGRAM, "Duration of registry requests.");
    for (int op = 0; op < REGISTRY_OP_COUNT; op++) {
        write_histogram(out, name, LABEL("op", registry_op_name((enum registry_op)op)),
                        &counters->registry_duration[op]);
    }
}

static void write_registry(struct buf *out, const struct api_view *view)
{
    const struct registrar *registrar = view->registrar;
    write_requests(out, view->counters);
    if (registrar == NULL) {
        return;
    }
    struct registrar_facts facts = registrar_facts(registrar);
    int64_t left = registry_lease_is_none(facts.lease) ? 0 : facts.lease_deadline_boot - view->now.boot;
    const struct metrics_sample samples[] = {
        COUNTER("outrider_registrations_total", "Times the record was put under a new lease.",
                facts.registrations),
        SECONDS_GAUGE("outrider_lease_remaining_seconds",
                      "Time until the lease ends without a keepalive; 0 without a lease.",
                      left > 0 ? left * 1000 : 0),
        GAUGE("outrider_registry_in_sync", "1 while the registry has the record that is offered.",
              server_record(view->server) != NULL && facts.in_sync),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

static void write_sockets(struct buf *out, const struct api_counters *counters)
{
    const struct metrics_sample samples[] = {
        COUNTER("outrider_status_keys_ignored_total", "sd_notify keys without a meaning to the agent.",
                counters->datagram_keys_ignored),
        COUNTER("outrider_status_lines_overlong_total", "Lines on the status socket beyond the length limit.",
                counters->lines_overlong),
        COUNTER("outrider_status_peers_total", "Connections to the status socket.", counters->line_peers),
        COUNTER("outrider_status_peers_refused_total", "Connections beyond the status socket's limit.",
                counters->line_peers_refused),
        COUNTER("outrider_status_peers_evicted_total",
                "Silent connections to the status socket closed to make room.", counters->line_peers_evicted),
        COUNTER("outrider_status_accept_failures_total",
                "Connections to the status socket delayed for lack of descriptors or memory.",
                counters->line_accept_failures),
        COUNTER("outrider_status_replies_dropped_total", "Replies to peers that do not read.",
                counters->replies_dropped),
    };
    metrics_write_outcomes(out, "outrider_status_lines_total", "Lines on the status socket.",
                           counters->lines_ok, counters->lines_bad);
    metrics_write_outcomes(out, "outrider_status_datagrams_total", "Datagrams on the notify socket.",
                           counters->datagrams_ok, counters->datagrams_bad);
    metrics_write(out, samples, COUNT_OF(samples));
}

static void write_http(struct buf *out, const struct http_server_counters *http)
{
    const struct metrics_sample samples[] = {
        GAUGE("outrider_http_connections", "Open connections to this API.", http->open),
        COUNTER("outrider_http_connections_total", "Connections accepted.", http->accepted),
        COUNTER("outrider_http_rejected_total", "Connections refused for lack of room.", http->rejected),
        COUNTER("outrider_http_evicted_total", "Idle connections closed to make room.", http->evicted),
        COUNTER("outrider_http_requests_total", "Requests passed to a handler.", http->requests),
        COUNTER("outrider_http_faults_total", "Requests refused as malformed, too large or too late.",
                http->faults),
        COUNTER("outrider_http_sent_bytes_total", "Bytes written to peers.", http->bytes_sent),
    };
    const struct {
        const char *kind;
        uint64_t count;
    } timeouts[] = {
        {"request", http->request_timeouts}, {"idle", http->idle_timeouts}, {"write", http->write_timeouts}};
    metrics_write(out, samples, COUNT_OF(samples));
    prometheus_family(out, "outrider_http_timeouts_total", PROMETHEUS_COUNTER,
                      "Connections closed by a timeout.");
    for (size_t i = 0; i < COUNT_OF(timeouts); i++) {
        struct prometheus_label label = LABEL("kind", timeouts[i].kind);
        prometheus_int(out, "outrider_http_timeouts_total", &label, 1, (int64_t)timeouts[i].count);
    }
}

static void write_process(struct buf *out, int64_t lag_us)
{
    struct usage usage = usage_now();
    const struct metrics_sample samples[] = {
        SECONDS_GAUGE("outrider_loop_lag_seconds", "Largest delay of a timer since the last scrape.", lag_us),
        GAUGE("outrider_process_resident_memory_bytes", "Resident memory of the agent.",
              usage.resident_bytes),
        SECONDS_COUNTER("outrider_process_cpu_seconds_total", "User and system CPU time of the agent.",
                        usage.cpu_us),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

void api_metrics(struct api_call *call, struct api_reply *reply)
{
    struct api_context *context = call->context;
    const struct api_view *view = &call->view;
    const struct api_counters *counters = view->counters;
    struct buf *out = &reply->body;
    reply->status = 200;
    reply->content_type = PROMETHEUS_CONTENT_TYPE;
    write_status(out, view);
    if (view->server != NULL) {
        write_probes(out, view);
    }
    write_registry(out, view);
    if (view->fleet.view != NULL) {
        api_write_fleet_metrics(out, view, context);
    }
    if (view->server != NULL) {
        write_sockets(out, counters);
    }
    metrics_write_outcomes(out, "outrider_state_writes_total", "Writes of the state file.",
                           counters->state_writes, counters->state_failures);
    metrics_write_outcomes(out, "outrider_reloads_total", "Reloads of the configuration.",
                           counters->reloads_ok, counters->reloads_bad);
    if (context->http != NULL) {
        write_http(out, context->http);
    }
    write_process(out, context->loop_lag_us);
    context->loop_lag_us = 0;
}
