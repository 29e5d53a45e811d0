#include "outrider/os/append.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int open_regular(const char *path, int flags, struct error *err, int *ret_fd, struct stat *ret_stat)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0) {
        return error_errno(err, errno, "cannot open %s", path);
    }
    if (fstat(fd, ret_stat) < 0 || !S_ISREG(ret_stat->st_mode)) {
        close(fd);
        return error_set(err, ERROR_INVALID, "cannot open %s: not a regular file", path);
    }
    *ret_fd = fd;
    return 0;
}

int append_look(const char *path, struct error *err, int *ret_fd, uint64_t *ret_size)
{
    struct stat st;
    if (open_regular(path, O_RDONLY, err, ret_fd, &st) < 0) {
        return -1;
    }
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

bool append_is_there(int fd)
{
    struct stat st;
    return fstat(fd, &st) < 0 || st.st_nlink > 0;
}

int append_open(const char *path, bool empty, struct error *err, int *ret_fd, uint64_t *ret_size)
{
    struct stat st;
    int fd;
    if (open_regular(path, O_RDWR | O_CREAT | O_APPEND, err, &fd, &st) < 0) {
        return -1;
    }
    if (empty && ftruncate(fd, 0) < 0) {
        error_errno(err, errno, "cannot empty %s", path);
        close(fd);
        return -1;
    }
    *ret_fd = fd;
    *ret_size = empty ? 0 : (uint64_t)st.st_size;
    return 0;
}

int append_write(int fd, struct str bytes, struct error *err, size_t *ret_written)
{
    size_t done = 0;
    while (done < bytes.size) {
        ssize_t written = write(fd, bytes.data + done, bytes.size - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            *ret_written = done;
            return error_errno(err, written == 0 ? ENOSPC : errno, "cannot write");
        }
    }
    *ret_written = done;
    return 0;
}

/* What a limit of the process (RLIMIT_FSIZE) leaves: a write beyond it is a signal. */
static bool may_grow(uint64_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur;
}

/* The room that is free now, on a file system that keeps none for a file. */
static bool has_room(int fd, uint64_t more)
{
    struct statvfs st;
    return fstatvfs(fd, &st) < 0 || (uint64_t)st.f_bavail * st.f_frsize >= more;
}

int append_reserve(int fd, uint64_t size, uint64_t more, struct error *err)
{
    if (!may_grow(size + more)) {
        return error_set(err, ERROR_LIMIT, "no room: the file may not grow (limit of file sizes)");
    }
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)size, (off_t)more) == 0) {
        return 0;
    }
    bool keeps_none = errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM;
    if (keeps_none && has_room(fd, more)) {
        return 0;
    }
    int failure = keeps_none ? ENOSPC : errno;
    error_errno(err, failure, "no room");
    err->code = failure == ENOSPC || failure == EDQUOT || failure == EFBIG ? ERROR_LIMIT : err->code;
    return -1;
}

int append_sync(int fd, struct error *err)
{
    return fdatasync(fd) < 0 ? error_errno(err, errno, "cannot sync") : 0;
}

int append_sync_dir(const char *dir, struct error *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 || fsync(fd) < 0 ? error_errno(err, errno, "cannot sync %s", dir) : 0;
    append_close(fd);
    return result;
}

int append_read(int fd, uint64_t offset, size_t max, struct error *err, struct buf *ret_bytes)
{
    size_t before = ret_bytes->size, got = 0;
    char *to = buf_extend(ret_bytes, max);
    while (got < max) {
        ssize_t read = pread(fd, to + got, max - got, (off_t)(offset + got));
        if (read == 0) {
            break;
        }
        if (read < 0 && errno != EINTR) {
            ret_bytes->size = before;
            return error_errno(err, errno, "cannot read");
        }
        got += read > 0 ? (size_t)read : 0;
    }
    ret_bytes->size = before + got;
    return 0;
}

int append_cut(int fd, uint64_t size, struct error *err)
{
    return ftruncate(fd, (off_t)size) < 0 ? error_errno(err, errno, "cannot cut") : 0;
}

int append_rename(const char *from, const char *to, struct error *err)
{
    return rename(from, to) < 0 ? error_errno(err, errno, "cannot rename %s", from) : 0;
}

void append_close(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void append_remove(const char *path)
{
    (void)unlink(path);
}
