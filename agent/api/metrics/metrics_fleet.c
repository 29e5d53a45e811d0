/* GET /metrics: the view of the fleet and its subscribers. */
#include "metrics_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/api/events/events.h"
#include "outrider/codec/text/prometheus.h"
#include "outrider/core/fleet/view_read.h"

/* Any writer below the prefix chooses types, so more than this are counted together. */
enum { TYPES_SHOWN_MAX = 256 };

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

static void write_view(struct buf *out, const struct api_view *view)
{
    const struct view_facts *fleet = view_facts(view->fleet.view);
    int64_t age = view_age(view->fleet.view, &view->now);
    prometheus_family(out, "outrider_view_age_seconds", PROMETHEUS_GAUGE,
                      "Time since the view was last in sync; 0 while it is, -1 before the first listing.");
    prometheus_double(out, "outrider_view_age_seconds", NULL, 0, age < 0 ? -1 : (double)age / 1000);
    const struct metrics_sample samples[] = {
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
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

static void write_events(struct buf *out, const struct events_counters *counters)
{
    const struct metrics_sample samples[] = {
        GAUGE("outrider_sse_clients", "Open event streams.", counters->subscribers),
        COUNTER("outrider_sse_subscribed_total", "Event streams opened.", counters->subscribed),
        COUNTER("outrider_sse_resumed_total", "Event streams resumed after their Last-Event-ID.",
                counters->resumed),
        COUNTER("outrider_sse_dropped_total", "Event streams closed because the subscriber was too slow.",
                counters->dropped),
        COUNTER("outrider_sse_refused_total", "Event streams refused for lack of room.", counters->refused),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

void api_write_fleet_metrics(struct buf *out, const struct api_view *view, const struct api_context *context)
{
    const struct metrics_sample refused =
        COUNTER("outrider_view_waiting_refused_total",
                "Requests for the fleet that were not kept waiting because too many requests wait.",
                context->waiting_refused);
    write_services(out, view_facts(view->fleet.view));
    write_view(out, view);
    metrics_write(out, &refused, 1);
    if (view->fleet.events != NULL) {
        write_events(out, events_counters(view->fleet.events));
    }
    metrics_write_outcomes(out, "outrider_view_writes_total", "Writes of the view file.",
                           view->fleet.writes - view->fleet.failures, view->fleet.failures);
}
