#include "audit_file_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/audit/audit_json.h"
#include "outrider/io/loop/loop_sync.h"
#include "outrider/os/append.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/os/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* Room that is kept for what is under way: the entries of changes that were let pass and are not answered yet. */
enum { ROOM_BYTES = 256 << 10, DAY_MS = 24 * 3600 * 1000 };

struct waiter {
    struct waiter *next, *prev;
    audit_synced_fn *synced;
    void *user;
    bool in_sync; /* written before the sync that runs began */
};

struct audit_file {
    const char *dir;
    int64_t keep_ms;
    uint64_t rotate_bytes;
    int fd; /* -1: not open */
    uint64_t size;
    int64_t first_wall; /* when the present file was begun; 0: it is empty */
    struct audit_ids ids;
    struct loop_sync *sync;
    int64_t sync_begun_us;
    bool unsynced; /* something was written since the sync began */
    struct waiter *waiters;
    struct buf line;
    struct audit_file_facts facts;
    char last_error[200];
};

void audit_file_path(const struct audit_file *file, unsigned number, struct buf *ret_path)
{
    buf_clear(ret_path);
    if (number == 0) {
        buf_printf(ret_path, "%s/audit.jsonl", file->dir);
    } else {
        buf_printf(ret_path, "%s/audit.%u.jsonl", file->dir, number);
    }
}

/* ---- what went wrong ---- */

static void failed(struct audit_file *file, const struct error *err)
{
    file->facts.failures++;
    if (file->last_error[0] == '\0') {
        log_error("audit", "audit not written, changes are refused until it is", LOG_TEXT("dir", file->dir),
                  LOG_TEXT("error", err->text),
                  LOG_TEXT("hint", "look at the file system of state_dir: its room, its health, its owner"));
    }
    brief_copy(file->last_error, sizeof(file->last_error), str_of(err->text));
}

static void works(struct audit_file *file)
{
    if (file->last_error[0] != '\0') {
        log_info("audit", "audit written again", LOG_TEXT("dir", file->dir));
        file->last_error[0] = '\0';
    }
}

/* ---- sync ---- */

static void begin_sync(struct audit_file *file)
{
    struct waiter *each;
    if (file->fd < 0 || !file->unsynced || loop_sync_runs(file->sync)) {
        return;
    }
    DL_FOREACH(file->waiters, each)
    {
        each->in_sync = true;
    }
    file->unsynced = false;
    file->sync_begun_us = clock_mono_us();
    loop_sync_begin(file->sync, file->fd);
}

/* Those that wait are told last: what they do may write again. */
static void on_synced(int failure, void *user)
{
    struct audit_file *file = user;
    struct waiter *each, *next, *done = NULL;
    struct error err;
    int64_t took = clock_mono_us() - file->sync_begun_us;
    file->facts.sync_us = took > file->facts.sync_us ? took : file->facts.sync_us;
    if (failure != 0) {
        error_errno(&err, failure, "cannot sync");
        failed(file, &err);
    }
    DL_FOREACH_SAFE(file->waiters, each, next)
    {
        if (each->in_sync) {
            DL_DELETE(file->waiters, each);
            DL_APPEND(done, each);
        }
    }
    begin_sync(file);
    DL_FOREACH_SAFE(done, each, next)
    {
        DL_DELETE(done, each);
        each->synced(failure == 0, each->user);
        free(each);
    }
}

/* ---- open, cut, put aside ---- */

static int cut_torn_line(struct audit_file *file, struct error *err)
{
    struct audit_entry last;
    uint64_t end = 0;
    bool found = audit_file_last(file->fd, file->size, &last, &end);
    if (end < file->size) {
        log_warn("audit", "end of the audit cut off, a crash has left a part of a line",
                 LOG_TEXT("dir", file->dir), LOG_INT("bytes", (int64_t)(file->size - end)));
        if (append_cut(file->fd, end, err) < 0) {
            return -1;
        }
        file->facts.cut_bytes += file->size - end;
        file->size = end;
    }
    if (found) {
        file->first_wall = last.when_wall; /* about: it is put aside a little later */
        if (strcmp(last.id, file->ids.last) > 0) {
            audit_ids_resume(&file->ids, last.id);
        }
    }
    return 0;
}

/* Where the present file is empty, the last id is of the one before. */
static void resume_ids(struct audit_file *file)
{
    struct buf path = {0};
    struct audit_entry last;
    uint64_t size, end;
    int fd;
    struct error err;
    audit_file_path(file, 1, &path);
    if (file->ids.last[0] == '\0' && append_look(buf_text(&path), &err, &fd, &size) == 0) {
        if (audit_file_last(fd, size, &last, &end)) {
            audit_ids_resume(&file->ids, last.id);
        }
        append_close(fd);
    }
    buf_fini(&path);
}

static void close_file(struct audit_file *file)
{
    append_close(file->fd);
    file->fd = -1;
    file->size = 0;
    file->first_wall = 0;
}

static int open_file(struct audit_file *file, struct error *err)
{
    struct buf path = {0};
    audit_file_path(file, 0, &path);
    int result = append_open(buf_text(&path), false, err, &file->fd, &file->size);
    buf_fini(&path);
    if (result == 0 && (cut_torn_line(file, err) < 0 || append_sync_dir(file->dir, err) < 0)) {
        close_file(file);
        return -1;
    }
    resume_ids(file);
    return result;
}

