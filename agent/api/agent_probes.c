/* Probes as JSON: what each is, what it found, and how long ago. */
#include "api_private.h"

#include "outrider/codec/json_write.h"
#include "outrider/core/config.h"
#include "outrider/core/probe.h"

#include <stdio.h>

static void write_target(struct json_writer *json, const struct api_view *view,
                         const struct config_probe *config)
{
    char target[320];
    const char *host = view->config->probe_host;
    bool v6 = host != NULL && strchr(host, ':') != NULL;
    json_write_key(json, "target");
    switch (config->type) {
    case CONFIG_PROBE_TCP:
        snprintf(target, sizeof(target), "%s%s%s:%u", v6 ? "[" : "", host == NULL ? "localhost" : host,
                 v6 ? "]" : "", config->port);
        json_write_text(json, target);
        break;
    case CONFIG_PROBE_UNIX: json_write_text(json, config->path); break;
    }
}

static void write_ago(struct json_writer *json, const char *name, int64_t mono_ms, const struct instant *now)
{
    json_write_key(json, name);
    if (mono_ms == 0) {
        json_write_null(json);
    } else {
        json_write_int(json, now->mono - mono_ms);
    }
}

static void write_count(struct json_writer *json, const char *name, unsigned value)
{
    json_write_key(json, name);
    json_write_uint(json, value);
}

static void write_last(struct json_writer *json, const struct probe *probe, const struct instant *now)
{
    json_write_key(json, "lastOutcome");
    json_write_text(json, probe->tried ? probe_outcome_text(probe->last_outcome) : NULL);
    json_write_key(json, "lastDurationMs");
    if (probe->tried) {
        char number[32];
        int size = snprintf(number, sizeof(number), "%.3f", (double)probe->last_duration_us / 1000.0);
        json_write_raw(json, (struct str){number, (size_t)size});
    } else {
        json_write_null(json);
    }
    write_ago(json, "lastTryAgoMs", probe->last_try_mono, now);
    write_ago(json, "lastPassedAgoMs", probe->last_passed_mono, now);
}

/* Successes still needed until the verdict is passing; 0 when it is. */
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
    json_write_key(json, "name");
    json_write_text(json, entry->config->name);
    json_write_key(json, "type");
    json_write_text(json, entry->config->type == CONFIG_PROBE_TCP ? "tcp" : "unix");
    write_target(json, view, entry->config);
    json_write_key(json, "verdict");
    json_write_text(json, verdict_name(health_verdict(&probe->health)));
    json_write_key(json, "evidence");
    json_write_text(json, probe_evidence(probe, evidence));
    write_count(json, "failures", probe->failures);
    write_count(json, "passesNeeded", passes_needed(&probe->health));
    write_count(json, "rise", probe->health.rise);
    write_count(json, "fall", probe->health.fall);
    json_write_key(json, "intervalMs");
    json_write_int(json, probe->interval_ms);
    json_write_key(json, "timeoutMs");
    json_write_int(json, probe->timeout_ms);
    write_last(json, probe, &view->now);
    json_write_object_end(json);
}

void api_write_probes(struct json_writer *json, const struct api_view *view)
{
    json_write_key(json, "probes");
    json_write_array(json);
    for (size_t i = 0; i < view->probe_count; i++) {
        write_probe(json, view, &view->probes[i]);
    }
    json_write_array_end(json);
}
