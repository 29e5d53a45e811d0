/* GET /metrics (docs/design/protocol.md, "Metrics"): base units, one family after the other. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/api/common/credentials.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/packs.h"
#include "outrider/api/common/published.h"
#include "outrider/api/common/reply.h"
#include "outrider/api/events/events.h"
#include "outrider/core/config/config.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/probe/health.h"
#include "outrider/core/probe/probe.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/server/flapping.h"
#include "outrider/core/server/server.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/io/net/tls_server.h"
#include "outrider/os/process.h"

/* Any writer below the prefix chooses types, so more than this are counted together. */
enum { TYPES_SHOWN_MAX = 256 };

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

void metrics_write(struct buf *out, const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sample *sample = &samples[i];
        prometheus_family(out, sample->name, sample->type, sample->help);
        if (sample->is_us) {
            prometheus_double(out, sample->name, NULL, 0, seconds(sample->value));
        } else {
            prometheus_int(out, sample->name, NULL, 0, sample->value);
        }
    }
}

void metrics_outcomes(struct buf *out, const char *name, const char *help, uint64_t ok, uint64_t failed)
{
    prometheus_family(out, name, PROMETHEUS_COUNTER, help);
    prometheus_int(out, name, &LABEL("outcome", "ok"), 1, (int64_t)ok);
    prometheus_int(out, name, &LABEL("outcome", "error"), 1, (int64_t)failed);
}