/* Whether the last entry of an older file is to be forgotten. */
static bool is_over(const struct audit_file *file, unsigned number, int64_t now_wall)
{
    struct buf path = {0};
    struct error err;
    struct audit_entry last = {.when_wall = 0};
    uint64_t size, end;
    int fd;
    bool over = false;
    audit_file_path(file, number, &path);
    if (append_look(buf_text(&path), &err, &fd, &size) == 0) {
        over = audit_file_last(fd, size, &last, &end) && last.when_wall < now_wall - file->keep_ms;
        append_close(fd);
    }
    buf_fini(&path);
    return over;
}

/* Those that are over, and the last place, which the one before it needs. */
static void remove_old(const struct audit_file *file, int64_t now_wall)
{
    struct buf path = {0};
    for (unsigned number = AUDIT_FILES_MAX; number > 0; number--) {
        if (number == AUDIT_FILES_MAX || is_over(file, number, now_wall)) {
            audit_file_path(file, number, &path);
            append_remove(buf_text(&path));
        }
    }
    buf_fini(&path);
}

/* Moves a file one place on. Returns 0; or -1, also where there is none. */
static int shift(const struct audit_file *file, unsigned number, struct error *err)
{
    struct buf from = {0}, to = {0};
    audit_file_path(file, number, &from);
    audit_file_path(file, number + 1, &to);
    int result = append_rename(buf_text(&from), buf_text(&to), err);
    buf_fini(&from);
    buf_fini(&to);
    return result;
}

/* Those that wait for what was written to it are told by the next sync, which is of another file: so the loop waits for the disk here,
 * once for each file. */
static void put_aside(struct audit_file *file, int64_t now_wall, struct error *err)
{
    int result = append_sync(file->fd, err);
    if (result == 0) {
        remove_old(file, now_wall);
    }
    for (unsigned number = result == 0 ? AUDIT_FILES_MAX : 0; number > 0; number--) {
        result = shift(file, number - 1, err); /* most are not there; the last is the present one */
    }
    if (result == 0) {
        file->facts.rotations++;
        close_file(file);
    } else {
        log_warn("audit", "file of the audit not put aside, it grows on", LOG_TEXT("dir", file->dir),
                 LOG_TEXT("error", err->text));
    }
}

static bool is_due(const struct audit_file *file, int64_t now_wall)
{
    int64_t age = file->keep_ms / 30 > DAY_MS ? file->keep_ms / 30 : DAY_MS;
    bool old = file->first_wall > 0 && now_wall - file->first_wall > age;
    return file->fd >= 0 && (file->size >= file->rotate_bytes || old);
}

/* ---- public ---- */

struct audit_file *audit_file_new(const char *dir, int64_t keep_ms, uint64_t rotate_bytes, struct loop *loop)
{
    struct audit_file *file = mem_zalloc(sizeof(*file));
    *file = (struct audit_file){.dir = dir, .keep_ms = keep_ms, .rotate_bytes = rotate_bytes, .fd = -1};
    file->sync = loop_sync_new(loop, on_synced, file);
    return file;
}

void audit_file_keep(struct audit_file *file, int64_t keep_ms)
{
    file->keep_ms = keep_ms;
}

int audit_file_room(struct audit_file *file, int64_t now_wall, struct error *err)
{
    if (is_due(file, now_wall)) {
        put_aside(file, now_wall, err);
    }
    if (file->fd >= 0 && !append_is_there(file->fd)) {
        log_warn("audit", "file of the audit was gone, making it again", LOG_TEXT("dir", file->dir));
        close_file(file);
    }
    if ((file->fd < 0 && open_file(file, err) < 0) ||
        append_reserve(file->fd, file->size, ROOM_BYTES, err) < 0) {
        failed(file, err);
        return -1;
    }
    works(file);
    return 0;
}

int audit_file_append(struct audit_file *file, struct audit_entry *entry, audit_synced_fn *synced, void *user,
                      struct error *err)
{
    uint8_t entropy[10];
    size_t written = 0;
    if (file->fd < 0 && open_file(file, err) < 0) {
        failed(file, err);
        return -1;
    }
    entropy_fill(entropy, sizeof(entropy));
    audit_ids_next(&file->ids, entry->when_wall, entropy, entry->id);
    buf_clear(&file->line);
    audit_encode(entry, &file->line);
    buf_str(&file->line, STR("\n"));
    if (append_write(file->fd, buf_view(&file->line), err, &written) < 0) {
        struct error unused;
        /* A part of a line must not be the beginning of the next one: where it cannot be cut, it is when the file is opened. */
        if (append_cut(file->fd, file->size, &unused) < 0) {
            close_file(file);
        }
        failed(file, err);
        return -1;
    }
    file->size += written;
    file->first_wall = file->first_wall == 0 ? entry->when_wall : file->first_wall;
    file->facts.entries++;
    file->unsynced = true;
    if (synced != NULL) {
        struct waiter *waiter = mem_zalloc(sizeof(*waiter));
        *waiter = (struct waiter){.synced = synced, .user = user};
        DL_APPEND(file->waiters, waiter);
    }
    begin_sync(file);
    return 0;
}

void audit_file_look(const struct audit_file *file, struct audit_file_facts *ret_facts)
{
    *ret_facts = file->facts;
    ret_facts->bytes = file->size;
    ret_facts->last_error = file->last_error;
}

void audit_file_free(struct audit_file *file)
{
    struct waiter *each, *next;
    struct error err;
    if (file == NULL) {
        return;
    }
    loop_sync_free(file->sync);
    if (file->fd >= 0 && append_sync(file->fd, &err) < 0) {
        failed(file, &err);
    }
    DL_FOREACH_SAFE(file->waiters, each, next)
    {
        free(each);
    }
    append_close(file->fd);
    buf_fini(&file->line);
    free(file);
}
