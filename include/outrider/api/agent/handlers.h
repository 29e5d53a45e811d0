/* The handlers about this agent and its server. */
#ifndef OUTRIDER_API_AGENT_HANDLERS_H
#define OUTRIDER_API_AGENT_HANDLERS_H

#include "outrider/api/common/reply.h"

/* GET /api/agent; POST /api/agent/drain and /undrain; GET /healthz and /health; GET /readyz */
api_handler_fn api_agent, api_drain, api_undrain, api_healthz, api_readyz;

#endif
