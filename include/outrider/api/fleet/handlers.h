/* The handlers about the fleet. */
#ifndef OUTRIDER_API_FLEET_HANDLERS_H
#define OUTRIDER_API_FLEET_HANDLERS_H

#include "outrider/api/common/reply.h"

/* GET /api/services and /api/services/{type}/{id}; POST .../drain and .../undrain */
api_handler_fn api_services, api_service, api_service_drain, api_service_undrain;

/* GET /service-discovery/status, /services, /services/{id}/health, /topology; POST .../enable, .../disable */
api_handler_fn api_discovery_status, api_discovery_services, api_discovery_health, api_discovery_topology;
api_handler_fn api_discovery_enable, api_discovery_disable;

#endif
