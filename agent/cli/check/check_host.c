#include "check_internal.h"

#include "outrider/base/buf.h"
#include "outrider/cli/common/registry_access.h"
#include "outrider/core/config/config.h"
#include "outrider/io/loop/loop.h"
#include "outrider/io/net/resolver.h"
#include "outrider/shell/host_search.h"

#include <stdio.h>
#include <string.h>

enum { RESOLVE_MS = 3000 }; /* as the agent waits */

/* ---- what server.host comes to ---- */

struct found {
    bool done, unsure;
    char host[256]; /* "": none */
    char absent[256];
    char reason[512];
    bool is_written; /* published as it is written */
};

static void on_host(const struct host_answer *answer, void *user)
{
    struct found *found = user;
    *found = (struct found){
        .done = answer->is_last, .unsure = answer->unsure, .is_written = answer->choice == NULL};
    snprintf(found->host, sizeof(found->host), "%s", answer->host == NULL ? "" : answer->host);
    snprintf(found->absent, sizeof(found->absent), "%s", answer->absent == NULL ? "" : answer->absent);
    snprintf(found->reason, sizeof(found->reason), "%s", answer->reason);
}

static struct found find_host(const struct config *config, const struct registry_access *access)
{
    struct found found = {0};
    struct host_search *search = host_search_new(access->loop, access->resolver, on_host, &found);
    host_search_start(search, config->server.host);
    while (!found.done) {
        loop_turn_once(access->loop, true);
    }
    host_search_free(search);
    return found;
}

struct resolved {
    bool done;
    enum resolver_status status;
    char error[128];
};

static void on_resolved(const struct resolver_answer *answer, void *user)
{
    struct resolved *resolved = user;
    resolved->done = true;
    resolved->status = answer->status;
    snprintf(resolved->error, sizeof(resolved->error), "%s", answer->error);
}

/* Whether `name` is an address or is resolved; if not, the error says why. */
static bool is_resolved(const struct registry_access *access, const char *name, struct resolved *ret_resolved)
{
    *ret_resolved = (struct resolved){0};
    (void)!resolver_look_up(access->resolver, name, 0, RESOLVE_MS, on_resolved, ret_resolved);
    while (!ret_resolved->done) {
        loop_turn_once(access->loop, true);
    }
    return ret_resolved->status == RESOLVER_FOUND;
}

static void check_published(const char *file, const struct config *config,
                            const struct registry_access *access, struct buf *problems)
{
    struct found found = find_host(config, access);
    struct resolved resolved;
    if (found.absent[0] != '\0') {
        check_warn(file, problems, "server.host",
                   "interface %s does not exist yet%s%s; the server is not registered "
                   "until it does",
                   found.absent, found.reason[0] == '\0' ? ", and there is no host of this name" : ", ",
                   found.reason);
    } else if (found.host[0] == '\0') {
        check_warn(file, problems, "server.host", "%s; the server is not registered until there is one",
                   found.reason);
    } else if (found.is_written && !is_resolved(access, found.host, &resolved)) {
        check_warn(file, problems, "server.host",
                   "%s is neither an address nor an interface of this machine, and as a "
                   "name it is not resolved here (%s); it is published as written",
                   found.host, resolved.error);
    }
}

/* A probe has no verdict before its host is resolved, so the server stays initializing. */
static void check_probed(const char *file, const char *setting, const char *host,
                         const struct registry_access *access, struct buf *problems)
{
    struct resolved resolved;
    if (strcmp(host, CONFIG_PROBE_PUBLISHED) != 0 && !is_resolved(access, host, &resolved)) {
        check_warn(file, problems, setting, "%s is not resolved here (%s); probes have no effect until it is",
                   host, resolved.error);
    }
}

void check_host(const char *file, const struct config *config, const struct registry_access *access,
                struct buf *problems)
{
    if (!config->server.present) {
        return;
    }
    check_published(file, config, access, problems);
    bool is_used = config->server.ports_dynamic && !config->probes_given;
    for (size_t i = 0; i < config->probe_count; i++) {
        const struct config_probe *probe = &config->probes[i];
        char setting[40];
        snprintf(setting, sizeof(setting), "probes[%zu].host", i);
        if (probe->host != NULL) {
            check_probed(file, setting, probe->host, access, problems);
        }
        is_used = is_used || (config_probe_has_port(probe->type) && probe->host == NULL);
    }
    if (is_used) {
        check_probed(file, "probe_host", config->probe_host, access, problems);
    }
}

void check_find_host(const struct config *config, const struct registry_access *access, struct buf *ret_host)
{
    struct found found = find_host(config, access);
    buf_str(ret_host, str_of(found.host));
}
