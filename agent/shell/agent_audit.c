/* The audit of this agent, where the configuration has one. */
#include "agent_internal.h"

#include "outrider/os/user.h"
#include "outrider/shell/audit/audit.h"

#include <stdio.h>

void agent_audit_start(struct agent *agent)
{
    const struct config *config = agent->config;
    if (!config_has_audit(config)) {
        return;
    }
    snprintf(agent->audit_name, sizeof(agent->audit_name), "%s", agent->id);
    if (agent->audit_name[0] == '\0' && !user_host_name(agent->audit_name)) {
        snprintf(agent->audit_name, sizeof(agent->audit_name), "observer");
    }
    agent->audit =
        audit_new(&(struct audit_settings){.dir = config->state_dir,
                                           .agent = agent->audit_name,
                                           .keep_ms = config->audit.keep_ms,
                                           .registry = config->audit.registry ? agent->registry : NULL,
                                           .control_prefix = config->registry.control_prefix,
                                           .request_timeout_ms = config->registry.request_timeout_ms},
                  agent->loop);
}

void agent_audit_reload(struct agent *agent)
{
    if (agent->audit != NULL) {
        audit_keep(agent->audit, agent->config->audit.keep_ms);
    }
}
