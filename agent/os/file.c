#include "outrider/os/file.h"

#include "file_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_SIZE = 4096 };

int file_error(struct error *err, const char *doing, const char *path)
{
    int errnum = errno;
    error_errno(err, errnum, "cannot %s %s", doing, path);
    if (err != NULL) {
        err->code = errnum == ENOENT || errnum == ESRCH                               ? ERROR_NOT_FOUND
                    : errnum == EACCES || errnum == EPERM || errnum == EROFS          ? ERROR_DENIED
                    : errnum == ENOTDIR || errnum == EISDIR || errnum == ENAMETOOLONG ? ERROR_INVALID
                                                                                      : ERROR_SYSTEM;
    }
    return -1;
}

static int read_all(int fd, const char *path, size_t max, char block[static BLOCK_SIZE], struct error *err,
                    struct buf *bytes)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return file_error(err, "read", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return error_set(err, ERROR_INVALID, "cannot read %s: not a regular file", path);
    }
    size_t before = bytes->size;
    for (;;) {
        ssize_t got = read(fd, block, BLOCK_SIZE);
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            file_error(err, "read", path);
            break;
        }
        buf_add(bytes, block, (size_t)got);
        if (bytes->size - before > max) {
            error_set(err, ERROR_LIMIT, "cannot read %s: larger than %zu bytes", path, max);
            break;
        }
    }
    if (bytes->size > before) {
        bytes->size = before;
        bytes->data[before] = '\0';
    }
    return -1;
}

int file_read(const char *path, size_t max, struct error *err, struct buf *ret_bytes)
{
    /* O_NONBLOCK: opening a fifo must not block; it is rejected after the open. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return file_error(err, "read", path);
    }
    char block[BLOCK_SIZE];
    int rc = read_all(fd, path, max, block, err, ret_bytes);
    mem_wipe(block, sizeof(block)); /* the file may hold a password */
    close(fd);
    return rc;
}

uint64_t file_stamp(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        return 0;
    }
    const uint64_t parts[] = {(uint64_t)st.st_dev, (uint64_t)st.st_ino, (uint64_t)st.st_size,
                              (uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec};
    uint64_t stamp = 1469598103934665603U;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        stamp = (stamp ^ parts[i]) * 1099511628211U;
    }
    return stamp != 0 ? stamp : 1;
}

int file_sync(const char *dir, const char *name, struct error *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        return file_error(err, "open the directory", dir);
    }
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) < 0 || fsync(dir_fd) < 0 ? file_error(err, "sync", path) : 0;
    if (fd >= 0) {
        close(fd);
    }
    close(dir_fd);
    return rc;
}

/* Tells PID namespaces apart; 0 when it cannot be determined. */
static uint64_t pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) < 0 ? 0 : (uint64_t)st.st_ino;
}

/* The content of a lock: the pid of the holder, and the namespace in which that is its pid. */
static pid_t read_holder(int fd, bool *ret_foreign)
{
    char text[64];
    ssize_t got = pread(fd, text, sizeof(text), 0);
    struct str rest = {text, got < 0 ? 0 : (size_t)got};
    struct str first = str_split(rest, '\n', &rest);
    uint64_t pid = 0, namespace = 0;
    *ret_foreign = str_to_u64(str_split(rest, '\n', &rest), UINT64_MAX, &namespace) == 0 && namespace != 0 &&
                   namespace != pid_namespace();
    return str_to_u64(str_trim(first), INT32_MAX, &pid) < 0 ? 0 : (pid_t)pid;
}

/* What is written to the lock must reach no other file, and no other user may have made it: where others can write the
 * directory, they can put a link there. */
static int check_lock_file(int fd, const char *path, struct error *err, bool *ret_exposed)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return file_error(err, "lock", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return error_set(err, ERROR_INVALID, "cannot lock %s: not a regular file; remove it", path);
    }
    if (st.st_nlink > 1) {
        return error_set(err, ERROR_DENIED,
                         "cannot lock %s: the file has %lu names, and what another one means would be "
                         "overwritten; remove it",
                         path, (unsigned long)st.st_nlink);
    }
    if (st.st_uid != geteuid() && geteuid() != 0) {
        return error_set(err, ERROR_DENIED, "cannot lock %s: it belongs to user %u; remove it", path,
                         (unsigned)st.st_uid);
    }
    *ret_exposed = (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    return 0;
}

