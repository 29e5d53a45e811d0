/* state_dir: a locked directory with one small file, replaced as a whole. */
#ifndef OUTRIDER_SHELL_STATE_STORE_INTERNAL_H
#define OUTRIDER_SHELL_STATE_STORE_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/shell/router/effects.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;
struct loop;
struct state_store;

/* The writes of one file of state_dir. */
struct save_log {
    const char *module, *failed, *saved; /* of the log lines, when failures begin and are over */
    uint64_t writes, failures;
    char last_error[200]; /* why writing fails, "" when it does not */
};

/* A write of the file in `dir` ended: failed with `err`, or not. */
void save_log_done(struct save_log *log, const char *dir, bool failed, const struct error *err);

/* Appends the content of the file to `out`. */
typedef void state_fill_fn(void *user, struct buf *out);

/* Makes `dir` (0700) where it is missing beside an existing parent, and locks it for this process; while another agent
 * holds the lock, logs that once and waits up to `patience_ms` (polling: nothing else runs yet). NULL with `err`:
 * ERROR_BUSY names the pid of the holder. The caller owns the result. */
struct state_store *state_store_open(const char *dir, int64_t patience_ms, struct error *err) MUST_CHECK;

/* Appends the content of the file to `ret_bytes`. Returns 0, or -1 with ERROR_NOT_FOUND when there is no
 * file, or another error when it cannot be read. */
int state_store_load(struct state_store *store, struct error *err, struct buf *ret_bytes) MUST_CHECK;

/* From now on the store may write, with the bytes of `fill`. */
void state_store_start(struct state_store *store, struct loop *loop, state_fill_fn *fill, void *user);

/* Saves as `when` says, and not at all when the bytes are those of the last write. What is written unsynced
 * outlasts the process, and is synced within a second. A failure is retried every 10 s and with the next save.
 * Accepts NULL. */
void state_store_save(struct state_store *store, enum effects_save when);

/* Looks whether lock and file are still there: takes the lock again where its file is gone, so that no second agent can
 * have it, and writes the file again. Logs what it found. Accepts NULL. */
void state_store_check(struct state_store *store);

/* What became of the writes; borrowed. */
const struct save_log *state_store_log(const struct state_store *store);

/* Unlocks and frees; writes nothing. Accepts NULL. */
void state_store_free(struct state_store *store);

#endif
