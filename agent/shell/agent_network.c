/* Changes of the addresses of this machine, of which one is published. */
#include "agent_internal.h"

#include "outrider/base/error.h"
#include "outrider/io/loop/loop_watch.h"
#include "outrider/shell/host_search.h"

static void on_network(void *user)
{
    struct agent *agent = user;
    log_debug("server", "addresses of this machine changed, looking up the one to publish");
    effects_look_up_host(&agent->effects);
}

void agent_watch_network(struct agent *agent)
{
    struct error err;
    bool wanted = host_search_follows(agent->config->server.host);
    if (!wanted) {
        loop_watch_free(agent->network);
        agent->network = NULL;
    } else if (agent->network == NULL) {
        agent->network = loop_watch_network(agent->loop, on_network, agent, &err);
        if (agent->network == NULL) {
            log_warn("server", "changes of addresses are not noticed, HUP looks them up again",
                     LOG_TEXT("error", err.text));
        }
    }
}
