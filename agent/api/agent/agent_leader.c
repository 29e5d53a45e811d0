/* What the agent stands for, and why it does not lead where it does not. */
#include "agent_internal.h"
#include "outrider/api/common/context.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/leader/election.h"

static const char *why_not(const struct api_candidacy *candidacy, bool leads)
{
    if (leads) {
        return NULL;
    }
    if (!candidacy->standing) {
        return "the server is not ready";
    }
    switch (candidacy->election->state) {
    case ELECTION_QUEUED: return "another candidate is before it";
    case ELECTION_LEADING:
    case ELECTION_PLACING: return "its lease was not renewed in time, or its place is not known yet";
    case ELECTION_LEAVING: return "its place was given up, and is still in the registry";
    case ELECTION_OFF:
    case ELECTION_ENTERING:
    case ELECTION_STATE_COUNT: break;
    }
    return "it has no place in the registry yet";
}

static void write_candidacy(struct json_writer *json, const struct api_candidacy *candidacy,
                            const struct instant *now)
{
    const struct election *election = candidacy->election;
    int64_t token = -1;
    bool leads = election_leads(election, now, &token);
    json_write_object(json);
    json_member_text(json, "scope", candidacy->scope);
    json_member_bool(json, "leads", leads);
    json_member_span(json, "token", token);
    json_member_text(json, "why", why_not(candidacy, leads));
    json_member_text(json, "state", election_state_name(election->state));
    json_member_int(json, "ttlMs", election->settings.ttl_ms);
    json_member_uint(json, "skippedKeys", election->skipped);
    api_write_text(json, "lastError", election_error(election));
    json_write_object_end(json);
}

void api_write_leader(struct json_writer *json, const struct api_view *view)
{
    json_member_array(json, "leader");
    for (size_t i = 0; i < view->candidacy_count; i++) {
        write_candidacy(json, &view->candidacies[i], &view->now);
    }
    json_write_array_end(json);
}
