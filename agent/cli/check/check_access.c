/* What keeps the game server and other users of this machine from what is not theirs: secrets, sockets and directories.
 * A secret that is none is an error; what is too open is a warning, since the machine where the agent runs may be another
 * one. */
#include "check_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/access/access_file.h"
#include "outrider/codec/sign/sign.h"
#include "outrider/core/config/config.h"
#include "outrider/core/config/listen.h"
#include "outrider/os/file.h"
#include "outrider/os/secret.h"

#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct access_check {
    const char *file;
    const struct config *config;
    struct buf *problems;
    bool wrong;
};

static void add_wrong(struct access_check *check, const char *setting, const char *text)
{
    buf_printf(check->problems, "%s: %s: %s\n", check->file, setting, text);
    check->wrong = true;
}

/* ---- groups ---- */

/* The groups through which game servers reach their status sockets: that of the units, that of the file, and that of the
 * socket itself. In a group of ours alone there is no game server. */
static bool is_group_of_games(const struct access_check *check, gid_t gid)
{
    const struct config_status *status = &check->config->status;
    const struct group *entry = getgrnam("outrider-game");
    struct stat st;
    if (entry != NULL && entry->gr_gid == gid) {
        return true;
    }
    const char *group = status->group;
    entry = group == NULL ? NULL : getgrnam(group);
    bool is_number = group != NULL && group[strspn(group, "0123456789")] == '\0';
    bool theirs = entry != NULL ? entry->gr_gid == gid : is_number && strtoul(group, NULL, 10) == gid;
    theirs = theirs || (status->socket != NULL && lstat(status->socket, &st) == 0 && S_ISSOCK(st.st_mode) &&
                        (st.st_mode & S_IWGRP) != 0 && st.st_gid == gid);
    entry = getgrgid(gid);
    return theirs && (gid != getegid() || (entry != NULL && entry->gr_mem[0] != NULL));
}

/* ---- secrets ---- */

static void check_mode(struct access_check *check, const char *setting, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        return;
    }
    if ((st.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        check_warn(check->file, check->problems, setting,
                   "%s has mode %04o: every user of this machine can %s it; chmod 0640 %s", path,
                   (unsigned)(st.st_mode & 07777U), (st.st_mode & S_IROTH) != 0 ? "read" : "write", path);
    } else if ((st.st_mode & (S_IRGRP | S_IWGRP)) != 0 && is_group_of_games(check, st.st_gid)) {
        check_warn(
            check->file, check->problems, setting,
            "%s can be %s by group %u, which opens the status sockets too, so that a game server can; chgrp "
            "it to a group of "
            "the agent",
            path, (st.st_mode & S_IRGRP) != 0 ? "read" : "written", (unsigned)st.st_gid);
    }
}

/* What cannot be read here says nothing about the agent, which may run as another user. */
static void check_secret(struct access_check *check, const char *setting, const char *path, size_t max)
{
    struct buf secret = {0};
    struct error err;
    if (path == NULL) {
        return;
    }
    check_mode(check, setting, path);
    if (secret_read(path, max, &err, &secret) < 0) {
        if (err.code == ERROR_INVALID || err.code == ERROR_LIMIT) {
            add_wrong(check, setting, err.text);
        }
        return;
    }
    size_t size = str_trim(buf_view(&secret)).size;
    if (size < SECRET_GOOD) {
        check_warn(
            check->file, check->problems, setting,
            "%s has only %zu bytes, and one of fewer than %d can be guessed; `openssl rand -hex 32` makes "
            "one",
            path, size, SECRET_GOOD);
    }
    secret_fini(&secret);
}

/* ---- names ---- */

/* One that everybody can write lets everybody in. */
static void check_names(struct access_check *check, const char *path)
{
    struct buf text = {0};
    struct error err;
    struct access_list names = {0};
    struct stat st;
    if (path == NULL || file_read(path, ACCESS_FILE_MAX, &err, &text) < 0) {
        return; /* check_local() says what is missing */
    }
    if (access_file_read(buf_view(&text), &err, &names) < 0) {
        error_wrap(&err, "%s", path);
        add_wrong(check, "http.access_file", err.text);
    } else if (names.count == 0) {
        check_warn(check->file, check->problems, "http.access_file",
                   "%s has no names, so that no token is right; `outrider token add NAME ROLE` makes a line",
                   path);
    }
    if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH) != 0) {
        check_warn(check->file, check->problems, "http.access_file",
                   "%s has mode %04o: every user of this machine can make itself an admin; chmod o-w %s",
                   path, (unsigned)(st.st_mode & 07777U), path);
    }
    access_list_fini(&names);
    buf_fini(&text);
}

/* ---- sockets ---- */

