/* The agent's process as JSON. */
#include "agent_internal.h"
#include "outrider/api/common/view.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/server/shutdown.h"

#include <unistd.h>

void api_write_process(struct json_writer *json, const struct api_view *view)
{
    bool last_error = view->state_last_error != NULL && view->state_last_error[0] != '\0';
    if (view->shutdown != NULL) {
        json_member_text(json, "shutdown", shutdown_phase_name(view->shutdown->phase));
    }
    json_member_text(json, "version", view->version);
    json_member_text(json, "configFile", view->config_file);
    json_member_text(json, "stateDir", view->config->state_dir);
    json_member_text(json, "stateLastError", last_error ? view->state_last_error : NULL);
    json_member_time(json, "startedAt", view->started_wall);
    json_member_int(json, "uptimeMs",
                    view->now.wall > view->started_wall ? view->now.wall - view->started_wall : 0);
    json_member_int(json, "pid", getpid());
}
