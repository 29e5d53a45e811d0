/* A large file of state_dir that is written in slices, one in each turn of the loop, which must not wait for all of them. The file before
 * stays until the new one is whole. */
#ifndef OUTRIDER_SHELL_SLICED_SAVE_INTERNAL_H
#define OUTRIDER_SHELL_SLICED_SAVE_INTERNAL_H

#include "state_store_internal.h"

#include <stddef.h>

struct loop;
struct sliced_save;

/* Of the bytes of a file: static. */
struct sliced_source {
    const char *file_name;
    size_t slice_bytes; /* at least so many at a time */
    /* Appends the next bytes. True: more follow. */
    bool (*next)(void *writer, size_t bytes, struct buf *out);
    void (*free)(void *writer);
    struct save_log log; /* its texts */
};

/* `loop` and `source` are borrowed; the caller owns the result. */
struct sliced_save *sliced_save_new(struct loop *loop, const struct sliced_source *source);

/* A save that is under way is dropped. Accepts NULL. */
void sliced_save_free(struct sliced_save *save);

bool sliced_save_runs(const struct sliced_save *save);

/* Begins to write the file in `dir`, copied; a save that is under way is dropped, as what it has may be older. Returns whether the file
 * can be written, and logs it else: then sliced_save_run() is to follow. */
bool sliced_save_open(struct sliced_save *save, const char *dir) MUST_CHECK;

/* Writes what `writer`, taken over, gives. */
void sliced_save_run(struct sliced_save *save, void *writer);

/* Writes the rest of a save that is under way. */
void sliced_save_finish(struct sliced_save *save);
void sliced_save_drop(struct sliced_save *save);

/* What became of those that are over; borrowed. `ret_bytes`: the size of the file as it was saved last, 0: it was not yet. */
const struct save_log *sliced_save_log(const struct sliced_save *save, uint64_t *ret_bytes);

#endif
