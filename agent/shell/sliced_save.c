#include "sliced_save_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/file.h"

#include <stdlib.h>

struct sliced_save {
    const struct sliced_source *source;
    struct timer *turns;
    struct save_log log;
    struct buf dir;
    struct file_draft *draft; /* NULL: no save is under way */
    void *writer;             /* likewise */
    struct buf slice;
    uint64_t written, saved; /* bytes of the save under way, and of the last one that is in its place */
};

void sliced_save_drop(struct sliced_save *save)
{
    if (save->writer != NULL) {
        save->source->free(save->writer);
    }
    file_draft_drop(save->draft);
    timer_cancel(save->turns);
    buf_fini(&save->slice);
    save->writer = NULL;
    save->draft = NULL;
}

static void end(struct sliced_save *save, bool failed, const struct error *err)
{
    sliced_save_drop(save);
    save->log.writes++;
    save_log_done(&save->log, buf_text(&save->dir), failed, err);
}

/* Writes a slice. False: the file is written, or cannot be. */
static bool write_slice(struct sliced_save *save)
{
    struct error err = {0};
    buf_clear(&save->slice);
    bool more = save->source->next(save->writer, save->source->slice_bytes, &save->slice);
    int rc = file_draft_add(save->draft, buf_view(&save->slice), &err);
    save->written += save->slice.size;
    if (rc == 0 && more) {
        return true;
    }
    if (rc == 0) {
        /* Not synced: the loop must not wait for the disk, and the checksum finds what a crash damages. */
        rc = file_draft_place(save->draft, 0600, false, &err);
        save->draft = NULL;
        save->saved = rc == 0 ? save->written : save->saved;
    }
    end(save, rc < 0, &err);
    return false;
}

static void on_turn(void *user)
{
    struct sliced_save *save = user;
    if (write_slice(save)) {
        timer_arm_ms(save->turns, 0);
    }
}

bool sliced_save_runs(const struct sliced_save *save)
{
    return save->writer != NULL;
}

bool sliced_save_open(struct sliced_save *save, const char *dir)
{
    struct error err = {0};
    sliced_save_drop(save);
    buf_clear(&save->dir);
    buf_str(&save->dir, str_of(dir));
    save->written = 0;
    save->draft = file_draft_open(dir, save->source->file_name, &err);
    if (save->draft == NULL) {
        end(save, true, &err);
    }
    return save->draft != NULL;
}

void sliced_save_run(struct sliced_save *save, void *writer)
{
    save->writer = writer;
    timer_arm_ms(save->turns, 0);
}

void sliced_save_finish(struct sliced_save *save)
{
    while (save->writer != NULL) {
        (void)write_slice(save);
    }
}

const struct save_log *sliced_save_log(const struct sliced_save *save, uint64_t *ret_bytes)
{
    *ret_bytes = save->saved;
    return &save->log;
}

struct sliced_save *sliced_save_new(struct loop *loop, const struct sliced_source *source)
{
    struct sliced_save *save = mem_zalloc(sizeof(*save));
    save->source = source;
    save->log = source->log;
    save->turns = timer_new(loop, on_turn, save);
    return save;
}

void sliced_save_free(struct sliced_save *save)
{
    if (save != NULL) {
        sliced_save_drop(save);
        timer_free(save->turns);
        buf_fini(&save->dir);
        free(save);
    }
}
