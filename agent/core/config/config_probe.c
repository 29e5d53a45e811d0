/* One probe of the configuration. */
#include "settings_internal.h"

#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"

#include <stdio.h>

const char *config_fact_name(enum config_fact fact)
{
    static const char *const names[] = {[CONFIG_FACT_PLAYERS] = "players",
                                        [CONFIG_FACT_CAPACITY] = "capacity",
                                        [CONFIG_FACT_MAP] = "map",
                                        [CONFIG_FACT_VERSION] = "version",
                                        [CONFIG_FACT_NAME] = "name"};
    return names[fact];
}

const char *const config_probe_types[] = {"tcp",       "unix",   "http",   "grpc", "a2s",
                                          "minecraft", "raknet", "quake3", "exec", NULL};

const char *config_probe_type_name(enum config_probe_type type)
{
    return config_probe_types[type];
}

bool config_probe_has_port(enum config_probe_type type)
{
    return type != CONFIG_PROBE_UNIX && type != CONFIG_PROBE_EXEC;
}

bool config_probe_takes(const struct config_probe *probe, enum config_fact fact, const char **ret_pointer)
{
    *ret_pointer = "";
    for (size_t i = 0; i < probe->fact_count; i++) {
        if (strcmp(probe->facts[i].name, config_fact_name(fact)) == 0) {
            *ret_pointer = probe->facts[i].value;
            return true;
        }
    }
    return !probe->facts_given;
}

bool config_probe_status_passes(const struct config_probe *probe, unsigned status)
{
    bool passes = probe->status_count == 0 && status >= 200 && status <= 399;
    for (size_t i = 0; i < probe->status_count; i++) {
        struct str last, first = str_split(str_of(probe->statuses[i]), '-', &last);
        uint64_t from = 0, to = 0;
        bool sound = str_to_u64(first, UINT16_MAX, &from) == 0 &&
                     str_to_u64(last.size > 0 ? last : first, UINT16_MAX, &to) == 0;
        passes = passes || (sound && status >= from && status <= to);
    }
    return passes;
}

struct config_probe *config_probe_add(struct config *config)
{
    config->probes = mem_resize(config->probes, config->probe_count + 1, sizeof(config->probes[0]));
    struct config_probe *probe = &config->probes[config->probe_count++];
    *probe = (struct config_probe){0};
    return probe;
}

void config_probe_fini(struct config_probe *probe)
{
    if (probe != NULL) {
        settings_clear(&settings_of_probe, probe);
        *probe = (struct config_probe){0};
    }
}

bool config_probe_equal(const struct config_probe *a, const struct config_probe *b)
{
    return settings_equal(&settings_of_probe, a, b);
}

void config_probe_default(struct config_probe *out, uint16_t port)
{
    char name[16];
    settings_defaults(&settings_of_probe, out);
    snprintf(name, sizeof(name), "tcp-%u", port);
    out->name = mem_strdup(name);
    out->port = port;
}

int64_t config_fast_interval(const struct config_probe *probe)
{
    enum { SHARE = 10, SHORTEST_MS = 50 };
    int64_t share = probe->interval_ms / SHARE, fast = share > SHORTEST_MS ? share : SHORTEST_MS;
    fast = probe->fast_interval_ms > 0 ? probe->fast_interval_ms : fast;
    return fast < probe->interval_ms ? fast : probe->interval_ms;
}
