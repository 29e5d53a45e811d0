#include "outrider/core/fleet/view_skip.h"

const char *view_skip_name(enum view_skip skip)
{
    static const char *const names[VIEW_SKIP_COUNT] = {
        [VIEW_SKIP_NONE] = "none",         [VIEW_SKIP_KEY] = "other_key",
        [VIEW_SKIP_NOT_JSON] = "not_json", [VIEW_SKIP_KIND] = "wrong_kind",
        [VIEW_SKIP_LIMIT] = "too_large",   [VIEW_SKIP_ROOM] = "no_room",
        [VIEW_SKIP_UNSIGNED] = "unsigned", [VIEW_SKIP_BAD_SIG] = "bad_signature",
        [VIEW_SKIP_OLDER] = "older"};
    return skip < VIEW_SKIP_COUNT ? names[skip] : "unknown";
}
