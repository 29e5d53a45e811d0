/* state_dir: a locked directory with one small file, replaced as a whole. */
#ifndef OUTRIDER_SHELL_STATE_STORE_INTERNAL_H
#define OUTRIDER_SHELL_STATE_STORE_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;
struct loop;
struct state_store;

/* Appends the content of the file to `out`. */
typedef void state_fill_fn(void *user, struct buf *out);

/* Locks `dir` for this process; while another agent holds the lock, waits up to `patience_ms` (polling:
 * nothing else runs yet). NULL with `err`: ERROR_BUSY names the pid of the holder. The caller owns the
 * result. */
struct state_store *state_store_open(const char *dir, int64_t patience_ms, struct error *err) MUST_CHECK;

/* Appends the content of the file to `ret_bytes`. Returns 0, or -1 with ERROR_NOT_FOUND when there is no
 * file, or another error when it cannot be read. */
int state_store_load(struct state_store *store, struct error *err, struct buf *ret_bytes) MUST_CHECK;

/* From now on the store may write, with the bytes of `fill`. */
void state_store_start(struct state_store *store, struct loop *loop, state_fill_fn *fill, void *user);

/* The state changed: writes it soon and synced to the disk, at most once a second, and not at all when the
 * bytes are those of the last write. */
void state_store_touch(struct state_store *store);

/* Writes what changed now, so that it outlasts the process; it is synced to the disk within a second. For
 * what must be written before a request that takes less time than a sync. */
void state_store_write(struct state_store *store);

/* The same where a change waits to be written and the last write is a second old; otherwise the write follows
 * within the second. */
void state_store_write_due(struct state_store *store);

/* Writes now, synced to the disk. A failure is logged when it begins and when it is over, and retried every
 * 10 s and with the next touch. */
void state_store_flush(struct state_store *store);

/* Why writing fails, "" when it does not. */
const char *state_store_last_error(const struct state_store *store);

/* The number of writes, and of those that failed. */
void state_store_count(const struct state_store *store, uint64_t *ret_writes, uint64_t *ret_failures);

/* Unlocks and frees; writes nothing. Accepts NULL. */
void state_store_free(struct state_store *store);

#endif
