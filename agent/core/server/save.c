#include "outrider/core/server/save.h"

/* SOON_MS: a save waits until the request of the same step is sent. RETRY_MS: a full disk is not announced
 * when it has room again. */
enum { SOON_MS = 20, AT_MOST_EVERY_MS = 1000, RETRY_MS = 10000 };

void save_init(struct save *save, int64_t now_mono)
{
    *save = (struct save){.due_mono = NEVER_MS, .written_mono = now_mono - AT_MOST_EVERY_MS};
}

void save_touch(struct save *save, int64_t now_mono)
{
    if (save->due_mono != NEVER_MS && !save->failing) {
        return;
    }
    int64_t earliest = save->written_mono + AT_MOST_EVERY_MS, soon = now_mono + SOON_MS;
    save->failing = false;
    save->due_mono = earliest > soon ? earliest : soon;
}

bool save_may_write(const struct save *save, int64_t now_mono)
{
    return save->due_mono != NEVER_MS && !save->failing && now_mono >= save->written_mono + AT_MOST_EVERY_MS;
}

void save_skip(struct save *save)
{
    save->due_mono = save->unsynced ? save->written_mono + AT_MOST_EVERY_MS : NEVER_MS;
    save->failing = false;
}

void save_done(struct save *save, bool failed, bool synced, int64_t now_mono)
{
    save->written_mono = now_mono;
    save->failing = failed;
    save->unsynced = !failed && !synced;
    save->due_mono = failed ? now_mono + RETRY_MS : synced ? NEVER_MS : now_mono + AT_MOST_EVERY_MS;
}
