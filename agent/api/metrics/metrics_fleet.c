/* GET /metrics: the view of the fleet and its subscribers. */
#include "metrics_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/api/events/events.h"
#include "outrider/codec/text/prometheus.h"
#include "outrider/core/fleet/view_read.h"

static void single(struct buf *out, const char *name, enum prometheus_type type, const char *help,
                   int64_t value)
{
    prometheus_family(out, name, type, help);
    prometheus_int(out, name, NULL, 0, value);
}

/* Any writer below the prefix chooses types, so more than this are counted together. */
enum { TYPES_SHOWN_MAX = 256 };

static void write_services_of(struct buf *out, struct str type, const size_t counts[static VIEW_STATUS_COUNT])
{
    for (unsigned status = 0; status < VIEW_STATUS_COUNT; status++) {
        struct prometheus_label labels[] = {{"type", type}, {"status", str_of(view_status_name(status))}};
        prometheus_int(out, "outrider_services", labels, 2, (int64_t)counts[status]);
    }
}

static void write_services(struct buf *out, const struct view *fleet)
{
    size_t others[VIEW_STATUS_COUNT] = {0};
    prometheus_family(out, "outrider_services", PROMETHEUS_GAUGE,
                      "Services in the view, by type and status.");
    for (size_t i = 0; i < view_type_count(fleet); i++) {
        size_t counts[VIEW_STATUS_COUNT];
        for (unsigned status = 0; status < VIEW_STATUS_COUNT; status++) {
            counts[status] = view_type_servers(fleet, i, status);
            others[status] += i >= TYPES_SHOWN_MAX ? counts[status] : 0;
        }
        if (i < TYPES_SHOWN_MAX) {
            write_services_of(out, view_type_at(fleet, i), counts);
        }
    }
    if (view_type_count(fleet) > TYPES_SHOWN_MAX) {
        write_services_of(out, STR("(others)"), others);
    }
}

static void write_view(struct buf *out, const struct api_view *view)
{
    const struct view *fleet = view->fleet.view;
    int64_t age = view_age(fleet, &view->now);
    single(out, "outrider_cluster_size", PROMETHEUS_GAUGE, "Services in the view.",
           (int64_t)view_count(fleet));
    prometheus_family(out, "outrider_view_age_seconds", PROMETHEUS_GAUGE,
                      "Time since the view was last in sync; 0 while it is, -1 before the first listing.");
    prometheus_double(out, "outrider_view_age_seconds", NULL, 0, age < 0 ? -1 : (double)age / 1000);
    single(out, "outrider_view_synced", PROMETHEUS_GAUGE, "1 while the view is in sync with the registry.",
           view_synced(fleet));
    single(out, "outrider_view_revision", PROMETHEUS_GAUGE, "Revision of the last change of the view.",
           view_revision(fleet));
    single(out, "outrider_view_unreadable", PROMETHEUS_GAUGE,
           "Keys under the prefix that are not valid records.", (int64_t)view_unreadable_count(fleet));
    single(out, "outrider_view_offline", PROMETHEUS_GAUGE,
           "Services whose record ended without shutting_down in the last ten minutes.",
           (int64_t)view_tombstone_count(fleet));
    single(out, "outrider_view_listings_total", PROMETHEUS_COUNTER, "Listings of the whole fleet.",
           (int64_t)view_listings(fleet));
    single(out, "outrider_view_watches_total", PROMETHEUS_COUNTER, "Watches of the fleet that were opened.",
           (int64_t)view_opens(fleet));
    single(out, "outrider_view_stalls_total", PROMETHEUS_COUNTER,
           "Open watches that were found to miss changes.", (int64_t)view_stalls(fleet));
}

static void write_events(struct buf *out, const struct events_counters *counters)
{
    single(out, "outrider_sse_clients", PROMETHEUS_GAUGE, "Open event streams.",
           (int64_t)counters->subscribers);
    single(out, "outrider_sse_subscribed_total", PROMETHEUS_COUNTER, "Event streams opened.",
           (int64_t)counters->subscribed);
    single(out, "outrider_sse_resumed_total", PROMETHEUS_COUNTER,
           "Event streams resumed after their Last-Event-ID.", (int64_t)counters->resumed);
    single(out, "outrider_sse_dropped_total", PROMETHEUS_COUNTER,
           "Event streams closed because the subscriber was too slow.", (int64_t)counters->dropped);
    single(out, "outrider_sse_refused_total", PROMETHEUS_COUNTER, "Event streams refused for lack of room.",
           (int64_t)counters->refused);
}

void api_write_fleet_metrics(struct buf *out, const struct api_view *view, const struct api_context *context)
{
    write_services(out, view->fleet.view);
    write_view(out, view);
    single(out, "outrider_view_waiting_refused_total", PROMETHEUS_COUNTER,
           "Requests for the fleet that were not kept waiting because too many requests wait.",
           (int64_t)context->waiting_refused);
    if (view->fleet.events != NULL) {
        write_events(out, events_counters(view->fleet.events));
    }
    struct prometheus_label good = {"outcome", STR("ok")}, failed = {"outcome", STR("error")};
    prometheus_family(out, "outrider_view_writes_total", PROMETHEUS_COUNTER, "Writes of the view file.");
    prometheus_int(out, "outrider_view_writes_total", &good, 1,
                   (int64_t)(view->fleet.writes - view->fleet.failures));
    prometheus_int(out, "outrider_view_writes_total", &failed, 1, (int64_t)view->fleet.failures);
}
