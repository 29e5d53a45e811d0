/* Small files, read whole and replaced atomically, and a lock file that names its holder. */
#ifndef OUTRIDER_OS_FILE_H
#define OUTRIDER_OS_FILE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct error;

/* Appends the content of the file at `path` to `ret_bytes`. Returns 0; or -1 with ERROR_NOT_FOUND,
 * ERROR_DENIED, ERROR_LIMIT (more than `max` bytes), ERROR_INVALID (not a regular file) or ERROR_SYSTEM,
 * `ret_bytes` as it was. */
int file_read(const char *path, size_t max, struct error *err, struct buf *ret_bytes) MUST_CHECK;

/* A number that changes when the file at `path` is written or replaced; 0 when it cannot be determined.
 * Shows whether the file must be read again. */
uint64_t file_stamp(const char *path);

/* Makes `bytes` the content of `dir`/`name` with permission bits `mode`. A reader sees the old file or the new
 * one; with `sync` also after a crash of the machine: file and directory are synced. Without it the file may
 * then have neither content, and the call does not wait for the disk. One writer per directory: the new file is
 * prepared as `dir`/.NAME.new. Returns 0; or -1 with `err` set and the old file in place. */
int file_replace(const char *dir, const char *name, struct str bytes, mode_t mode, bool sync,
                 struct error *err) MUST_CHECK;

struct file_draft;

/* The same in pieces: the new file is a draft until it is placed or dropped, which the caller does. `name` is borrowed until then.
 * NULL: `err` is set. */
struct file_draft *file_draft_open(const char *dir, const char *name, struct error *err) MUST_CHECK;

/* Appends to a draft. Returns 0, or -1 with `err` set: then it is to be dropped. */
int file_draft_add(struct file_draft *draft, struct str bytes, struct error *err) MUST_CHECK;

/* Puts the draft in the place of the file, and frees it whatever it returns: 0, or -1 as file_replace() does. */
int file_draft_place(struct file_draft *draft, mode_t mode, bool sync, struct error *err) MUST_CHECK;

/* Removes and frees the draft; the old file stays. Accepts NULL. */
void file_draft_drop(struct file_draft *draft);

/* Syncs `dir`/`name` and its directory, so that what file_replace() wrote survives a crash of the machine. Returns 0, or -1
 * with `err` set. */
int file_sync(const char *dir, const char *name, struct error *err) MUST_CHECK;

/* Creates `path` (0600) if it does not exist, locks it for this process until file_unlock or its exit, and writes
 * the pid and its PID namespace into it. Does not wait. A file that others could open is replaced, and a lock on it counts only if
 * it names a running process of this user or root. Returns 0 with the descriptor; or -1: ERROR_BUSY when another process
 * holds it, with its pid there in `ret_holder` (0 when unknown), ERROR_DENIED also for a link, a file with a second name (hard
 * link) and one of another user, else ERROR_INVALID (not a regular file) or ERROR_SYSTEM. */
int file_lock(const char *path, struct error *err, int *ret_fd, pid_t *ret_holder) MUST_CHECK;

/* Whether `path` is still the file that `fd` has locked. */
bool file_lock_stands(const char *path, int fd);

/* Releases the lock and closes `fd`. The file stays: removing it would race with the next holder. Accepts
 * -1. */
void file_unlock(int fd);

/* Makes the directory `path` with permission bits `mode` where nothing is; its parent must exist. What is there is left as
 * it is, whatever it is. Returns 0 with whether it was made; or -1 with ERROR_NOT_FOUND (no parent), ERROR_DENIED,
 * ERROR_INVALID or ERROR_SYSTEM. */
int file_make_dir(const char *path, mode_t mode, struct error *err, bool *ret_made) MUST_CHECK;

/* Whether files can be created in the directory `path`. Returns 0; or -1 with ERROR_NOT_FOUND, ERROR_INVALID
 * (not a directory), ERROR_DENIED (permission, or a read-only file system) or ERROR_SYSTEM. Writes nothing.
 */
int file_check_dir(const char *path, struct error *err) MUST_CHECK;

/* Whether no other user decides what is in the directory, or the link, at `path`: it must be ours or root's, and not writable by
 * everybody. To root it may be anybody's outside of directories such as /tmp. Returns 0; or -1 with ERROR_DENIED, or as
 * file_check_dir. */
int file_check_owner(const char *path, struct error *err) MUST_CHECK;

/* Writes the directory that `path` stands in: `.` for a name alone. Slashes at the end of `path` do not count. */
void file_parent(const char *path, char ret_dir[static PATH_MAX]);

/* Whether the group of the file or directory at `path` may write it; false where that cannot be told. */
bool file_group_may_write(const char *path);

#endif
