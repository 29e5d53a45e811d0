/* Commands to the own server. */
#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/counters.h"
#include "outrider/core/command/inbox.h"
#include "outrider/core/config/config.h"

/* Commands that this agent sends: an observer for operators, a sidecar for its server. */
static void write_sent(struct buf *out, const struct api_commands_counters *counters)
{
    static const char *const outcomes[API_COMMAND_SENT_COUNT] = {
        [API_COMMAND_SENT] = "sent", [API_COMMAND_FULL] = "full",       [API_COMMAND_TAKEN] = "taken",
        [API_COMMAND_BUSY] = "busy", [API_COMMAND_UNKNOWN] = "unknown", [API_COMMAND_FAILED] = "failed"};
    static const enum command_state answers[] = {COMMAND_OK, COMMAND_ERROR, COMMAND_EXPIRED};
    prometheus_family(out, "outrider_commands_sent_total", PROMETHEUS_COUNTER,
                      "Commands that were to be sent to a server, by what became of that.");
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        prometheus_int(out, "outrider_commands_sent_total", &LABEL("outcome", outcomes[i]), 1,
                       (int64_t)counters->sent[i]);
    }
    prometheus_family(out, "outrider_command_answers_total", PROMETHEUS_COUNTER,
                      "Answers to commands that this agent waited for.");
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        prometheus_int(out, "outrider_command_answers_total", &LABEL("state", command_state_name(answers[i])),
                       1, (int64_t)counters->answers[answers[i]]);
    }
}

static bool may_send(const struct config *config)
{
    return !config->server.present || config->status.call_count > 0;
}

void metrics_write_commands(struct buf *out, const struct api_view *view)
{
    const struct inbox *inbox = view->inbox;
    if (may_send(view->config) || view->counters->commands.sent[API_COMMAND_SENT] > 0) {
        write_sent(out, &view->counters->commands);
    }
    if (inbox == NULL) {
        return;
    }
    const struct inbox_counters *counters = &inbox->counters;
    const struct {
        const char *outcome;
        uint64_t count;
    } rows[] = {
        {"delivered", counters->delivered}, {"ok", counters->ok},           {"error", counters->error},
        {"expired", counters->expired},     {"refused", counters->refused}, {"foreign", counters->foreign},
        {"lost", counters->lost},
    };
    prometheus_family(out, "outrider_commands_total", PROMETHEUS_COUNTER,
                      "Commands to the server by what became of them; foreign: a key of the inbox that is no "
                      "command; lost: a result that could not be written.");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        prometheus_int(out, "outrider_commands_total", &LABEL("outcome", rows[i].outcome), 1,
                       (int64_t)rows[i].count);
    }
    const struct sample samples[] = {
        GAUGE("outrider_commands_waiting", "Commands that have no result in the registry yet.",
              (int64_t)inbox->count),
    };
    metrics_write(out, samples, COUNT_OF(samples));
}