/* Whether the process that the lock names is an agent of ours. One that cannot be seen is taken for one, except where /proc
 * hides it, as it does with other users. */
static bool holder_is_ours(int fd)
{
    bool foreign;
    uid_t uid = 0;
    struct error why = {0};
    pid_t holder = read_holder(fd, &foreign);
    if (foreign || holder <= 0) {
        return foreign;
    }
    if (process_uid(holder, &why, &uid) == 0) {
        return uid == geteuid() || uid == 0;
    }
    return why.code != ERROR_NOT_FOUND;
}

/* Of two agents that find the same old lock one alone may replace it: only who has this one locked, while it stands, may rename
 * or remove it, and the old lock still stands then unless another agent was faster. */
static int lock_fresh(const char *fresh, struct error *err)
{
    bool exposed = false;
    int fd = open(fresh, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0) {
        return file_error(err, "lock", fresh);
    }
    struct stat st;
    int rc = check_lock_file(fd, fresh, err, &exposed);
    if (rc == 0 && (exposed || fstat(fd, &st) < 0 || st.st_uid != geteuid())) {
        rc = error_set(err, ERROR_DENIED, "cannot lock %s: others can open it; remove it", fresh);
    } else if (rc == 0 && (flock(fd, LOCK_EX | LOCK_NB) < 0 || !file_lock_stands(fresh, fd))) {
        rc = error_set(err, ERROR_BUSY, "%s is used by another process just now", fresh);
    }
    if (rc < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Puts a locked file in the place of `old`, which others could open: a process that has it open can lock it at any time,
 * whatever its mode is then. ERROR_BUSY: another agent has done so. */
static int renew_lock(const char *path, int old, struct error *err)
{
    char fresh[PATH_MAX];
    if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", path) >= sizeof(fresh)) {
        return error_set(err, ERROR_INVALID, "cannot lock %s: the name is too long", path);
    }
    int fd = lock_fresh(fresh, err);
    if (fd < 0) {
        return -1;
    }
    int rc = 0;
    if (!file_lock_stands(path, old)) {
        rc = error_set(err, ERROR_BUSY, "%s was replaced by another process just now", path);
    } else if (rename(fresh, path) < 0) {
        rc = file_error(err, "lock", path);
    }
    if (rc < 0) {
        unlink(fresh);
        close(fd);
        return -1;
    }
    return fd;
}

/* Returns `fd`, which is locked then, or the descriptor of the file that took its place. On failure `fd` is closed. */
static int take_lock(int fd, const char *path, struct error *err, pid_t *ret_holder)
{
    bool exposed = false, foreign;
    int rc = check_lock_file(fd, path, err, &exposed);
    bool held = rc == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (rc == 0 && !held) {
        if (errno != EWOULDBLOCK) {
            rc = file_error(err, "lock", path);
        } else if (!exposed || holder_is_ours(fd)) {
            *ret_holder = read_holder(fd, &foreign);
            rc = error_set(err, ERROR_BUSY, "%s is locked by process %d%s", path, (int)*ret_holder,
                           foreign ? " of another PID namespace" : "");
        }
    }
    if (held && !file_lock_stands(path, fd)) {
        rc = error_set(err, ERROR_BUSY, "%s was replaced by another process just now", path);
        *ret_holder = 0;
    }
    if (rc == 0 && !exposed) {
        return fd;
    }
    struct error why = {0};
    int fresh = rc == 0 ? renew_lock(path, fd, &why) : -1;
    /* A full disk must not prevent the lock. */
    if (rc == 0 && fresh < 0 && held && why.code != ERROR_BUSY && fchmod(fd, 0600) == 0) {
        return fd;
    }
    if (rc == 0 && fresh < 0) {
        *ret_holder = 0;
        error_set(err, why.code, "%s", why.text);
    }
    close(fd);
    return fresh;
}

int file_lock(const char *path, struct error *err, int *ret_fd, pid_t *ret_holder)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0) {
        return errno == ELOOP ? error_set(err, ERROR_DENIED, "cannot lock %s: it is a link; remove it", path)
                              : file_error(err, "lock", path);
    }
    fd = take_lock(fd, path, err, ret_holder);
    if (fd < 0) {
        return -1;
    }
    char text[64];
    int size = snprintf(text, sizeof(text), "%d\n%" PRIu64 "\n", (int)getpid(), pid_namespace());
    /* The pid is information only. */
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)size, 0) < 0) {
        errno = 0;
    }
    *ret_fd = fd;
    return 0;
}

