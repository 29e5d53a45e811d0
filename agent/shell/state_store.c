#include "state_store_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/core/server/save.h"
#include "outrider/io/loop/timer.h"
#include "outrider/os/clock.h"
#include "outrider/os/file.h"
#include "outrider/os/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STATE_FILE_MAX = 256 * 1024, LOCK_POLL_MS = 50 };

struct state_store {
    char *dir;
    int lock;
    struct timer *timer;
    state_fill_fn *fill;
    void *user;
    struct buf last;      /* as written */
    char lock_error[200]; /* why a lock that was gone cannot be taken again, as logged; "" when it is held */
    struct save save;
    struct save_log log;
};

static int take_lock(const char *path, int64_t patience_ms, struct error *err)
{
    int64_t until = clock_mono_ms() + patience_ms;
    char span[24];
    for (bool told = false;; told = true) {
        int fd;
        pid_t holder;
        if (file_lock(path, err, &fd, &holder) == 0) {
            return fd;
        }
        if (err->code != ERROR_BUSY) {
            return -1;
        }
        if (clock_mono_ms() >= until) {
            struct error locked = *err;
            return error_set(err, ERROR_BUSY, "%s; each agent needs its own", locked.text);
        }
        if (!told) {
            log_info("state", "state_dir used by another agent, waiting for it to end",
                     LOG_TEXT("detail", err->text), LOG_INT("pid", holder),
                     LOG_TEXT("at_most", duration_format(patience_ms, span)));
        }
        nanosleep(&(struct timespec){.tv_nsec = LOCK_POLL_MS * 1000000L}, NULL);
    }
}

static int open_dir(const char *dir, struct error *err)
{
    bool made;
    if (file_make_dir(dir, 0700, err, &made) < 0) {
        return -1;
    }
    if (made) {
        log_info("state", "state_dir made", LOG_TEXT("path", dir));
    }
    if (file_check_owner(dir, err) < 0) {
        return -1;
    }
    if (file_group_may_write(dir)) {
        log_warn("state",
                 "state_dir can be written by its group, which decides with it what a restart takes over",
                 LOG_TEXT("path", dir),
                 LOG_TEXT("hint", "chmod g-w it, unless the group is that of the agent alone"));
    }
    return file_check_dir(dir, err);
}

struct state_store *state_store_open(const char *dir, int64_t patience_ms, struct error *err)
{
    struct buf path = {0};
    buf_printf(&path, "%s/lock", dir);
    int lock = open_dir(dir, err) < 0 ? -1 : take_lock(buf_text(&path), patience_ms, err);
    buf_fini(&path);
    if (lock < 0) {
        return NULL;
    }
    struct state_store *store = mem_zalloc(sizeof(*store));
    store->dir = mem_strdup(dir);
    store->lock = lock;
    store->log = (struct save_log){
        .module = "state", .failed = "state not saved, retrying", .saved = "state saved again"};
    save_init(&store->save, clock_mono_ms());
    return store;
}

int state_store_load(struct state_store *store, struct error *err, struct buf *ret_bytes)
{
    struct buf path = {0};
    buf_printf(&path, "%s/state.json", store->dir);
    int result = file_read(buf_text(&path), STATE_FILE_MAX, err, ret_bytes);
    buf_fini(&path);
    return result;
}

void save_log_done(struct save_log *log, const char *dir, bool failed, const struct error *err)
{
    log->failures += failed ? 1 : 0;
    if (failed && log->last_error[0] == '\0') {
        log_warn(log->module, log->failed, LOG_TEXT("dir", dir), LOG_TEXT("error", err->text));
    } else if (!failed && log->last_error[0] != '\0') {
        log_info(log->module, log->saved, LOG_TEXT("dir", dir));
    }
    brief_copy(log->last_error, sizeof(log->last_error), str_of(failed ? err->text : ""));
}

static const char file_name[] = "state.json";

static void write_now(struct state_store *store, bool sync)
{
    struct buf bytes = {0};
    struct error err = {0};
    store->fill(store->user, &bytes);
    bool same = str_eq(buf_view(&bytes), buf_view(&store->last));
    if (same && !(sync && store->save.unsynced)) {
        save_skip(&store->save);
    } else {
        int result = same ? file_sync(store->dir, file_name, &err)
                          : file_replace(store->dir, file_name, buf_view(&bytes), 0600, sync, &err);
        save_done(&store->save, result < 0, sync, clock_mono_ms());
        store->log.writes += same ? 0 : 1;
        save_log_done(&store->log, store->dir, result < 0, &err);
        /* A failure drops what is known of the file, so that the retry writes it. */
        buf_fini(&store->last);
        if (result == 0) {
            store->last = bytes;
            bytes = (struct buf){0};
        }
    }
    buf_fini(&bytes);
    timer_arm_at_ms(store->timer, store->save.due_mono);
}

void state_store_save(struct state_store *store, enum effects_save when)
{
    if (store == NULL ||
        store->fill ==
            NULL) { /* before state_store_start, and of an observer without an id: nothing is kept */
        return;
    }
    switch (when) {
    case EFFECTS_SAVE_SOON:
        save_touch(&store->save, clock_mono_ms());
        timer_arm_at_ms(store->timer, store->save.due_mono);
        break;
    case EFFECTS_SAVE_BEFORE_WRITE:
        if (save_may_write(&store->save, clock_mono_ms())) {
            write_now(store, false);
        }
        break;
    case EFFECTS_SAVE_BEFORE_GRANT: write_now(store, false); break;
    case EFFECTS_SAVE_NOW: write_now(store, true); break;
    }
}

static void check_lock(struct state_store *store)
{
    struct buf path = {0};
    struct error err = {0};
    pid_t holder;
    int fd = -1;
    buf_printf(&path, "%s/lock", store->dir);
    if (file_lock_stands(buf_text(&path), store->lock)) {
        store->lock_error[0] = '\0';
    } else if (file_lock(buf_text(&path), &err, &fd, &holder) == 0) {
        log_warn("state", "lock of state_dir was gone, taken again", LOG_TEXT("dir", store->dir));
        file_unlock(store->lock);
        store->lock = fd;
        store->lock_error[0] = '\0';
    } else if (strncmp(store->lock_error, err.text, sizeof(store->lock_error) - 1) != 0) {
        log_error("state", "lock of state_dir lost, is another agent using the directory?",
                  LOG_TEXT("error", err.text));
        snprintf(store->lock_error, sizeof(store->lock_error), "%.199s", err.text);
    }
    buf_fini(&path);
}

void state_store_check(struct state_store *store)
{
    struct buf path = {0};
    if (store == NULL) {
        return;
    }
    check_lock(store);
    buf_printf(&path, "%s/%s", store->dir, file_name);
    if (store->last.size > 0 && file_stamp(buf_text(&path)) == 0) {
        log_warn("state", "state file was gone, writing it again", LOG_TEXT("dir", store->dir));
        buf_fini(&store->last);
        write_now(store, true);
    }
    buf_fini(&path);
}

static void on_timer(void *user)
{
    state_store_save(user, EFFECTS_SAVE_NOW);
}

void state_store_start(struct state_store *store, struct loop *loop, state_fill_fn *fill, void *user)
{
    store->timer = timer_new(loop, on_timer, store);
    store->fill = fill;
    store->user = user;
}

const struct save_log *state_store_log(const struct state_store *store)
{
    return &store->log;
}

void state_store_free(struct state_store *store)
{
    if (store != NULL) {
        timer_free(store->timer);
        file_unlock(store->lock);
        buf_fini(&store->last);
        free(store->dir);
        free(store);
    }
}
