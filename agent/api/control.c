/* Draining any server of the fleet: through its control key, so that it is followed by its agent now, or when
 * that can be reached again (docs/design/protocol.md, "Control key"). */
#include "outrider/api/common/handler.h"

#include "outrider/core/fleet/view_read.h"

static bool need_service(struct api_context *context, const struct api_request *request,
                         struct api_reply *reply)
{
    struct api_view view;
    if (!api_need_fleet(context, &view, reply)) {
        return false;
    }
    if (view_find(view.fleet.view, request->type, request->id) == NULL) {
        /* A key for a server that is not there would wait for one that happens to get its name. */
        api_refuse(reply, 404, "no_such_service", "there is no %.*s/%.*s in the fleet",
                   request->type.size < 64 ? (int)request->type.size : 64, request->type.data,
                   request->id.size < 130 ? (int)request->id.size : 130, request->id.data);
        return false;
    }
    return true;
}

static void control(const struct api_request *request, const struct hold *hold, struct api_reply *reply)
{
    reply->turn = API_CONTROLS;
    reply->hold = *hold;
    reply->type = request->type;
    reply->id = request->id;
}

void api_service_drain(struct api_context *context, const struct api_request *request,
                       struct api_reply *reply)
{
    struct hold hold = {0};
    if (api_read_hold(context, request, reply, &hold) && need_service(context, request, reply)) {
        control(request, &hold, reply);
    }
}

void api_service_undrain(struct api_context *context, const struct api_request *request,
                         struct api_reply *reply)
{
    if (api_read_nothing(request, reply) && need_service(context, request, reply)) {
        struct hold lifted = {0};
        api_name_operator(request, lifted.by); /* for the log: the key is lifted by nobody */
        control(request, &lifted, reply);
    }
}