bool file_lock_stands(const char *path, int fd)
{
    struct stat locked, there;
    return fstat(fd, &locked) == 0 && lstat(path, &there) == 0 && locked.st_dev == there.st_dev &&
           locked.st_ino == there.st_ino;
}

void file_unlock(int fd)
{
    if (fd >= 0) {
        if (ftruncate(fd, 0) < 0) {
            errno = 0;
        }
        close(fd);
    }
}

int file_make_dir(const char *path, mode_t mode, struct error *err, bool *ret_made)
{
    bool made = mkdir(path, mode) == 0;
    if (!made && errno == ENOENT) {
        return error_set(err, ERROR_NOT_FOUND,
                         "cannot make the directory %s: the directory above it does not exist", path);
    }
    struct stat st;
    /* Where it may make nothing, as on a read-only file system, what counts is whether something is there. */
    if (!made && errno != EEXIST && stat(path, &st) < 0) {
        return file_error(err, "make the directory", path);
    }
    *ret_made = made;
    return 0;
}

int file_check_dir(const char *path, struct error *err)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        return file_error(err, "use the directory", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return error_set(err, ERROR_INVALID, "%s is not a directory", path);
    }
    return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) < 0
               ? file_error(err, "write to the directory", path)
               : 0;
}

/* Without trailing slashes, which make lstat(2) follow a link. */
static void trim_path(const char *path, char ret_path[static PATH_MAX])
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    snprintf(ret_path, PATH_MAX, "%.*s", (int)size, path);
}

void file_parent(const char *path, char ret_dir[static PATH_MAX])
{
    trim_path(path, ret_dir);
    char *slash = strrchr(ret_dir, '/');
    if (slash == NULL) {
        snprintf(ret_dir, PATH_MAX, ".");
    } else {
        slash[slash == ret_dir ? 1 : 0] = '\0';
    }
}

/* Whether everybody can make something in the directory that `name` stands in. */
static bool stands_in_public(const char *name)
{
    char above[PATH_MAX];
    struct stat st;
    file_parent(name, above);
    return stat(above, &st) == 0 && (st.st_mode & S_IWOTH) != 0;
}

int file_check_owner(const char *path, struct error *err)
{
    char name[PATH_MAX];
    struct stat link, st;
    trim_path(path, name);
    if (lstat(name, &link) < 0 || stat(name, &st) < 0) {
        return file_error(err, "use the directory", path);
    }
    uid_t own = geteuid(), owner = link.st_uid == own || link.st_uid == 0 ? st.st_uid : link.st_uid;
    bool stranger = owner != own && owner != 0;
    if (S_ISDIR(st.st_mode) && (st.st_mode & S_IWOTH) != 0) {
        return error_set(err, ERROR_DENIED,
                         "%s has mode %04o, so that every user can change what is in it; chmod o-w it, or "
                         "name a directory "
                         "below it, which the agent makes",
                         path, (unsigned)(st.st_mode & 07777U));
    }
    if (stranger && stands_in_public(name)) {
        return error_set(
            err, ERROR_DENIED,
            "%s belongs to user %u, and any user can make a directory there; remove it, or name another",
            path, (unsigned)owner);
    }
    /* Root may act for another user. One without a number here, as on a volume from outside, is no user of this machine. */
    if (stranger && own != 0 && process_user_is_known(owner)) {
        return error_set(err, ERROR_DENIED,
                         "%s belongs to user %u, who can change what is in it; chown it to the agent's user, "
                         "or name another",
                         path, (unsigned)owner);
    }
    return 0;
}

bool file_group_may_write(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & S_IWGRP) != 0;
}
