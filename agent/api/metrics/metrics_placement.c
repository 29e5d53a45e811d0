/* Placements that were asked for, and reservations. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/placements.h"
#include "outrider/core/placement/allocate.h"
#include "outrider/core/registry/mirror.h"
#include "outrider/core/seats/seats.h"

static void write_type(struct buf *out, const struct api_type_placements *placements, const char *type)
{
    for (int strategy = 0; strategy < PLACEMENT_STRATEGY_COUNT; strategy++) {
        for (int placed = 0; placed < API_PLACED_COUNT; placed++) {
            uint64_t count = placements->counts[strategy][placed];
            const struct prometheus_label labels[] = {
                LABEL("type", type),
                LABEL("strategy", placement_strategy_name((enum placement_strategy)strategy)),
                LABEL("outcome", api_placed_name((enum api_placed)placed))};
            if (count > 0) { /* of most strategies and outcomes there is none */
                prometheus_int(out, "outrider_placements_total", labels, COUNT_OF(labels), (int64_t)count);
            }
        }
    }
}

static void write_placements(struct buf *out, const struct api_placements *placements)
{
    prometheus_family(out, "outrider_placements_total", PROMETHEUS_COUNTER,
                      "Placements that were asked for, by type, strategy and outcome.");
    for (size_t i = 0; i < placements->count; i++) {
        write_type(out, &placements->types[i], placements->types[i].type);
    }
    write_type(out, &placements->others, "(others)");
    prometheus_family(out, "outrider_placement_excluded_total", PROMETHEUS_COUNTER,
                      "Servers that could not be chosen, of answers without one, by reason.");
    for (int i = 0; i < PLACEMENT_EXCLUDED_COUNT; i++) {
        prometheus_int(out, "outrider_placement_excluded_total",
                       &LABEL("reason", placement_excluded_name((enum placement_excluded)i)), 1,
                       (int64_t)placements->excluded[i]);
    }
}

static void write_reservations(struct buf *out, const struct api_seats *view)
{
    const struct seats_facts *seats = seats_facts(view->seats);
    const struct allocate_counters *counters = view->counters;
    const struct sample samples[] = {
        GAUGE("outrider_reservations", "Live reservations of all servers.", seats->live),
        GAUGE("outrider_reserved_seats", "Seats of live reservations.", seats->reserved),
        GAUGE("outrider_reservations_synced", "1 while the reservations are in sync with the registry.",
              view->mirror->synced),
        GAUGE("outrider_reservations_skipped", "Keys of reservations that have something else, or no room.",
              seats->foreign + view->mirror->left_out),
        COUNTER("outrider_reservations_lapsed_total", "Reservations that lapsed while they were known.",
                seats->lapsed),
        COUNTER("outrider_reservations_released_total", "Reservations that this agent released.",
                counters->released),
        COUNTER("outrider_reservations_extended_total", "Reservations that this agent extended.",
                counters->extended),
        COUNTER("outrider_reservations_swept_total",
                "Keys of ids that this agent deleted because nothing else would.", counters->swept),
        COUNTER("outrider_reservation_transactions_total", "Transactions that change reservations.",
                counters->transactions),
        COUNTER("outrider_reservation_conflicts_total",
                "Changes that were not made since something had changed.", counters->conflicts),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}

void metrics_write_placement(struct buf *out, const struct api_context *context, const struct api_view *view)
{
    if (context->placements != NULL) {
        write_placements(out, context->placements);
    }
    if (view->seats.seats != NULL) {
        write_reservations(out, &view->seats);
    }
}
