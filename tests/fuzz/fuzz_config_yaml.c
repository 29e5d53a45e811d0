/* Configurations: any bytes give either a configuration that keeps the promises of its header, with warnings at most, or at
 * least one error. Every problem has a place within the text. The environment answers for every name. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/codec/config/config_yaml.h"
#include "outrider/core/config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *env(const char *name, void *user)
{
    (void)user;
    switch (name[0]) {
    case 'W': return "world";
    case 'P': return "8001,8002";
    case 'D': return "10s";
    case 'R': return "/run/outrider:/run/other";
    case 'B': return "\xff\n\x01";
    case 'E': return "";
    default: return NULL;
    }
}

static bool is_resolved(const char *text)
{
    return text == NULL || strcmp(text, "auto") != 0;
}

static void check_config(const struct config *config)
{
    const struct config_registry *registry = &config->registry;
    const struct setting *rows[SETTINGS_MAX];
    if (config->server.present) {
        must(config->server.type != NULL);
        must(config->server.ports_dynamic ? config->server.port_count == 0 : config->server.port_count > 0);
    } else {
        must(config->probe_count == 0);
    }
    must(config->server.port_count <= CONFIG_PORTS_MAX && config->probe_count <= CONFIG_PROBES_MAX);
    must(registry->endpoint_count > 0 && registry->endpoint_count <= CONFIG_ENDPOINTS_MAX);
    must(registry->heartbeat_ms + 3 * registry->request_timeout_ms + registry->ttl_ms / 10 <=
         registry->ttl_ms);
    must(is_resolved(registry->control_prefix) && is_resolved(config->status.socket));
    must(is_resolved(config->status.notify_socket) &&
         (config->http.listen_count == 0 || is_resolved(config->http.listen[0])));
    must(is_resolved(config->state_dir) && config->status.mode <= 0777);
    for (size_t i = 0; i < config->probe_count; i++) {
        const struct config_probe *probe = &config->probes[i];
        must(probe->name != NULL && probe->timeout_ms < probe->interval_ms && probe->fall > 0 &&
             probe->rise > 0);
        must(!config_probe_has_port(probe->type) || probe->port > 0);
        must(probe->type != CONFIG_PROBE_UNIX || probe->path != NULL);
    }
    struct config copy = {0};
    config_keep(&copy, config);
    (void)config_diff(config, &copy, rows);
    config_fini(&copy);
    must(config_diff(config, config, rows) == 0);
}

static void check_problems(const struct config_problems *problems, bool loaded)
{
    size_t errors = 0;
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *row = &problems->rows[i];
        errors += row->warning ? 0 : 1;
        must(row->line > 0 && row->column > 0 && row->path[0] != '\0' && row->text[0] != '\0');
        must(str_is_utf8(str_of(row->path)) && str_is_utf8(str_of(row->text)));
        must(strchr(row->path, '\n') == NULL && strchr(row->text, '\n') == NULL);
        must(i == 0 || row->line >= row[-1].line);
    }
    must(loaded == (errors == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct config_problems problems;
    struct buf lines = {0};
    bool loaded = config_yaml_load(STR("fuzz.yaml"), (struct str){(const char *)data, size}, env, NULL,
                                   &config, &problems) == 0;
    check_problems(&problems, loaded);
    config_problems_print(&problems, &lines);
    if (loaded) {
        check_config(&config);
        config_fini(&config);
    }
    buf_fini(&lines);
    config_problems_fini(&problems);
    return 0;
}
