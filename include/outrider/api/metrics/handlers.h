/* The handler of metrics. */
#ifndef OUTRIDER_API_METRICS_HANDLERS_H
#define OUTRIDER_API_METRICS_HANDLERS_H

#include "outrider/api/common/reply.h"

/* GET /metrics */
api_handler_fn api_metrics;

#endif
