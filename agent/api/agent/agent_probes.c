/* Probes as JSON: settings, verdict, and the last try. */
#include "agent_internal.h"
#include "outrider/api/common/view.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/config/config.h"
#include "outrider/core/probe/probe.h"

#include <stdio.h>

/* The ms since `mono_ms`, 0 of which means never: then -1. */
static int64_t ago(int64_t mono_ms, const struct instant *now)
{
    return mono_ms == 0 ? -1 : now->mono - mono_ms;
}

static void write_last(struct json_writer *json, const struct probe *probe, const struct instant *now)
{
    json_member_text(json, "lastOutcome", probe->tried ? probe_outcome_text(probe->last_outcome) : NULL);
    json_write_key(json, "lastDurationMs");
    if (probe->tried) {
        char number[32];
        int size = snprintf(number, sizeof(number), "%.3f", (double)probe->last_duration_us / 1000.0);
        json_write_raw(json, (struct str){number, (size_t)size});
    } else {
        json_write_null(json);
    }
    json_member_span(json, "lastTryAgoMs", ago(probe->last_try_mono, now));
    json_member_span(json, "lastPassedAgoMs", ago(probe->last_passed_mono, now));
}

/* The successes missing for the verdict passing; 0 when it is. */
static unsigned passes_needed(const struct health *health)
{
    if (health_verdict(health) == VERDICT_PASSING) {
        return 0;
    }
    unsigned have = health->known ? health->value : health->run > 0 ? (unsigned)health->run : 0;
    return have < health->rise ? health->rise - have : 1;
}

static void write_probe(struct json_writer *json, const struct api_view *view, const struct api_probe *entry)
{
    const struct probe *probe = entry->probe;
    char evidence[128];
    json_write_object(json);
    json_member_text(json, "name", entry->config->name);
    json_member_text(json, "type", entry->type);
    json_member_text(json, "target", entry->target);
    json_member_text(json, "verdict", verdict_name(health_verdict(&probe->health)));
    json_member_text(json, "evidence", probe_evidence(probe, evidence));
    json_member_uint(json, "failures", probe->failures);
    json_member_uint(json, "passesNeeded", passes_needed(&probe->health));
    json_member_uint(json, "rise", probe->health.rise);
    json_member_uint(json, "fall", probe->health.fall);
    json_member_int(json, "intervalMs", probe->interval_ms);
    json_member_int(json, "timeoutMs", probe->timeout_ms);
    write_last(json, probe, &view->now);
    json_write_object_end(json);
}

void api_write_probes(struct json_writer *json, const struct api_view *view)
{
    json_member_array(json, "probes");
    for (size_t i = 0; i < view->probe_count; i++) {
        write_probe(json, view, &view->probes[i]);
    }
    json_write_array_end(json);
}
