/* state_dir on disk: one locked directory, one small file, written whole or not at all. */
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

/* Fills `out` with the bytes to keep. */
typedef void state_fill_fn(void *user, struct buf *out);

/* Locks `dir` for this process; while another agent holds the lock, waits up to `patience_ms` (polling:
 * nothing else runs yet). NULL with `err`: ERROR_BUSY names the pid of the holder. The caller owns the
 * result. */
struct state_store *state_store_open(const char *dir, int64_t patience_ms, struct error *err) MUST_CHECK;

/* Appends what was kept last to `ret_bytes`. Returns 0; -1 with ERROR_NOT_FOUND when nothing was, or another
 * error when it cannot be read. */
int state_store_load(struct state_store *store, struct error *err, struct buf *ret_bytes) MUST_CHECK;

/* Lets the store write by itself from now on, with the bytes that `fill` gives. */
void state_store_start(struct state_store *store, struct loop *loop, state_fill_fn *fill, void *user);

/* Something to keep changed: it is written soon and synced to the disk, at most once a second, and not at all
 * when the bytes are those of the last write. */
void state_store_touch(struct state_store *store);

/* Writes now what changed, so that it outlasts the process; it is synced to the disk within a second. For what
 * must be there before a request is sent that takes less time than a sync. */
void state_store_write(struct state_store *store);

/* The same where a touch waits for its write and the last write is a second old; otherwise that write follows
 * within the second. */
void state_store_write_due(struct state_store *store);

/* Writes now, synced to the disk. A failure is logged once, and again when it is over; it is tried again every 10 s, and with the
 * next touch. */
void state_store_flush(struct state_store *store);

/* Why writing fails, "" when it does not. */
const char *state_store_last_error(const struct state_store *store);

/* How often was written, and how often in vain. */
void state_store_count(const struct state_store *store, uint64_t *ret_writes, uint64_t *ret_failures);

/* Unlocks and frees; writes nothing. Accepts NULL. */
void state_store_free(struct state_store *store);

#endif
