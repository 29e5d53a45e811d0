#include "file_internal.h"

#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_draft {
    int dir_fd, fd;
    char path[PATH_MAX], temporary[NAME_MAX + 1]; /* of the file; of the draft, in the directory */
    const char *name;                             /* in `path` */
};

static void close_draft(struct file_draft *draft)
{
    close(draft->fd);
    close(draft->dir_fd);
    free(draft);
}

/* Opens the directory and the file in it. */
static int open_draft(struct file_draft *draft, const char *dir, struct error *err)
{
    draft->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (draft->dir_fd < 0) {
        return file_error(err, "open the directory", dir);
    }
    /* left by a crash */
    bool free_name = unlinkat(draft->dir_fd, draft->temporary, 0) == 0 || errno == ENOENT;
    draft->fd = free_name ? openat(draft->dir_fd, draft->temporary,
                                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
                          : -1;
    if (draft->fd < 0) {
        file_error(err, "write", draft->path);
        close(draft->dir_fd);
        return -1;
    }
    return 0;
}

struct file_draft *file_draft_open(const char *dir, const char *name, struct error *err)
{
    struct file_draft *draft = mem_zalloc(sizeof(*draft));
    snprintf(draft->path, sizeof(draft->path), "%s/%s", dir, name);
    draft->name = name;
    int rc = 0;
    if ((size_t)snprintf(draft->temporary, sizeof(draft->temporary), ".%s.new", name) >=
        sizeof(draft->temporary)) {
        rc = error_set(err, ERROR_INVALID, "cannot write %s: the name is too long", draft->path);
    } else {
        rc = open_draft(draft, dir, err);
    }
    if (rc < 0) {
        free(draft);
        return NULL;
    }
    return draft;
}

int file_draft_add(struct file_draft *draft, struct str bytes, struct error *err)
{
    while (bytes.size > 0) {
        ssize_t done = write(draft->fd, bytes.data, bytes.size);
        if (done < 0 && errno != EINTR) {
            return file_error(err, "write", draft->path);
        }
        if (done > 0) {
            bytes.data += done;
            bytes.size -= (size_t)done;
        }
    }
    return 0;
}

int file_draft_place(struct file_draft *draft, mode_t mode, bool sync, struct error *err)
{
    int rc = 0;
    if (fchmod(draft->fd, mode) < 0 || (sync && fsync(draft->fd) < 0)) {
        rc = file_error(err, "write", draft->path);
    } else if (renameat(draft->dir_fd, draft->temporary, draft->dir_fd, draft->name) < 0) {
        rc = file_error(err, "replace", draft->path);
    }
    if (rc < 0) {
        file_draft_drop(draft);
        return -1;
    }
    if (sync && fsync(draft->dir_fd) < 0) {
        char dir[PATH_MAX];
        int errnum = errno;
        file_parent(draft->path, dir);
        errno = errnum;
        rc = file_error(err, "sync the directory", dir);
    }
    close_draft(draft);
    return rc;
}

void file_draft_drop(struct file_draft *draft)
{
    if (draft != NULL) {
        unlinkat(draft->dir_fd, draft->temporary, 0);
        close_draft(draft);
    }
}

int file_replace(const char *dir, const char *name, struct str bytes, mode_t mode, bool sync,
                 struct error *err)
{
    struct file_draft *draft = file_draft_open(dir, name, err);
    if (draft == NULL) {
        return -1;
    }
    if (file_draft_add(draft, bytes, err) < 0) {
        file_draft_drop(draft);
        return -1;
    }
    return file_draft_place(draft, mode, sync, err);
}
