/* What the agent gives up once it has started: every capability that it does not need any more. Root in a container, and root
 * on a machine, is then a user like others; what it may not do later is in docs/operating.md, "Privileges". */
#include "agent_internal.h"

#include "outrider/core/config/listen.h"
#include "outrider/io/net/unix_bind.h"
#include "outrider/os/file.h"
#include "outrider/os/privileges.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* What is looked through, and what must be kept for it. */
struct review {
    uint64_t held, keep;
};

static void keep(struct review *review, uint64_t privilege, const char *setting, const char *what)
{
    struct buf name = {0};
    if ((review->held & privilege) == 0 || (review->keep & privilege) != 0) {
        return;
    }
    review->keep |= privilege;
    privileges_names(privilege, &name);
    log_warn("agent", "privilege kept, what needs it belongs to another user",
             LOG_TEXT("privilege", buf_text(&name)), LOG_TEXT("setting", setting), LOG_TEXT("needs", what),
             LOG_TEXT("hint", "give it to the agent's user or group, or run the agent as its owner"));
    buf_fini(&name);
}

static void look_at(struct review *review, const char *setting, const char *path, int how)
{
    if (path != NULL && !privileges_reach(path, how)) {
        keep(review, (how & W_OK) != 0 ? PRIVILEGE_DAC_OVERRIDE : PRIVILEGE_DAC_READ_SEARCH, setting, path);
    }
}

/* A socket file that is gone is made again (agent_files.c). */
static void look_at_socket(struct review *review, const char *setting, const char *path, bool inherited)
{
    char dir[PATH_MAX];
    if (path != NULL && !inherited) {
        file_parent(path, dir);
        look_at(review, setting, dir, W_OK | X_OK);
    }
}

static bool is_in_group(gid_t gid)
{
    gid_t groups[NGROUPS_MAX < 256 ? NGROUPS_MAX : 256];
    int count = getgroups(COUNT_OF(groups), groups);
    bool found = gid == getegid();
    for (int i = 0; i < count && !found; i++) {
        found = groups[i] == gid;
    }
    return found;
}

static void look_at_status(struct review *review, const struct agent *agent)
{
    static const char *const settings[] = {"status.socket", "status.notify_socket"};
    for (int which = 0; which < 2; which++) {
        const struct unix_bound *bound = status_sockets_bound(agent->sockets, which == 1);
        if (bound == NULL || bound->inherited) {
            continue;
        }
        look_at_socket(review, settings[which], bound->path, false);
        if (bound->gid != (gid_t)-1 && !is_in_group(bound->gid)) {
            keep(review, PRIVILEGE_CHOWN, "status.group", agent->config->status.group);
        }
    }
}

/* The socket of a probe may come later, with a mode that is not known yet. */
static void look_at_probes(struct review *review, const struct config *config)
{
    for (size_t i = 0; i < config->probe_count; i++) {
        const struct config_probe *probe = &config->probes[i];
        const char *path = probe->type == CONFIG_PROBE_UNIX ? probe->path : NULL;
        look_at(review, "probes.tls.ca_file", probe->tls.ca_file, R_OK);
        if (path != NULL && (access(path, F_OK) < 0 || !privileges_reach(path, W_OK))) {
            keep(review, PRIVILEGE_DAC_OVERRIDE, "probes.path", path);
        }
    }
}

static uint64_t needed(const struct agent *agent, uint64_t held)
{
    struct review review = {.held = held};
    const struct config *config = agent->config;
    const struct config_registry *registry = &config->registry;
    look_at(&review, "state_dir", config->state_dir, W_OK | X_OK);
    look_at_status(&review, agent);
    for (size_t i = 0; listen_unix(config, i) != NULL; i++) {
        look_at_socket(&review, "http.listen", listen_unix(config, i), i == 0 && agent->http_fd > 0);
    }
    look_at_probes(&review, config);
    look_at(&review, "registry.password_file", registry->password_file, R_OK);
    look_at(&review, "registry.tls.ca_file", registry->tls.ca_file, R_OK);
    look_at(&review, "registry.tls.cert_file", registry->tls.cert_file, R_OK);
    look_at(&review, "registry.tls.key_file", registry->tls.key_file, R_OK);
    look_at(&review, "sessions.redis.password_file", config->sessions.redis.password_file, R_OK);
    look_at(&review, "sessions.redis.tls.ca_file", config->sessions.redis.tls.ca_file, R_OK);
    look_at(&review, "sessions.redis.tls.cert_file", config->sessions.redis.tls.cert_file, R_OK);
    look_at(&review, "sessions.redis.tls.key_file", config->sessions.redis.tls.key_file, R_OK);
    look_at(&review, "http.token_file", config->http.token_file, R_OK);
    look_at(&review, "http.access_file", config->http.access_file, R_OK);
    look_at(&review, "http.tls.cert_file", config->http.tls.cert_file, R_OK);
    look_at(&review, "http.tls.key_file", config->http.tls.key_file, R_OK);
    look_at(&review, "http.tls.client_ca_file", config->http.tls.client_ca_file, R_OK);
    look_at(&review, "the configuration", agent->config_path, R_OK);
    return review.keep;
}

void agent_give_up_privileges(const struct agent *agent)
{
    uint64_t held = privileges_held(), kept = held == 0 ? 0 : needed(agent, held);
    struct buf dropped = {0}, left = {0};
    struct error err;
    privileges_names(held & ~kept, &dropped);
    privileges_names(kept, &left);
    if (privileges_drop(kept, &err) < 0) {
        log_warn("agent", "privileges not given up", LOG_TEXT("error", err.text));
    } else if (held != 0) {
        log_info("agent", "privileges given up", LOG_TEXT("dropped", buf_text(&dropped)),
                 LOG_TEXT("kept", kept == 0 ? "none" : buf_text(&left)));
    }
    buf_fini(&dropped);
    buf_fini(&left);
}
