/* When the state file is written: soon after a change, at most once a second, again after a failure. A write
 * is synced to the disk at once, or within a second. */
#ifndef OUTRIDER_CORE_SERVER_SAVE_H
#define OUTRIDER_CORE_SERVER_SAVE_H

#include "outrider/core/instant.h"

struct save {
    int64_t due_mono; /* when to write, synced; NEVER_MS: there is nothing to write */
    int64_t written_mono;
    bool failing;  /* the latest write failed, and `due_mono` is its retry */
    bool unsynced; /* the latest write is not synced */
};

/* Nothing is to be written, and the first change need not wait for a second. */
void save_init(struct save *save, int64_t now_mono);

/* Something to save changed. */
void save_touch(struct save *save, int64_t now_mono);

/* Whether a change waits to be written and the latest write is a second old. */
bool save_may_write(const struct save *save, int64_t now_mono);

/* The content was found to be that of the latest write, so it was not written. */
void save_skip(struct save *save);

/* A write ended, synced or not. */
void save_done(struct save *save, bool failed, bool synced, int64_t now_mono);

#endif
