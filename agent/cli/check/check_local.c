/* Each finding is a warning: what is not here may be on the machine where the agent runs. */
#include "check_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/core/config/address.h"
#include "outrider/core/config/config.h"
#include "outrider/os/file.h"
#include "outrider/os/sandbox/sandbox.h"
#include "outrider/shell/key_files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void PRINTF_LIKE(4, 5)
    warn(const char *file, const char *setting, struct buf *problems, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_printf(problems, "%s: %s: warning: %s\n", file, setting, text);
}

static bool is_absent(const char *path)
{
    struct stat st;
    return stat(path, &st) < 0 && errno == ENOENT;
}

static void check_present(const char *file, const char *setting, const char *path, struct buf *problems)
{
    if (path != NULL && is_absent(path)) {
        warn(file, setting, problems,
             "%s does not exist on this machine; the agent needs it on the machine where it runs", path);
    }
}

/* The directory that `path` stands in. */
static void directory_of(const char *path, char out[static PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s", path);
    size_t size = strlen(out);
    while (size > 1 && out[size - 1] == '/') {
        out[--size] = '\0';
    }
    char *slash = strrchr(out, '/');
    if (slash != NULL) {
        slash[slash == out ? 1 : 0] = '\0';
    }
}

/* A directory in which the agent makes something. */
static void check_directory(const char *file, const char *setting, const char *dir, const char *remedy,
                            struct buf *problems)
{
    struct error err;
    if (is_absent(dir)) {
        warn(file, setting, problems,
             "the directory %s does not exist on this machine, and without it the agent does not start; %s",
             dir, remedy);
    } else if (file_check_dir(dir, &err) < 0) {
        warn(file, setting, problems, "%s; the agent needs it, as the user that it runs as", err.text);
    }
}

static void check_socket(const char *file, const char *setting, const char *path, struct buf *problems)
{
    char dir[PATH_MAX];
    struct stat st;
    if (path == NULL) {
        return;
    }
    directory_of(path, dir);
    check_directory(file, setting, dir, "make it, or let RuntimeDirectory= of the unit make it", problems);
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        warn(file, setting, problems,
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
        warn(file, "http.listen", problems,
             "%s is no address of this machine, and without it the agent does not start", text);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void check_listen(const char *file, const char *listen, struct buf *problems)
{
    struct str host;
    uint16_t port;
    if (listen != NULL && strncmp(listen, "unix:", 5) == 0) {
        check_socket(file, "http.listen", listen + 5, problems);
    } else if (listen != NULL && address_split(str_of(listen), &host, &port) == 0) {
        check_address(file, host, problems);
    }
}

/* The agent makes the last directory of the path itself. */
static void check_state_dir(const char *file, const char *state_dir, struct buf *problems)
{
    char above[PATH_MAX];
    if (state_dir == NULL) {
        return;
    }
    directory_of(state_dir, above);
    struct error err;
    if (file_check_owner(state_dir, &err) < 0 && err.code == ERROR_DENIED) {
        warn(file, "state_dir", problems, "%s", err.text);
        return;
    }
    check_directory(file, "state_dir", is_absent(state_dir) ? above : state_dir,
                    "make it; the agent makes only the last directory of the path", problems);
}

/* A number needs no name on this machine. */
static void check_group(const char *file, const char *group, struct buf *problems)
{
    if (group != NULL && group[strspn(group, "0123456789")] != '\0' && getgrnam(group) == NULL) {
        warn(file, "status.group", problems,
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
        warn(file, "record.sign_key", problems, "%s; without it the agent does not start", err.text);
    }
    bool here = true;
    for (size_t i = 0; i < config->view.sign_key_count; i++) {
        check_present(file, "view.sign_keys", config->view.sign_keys[i], problems);
        here = here && !is_absent(config->view.sign_keys[i]);
    }
    if (here && key_files_trust(config, &err, &trust) < 0) {
        warn(file, "view.sign_keys", problems, "%s; without it the agent does not start", err.text);
    }
    sign_key_free(key);
    sign_trust_free(trust);
}

static void check_sandbox(const char *file, enum config_sandbox mode, struct buf *problems)
{
    struct error err;
    if (mode != CONFIG_SANDBOX_OFF && sandbox_check(&err) < 0) {
        warn(file, "sandbox", problems, "%s; %s", err.text,
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
    check_present(file, "http.token_file", config->http.token_file, problems);
    check_key_files(file, config, problems);
    check_listen(file, config->http.listen, problems);
    if (config->server.present) {
        check_socket(file, "status.socket", config->status.socket, problems);
        check_socket(file, "status.notify_socket", config->status.notify_socket, problems);
        check_group(file, config->status.group, problems);
    }
    check_state_dir(file, config->state_dir, problems);
    check_sandbox(file, config->sandbox, problems);
}
