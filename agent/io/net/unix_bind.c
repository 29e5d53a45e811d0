#include "outrider/io/net/unix_bind.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Younger than the headers that are built against; one number on all architectures. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* A running agent does not wait as long as one that starts. */
enum { LOCK_TRIES = 50, LOCK_TRIES_AGAIN = 5, LOCK_WAIT_MS = 10 };

static int bind_error(struct error *err, const char *doing, const char *path)
{
    int errnum = errno;
    error_errno(err, errnum, "cannot %s the socket %s", doing, path);
    if (err != NULL) {
        err->code = errnum == EADDRINUSE                                     ? ERROR_BUSY
                    : errnum == EACCES || errnum == EPERM || errnum == EROFS ? ERROR_DENIED
                    : errnum == ENOENT || errnum == ENOTDIR                  ? ERROR_NOT_FOUND
                                                                             : ERROR_SYSTEM;
    }
    return -1;
}

static int busy(struct error *err, const char *path, int fd, int type)
{
    struct ucred owner;
    socklen_t size = sizeof(owner);
    if (type == SOCK_STREAM && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size) == 0 && owner.pid > 0) {
        return error_set(err, ERROR_BUSY, "cannot create the socket %s: process %d answers on it", path,
                         (int)owner.pid);
    }
    return error_set(err, ERROR_BUSY, "cannot create the socket %s: another process answers on it", path);
}

/* Removes the socket file when no process has it open. Only a refused connection shows that: a full queue
 * (EAGAIN) and a socket of the other type (EPROTOTYPE) are in use. */
static int remove_stale(const struct sockaddr_un *address, int type, struct error *err)
{
    const char *path = address->sun_path;
    struct stat st;
    if (lstat(path, &st) < 0) {
        return errno == ENOENT ? 0 : bind_error(err, "create", path);
    }
    if (!S_ISSOCK(st.st_mode)) {
        return error_set(err, ERROR_INVALID,
                         "cannot create the socket %s: a file that is not a socket is there; remove it",
                         path);
    }
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return bind_error(err, "create", path);
    }
    int rc = 0;
    int errnum = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
    if (errnum == ECONNREFUSED) {
        rc = unlink(path) < 0 && errno != ENOENT ? bind_error(err, "replace", path) : 0;
    } else if (errnum == EACCES || errnum == EPERM) {
        rc = error_set(
            err, ERROR_DENIED,
            "cannot create the socket %s: a socket is there, and connecting to it is not permitted", path);
    } else if (errnum != ENOENT) {
        rc = busy(err, path, fd, type);
    }
    close(fd);
    return rc;
}

/* Where others can write the folder, the path may lead to another file as soon as it is bound, so the file is opened
 * once and what follows is done to that one alone. Returns its descriptor (O_PATH), or -1. */
static int open_file(const char *path, struct error *err, struct stat *ret_st)
{
    int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0 || fstat(file, ret_st) < 0) {
        bind_error(err, "find", path);
    } else if (!S_ISSOCK(ret_st->st_mode) || ret_st->st_nlink != 1) {
        error_set(err, ERROR_DENIED,
                  "cannot create the socket %s: another process has put something else there meanwhile; do "
                  "not let other "
                  "users write its directory",
                  path);
    } else {
        return file;
    }
    if (file >= 0) {
        close(file);
    }
    return -1;
}

/* chmod(2) of what an O_PATH descriptor stands for: by /proc, or where that is not mounted by the kernel, since 6.6. */
static int chmod_file(int file, mode_t mode)
{
    char link[32];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
    int rc = chmod(link, mode);
    return rc < 0 && errno == ENOENT ? (int)syscall(SYS_fchmodat2, file, "", mode, AT_EMPTY_PATH) : rc;
}

static int open_up(const char *path, const struct unix_place *place, struct error *err, struct stat *ret_st)
{
    int rc = 0, file = open_file(path, err, ret_st);
    if (file < 0) {
        return -1;
    }
    if (place->gid != (gid_t)-1 && fchownat(file, "", (uid_t)-1, place->gid, AT_EMPTY_PATH) < 0) {
        rc = bind_error(err, "set the group of", path);
    } else if (chmod_file(file, place->mode) < 0) {
        rc = bind_error(err, "set the mode of", path);
    }
    close(file);
    return rc;
}

/* Only root can connect to a file of mode 0, so group and mode are set before other processes can reach it.
 * The file takes the mode of the unbound socket (unix(7)); the process-wide umask stays as it is. */
static int bind_closed(int fd, const struct sockaddr_un *address, const struct unix_place *place, int type,
                       struct error *err, struct stat *ret_st)
{
    const char *path = address->sun_path;
    if (fchmod(fd, 0) < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        if (errno == ENOENT) {
            return error_set(err, ERROR_NOT_FOUND,
                             "cannot create the socket %s: the directory above it does not exist; make it",
                             path);
        }
        return bind_error(err, "create", path);
    }
    if (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0) {
        bind_error(err, "listen on", path);
    } else if (open_up(path, place, err, ret_st) == 0) {
        return 0;
    }
    unlink(path);
    return -1;
}

