/* The handlers that open streams. */
#ifndef OUTRIDER_API_EVENTS_HANDLERS_H
#define OUTRIDER_API_EVENTS_HANDLERS_H

#include "outrider/api/common/reply.h"

/* GET /api/subscribe; GET /service-discovery/events */
api_handler_fn api_subscribe, api_discovery_events;

#endif
