#ifndef OUTRIDER_API_METRICS_METRICS_INTERNAL_H
#define OUTRIDER_API_METRICS_METRICS_INTERNAL_H

struct api_context;
struct api_view;
struct buf;

/* metrics_fleet.c: the view of the fleet, and its subscribers. */
void api_write_fleet_metrics(struct buf *out, const struct api_view *view, const struct api_context *context);

#endif
