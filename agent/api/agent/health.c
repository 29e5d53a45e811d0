#include "outrider/api/common/context.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/published.h"
#include "outrider/api/common/reply.h"
#include "outrider/core/fleet/view_read.h"
#include "outrider/core/publish/registrar.h"

void api_healthz(struct api_call *call, struct api_reply *reply)
{
    (void)call;
    buf_str(api_json(reply), STR("{\"status\":\"ok\"}"));
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
    /* What players find at the key is another's record, although this agent had published its own. */
    bool held = !registry_lease_is_none(facts.conflict_lease);
    if (facts.settled && !held) {
        api_healthz(call, reply);
    } else {
        struct buf why = {0};
        api_add_not_published(view, &why);
        api_refuse(reply, 503, "not_published", "%s", buf_text(&why));
        buf_fini(&why);
    }
}
