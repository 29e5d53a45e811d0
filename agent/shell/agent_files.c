/* The files that other programs may remove under a running agent: those of its unix sockets, and state_dir. Neither is an
 * error by itself: a socket without its file only takes no new connection, and state that is gone is missed at the next
 * start. So they are looked at now and then, and at HUP. */
#include "agent_internal.h"

#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/listen.h"
#include "outrider/io/net/unix_bind.h"
#include "outrider/os/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The earliest and the latest next look: within a minute, and with another wake-up of the agent where there is one. */
enum { CHECK_FROM_MS = 30000, CHECK_UNTIL_MS = 55000 };

/* From HTTP on: each unix socket of the API. */
enum { STATUS_LINES, STATUS_DATAGRAMS, HTTP, SOCKET_COUNT = HTTP + CONFIG_LISTEN_MAX };

static const struct {
    const char *module, *setting;
} rows[HTTP + 1] = {[STATUS_LINES] = {"status", "status.socket"},
                    [STATUS_DATAGRAMS] = {"status", "status.notify_socket"},
                    [HTTP] = {"http", "http.listen"}};

/* A socket that is off, or has no file, is none of `views`. */
struct agent_files {
    struct agent *agent;
    int64_t checked_mono;
    struct api_socket views[SOCKET_COUNT];
    int which[SOCKET_COUNT];
    char errors[SOCKET_COUNT][sizeof(((struct error *)NULL)->text)];
    size_t count;
};

static const char *setting_of(int which)
{
    return rows[which < HTTP ? which : HTTP].setting;
}

static int check(struct agent *agent, int which, struct error *err)
{
    return which >= HTTP ? api_check_socket(agent->api, (size_t)(which - HTTP), err)
                         : status_sockets_check(agent->sockets, which == STATUS_DATAGRAMS, err);
}

static void check_one(struct agent_files *files, size_t i)
{
    struct api_socket *view = &files->views[i];
    struct error err;
    const char *module = rows[files->which[i] < HTTP ? files->which[i] : HTTP].module;
    int rc = check(files->agent, files->which[i], &err);
    const char *problem = rc < 0 ? err.text : "";
    if (rc == 1) {
        view->remade++;
        log_warn(module, "socket file was gone, made again", LOG_TEXT("path", view->path));
    } else if (rc < 0 && strcmp(problem, files->errors[i]) != 0) {
        log_error(module, "socket cannot be reached, its file is gone or replaced",
                  LOG_TEXT("setting", view->setting), LOG_TEXT("error", problem));
    } else if (rc == 0 && files->errors[i][0] != '\0') {
        log_info(module, "socket file is there again", LOG_TEXT("path", view->path));
    }
    snprintf(files->errors[i], sizeof(files->errors[i]), "%s", problem);
}

void agent_files_check(struct agent_files *files)
{
    files->checked_mono = clock_mono_ms();
    state_store_check(files->agent->state);
    for (size_t i = 0; i < files->count; i++) {
        check_one(files, i);
    }
}

static bool has_files(const struct agent_files *files)
{
    return files != NULL && (files->count > 0 || files->agent->state != NULL);
}

int64_t agent_files_due(const struct agent_files *files)
{
    return has_files(files) ? files->checked_mono + CHECK_UNTIL_MS : NEVER_MS;
}

void agent_files_tick(struct agent_files *files, int64_t now_mono)
{
    if (has_files(files) && now_mono >= files->checked_mono + CHECK_FROM_MS) {
        agent_files_check(files);
    }
}

static void add(struct agent_files *files, int which, const char *path, bool inherited)
{
    size_t i = files->count++;
    files->which[i] = which;
    files->views[i] = (struct api_socket){.setting = setting_of(which),
                                          .path = mem_strdup(path),
                                          .inherited = inherited,
                                          .last_error = files->errors[i]};
}

/* The file of the API. An inherited socket decides where that is, while commands look for it where the configuration says; the
 * service manager may see the same file under another name. */
static const char *api_file(const struct agent *agent, const char *wanted)
{
    const char *path = agent->http_path;
    struct stat here, there;
    if (path[0] == '\0' || strcmp(path, wanted) == 0 ||
        (lstat(path, &here) == 0 && lstat(wanted, &there) == 0 && here.st_dev == there.st_dev &&
         here.st_ino == there.st_ino)) {
        return wanted;
    }
    log_warn(
        "http", "API is on an inherited socket that is not that of http.listen", LOG_TEXT("inherited", path),
        LOG_TEXT("listen", wanted),
        LOG_TEXT("hint", "commands do not find it; leave http.listen out, or give the socket unit its path"));
    return path;
}

struct agent_files *agent_files_new(struct agent *agent)
{
    struct agent_files *files = mem_zalloc(sizeof(*files));
    files->agent = agent;
    for (int which = STATUS_LINES; which <= STATUS_DATAGRAMS; which++) {
        const struct unix_bound *bound = status_sockets_bound(agent->sockets, which == STATUS_DATAGRAMS);
        if (bound != NULL && bound->path != NULL) {
            add(files, which, bound->path, bound->inherited);
        }
    }
    const char *path;
    for (int i = 0; agent->api != NULL && (path = listen_unix(agent->config, (size_t)i)) != NULL; i++) {
        bool inherited = i == 0 && agent->http_fd > 0;
        add(files, HTTP + i, inherited ? api_file(agent, path) : path, inherited);
    }
    agent_files_check(files); /* an inherited socket may have lost its file before the start */
    return files;
}

void agent_files_free(struct agent_files *files)
{
    if (files == NULL) {
        return;
    }
    for (size_t i = 0; i < files->count; i++) {
        free((void *)(uintptr_t)files->views[i].path);
    }
    free(files);
}

const struct api_socket *agent_files_view(const struct agent_files *files, size_t *ret_count)
{
    *ret_count = files->count;
    return files->views;
}