void metrics_histogram(struct buf *out, const char *name, struct prometheus_label label,
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
    prometheus_int(out, "outrider_build_info", &LABEL("version", view->version), 1, 1);
    if (view->server == NULL) {
        return;
    }
    prometheus_family(out, "outrider_status", PROMETHEUS_GAUGE,
                      "1 for the effective status of the server, 0 for the others.");
    for (enum status status = 0; status < STATUS_COUNT; status++) {
        prometheus_int(out, "outrider_status", &LABEL("status", status_name(status)), 1,
                       server_facts(view->server).status == status);
    }
    prometheus_family(out, "outrider_flapping", PROMETHEUS_GAUGE,
                      "1 while the server is kept in error because it comes and goes.");
    prometheus_int(out, "outrider_flapping", NULL, 0, server_flapping(view->server)->state == FLAPPING_ON);
    const char *name = "outrider_status_transitions_total";
    prometheus_family(out, name, PROMETHEUS_COUNTER, "Changes of the effective status.");
    for (enum status from = 0; from < STATUS_COUNT; from++) {
        for (enum status to = 0; to < STATUS_COUNT; to++) {
            struct prometheus_label labels[] = {LABEL("from", status_name(from)),
                                                LABEL("to", status_name(to))};
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
        const struct api_probe *probe = &view->probes[i];
        prometheus_int(out, "outrider_probe_success", &LABEL("probe", probe->config->name), 1,
                       health_verdict(&probe->probe->health) == VERDICT_PASSING);
    }
    prometheus_family(out, "outrider_probe_duration_seconds", PROMETHEUS_HISTOGRAM,
                      "Duration of a probe's tries.");
    for (size_t i = 0; i < view->probe_count; i++) {
        metrics_histogram(out, "outrider_probe_duration_seconds",
                          LABEL("probe", view->probes[i].config->name), view->probes[i].duration);
    }
}

static void write_requests(struct buf *out, const struct api_counters *counters)
{
    const char *name = "outrider_registry_requests_total";
    prometheus_family(out, name, PROMETHEUS_COUNTER, "Registry requests by outcome.");
    for (enum registry_op op = 0; op < REGISTRY_OP_COUNT; op++) {
        for (enum registry_failure outcome = 0; outcome < REGISTRY_FAILURE_COUNT; outcome++) {
            struct prometheus_label labels[] = {LABEL("op", registry_op_name(op)),
                                                LABEL("outcome", registry_failure_name(outcome))};
            prometheus_int(out, name, labels, 2, (int64_t)counters->registry[op][outcome]);
        }
    }
    name = "outrider_registry_request_duration_seconds";
    prometheus_family(out, name, PROMETHEUS_HISTOGRAM, "Duration of registry requests.");
    for (enum registry_op op = 0; op < REGISTRY_OP_COUNT; op++) {
        metrics_histogram(out, name, LABEL("op", registry_op_name(op)), &counters->registry_duration[op]);
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
    const struct sample samples[] = {
        COUNTER("outrider_registrations_total", "Times the record was put under a new lease.",
                facts.registrations),
        SECONDS_GAUGE("outrider_lease_remaining_seconds",
                      "Time until the lease ends without a keepalive; 0 without a lease.",
                      left > 0 ? left * 1000 : 0),
        GAUGE("outrider_published",
              "1 while the registry has a record with the effective status of the server, under a living "
              "lease.",
              api_is_published(view)),
        GAUGE("outrider_registry_in_sync", "1 while the registry has the record that is offered.",
              server_record(view->server) != NULL && facts.in_sync),
        GAUGE("outrider_record_conflict",
              "1 while another living lease holds the key, so that players find another's record.",
              !registry_lease_is_none(facts.conflict_lease)),
        COUNTER("outrider_record_conflicts_total",
                "Times the key was found under another living lease: written over, or held before.",
                facts.conflicts),
    };
    static const char *const outcomes[] = {[REGISTRAR_CLAIMED] = "claimed",
                                           [REGISTRAR_CLAIM_UNKNOWN] = "not_reserved",
                                           [REGISTRAR_CLAIM_AWAY] = "away"};
    metrics_write(out, samples, COUNT_OF(samples));
    prometheus_family(out, "outrider_claims_total", PROMETHEUS_COUNTER,
                      "Reservations that the server claimed, by how that ended.");
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        prometheus_int(out, "outrider_claims_total", &LABEL("outcome", outcomes[i]), 1,
                       (int64_t)facts.claims[i]);
    }
}

static void write_services_of(struct buf *out, struct str type, const size_t counts[static VIEW_STATUS_COUNT])
{
    for (unsigned status = 0; status < VIEW_STATUS_COUNT; status++) {
        struct prometheus_label labels[] = {{"type", type}, {"status", str_of(view_status_name(status))}};
        prometheus_int(out, "outrider_services", labels, 2, (int64_t)counts[status]);
    }
}

static void write_services(struct buf *out, const struct view_facts *fleet)
{
    size_t others[VIEW_STATUS_COUNT] = {0};
    prometheus_family(out, "outrider_services", PROMETHEUS_GAUGE,
                      "Services in the view, by type and status.");
    size_t shown = 0;
    for (const struct view_type *type = fleet->types; type != NULL; type = type->hh.next, shown++) {
        if (shown < TYPES_SHOWN_MAX) {
            write_services_of(out, type->name, type->servers);
            continue;
        }
        for (unsigned status = 0; status < VIEW_STATUS_COUNT; status++) {
            others[status] += type->servers[status];
        }
    }
    if (shown > TYPES_SHOWN_MAX) {
        write_services_of(out, STR("(others)"), others);
    }
}

static void write_signatures(struct buf *out, const size_t counts[static VIEW_SIGNATURE_COUNT])
{
    static const char *const names[VIEW_SIGNATURE_COUNT] = {
        [VIEW_SIGNATURE_NONE] = "none", [VIEW_SIGNATURE_GOOD] = "good", [VIEW_SIGNATURE_BAD] = "bad"};
    prometheus_family(out, "outrider_view_signatures", PROMETHEUS_GAUGE,
                      "Services in the view, by what their signature is worth.");
    for (unsigned i = VIEW_SIGNATURE_NONE; i < VIEW_SIGNATURE_COUNT; i++) {
        prometheus_int(out, "outrider_view_signatures", &LABEL("signature", names[i]), 1, (int64_t)counts[i]);
    }
}

static void write_view(struct buf *out, const struct api_view *view, uint64_t waiting_refused)
{
    const struct view_facts *fleet = view_facts(view->fleet.view);
    int64_t age = view_age(view->fleet.view, &view->now);
    const struct sample samples[] = {
        SECONDS_GAUGE("outrider_view_age_seconds",
                      "Time since the view was last in sync; 0 while it is, -1 before the first listing.",
                      age < 0 ? -1000000 : age * 1000),
        GAUGE("outrider_cluster_size", "Services in the view.", fleet->count),
        GAUGE("outrider_view_synced", "1 while the view is in sync with the registry.", fleet->synced),
        GAUGE("outrider_view_revision", "Revision of the last change of the view.", fleet->revision),
        GAUGE("outrider_view_unreadable", "Keys under the prefix that are not valid records.",
              fleet->unreadable),
        GAUGE("outrider_view_offline",
              "Services whose record ended without shutting_down in the last ten minutes.",
              fleet->tombstone_count),
        COUNTER("outrider_view_listings_total", "Listings of the whole fleet.", fleet->listings),
        COUNTER("outrider_view_watches_total", "Watches of the fleet that were opened.", fleet->opens),
        COUNTER("outrider_view_stalls_total", "Open watches that were found to miss changes.", fleet->stalls),
        COUNTER("outrider_view_waiting_refused_total",
                "Requests for the fleet that were not kept waiting because too many requests wait.",
                waiting_refused),
    };
    metrics_write(out, samples, COUNT_OF(samples));
    prometheus_family(out, "outrider_view_skipped", PROMETHEUS_GAUGE,
                      "Keys under the prefix that are not served as records, by reason.");
    for (enum view_skip skip = VIEW_SKIP_NONE + 1; skip < VIEW_SKIP_COUNT; skip++) {
        prometheus_int(out, "outrider_view_skipped", &LABEL("reason", view_skip_name(skip)), 1,
                       (int64_t)fleet->skipped[skip]);
    }
    if (fleet->trust != 0) {
        write_signatures(out, fleet->signatures);
    }
}

static void write_events(struct buf *out, const struct events_counters *counters)
{
    const struct sample samples[] = {
        GAUGE("outrider_sse_clients", "Open event streams.", counters->subscribers),
        COUNTER("outrider_sse_subscribed_total", "Event streams opened.", counters->subscribed),
        COUNTER("outrider_sse_resumed_total", "Event streams resumed after their Last-Event-ID.",
                counters->resumed),
        COUNTER("outrider_sse_dropped_total", "Event streams closed because the subscriber was too slow.",
                counters->dropped),
        COUNTER("outrider_sse_refused_total", "Event streams refused for lack of room.", counters->refused),
        COUNTER("outrider_sse_gzip_total", "Event streams opened that are compressed.", counters->gzip),
        COUNTER("outrider_sse_gzip_refused_total",
                "Event streams sent as text because as many filters as may be were being compressed.",
                counters->gzip_refused),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

static void write_sockets(struct buf *out, const struct api_counters *counters)
{
    const struct sample samples[] = {
        COUNTER("outrider_status_keys_ignored_total", "sd_notify keys without a meaning to the agent.",
                counters->datagram_keys_ignored),
        COUNTER("outrider_status_lines_overlong_total", "Lines on the status socket beyond the length limit.",
                counters->lines_overlong),
        COUNTER("outrider_status_peers_total", "Connections to the status socket.", counters->line_peers),
        COUNTER("outrider_status_peers_refused_total",
                "Connections to the status socket closed as there was no room.",
                counters->line_peers_refused),
        COUNTER("outrider_status_peers_evicted_total",
                "Connections to the status socket closed to make room.", counters->line_peers_evicted),
        COUNTER("outrider_status_accept_failures_total",
                "Connections to the status socket delayed for lack of descriptors or memory.",
                counters->line_accept_failures),
        COUNTER("outrider_status_replies_dropped_total", "Replies to peers that do not read.",
                counters->replies_dropped),
    };
    metrics_outcomes(out, "outrider_status_lines_total", "Lines on the status socket.", counters->lines_ok,
                     counters->lines_bad);
    metrics_outcomes(out, "outrider_status_datagrams_total", "Datagrams on the notify socket.",
                     counters->datagrams_ok, counters->datagrams_bad);
    metrics_write(out, samples, COUNT_OF(samples));
}

static void write_socket_files(struct buf *out, const struct api_view *view)
{
    if (view->socket_count == 0) {
        return;
    }
    prometheus_family(out, "outrider_socket_reachable", PROMETHEUS_GAUGE,
                      "1 while the file of the unix socket is there, 0 while it is gone or replaced.");
    for (size_t i = 0; i < view->socket_count; i++) {
        const struct api_socket *socket = &view->sockets[i];
        prometheus_int(out, "outrider_socket_reachable", &LABEL("socket", socket->setting), 1,
                       socket->last_error[0] == '\0');
    }
    prometheus_family(out, "outrider_socket_remade_total", PROMETHEUS_COUNTER,
                      "How often the file of the unix socket was gone and was made again.");
    for (size_t i = 0; i < view->socket_count; i++) {
        const struct api_socket *socket = &view->sockets[i];
        prometheus_int(out, "outrider_socket_remade_total", &LABEL("socket", socket->setting), 1,
                       (int64_t)socket->remade);
    }
}

static void write_counts(struct buf *out, const char *name, const char *label, const char *const *values,
                         const uint64_t *counts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        prometheus_int(out, name, &LABEL(label, values[i]), 1, (int64_t)counts[i]);
    }
}

/* What a crowd cost others, by reason. */
static void write_places(struct buf *out, const struct http_server_counters *http)
{
    static const char *const shortages[HTTP_SHORTAGES] = {
        [HTTP_SHORT_CONNECTIONS] = "connections",
        [HTTP_SHORT_SHARE] = "connections_of_peer",
        [HTTP_SHORT_PUSHES] = "subscribers",
        [HTTP_SHORT_PUSH_SHARE] = "subscribers_of_peer",
    };
    static const char *const evictions[HTTP_EVICTIONS] = {
        [HTTP_EVICTED_UNFINISHED] = "unfinished",
        [HTTP_EVICTED_IDLE] = "idle",
        [HTTP_EVICTED_PUSH] = "subscriber",
        [HTTP_EVICTED_SHUT] = "not_reading",
    };
    prometheus_family(out, "outrider_http_refused_total", PROMETHEUS_COUNTER,
                      "Connections and subscribers that found no place, by what was short.");
    write_counts(out, "outrider_http_refused_total", "reason", shortages, http->refused, HTTP_SHORTAGES);
    prometheus_family(out, "outrider_http_closed_total", PROMETHEUS_COUNTER,
                      "Connections and subscribers closed for others, by what they did.");
    write_counts(out, "outrider_http_closed_total", "reason", evictions, http->closed, HTTP_EVICTIONS);
}

static void write_http(struct buf *out, const struct http_server_counters *http)
{
    const struct sample samples[] = {
        GAUGE("outrider_http_connections", "Open connections to this API.", http->open),
        COUNTER("outrider_http_connections_total", "Connections accepted.", http->accepted),
        COUNTER("outrider_http_rejected_total", "Connections refused for lack of room.", http->rejected),
        COUNTER("outrider_http_evicted_total", "Unfinished and idle connections closed to make room.",
                http->evicted),
        COUNTER("outrider_http_requests_total", "Requests passed to a handler.", http->requests),
        COUNTER("outrider_http_faults_total", "Requests refused as malformed, too large or too late.",
                http->faults),
        COUNTER("outrider_http_sent_bytes_total", "Bytes written to peers.", http->bytes_sent),
        GAUGE("outrider_http_waiting_bytes", "Bytes that wait for peers, here and in the kernel.",
              http->waiting),
        COUNTER("outrider_http_waiting_resets_total",
                "Connections reset because more bytes waited than http.max_waiting.", http->waiting_resets),
    };
    static const char *const kinds[] = {"request", "idle", "write"};
    const uint64_t timeouts[] = {http->request_timeouts, http->idle_timeouts, http->write_timeouts};
    metrics_write(out, samples, COUNT_OF(samples));
    write_places(out, http);
    prometheus_family(out, "outrider_http_timeouts_total", PROMETHEUS_COUNTER,
                      "Connections closed by a timeout.");
    write_counts(out, "outrider_http_timeouts_total", "kind", kinds, timeouts, COUNT_OF(kinds));
}

static void write_packs(struct buf *out, const struct api_packs_counters *packs)
{
    const struct sample samples[] = {
        COUNTER("outrider_http_gzip_total", "Lists compressed.", packs->packed),
        COUNTER("outrider_http_gzip_refused_total",
                "Lists sent as they are because too much was being compressed.", packs->plain),
        SECONDS_GAUGE("outrider_http_gzip_pause_seconds",
                      "The longest that compression has kept everything else waiting.", packs->pause_us),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

static void write_access(struct buf *out, const struct api_credentials *credentials)
{
    const struct sample samples[] = {
        COUNTER("outrider_sign_in_failures_total", "Requests and sign-ins with a wrong token.",
                api_credentials_failures(credentials)),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

/* Where a listener has TLS. */
static void write_tls(struct buf *out, const struct tls_server_counters *tls)
{
    static const char *const refusals[TLS_REFUSALS] = {[TLS_REFUSED_PLAIN] = "plain",
                                                       [TLS_REFUSED_HELLO] = "hello",
                                                       [TLS_REFUSED_CERTIFICATE] = "certificate",
                                                       [TLS_REFUSED_HANDSHAKE] = "handshake"};
    if (tls == NULL) {
        return;
    }
    const struct sample samples[] = {
        COUNTER("outrider_http_tls_handshakes_total", "TLS handshakes of clients that were done.",
                tls->handshakes),
        COUNTER("outrider_http_tls_resumed_total", "Of them, those that resumed a session.", tls->resumed),
        COUNTER("outrider_http_tls_load_failures_total",
                "Changed files of http.tls that could not be used, so that the former ones were.",
                tls->load_failures),
    };
    metrics_write(out, samples, COUNT_OF(samples));
    prometheus_family(out, "outrider_http_tls_refused_total", PROMETHEUS_COUNTER,
                      "Connections to a TLS port that were not served, by reason.");
    write_counts(out, "outrider_http_tls_refused_total", "reason", refusals, tls->refused, TLS_REFUSALS);
}

static void write_process(struct buf *out, int64_t lag_us)
{
    struct process_usage usage = process_usage();
    const struct sample samples[] = {
        SECONDS_GAUGE("outrider_loop_lag_seconds", "Largest delay of a timer since the last scrape.", lag_us),
        GAUGE("outrider_process_resident_memory_bytes", "Resident memory of the agent.",
              usage.resident_bytes),
        SECONDS_COUNTER("outrider_process_cpu_seconds_total", "User and system CPU time of the agent.",
                        usage.cpu_us),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

static void write_sandbox(struct buf *out, const struct api_sandbox *sandbox)
{
    const struct sample samples[] = {
        GAUGE("outrider_sandbox", "1 when the agent has given up the system calls that it does not need.",
              sandbox->on ? 1 : 0),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

/* As much as most agents have. So large a block leaves the process when it is freed. */
enum { METRICS_SIZE = 40 << 10 };

void api_metrics(struct api_call *call, struct api_reply *reply)
{
    struct api_context *context = call->context;
    const struct api_view *view = &call->view;
    const struct api_counters *counters = view->counters;
    struct buf *out = &reply->body;
    reply->status = 200;
    reply->content_type = PROMETHEUS_CONTENT_TYPE;
    buf_reserve(out, METRICS_SIZE);
    write_status(out, view);
    if (view->server != NULL) {
        write_probes(out, view);
    }
    write_registry(out, view);
    metrics_write_leadership(out, view);
    metrics_write_drains(out, view);
    metrics_write_hooks(out, view);
    metrics_write_commands(out, view);
    metrics_sessions(out, view);
    metrics_audit(out, view);
    metrics_dns(out, view);
    metrics_history(out, view);
    metrics_write_placement(out, context, view);
    if (view->fleet.view != NULL) {
        write_services(out, view_facts(view->fleet.view));
        write_view(out, view, context->waiting_refused);
        if (view->fleet.events != NULL) {
            write_events(out, events_counters(view->fleet.events));
        }
        metrics_websockets(out, context);
        metrics_key_watches(out, context);
        metrics_outcomes(out, "outrider_view_writes_total", "Writes of the view file.",
                         view->fleet.writes - view->fleet.failures, view->fleet.failures);
    }
    if (view->server != NULL) {
        write_sockets(out, counters);
    }
    write_socket_files(out, view);
    metrics_outcomes(out, "outrider_state_writes_total", "Writes of the state file.", counters->state_writes,
                     counters->state_failures);
    metrics_outcomes(out, "outrider_reloads_total", "Reloads of the configuration.", counters->reloads_ok,
                     counters->reloads_bad);
    if (context->http != NULL) {
        write_http(out, context->http);
        write_access(out, context->credentials);
        write_tls(out, context->tls);
    }
    if (context->packs != NULL) {
        write_packs(out, api_packs_counters(context->packs));
    }
    if (view->sandbox != NULL) {
        write_sandbox(out, view->sandbox);
    }
    write_process(out, context->loop_lag_us);
    context->loop_lag_us = 0;
}
