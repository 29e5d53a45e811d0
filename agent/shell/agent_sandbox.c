/* The last step of the start: from here on only the system calls that an agent makes. */
#include "agent_internal.h"

#include "outrider/base/error.h"
#include "outrider/os/sandbox/sandbox.h"

#include <stdio.h>

int agent_enter_sandbox(struct agent *agent, struct error *err)
{
    enum config_sandbox mode = agent->config->sandbox;
    struct api_sandbox *sandbox = &agent->sandbox;
    struct error why;
    const char *cause = mode == CONFIG_SANDBOX_OFF    ? "off in the configuration"
                        : mode == CONFIG_SANDBOX_AUTO ? sandbox_hindrance()
                                                      : NULL;
    bool left_off = cause != NULL;
    if (!left_off && sandbox_enter(0, &why) < 0) {
        cause = why.text;
    }
    sandbox->on = cause == NULL;
    snprintf(sandbox->cause, sizeof(sandbox->cause), "%s", cause == NULL ? "" : cause);
    if (sandbox->on) {
        log_info("agent", "sandbox on, system calls that an agent does not need are refused");
    } else if (left_off) {
        log_info("agent", "sandbox off", LOG_TEXT("cause", cause));
    } else if (mode == CONFIG_SANDBOX_REQUIRED) {
        return error_set(err, why.code, "sandbox: required, but %s", cause);
    } else {
        log_warn("agent", "sandbox off, the agent keeps every system call that it is given",
                 LOG_TEXT("cause", cause),
                 LOG_TEXT("hint", "set sandbox: off where that is meant, required where it must not be"));
    }
    return 0;
}
