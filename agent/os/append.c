#include "outrider/os/append.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int append_open(const char *path, bool empty, struct error *err, int *ret_fd, uint64_t *ret_size)
{
    struct stat st;
    int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    int fd = open(path, flags, 0600);
    if (fd < 0) {
        return error_errno(err, errno, "cannot open %s", path);
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return error_set(err, ERROR_INVALID, "cannot open %s: not a regular file", path);
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
