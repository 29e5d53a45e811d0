#include "outrider/cli/common/cli.h"

#include "outrider/shell/agent.h"
#include "outrider/shell/config_file.h"

int cmd_agent(const struct command *command, struct cli_args args)
{
    const char *file = NULL;
    const struct cli_option options[] = {{"--config", 'c', &file, NULL}};
    int status;
    if (!cli_only_options(command, args, options, COUNT_OF(options), &status)) {
        return status;
    }
    return agent_run(config_file_path(file));
}
