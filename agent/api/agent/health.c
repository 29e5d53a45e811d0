#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/publish/registrar.h"
#include "outrider/core/server/server.h"

void api_healthz(struct api_call *call, struct api_reply *reply)
{
    (void)call;
    buf_str(api_json(reply), STR("{\"status\":\"ok\"}"));
}

/* Why nothing has been published yet. */
static const char *unpublished_reason(const struct registrar_facts *facts, const struct server *server)
{
    const char *withheld = server_facts(server).withheld;
    if (facts->last_error[0] != '\0') {
        return facts->last_error;
    }
    if (!registry_lease_is_none(facts->conflict_lease)) {
        return "another agent holds the key under a living lease";
    }
    return withheld[0] != '\0' ? withheld : "the record has not been published yet";
}

void api_readyz(struct api_call *call, struct api_reply *reply)
{
    const struct api_view *view = &call->view;
    if (view->registrar == NULL) {
        if (view_facts(view->fleet.view)->known) {
            api_healthz(call, reply);
        } else {
            api_refuse_unknown_fleet(view->fleet.view, reply);
        }
        return;
    }
    struct registrar_facts facts = registrar_facts(view->registrar);
    if (facts.settled) {
        api_healthz(call, reply);
    } else {
        api_refuse(reply, 503, "not_published", "%s", unpublished_reason(&facts, view->server));
    }
}
