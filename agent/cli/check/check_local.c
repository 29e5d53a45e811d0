/* Each finding is a warning: what is not here may be on the machine where the agent runs. */
#include "check_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/listen.h"
#include "outrider/os/file.h"
#include "outrider/os/sandbox/sandbox.h"
#include "outrider/shell/key_files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_absent(const char *path)
{
    struct stat st;
    return stat(path, &st) < 0 && errno == ENOENT;
}

static void check_present(const char *file, const char *setting, const char *path, struct buf *problems)
{
    if (path != NULL && is_absent(path)) {
        check_warn(file, problems, setting,
                   "%s does not exist on this machine; the agent needs it on the machine where it runs",
                   path);
    }
}

/* A directory in which the agent makes something. */
static void check_directory(const char *file, const char *setting, const char *dir, const char *remedy,
                            struct buf *problems)
{
    struct error err;
    if (is_absent(dir)) {
        check_warn(
            file, problems, setting,
            "the directory %s does not exist on this machine, and without it the agent does not start; %s",
            dir, remedy);
    } else if (file_check_dir(dir, &err) < 0) {
        check_warn(file, problems, setting, "%s; the agent needs it, as the user that it runs as", err.text);
    }
}

static void check_socket(const char *file, const char *setting, const char *path, struct buf *problems)
{
    char dir[PATH_MAX];
    struct stat st;
    if (path == NULL) {
        return;
    }
    file_parent(path, dir);
    check_directory(file, setting, dir, "make it, or let RuntimeDirectory= of the unit make it", problems);
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        check_warn(file, problems, setting,
                   "%s is a file that is not a socket, and the agent does not replace it; remove it", path);
    }
}

/* Binds nothing that another process could want: any port of the address will do. */
static void check_address(const char *file, struct str host, struct buf *problems)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char text[INET6_ADDRSTRLEN];
    snprintf(text, sizeof(text), "%.*s", STR_ARG(host));
    bool is_v4 = inet_pton(AF_INET, text, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, text, &v6.sin6_addr) != 1) {
        return; /* localhost */
    }
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *address = is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    if (fd >= 0 && bind(fd, address, is_v4 ? sizeof(v4) : sizeof(v6)) < 0 && errno == EADDRNOTAVAIL) {
        check_warn(file, problems, "http.listen",
                   "%s is no address of this machine, and without it the agent does not start", text);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void check_listen(const char *file, const char *listen, struct buf *problems)
{
    struct listen_place place;
    if (listen_read(listen, &place) < 0) {
        return;
    }
    if (place.kind == LISTEN_UNIX) {
        check_socket(file, "http.listen", place.path, problems);
    } else {
        check_address(file, place.host, problems);
    }
}

/* The agent makes the last directory of the path itself. */
static void check_state_dir(const char *file, const char *state_dir, struct buf *problems)
{
    char above[PATH_MAX];
    if (state_dir == NULL) {
        return;
    }
    file_parent(state_dir, above);
    struct error err;
    if (file_check_owner(state_dir, &err) < 0 && err.code == ERROR_DENIED) {
        check_warn(file, problems, "state_dir", "%s", err.text);
        return;
    }
    check_directory(file, "state_dir", is_absent(state_dir) ? above : state_dir,
                    "make it; the agent makes only the last directory of the path", problems);
}

/* A number needs no name on this machine. */
static void check_group(const char *file, const char *group, struct buf *problems)
{
    if (group != NULL && group[strspn(group, "0123456789")] != '\0' && getgrnam(group) == NULL) {
        check_warn(file, problems, "status.group",
                   "no group %s on this machine, and without it the agent does not start", group);
    }
}

/* What is in the files of keys, where they are here. */
static void check_key_files(const char *file, const struct config *config, struct buf *problems)
{
    struct error err;
    struct sign_key *key = NULL;
    struct sign_trust *trust = NULL;
    const char *path = config->record.sign_key;
    check_present(file, "record.sign_key", path, problems);
    if (path != NULL && !is_absent(path) && key_files_signer(config, &err, &key) < 0) {
        check_warn(file, problems, "record.sign_key", "%s; without it the agent does not start", err.text);
    }
    bool here = true;
    for (size_t i = 0; i < config->view.sign_key_count; i++) {
        check_present(file, "view.sign_keys", config->view.sign_keys[i], problems);
        here = here && !is_absent(config->view.sign_keys[i]);
    }
    if (here && key_files_trust(config, &err, &trust) < 0) {
        check_warn(file, problems, "view.sign_keys", "%s; without it the agent does not start", err.text);
    }
    sign_key_free(key);
    sign_trust_free(trust);
}

static void check_sandbox(const char *file, enum config_sandbox mode, struct buf *problems)
{
    struct error err;
    if (mode != CONFIG_SANDBOX_OFF && sandbox_check(&err) < 0) {
        check_warn(file, problems, "sandbox", "%s; %s", err.text,
                   mode == CONFIG_SANDBOX_REQUIRED ? "without it the agent does not start"
                                                   : "the agent runs without it");
    }
}

void check_local(const char *file, const struct config *config, struct buf *problems)
{
    const struct config_registry *registry = &config->registry;
    check_present(file, "registry.password_file", registry->password_file, problems);
    check_present(file, "registry.tls.ca_file", registry->tls.ca_file, problems);
    check_present(file, "registry.tls.cert_file", registry->tls.cert_file, problems);
    check_present(file, "registry.tls.key_file", registry->tls.key_file, problems);
    check_present(file, "sessions.redis.password_file", config->sessions.redis.password_file, problems);
    check_present(file, "sessions.redis.tls.ca_file", config->sessions.redis.tls.ca_file, problems);
    check_present(file, "sessions.redis.tls.cert_file", config->sessions.redis.tls.cert_file, problems);
    check_present(file, "sessions.redis.tls.key_file", config->sessions.redis.tls.key_file, problems);
    check_present(file, "http.token_file", config->http.token_file, problems);
    check_present(file, "http.access_file", config->http.access_file, problems);
    check_present(file, "http.tls.cert_file", config->http.tls.cert_file, problems);
    check_present(file, "http.tls.key_file", config->http.tls.key_file, problems);
    check_present(file, "http.tls.client_ca_file", config->http.tls.client_ca_file, problems);
    for (size_t i = 0; i < config->probe_count; i++) {
        char setting[48];
        snprintf(setting, sizeof(setting), "probes[%zu].tls.ca_file", i);
        check_present(file, setting, config->probes[i].tls.ca_file, problems);
    }
    check_key_files(file, config, problems);
    for (size_t i = 0; i < config->http.listen_count; i++) {
        check_listen(file, config->http.listen[i], problems);
    }
    if (config->server.present) {
        check_socket(file, "status.socket", config->status.socket, problems);
        check_socket(file, "status.notify_socket", config->status.notify_socket, problems);
        check_group(file, config->status.group, problems);
    }
    check_state_dir(file, config->state_dir, problems);
    check_sandbox(file, config->sandbox, problems);
}
