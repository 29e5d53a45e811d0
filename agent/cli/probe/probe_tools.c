/* What tries need beside the loop: connections that are kept from one to the next, and the process that starts programs. */
#include "outrider/cli/probe/probe_ask.h"
#include "outrider/io/program/programs.h"
#include "outrider/shell/starter.h"

#include <unistd.h>

int probe_tools_prepare(struct probe_tools *tools, const char *path, const struct config *config,
                        struct error *err)
{
    pid_t pid;
    *tools = (struct probe_tools){.starter = -1};
    if (!starter_is_needed(config)) {
        return 0;
    }
    tools->starter = starter_fork(path, config, err, &pid);
    return tools->starter < 0 ? -1 : 0;
}

/* The tries say so themselves. */
static void on_gone(void *user)
{
    (void)user;
}

void probe_tools_open(struct probe_tools *tools, struct loop *loop, struct resolver *resolver)
{
    tools->context = (struct probe_context){.loop = loop, .resolver = resolver, .clients = &tools->clients};
    if (tools->starter >= 0) {
        tools->context.programs = programs_new(loop, tools->starter, on_gone, NULL);
        tools->starter = -1;
    }
}

void probe_tools_close(struct probe_tools *tools)
{
    programs_free(tools->context.programs);
    probe_clients_fini(&tools->clients);
    if (tools->starter >= 0) {
        close(tools->starter);
    }
    *tools = (struct probe_tools){.starter = -1};
}
