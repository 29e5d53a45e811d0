#include "outrider/core/config/config.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/base/str.h"
#include "outrider/core/config/settings.h"

#include <stdio.h>
#include <stdlib.h>

void config_fini(struct config *config)
{
    if (config == NULL) {
        return;
    }
    settings_clear(&settings_of_file, config);
    *config = (struct config){0};
}

void config_describe(const struct config *config, struct buf *out)
{
    const struct config_server *server = &config->server;
    if (!server->present) {
        buf_printf(out, "observer of %s", config->registry.prefix);
    } else if (strcmp(server->id, "auto") == 0) {
        buf_printf(out, "sidecar of %s, server.id auto", server->type);
    } else {
        buf_printf(out, "sidecar of %s/%s", server->type, server->id);
    }
}

int64_t config_request_timeout(const struct config_registry *registry)
{
    enum { LONGEST_MS = 2000 };
    if (registry->request_timeout_ms > 0) {
        return registry->request_timeout_ms;
    }
    return registry->ttl_ms / 6 < LONGEST_MS ? registry->ttl_ms / 6 : LONGEST_MS;
}

bool config_has_audit(const struct config *config)
{
    bool automatic = config->audit.file == CONFIG_AUDIT_AUTO && !config->server.present;
    return config->state_dir != NULL && (automatic || config->audit.file == CONFIG_AUDIT_ON);
}

const char *config_scope(const struct config *config, const struct config_candidacy *candidacy)
{
    return strcmp(candidacy->scope, "auto") == 0 ? config->server.type : candidacy->scope;
}

bool config_reads_by_login(const struct config *config)
{
    bool named = config->http.access_file != NULL;
    return config->http.read == CONFIG_READ_LOGIN || (config->http.read == CONFIG_READ_AUTO && named);
}

/* The first directory of a colon list in the environment; empty when there is none. */
static struct str directory(config_env_fn *env, void *user, const char *name)
{
    struct str rest;
    struct str first = str_split(str_of(env(name, user)), ':', &rest);
    while (first.size > 1 && first.data[first.size - 1] == '/') {
        first.size--;
    }
    return first.size > 0 && first.data[0] == '/' ? first : (struct str){NULL, 0};
}

/* Writes `before`, `middle` and `after` where `field` is "auto"; NULL where there is no `middle`. Returns whether it is
 * "auto". */
static bool replace_auto(char **field, const char *before, struct str middle, const char *after)
{
    if (*field == NULL || strcmp(*field, "auto") != 0) {
        return false;
    }
    struct buf text = {0};
    if (middle.size > 0) {
        buf_printf(&text, "%s%.*s%s", before, STR_ARG(middle), after);
    }
    free(*field);
    *field = text.data;
    return true;
}

/* The port that each registry has by default, on this machine. */
static struct str own_endpoint(enum config_backend backend)
{
    static const char *const endpoints[] = {[CONFIG_BACKEND_ETCD] = "http://127.0.0.1:2379",
                                            [CONFIG_BACKEND_REDIS] = CONFIG_REDIS_PLAIN "127.0.0.1:6379",
                                            [CONFIG_BACKEND_CONSUL] = "http://127.0.0.1:8500"};
    return str_of(endpoints[backend]);
}

void config_resolve(struct config *config, config_env_fn *env, void *user)
{
    struct config_registry *registry = &config->registry;
    registry->request_timeout_ms = config_request_timeout(registry);
    (void)replace_auto(&registry->control_prefix, "/outrider", str_of(registry->prefix), "");
    for (size_t i = 0; i < registry->endpoint_count; i++) {
        (void)replace_auto(&registry->endpoints[i], "", own_endpoint(registry->backend), "");
    }

    struct str runtime = directory(env, user, "RUNTIME_DIRECTORY");
    config->status.socket_auto |= replace_auto(&config->status.socket, "", runtime, "/status.sock");
    config->status.notify_socket_auto |=
        replace_auto(&config->status.notify_socket, "", runtime, "/notify.sock");
    for (size_t i = 0; i < config->http.listen_count; i++) {
        if (runtime.size > 0) {
            (void)replace_auto(&config->http.listen[i], "unix:", runtime, "/http.sock");
        }
        (void)replace_auto(&config->http.listen[i], "", STR("127.0.0.1:7117"), "");
    }
    config->state_dir_auto |=
        replace_auto(&config->state_dir, "", directory(env, user, "STATE_DIRECTORY"), "");
    (void)replace_auto(&config->http.session_key_file, "", str_of(config->state_dir), "/session.key");

    if (!config->probes_given && config->probe_count == 0) {
        for (size_t i = 0; i < config->server.port_count; i++) {
            config_probe_default(config_probe_add(config), config->server.ports[i]);
        }
    }
}

size_t config_diff(const struct config *a, const struct config *b,
                   const struct setting *ret_rows[static SETTINGS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < settings_of_file.count; i++) {
        const struct setting *row = &settings_of_file.rows[i];
        bool derived = row->type == SETTING_PROBES && !a->probes_given && !b->probes_given;
        if (!derived && !setting_equal(row, a, b)) {
            ret_rows[count++] = row;
        }
    }
    return count;
}

void config_keep(struct config *fresh, const struct config *running)
{
    for (size_t i = 0; i < settings_of_file.count; i++) {
        const struct setting *row = &settings_of_file.rows[i];
        if ((row->flags & SETTING_RELOADABLE) == 0) {
            setting_copy(row, running, fresh);
        }
    }
}
