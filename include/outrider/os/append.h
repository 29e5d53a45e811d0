/* A file that grows at its end: a journal. What append_write() returns for outlasts the process; a crash of the machine may take the
 * last seconds of it, because nothing here waits for the disk. */
#ifndef OUTRIDER_OS_APPEND_H
#define OUTRIDER_OS_APPEND_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;

/* Opens the file at `path`, or makes it (0600); with `empty` without what is in it. Returns 0 with the descriptor, which the caller
 * closes by append_close(), and its size in bytes; or -1 with `err`: ERROR_INVALID for what is no regular file, also for a link. */
int append_open(const char *path, bool empty, struct error *err, int *ret_fd, uint64_t *ret_size) MUST_CHECK;

/* The same for reading alone, of a file that is there. */
int append_look(const char *path, struct error *err, int *ret_fd, uint64_t *ret_size) MUST_CHECK;

/* Whether the file still has a name: one that was removed is written in vain. */
bool append_is_there(int fd);

/* Writes `bytes` at the end. Returns 0; or -1 with `err`, and how many of them were written all the same. */
int append_write(int fd, struct str bytes, struct error *err, size_t *ret_written) MUST_CHECK;

/* Keeps room on the disk for `more` bytes behind the `size` of the file, so that writing them cannot fail for want of it. Returns 0, also
 * where the file system keeps none but has it now; or -1 with `err`: ERROR_LIMIT where it is full, or the file may not grow so far. */
int append_reserve(int fd, uint64_t size, uint64_t more, struct error *err) MUST_CHECK;

/* What was written is on the disk when it returns 0; or -1 with `err`. */
int append_sync(int fd, struct error *err) MUST_CHECK;

/* Syncs the directory, so that a new name in it outlasts a crash of the machine. Returns 0, or -1 with `err`. */
int append_sync_dir(const char *dir, struct error *err) MUST_CHECK;

/* Appends at most `max` bytes from `offset` on to `ret_bytes`: fewer only at the end of the file. Returns 0, or -1 with `err`. */
int append_read(int fd, uint64_t offset, size_t max, struct error *err, struct buf *ret_bytes) MUST_CHECK;

/* Cuts the file to `size` bytes; the next write is behind them. Returns 0, or -1 with `err`. */
int append_cut(int fd, uint64_t size, struct error *err) MUST_CHECK;

/* Gives the file at `from` the name `to`, in place of what is there. Returns 0, or -1 with `err`. */
int append_rename(const char *from, const char *to, struct error *err) MUST_CHECK;

/* Accepts -1. */
void append_close(int fd);

/* Removes the file at `path`, if there is one. */
void append_remove(const char *path);

#endif
