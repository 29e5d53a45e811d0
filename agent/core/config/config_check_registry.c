/* The rules about the registry: each backend has endpoints, a login and settings of its own. Those of a backend that is not
 * chosen do not matter. */
#include "settings_internal.h"

#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/config_check.h"

#include <stdio.h>
#include <string.h>

/* How the endpoints of a backend begin. */
struct schemes {
    const char *plain, *secure;
};

static struct schemes schemes_of(enum config_backend backend)
{
    return backend == CONFIG_BACKEND_REDIS
               ? (struct schemes){.plain = CONFIG_REDIS_PLAIN, .secure = CONFIG_REDIS_SECURE}
               : (struct schemes){.plain = "http://", .secure = "https://"};
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static const char *backend_name(enum config_backend backend)
{
    static const char *const names[] = {
        [CONFIG_BACKEND_ETCD] = "etcd", [CONFIG_BACKEND_REDIS] = "redis", [CONFIG_BACKEND_CONSUL] = "consul"};
    return names[backend];
}

void config_check_registry_login(const struct config *config, const struct config_check *check)
{
    const struct config_registry *registry = &config->registry;
    const char *user = registry->username, *file = registry->password_file;
    if (registry->backend == CONFIG_BACKEND_CONSUL) {
        if (user != NULL || file != NULL) {
            check->report(user != NULL ? "registry.username" : "registry.password_file",
                          "has no effect: Consul takes a token, registry.consul.token_file", check->user);
        }
    } else if (user != NULL && file == NULL) {
        check->report("registry.username", "needs registry.password_file: a login needs a password",
                      check->user);
    } else if (user == NULL && file != NULL && registry->backend == CONFIG_BACKEND_ETCD) {
        check->report("registry.password_file", "needs registry.username: the user of the password",
                      check->user);
    }
}

void config_check_registry_certificate(const struct config *config, const struct config_check *check)
{
    const char *cert = config->registry.tls.cert_file, *key = config->registry.tls.key_file;
    if (cert != NULL && key == NULL) {
        check->report("registry.tls.cert_file", "needs registry.tls.key_file: its private key", check->user);
    } else if (cert == NULL && key != NULL) {
        check->report("registry.tls.key_file", "needs registry.tls.cert_file: the certificate it belongs to",
                      check->user);
    }
}

static void check_tls_is_used(const struct config_registry *registry, const char *secure,
                              const struct config_check *check)
{
    const struct {
        const char *path, *value;
    } settings[] = {
        {"registry.tls.ca_file", registry->tls.ca_file},
        {"registry.tls.cert_file", registry->tls.cert_file},
        {"registry.tls.key_file", registry->tls.key_file},
        {"registry.tls.server_name", registry->tls.server_name},
    };
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (settings[i].value != NULL) {
            char text[96];
            snprintf(text, sizeof(text), "has no effect, because no endpoint is %s", secure);
            check->report(settings[i].path, text, check->user);
            return;
        }
    }
}

void config_check_registry_endpoints(const struct config *config, const struct config_check *check)
{
    const struct config_registry *registry = &config->registry;
    struct schemes schemes = schemes_of(registry->backend);
    size_t secure = 0;
    for (size_t i = 0; i < registry->endpoint_count; i++) {
        const char *endpoint = registry->endpoints[i];
        bool is_secure = begins(endpoint, schemes.secure);
        secure += is_secure ? 1 : 0;
        if (!is_secure && !begins(endpoint, schemes.plain) && strcmp(endpoint, "auto") != 0) {
            char text[400];
            snprintf(text, sizeof(text),
                     "%.200s is no endpoint of the backend %s: want %sHOST:PORT or %sHOST:PORT", endpoint,
                     backend_name(registry->backend), schemes.plain, schemes.secure);
            check->report("registry.endpoints", text, check->user);
            return;
        }
    }
    if (secure == 0) {
        check_tls_is_used(registry, schemes.secure, check);
    } else if (registry->backend == CONFIG_BACKEND_REDIS && secure < registry->endpoint_count) {
        check->report("registry.endpoints", "are rediss:// in part: want all of them, or none", check->user);
    }
}

/* A warning: the network may be private. */
void config_check_registry_in_the_clear(const struct config *config, const struct config_check *check)
{
    const struct config_registry *registry = &config->registry;
    struct schemes schemes = schemes_of(registry->backend);
    bool token = registry->backend == CONFIG_BACKEND_CONSUL && registry->consul.token_file != NULL;
    bool secret = token || registry->password_file != NULL;
    for (size_t i = 0; secret && check->warn != NULL && i < registry->endpoint_count; i++) {
        const char *endpoint = registry->endpoints[i];
        struct str host;
        uint16_t port;
        if (begins(endpoint, schemes.plain) &&
            address_split(str_of(endpoint + strlen(schemes.plain)), &host, &port) == 0 &&
            !address_is_loopback(host)) {
            char text[512];
            snprintf(text, sizeof(text), "the %s is sent unencrypted to %s: use %s",
                     token ? "token" : "password", endpoint, schemes.secure);
            check->warn("registry.endpoints", text, check->user);
            return;
        }
    }
}

static void check_compiled(enum config_backend backend, const struct config_check *check)
{
#ifndef OUTRIDER_REDIS
    if (backend == CONFIG_BACKEND_REDIS) {
        check->report("registry.backend",
                      "redis is not in this program: it was built with OUTRIDER_REDIS=OFF", check->user);
    }
#endif
#ifndef OUTRIDER_CONSUL
    if (backend == CONFIG_BACKEND_CONSUL) {
        check->report("registry.backend",
                      "consul is not in this program: it was built with OUTRIDER_CONSUL=OFF", check->user);
    }
#endif
    (void)backend;
    (void)check;
}

static void check_master_name(const struct config_registry *registry, const struct config_check *check)
{
    if (registry->redis.mode == CONFIG_REDIS_SENTINEL && registry->redis.master_name == NULL) {
        check->report("registry.redis.master_name",
                      "required with mode sentinel: what sentinels call the master", check->user);
    } else if ((registry->redis.mode == CONFIG_REDIS_SINGLE ||
                registry->redis.mode == CONFIG_REDIS_CLUSTER) &&
               registry->redis.master_name != NULL) {
        check->report("registry.redis.master_name", "has no effect: it is for mode sentinel", check->user);
    }
}

void config_check_registry_backend(const struct config *config, const struct config_check *check)
{
    const struct config_registry *registry = &config->registry;
    if (registry->present) {
        check_compiled(registry->backend, check);
    }
    if (registry->backend == CONFIG_BACKEND_REDIS) {
        check_master_name(registry, check);
    }
}
