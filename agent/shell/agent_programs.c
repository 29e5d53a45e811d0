/* The programs of the agent: exec probes and hooks. */
#include "agent_internal.h"

#include "outrider/base/error.h"
#include "outrider/io/program/programs.h"
#include "outrider/shell/starter.h"

int agent_programs_fork(struct agent *agent, struct error *err)
{
    pid_t pid;
    agent->starter = -1;
    if (!starter_is_needed(agent->config)) {
        return 0;
    }
    agent->starter = starter_fork(agent->config_path, agent->config, err, &pid);
    if (agent->starter < 0) {
        return -1;
    }
    log_info("agent", "process that starts programs begun", LOG_INT("pid", pid));
    return 0;
}

static void on_gone(void *user)
{
    (void)user;
    log_error("agent", "process that starts programs ended, exec probes and hooks fail",
              LOG_TEXT("hint", "restart the agent; look for what killed it, such as a limit of memory"));
}

void agent_programs_start(struct agent *agent)
{
    if (agent->starter >= 0) {
        agent->programs = programs_new(agent->loop, agent->starter, on_gone, agent);
        agent->hooks = hooks_new(agent);
    }
}

void agent_programs_end(struct agent *agent)
{
    hooks_free(agent->hooks);
    programs_free(agent->programs);
}

bool agent_programs_can(const struct agent *agent, const struct config *config)
{
    return agent->programs != NULL || !starter_is_needed(config);
}
