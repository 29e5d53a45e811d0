#include "outrider/shell/starter.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/config/config.h"
#include "outrider/io/program/program_starter.h"
#include "outrider/os/privileges.h"
#include "outrider/shell/config_file.h"

#include <stdlib.h>
#include <string.h>

/* In the starter. */
struct allowed {
    const char *path;
    const struct config *config;
    struct config *own; /* as read again; NULL: `config` is the agent's */
};

static bool is_same(const struct program_request *request, char *const *command, size_t count,
                    const char *user)
{
    bool same = request->word_count == count && strcmp(request->user, user == NULL ? "" : user) == 0;
    for (size_t i = 0; same && i < count; i++) {
        same = strcmp(request->words[i], command[i]) == 0;
    }
    return same;
}

static bool has(const struct config *config, const struct program_request *request)
{
    bool found = false;
    for (size_t i = 0; i < config->probe_count && !found; i++) {
        const struct config_probe *probe = &config->probes[i];
        found = probe->type == CONFIG_PROBE_EXEC &&
                is_same(request, probe->command, probe->command_count, probe->user);
    }
    for (size_t i = 0; i < config->hook_count && !found; i++) {
        const struct config_hook *hook = &config->hooks[i];
        found = is_same(request, hook->command, hook->command_count, hook->user);
    }
    return found;
}

/* The agent has read a new file, or asks for what no file has. */
static int allow(const struct program_request *request, struct error *err, void *user)
{
    struct allowed *allowed = user;
    if (has(allowed->config, request)) {
        return 0;
    }
    struct buf problems = {0};
    struct config *fresh = config_file_read(allowed->path, &problems);
    buf_fini(&problems);
    if (fresh != NULL) {
        config_fini(allowed->own);
        free(allowed->own);
        allowed->own = fresh;
        allowed->config = fresh;
    }
    if (!has(allowed->config, request)) {
        return error_set(err, ERROR_NOT_FOUND, "%s is not a program of %s; reload the agent once it is",
                         request->words[0], allowed->path);
    }
    return 0;
}

bool starter_is_needed(const struct config *config)
{
    bool needed = config->hook_count > 0;
    for (size_t i = 0; i < config->probe_count; i++) {
        needed = needed || config->probes[i].type == CONFIG_PROBE_EXEC;
    }
    return needed;
}

static bool names_a_user(const struct config *config)
{
    bool names = false;
    for (size_t i = 0; i < config->probe_count; i++) {
        names = names || config->probes[i].user != NULL;
    }
    for (size_t i = 0; i < config->hook_count; i++) {
        names = names || config->hooks[i].user != NULL;
    }
    return names;
}

int starter_fork(const char *path, const struct config *config, struct error *err, pid_t *ret_pid)
{
    struct allowed allowed = {.path = path, .config = config};
    uint64_t keep = names_a_user(config) ? PRIVILEGE_SETUID | PRIVILEGE_SETGID | PRIVILEGE_KILL : 0;
    return program_starter_fork(allow, &allowed, keep, err, ret_pid);
}
