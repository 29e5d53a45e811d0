/* The session store. */
#include "agent_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/session/session_request.h"

void api_write_sessions(struct json_writer *json, const struct api_view *view)
{
    const struct session_facts *facts = view->sessions;
    json_write_key(json, "sessions");
    if (facts == NULL) {
        json_write_null(json);
        return;
    }
    json_write_object(json);
    json_member_text(json, "store", facts->kind);
    json_member_bool(json, "up", facts->up);
    json_member_time(json, "since", facts->since_wall);
    api_write_text(json, "place", facts->place);
    api_write_text(json, "lastError", facts->error);
    json_member_span(json, "active", facts->counted ? (int64_t)facts->sessions[SESSION_ACTIVE] : -1);
    json_member_span(json, "orphaned", facts->counted ? (int64_t)facts->sessions[SESSION_ORPHANED] : -1);
    json_member_span(json, "max", facts->max == 0 ? -1 : (int64_t)facts->max);
    json_write_object_end(json);
}
