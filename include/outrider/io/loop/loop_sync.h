/* Waits for the disk beside the loop: the data of a file outlasts a crash of the machine once it is synced, which may take long. The
 * kernel does it (AIO of Linux, fdatasync); where it offers none, as in some containers, the loop waits. */
#ifndef OUTRIDER_IO_LOOP_LOOP_SYNC_H
#define OUTRIDER_IO_LOOP_LOOP_SYNC_H

#include <stdbool.h>

struct loop;
struct loop_sync;

/* What was written to the file before loop_sync_begin() is on the disk; or is not, for the reason `failure`, an errno, 0: it is. */
typedef void loop_sync_fn(int failure, void *user);

/* Syncs one file at a time. Never NULL; the caller owns the result. `fn` is called from the loop, and must not free it. */
struct loop_sync *loop_sync_new(struct loop *loop, loop_sync_fn *fn, void *user);

/* Begins to sync the file of `fd`, which may be closed meanwhile. `fn` is called later, once. Not while one runs. */
void loop_sync_begin(struct loop_sync *sync, int fd);

/* Whether one runs. */
bool loop_sync_runs(const struct loop_sync *sync);

/* Whether the kernel syncs beside the loop; false before the first, and where the loop waits. */
bool loop_sync_is_beside(const struct loop_sync *sync);

/* No call follows; a sync under way is waited for. Accepts NULL. */
void loop_sync_free(struct loop_sync *sync);

#endif