/* Serialises processes that bind at the same path: a socket that is bound but does not listen yet looks
 * stale, and between check and removal another process may bind. The lock is on the directory, since a lock
 * file would stay behind. Without a lock the bind goes on: any process that can read the directory could
 * hold it and must not prevent the start. Returns a descriptor to close, or -1. */
static int lock_directory(struct sockaddr_un address, int tries)
{
    char *slash = strrchr(address.sun_path, '/');
    if (slash != NULL) {
        slash[1] = '\0';
    }
    int fd = open(slash == NULL ? "." : address.sun_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct timespec pause = {.tv_nsec = LOCK_WAIT_MS * 1000000L};
    for (int i = 0; fd >= 0 && i < tries && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK; i++) {
        nanosleep(&pause, NULL);
    }
    return fd;
}

static int bind_locked(const struct sockaddr_un *address, const struct unix_place *place, int type,
                       struct error *err, struct unix_bound *ret_bound)
{
    const char *path = address->sun_path;
    if (remove_stale(address, type, err) < 0) {
        return -1;
    }
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return bind_error(err, "create", path);
    }
    struct stat st;
    if (bind_closed(fd, address, place, type, err, &st) < 0) {
        close(fd);
        return -1;
    }
    *ret_bound = (struct unix_bound){.fd = fd,
                                     .path = mem_strdup(path),
                                     .type = type,
                                     .mode = place->mode,
                                     .gid = place->gid,
                                     .device = st.st_dev,
                                     .inode = st.st_ino};
    return 0;
}

static int bind_at(const struct unix_place *place, int type, int tries, struct error *err,
                   struct unix_bound *ret_bound)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(place->path);
    if (length == 0 || length >= sizeof(address.sun_path)) {
        return error_set(err, ERROR_INVALID,
                         "cannot create the socket %s: its path has %zu bytes, allowed are 1 to %zu",
                         place->path, length, sizeof(address.sun_path) - 1);
    }
    memcpy(address.sun_path, place->path, length + 1);
    int lock = lock_directory(address, tries);
    int rc = bind_locked(&address, place, type, err, ret_bound);
    if (lock >= 0) {
        close(lock);
    }
    return rc;
}

/* ---- inherited ---- */

/* Its file, unless not even the folder is visible: the service manager may see other file systems. */
static void find_file(struct unix_bound *bound)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t size = sizeof(address) - 1; /* the path need not end with a NUL */
    struct stat st;
    if (getsockname(bound->fd, (struct sockaddr *)&address, &size) < 0 || address.sun_family != AF_UNIX ||
        address.sun_path[0] != '/') {
        return;
    }
    bool there = lstat(address.sun_path, &st) == 0;
    bool gone = !there && errno == ENOENT;
    bound->device = there ? st.st_dev : 0;
    bound->inode = there ? st.st_ino : 0;
    char *path = mem_strdup(address.sun_path);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    if (there || (gone && lstat(slash == path ? "/" : path, &st) == 0)) {
        *slash = '/';
        bound->path = path;
    } else {
        free(path);
    }
}

int unix_bind(const struct unix_place *place, int type, struct error *err, struct unix_bound *ret_bound)
{
    if (place->inherited_fd >= 0) {
        int flags = fcntl(place->inherited_fd, F_GETFL);
        fcntl(place->inherited_fd, F_SETFL, flags < 0 ? O_NONBLOCK : flags | O_NONBLOCK);
        *ret_bound = (struct unix_bound){.fd = place->inherited_fd, .inherited = true, .type = type};
        find_file(ret_bound);
        return 0;
    }
    return bind_at(place, type, LOCK_TRIES, err, ret_bound);
}

/* ---- later ---- */

/* The inode is not used again while the socket is bound to it. */
static bool is_there(const struct unix_bound *bound)
{
    struct stat st;
    return lstat(bound->path, &st) == 0 && st.st_dev == bound->device && st.st_ino == bound->inode;
}

int unix_check(struct unix_bound *bound, struct error *err, int *ret_old)
{
    if (bound->fd < 0 || bound->path == NULL || is_there(bound)) {
        return 0;
    }
    struct stat st;
    if (bound->inherited) {
        bool replaced = lstat(bound->path, &st) == 0;
        return error_set(err, replaced ? ERROR_BUSY : ERROR_NOT_FOUND,
                         "%s %s: restart the socket unit that made it", bound->path,
                         replaced ? "is another file than the inherited socket's"
                                  : "is gone, the file of an inherited socket");
    }
    struct unix_place place = {bound->path, bound->mode, bound->gid, .inherited_fd = -1};
    struct unix_bound again;
    if (bind_at(&place, bound->type, LOCK_TRIES_AGAIN, err, &again) < 0) {
        return -1;
    }
    *ret_old = bound->fd;
    free(bound->path);
    *bound = again;
    return 1;
}

void unix_unbind(struct unix_bound *bound)
{
    if (bound->path != NULL && !bound->inherited && is_there(bound)) {
        unlink(bound->path);
    }
    if (bound->fd >= 0) {
        close(bound->fd);
    }
    free(bound->path);
    *bound = (struct unix_bound){.fd = -1};
}