/* Where others can write the directory of the socket at `path` (or NULL), they can take it away and put another there. */
static void check_directory(struct access_check *check, const char *setting, const char *path)
{
    char directory[PATH_MAX];
    struct stat st;
    if (path == NULL) {
        return;
    }
    file_parent(path, directory);
    if (stat(directory, &st) == 0 && (st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0) {
        check_warn(
            check->file, check->problems, setting,
            "every user of this machine can put another socket in its place: %s has mode %04o; chmod o-w %s",
            directory, (unsigned)(st.st_mode & 07777U), directory);
    }
}

static void check_http_socket(struct access_check *check, const char *path)
{
    struct stat st;
    check_directory(check, "http.listen", path);
    if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        return;
    }
    if ((st.st_mode & S_IWOTH) != 0) {
        check_warn(check->file, check->problems, "http.listen",
                   "%s has mode %04o: every user of this machine can drain any server with it; make it 0660",
                   path, (unsigned)(st.st_mode & 07777U));
    } else if ((st.st_mode & S_IWGRP) != 0 && is_group_of_games(check, st.st_gid)) {
        check_warn(
            check->file, check->problems, "http.listen",
            "%s can be opened by group %u, which opens the status sockets too: a game server can drain any "
            "server with it; "
            "give the status sockets a group of their own (status.group)",
            path, (unsigned)st.st_gid);
    }
}

static void check_status_mode(struct access_check *check)
{
    unsigned mode = check->config->status.mode;
    if ((mode & S_IWOTH) != 0) {
        check_warn(
            check->file, check->problems, "status.mode",
            "%04o lets every user that reaches the sockets speak for the server, and end it; use 0660 and "
            "status.group",
            mode);
    }
}

/* ---- the file ---- */

/* A user that can write the configuration decides where the agent sends its passwords. */
static void check_file(struct access_check *check)
{
    struct stat st;
    if (stat(check->file, &st) == 0 && (st.st_mode & S_IWOTH) != 0) {
        buf_printf(check->problems,
                   "%s: warning: every user of this machine can change it, mode %04o; chmod o-w it\n",
                   check->file, (unsigned)(st.st_mode & 07777U));
    }
}

/* outrider@.service makes the name of a user of that of the instance. */
static void check_instance(struct access_check *check)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    enum { NAME_MAX_OF_INSTANCE = 26 };
    struct str name = str_of(check->file);
    if (!str_starts(name, STR("/etc/outrider/")) || strcmp(check->file + name.size - 5, ".yaml") != 0) {
        return;
    }
    name = (struct str){name.data + 14, name.size - 14 - 5};
    if (name.size > NAME_MAX_OF_INSTANCE || strspn(name.data, allowed) < name.size) {
        buf_printf(check->problems,
                   "%s: warning: systemd takes no user `outr-%.*s` for outrider@%.*s: it may have 31 "
                   "characters, a-z, 0-9, _ and "
                   "-; set another User= with systemctl edit, or rename the file\n",
                   check->file, STR_ARG(name), STR_ARG(name));
    }
}

/* ---- all ---- */

bool check_access(const char *file, const struct config *config, struct buf *problems)
{
    struct access_check check = {file, config, problems, false};
    const struct config_registry *registry = &config->registry;
    check_file(&check);
    check_secret(&check, "registry.password_file", registry->password_file, SECRET_PASSWORD_MAX);
    check_secret(&check, "registry.tls.key_file", registry->tls.key_file, SECRET_KEY_MAX);
    check_secret(&check, "sessions.redis.password_file", config->sessions.redis.password_file,
                 SECRET_PASSWORD_MAX);
    check_secret(&check, "sessions.redis.tls.key_file", config->sessions.redis.tls.key_file, SECRET_KEY_MAX);
    check_secret(&check, "record.sign_key", config->record.sign_key, SIGN_FILE_MAX);
    check_secret(&check, "http.token_file", config->http.token_file, SECRET_TOKEN_MAX);
    check_names(&check, config->http.access_file);
    if (config->http.session_key_file != NULL) {
        check_mode(&check, "http.session_key_file", config->http.session_key_file);
    }
    check_secret(&check, "http.tls.key_file", config->http.tls.key_file, SECRET_KEY_MAX);
    for (size_t i = 0; listen_unix(config, i) != NULL; i++) {
        check_http_socket(&check, listen_unix(config, i));
    }
    if (config->server.present) {
        check_instance(&check);
        check_status_mode(&check);
        check_directory(&check, "status.socket", config->status.socket);
        check_directory(&check, "status.notify_socket", config->status.notify_socket);
    }
    if (config->state_dir != NULL && file_group_may_write(config->state_dir)) {
        check_warn(
            file, problems, "state_dir",
            "%s can be written by its group, which decides with it what a restart takes over; chmod g-w it",
            config->state_dir);
    }
    return check.wrong;
}
