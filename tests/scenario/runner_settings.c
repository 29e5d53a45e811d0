/* The configuration of a scenario: the program's own defaults and settings, without a file. */
#include "runner.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/settings.h"
#include "support/find_setting.h"

#include <stdlib.h>

static struct config *keep(struct scenario *s, struct config *config)
{
    if (s->config_count == COUNT_OF(s->configs)) {
        fail(s, "too many reloads for one scenario");
    }
    s->configs[s->config_count++] = config;
    return config;
}

/* "game:8001 chat:8002", "game" for a unix probe, "none" for an empty list, "auto" for one per port. */
static void set_probes(struct config *config, char *value)
{
    for (size_t i = 0; i < config->probe_count; i++) {
        config_probe_fini(&config->probes[i]);
    }
    config->probe_count = 0;
    config->probes_given = strcmp(value, "auto") != 0;
    if (!config->probes_given) {
        for (size_t i = 0; i < config->server.port_count; i++) {
            config_probe_default(config_probe_add(config), config->server.ports[i]);
        }
        return;
    }
    char *rest = NULL;
    for (char *word = strtok_r(value, ", ", &rest); word != NULL; word = strtok_r(NULL, ", ", &rest)) {
        if (strcmp(word, "none") == 0) {
            return;
        }
        char *colon = strchr(word, ':');
        struct config_probe *probe = config_probe_add(config);
        config_probe_default(probe, (uint16_t)(colon == NULL ? 1 : strtoul(colon + 1, NULL, 10)));
        free(probe->name);
        if (colon != NULL) {
            *colon = '\0';
        }
        probe->name = mem_strdup(word);
    }
}

/* "game:players,map query:": the facts that these probes may bring. */
static bool set_facts(struct config *config, const char *value)
{
    for (struct str rest = str_of(value); rest.size > 0;) {
        struct str names, word = str_split(rest, ' ', &rest), probe = str_split(word, ':', &names);
        size_t i = 0;
        while (i < config->probe_count && !str_eq(str_of(config->probes[i].name), probe)) {
            i++;
        }
        if (i == config->probe_count) {
            return false;
        }
        config->probes[i].facts_given = true;
        while (names.size > 0) {
            struct str name = str_split(names, ',', &names);
            config->probes[i].facts[config->probes[i].fact_count++] =
                (struct config_label){mem_copy(name.data, name.size), mem_strdup("")};
        }
    }
    return true;
}

static bool set_of_probes(const struct scenario *s, struct config *config, const char *key, const char *value)
{
    unsigned long number = strtoul(value, NULL, 10);
    if (strcmp(key, "facts") == 0) {
        return set_facts(config, value);
    }
    for (size_t i = 0; i < config->probe_count; i++) {
        if (strcmp(key, "rise") == 0) {
            config->probes[i].rise = (unsigned)number;
        } else if (strcmp(key, "fall") == 0) {
            config->probes[i].fall = (unsigned)number;
        } else if (strcmp(key, "fast_interval") == 0) {
            if (duration_parse(str_of(value), &config->probes[i].fast_interval_ms) < 0) {
                fail(s, "%s is not a duration", value);
            }
        } else {
            return false;
        }
    }
    return config->probe_count > 0;
}

void settings_set(struct scenario *s, struct config *config, const char *path, const char *value)
{
    if (strcmp(path, "probes") == 0) {
        char *copy = mem_strdup(value);
        set_probes(config, copy);
        free(copy);
        return;
    }
    if (set_of_probes(s, config, path, value)) {
        return;
    }
    const struct setting *row = find_setting(path);
    struct error err;
    if (row == NULL) {
        fail(s, "there is no setting %s", path);
    }
    if (setting_parse(row, config, str_of(value), &err) < 0) {
        fail(s, "%s: %s", path, err.text);
    }
    if (strcmp(path, "server.ports") == 0 && !config->probes_given) {
        char automatic[] = "auto";
        set_probes(config, automatic);
    }
}

static const char *no_environment(const char *name, void *user)
{
    (void)name;
    (void)user;
    return NULL;
}

struct config *settings_first(struct scenario *s)
{
    struct config *config = keep(s, mem_zalloc(sizeof(*config)));
    settings_defaults(&settings_of_file, config);
    config->server.present = true;
    settings_set(s, config, "server.type", "world");
    settings_set(s, config, "server.ports", "8001");
    settings_set(s, config, "probes", "game:8001");
    config_resolve(config, no_environment, NULL);
    return config;
}

struct config *settings_clone(struct scenario *s, const struct config *config)
{
    struct config *copy = keep(s, mem_zalloc(sizeof(*copy)));
    for (size_t i = 0; i < settings_of_file.count; i++) {
        setting_copy(&settings_of_file.rows[i], config, copy);
    }
    copy->server.present = true;
    return copy;
}
