#include "outrider/cli/common/registry_access.h"

#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/client/http_client.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/os/entropy.h"
#include "outrider/registry/backends/registry_open.h"

int registry_access_open(struct registry_access *access, const struct config_registry *config)
{
    struct error err;
    access->loop = loop_new(&err);
    if (access->loop == NULL) {
        return cli_fail(EX_FAILED, "%s", err.text);
    }
    access->resolver = resolver_new(access->loop, NULL);
    access->http = http_client_new(access->loop, access->resolver,
                                   &(struct http_tls){.ca_file = config->tls.ca_file,
                                                      .cert_file = config->tls.cert_file,
                                                      .key_file = config->tls.key_file,
                                                      .server_name = config->tls.server_name});
    return 0;
}

struct registry *registry_access_new(const struct registry_access *access,
                                     const struct config_registry *config)
{
    struct registry_means means = {.loop = access->loop, .resolver = access->resolver, .http = access->http};
    entropy_fill(&means.seed, sizeof(means.seed));
    return registry_open(config, &means);
}

void registry_access_close(struct registry_access *access)
{
    http_client_free(access->http);
    resolver_free(access->resolver);
    loop_free(access->loop);
    *access = (struct registry_access){0};
}

const char *registry_access_remedy(const char *error)
{
    static const char *const rows[][2] = {
        {"connection refused", ": nothing listens there; is the registry running, and is the port right?"},
        {"no connection within", ": is the address right, and does a firewall block it?"},
        {"name not resolved", ": is the name right, and does a name server answer?"},
        {"unreachable", ": is the address right, and is there a route?"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strstr(error, rows[i][0]) != NULL) {
            return rows[i][1];
        }
    }
    return "";
}
