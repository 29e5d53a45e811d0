#include "cli.h"

#include "outrider/core/config.h"
#include "outrider/shell/agent.h"
#include "outrider/shell/config_file.h"

#include <stdio.h>
#include <stdlib.h>

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

int cmd_check(const struct command *command, struct cli_args args)
{
    const char *file = NULL;
    const struct cli_option options[] = {{"--config", 'c', &file, NULL}};
    int status;
    if (!cli_only_options(command, args, options, COUNT_OF(options), &status)) {
        return status;
    }
    const char *path = config_file_path(file);
    struct config *config = config_file_load(path);
    if (config == NULL) {
        return EX_CONFIG;
    }
    config_fini(config);
    free(config);
    printf("%s: ok\n", path);
    return EX_DONE;
}
