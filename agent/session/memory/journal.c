#include "journal_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/mem.h"
#include "outrider/codec/state/session_journal.h"
#include "outrider/os/append.h"
#include "outrider/os/log.h"

#include <stdlib.h>

/* Bytes read at once; and sessions and bytes written in one slice of a rewrite. */
enum { READ_SIZE = 1 << 20, SLICE_PLACES = 4000, SLICE_BYTES = 256 << 10 };

/* What a session takes in the journal beside its texts: the record, and the name of its server. */
enum { SESSION_BYTES = SESSION_JOURNAL_RECORD_SIZE + 40 };

/* ---- reading ---- */

/* Applies the records of `bytes`, which are at `offset`. Returns how many bytes that were; `ret_damaged`: what follows is no record. */
static size_t apply_records(struct journal *journal, struct str bytes, uint64_t offset,
                            struct session_table *table, const struct instant *now, bool *ret_damaged)
{
    size_t at = 0, size;
    for (;;) {
        struct session_change change;
        struct str rest = {bytes.data + at, bytes.size - at};
        enum session_journal_found found = session_journal_read(rest, offset + at, &change, &size);
        if (found != SESSION_JOURNAL_CHANGE) {
            *ret_damaged = found == SESSION_JOURNAL_DAMAGED;
            return at;
        }
        session_table_apply(table, &change, now);
        journal->loaded++;
        at += size;
    }
}

/* `ret_end`: where the last whole record ends. A disk that fails says nothing of what is behind: that is no end. */
static int load(struct journal *journal, struct session_table *table, const struct instant *now,
                struct error *err, uint64_t *ret_end)
{
    struct buf bytes = {0};
    uint64_t at = SESSION_JOURNAL_HEAD_SIZE;
    bool damaged = false, more = true;
    int result = 0;
    journal->loaded = 0;
    while (more && !damaged && result == 0) {
        buf_clear(&bytes);
        result = append_read(journal->file.fd, at, READ_SIZE, err, &bytes);
        size_t used = apply_records(journal, buf_view(&bytes), at, table, now, &damaged);
        at += used;
        more = bytes.size == READ_SIZE && used > 0;
    }
    buf_fini(&bytes);
    *ret_end = at;
    return result;
}

static int begin(struct journal_file *file, struct error *err)
{
    size_t written;
    struct buf head = {0};
    session_journal_begin(&head);
    int result = append_write(file->fd, buf_view(&head), err, &written);
    file->size = written;
    buf_fini(&head);
    return result;
}

/* `ret_why`: why it is no journal of ours; its code is ERROR_NONE where it is one. */
static int check_head(struct journal *journal, struct error *ret_why, struct error *err)
{
    struct buf head = {0};
    int result = append_read(journal->file.fd, 0, SESSION_JOURNAL_HEAD_SIZE, err, &head);
    if (result < 0 || session_journal_check(buf_view(&head), ret_why) == 0) {
        ret_why->code = ERROR_NONE;
    }
    buf_fini(&head);
    return result;
}

/* A file that is no journal is of another version, or an accident: it is kept for whom it may concern. */
static int put_aside(struct journal *journal, const struct error *why, struct error *err)
{
    struct buf aside = {0};
    buf_printf(&aside, "%s.unread", journal->path);
    int result = append_rename(journal->path, buf_text(&aside), err);
    if (result == 0) {
        log_warn("sessions", "journal of sessions is none that can be used, beginning without sessions",
                 LOG_TEXT("path", journal->path), LOG_TEXT("error", why->text),
                 LOG_TEXT("kept_as", buf_text(&aside)));
    }
    buf_fini(&aside);
    append_close(journal->file.fd);
    journal->file.fd = -1;
    return result < 0 ? -1 : append_open(journal->path, true, err, &journal->file.fd, &journal->file.size);
}

static int cut_tail(struct journal *journal, uint64_t size, struct error *err)
{
    journal->cut_bytes = journal->file.size - size;
    if (journal->cut_bytes == 0) {
        return 0;
    }
    log_warn("sessions", "end of the journal of sessions cut off, it could not be read",
             LOG_TEXT("path", journal->path), LOG_INT("bytes", (int64_t)journal->cut_bytes),
             LOG_INT("changes_read", (int64_t)journal->loaded));
    if (append_cut(journal->file.fd, size, err) < 0) {
        return -1;
    }
    journal->file.size = size;
    return 0;
}

static int open_file(struct journal *journal, struct session_table *table, const struct instant *now,
                     struct error *err)
{
    struct error why;
    uint64_t end;
    if (append_open(journal->path, false, err, &journal->file.fd, &journal->file.size) < 0) {
        return -1;
    }
    /* An agent that was killed while it made the file has left a part of its head. */
    if (journal->file.size < SESSION_JOURNAL_HEAD_SIZE) {
        return append_cut(journal->file.fd, 0, err) < 0 ? -1 : begin(&journal->file, err);
    }
    if (check_head(journal, &why, err) < 0) {
        return -1;
    }
    if (why.code != ERROR_NONE) {
        return put_aside(journal, &why, err) < 0 ? -1 : begin(&journal->file, err);
    }
    return load(journal, table, now, err, &end) < 0 ? -1 : cut_tail(journal, end, err);
}

static void failed(struct journal *journal, const struct error *err, const struct instant *now)
{
    journal->failures++;
    if (journal->error[0] == '\0') {
        log_error("sessions",
                  journal->file.fd < 0 ? "journal of sessions not read, requests are refused until it is"
                                       : "journal of sessions not written, changes are refused until it is",
                  LOG_TEXT("path", journal->path), LOG_TEXT("error", err->text),
                  LOG_TEXT("hint", "look at the file system of state_dir: its room, its health, its owner"));
    }
    brief_format(journal->error, sizeof(journal->error), "%s: %s", journal->path, err->text);
    journal->retry_mono = now->mono + JOURNAL_RETRY_MS;
}

static void written_again(struct journal *journal)
{
    if (journal->error[0] != '\0') {
        log_info("sessions", "journal of sessions read and written again", LOG_TEXT("path", journal->path));
        journal->error[0] = '\0';
    }
    journal->retry_mono = NEVER_MS;
}

/* While it cannot be opened, nothing changes in the table, so that it can be read later as well. */
static void try_open(struct journal *journal, struct session_table *table, const struct instant *now)
{
    struct error err = {0};
    if (open_file(journal, table, now, &err) < 0) {
        append_close(journal->file.fd);
        journal->file.fd = -1;
        failed(journal, &err, now);
        return;
    }
    written_again(journal);
    if (journal->loaded > 0) {
        log_info("sessions", "sessions of before the restart read", LOG_TEXT("path", journal->path),
                 LOG_INT("sessions", (int64_t)session_table_facts(table)->count));
    }
}

void journal_open(struct journal *journal, const char *dir, struct session_table *table,
                  const struct instant *now)
{
    journal->file.fd = journal->next.fd = -1;
    journal->retry_mono = NEVER_MS;
    if (dir == NULL) {
        return;
    }
    struct buf path = {0};
    buf_printf(&path, "%s/sessions.journal", dir);
    journal->path = mem_strdup(buf_text(&path));
    buf_printf(&path, ".new");
    journal->next_path = mem_strdup(buf_text(&path));
    buf_fini(&path);
    append_remove(journal->next_path);
    try_open(journal, table, now);
}

/* ---- writing ---- */

static void file_fini(struct journal_file *file)
{
    append_close(file->fd);
    buf_fini(&file->backlog);
    *file = (struct journal_file){.fd = -1};
}

void journal_close(struct journal *journal)
{
    if (journal->next.fd >= 0) {
        append_remove(journal->next_path);
    }
    file_fini(&journal->file);
    file_fini(&journal->next);
    free(journal->path);
    free(journal->next_path);
}

bool journal_is_read(const struct journal *journal)
{
    return journal->path == NULL || journal->file.fd >= 0;
}

bool journal_takes(const struct journal *journal)
{
    return journal_is_read(journal) && journal->file.backlog.size < JOURNAL_BACKLOG_MAX;
}

/* Writes the backlog, as much of it as goes. A part that was written belongs to the record that the rest completes. */
static int flush(struct journal_file *file, struct error *err)
{
    size_t written = 0;
    int result = append_write(file->fd, buf_view(&file->backlog), err, &written);
    file->size += written;
    buf_consume(&file->backlog, written);
    return result;
}

static void add(struct journal_file *file, const struct session_change *change)
{
    session_journal_add(change, file->size + file->backlog.size, &file->backlog);
}

static void give_rewrite_up(struct journal *journal, const struct error *err, const struct instant *now)
{
    log_warn("sessions", "journal of sessions not rewritten, it grows on", LOG_TEXT("path", journal->path),
             LOG_TEXT("error", err->text));
    append_remove(journal->next_path);
    file_fini(&journal->next);
    journal->failures++;
    journal->rewrite_mono = now->mono + JOURNAL_REWRITE_AGAIN_MS;
}

int journal_append(struct journal *journal, const struct session_change *change, const struct instant *now,
                   struct error *err)
{
    struct error next_err;
    if (journal->path == NULL || change->kind == SESSION_CHANGE_NONE) {
        return 0;
    }
    if (journal->next.fd >= 0) {
        add(&journal->next, change);
        if (flush(&journal->next, &next_err) < 0) {
            give_rewrite_up(journal, &next_err, now);
        }
    }
    add(&journal->file, change);
    if (flush(&journal->file, err) < 0) {
        failed(journal, err, now);
        return error_wrap(err, "%s", journal->path);
    }
    journal->appends++;
    written_again(journal);
    return 0;
}

/* ---- rewriting ---- */

static bool is_mostly_garbage(const struct journal *journal, const struct session_table *table)
{
    const struct session_table_facts *facts = session_table_facts(table);
    return journal->file.size >
           journal->rewrite_bytes + 2 * (facts->text_bytes + (uint64_t)facts->count * SESSION_BYTES);
}

static void begin_rewrite(struct journal *journal, const struct instant *now)
{
    struct error err;
    journal->cursor = 0;
    if (append_open(journal->next_path, true, &err, &journal->next.fd, &journal->next.size) < 0 ||
        begin(&journal->next, &err) < 0) {
        give_rewrite_up(journal, &err, now);
    }
}

static void end_rewrite(struct journal *journal, const struct instant *now)
{
    struct error err;
    if (append_rename(journal->next_path, journal->path, &err) < 0) {
        give_rewrite_up(journal, &err, now);
        return;
    }
    file_fini(&journal->file);
    journal->file = journal->next;
    journal->next = (struct journal_file){.fd = -1};
    journal->rewrites++;
    written_again(journal);
}

/* Sessions as they are now; changes of what comes before the cursor have been appended as they were made. */
static void rewrite(struct journal *journal, const struct session_table *table, const struct instant *now)
{
    struct session_change change;
    struct error err;
    size_t budget = SLICE_PLACES;
    bool more = true;
    while (more && journal->next.backlog.size < SLICE_BYTES) {
        more = session_table_next(table, now, &journal->cursor, &budget, &change);
        if (more) {
            add(&journal->next, &change);
        }
    }
    if (flush(&journal->next, &err) < 0) {
        give_rewrite_up(journal, &err, now);
    } else if (!more && budget > 0) {
        end_rewrite(journal, now);
    }
}

bool journal_run(struct journal *journal, struct session_table *table, const struct instant *now)
{
    struct error err;
    if (journal->file.fd < 0) {
        if (journal->retry_mono <= now->mono) {
            try_open(journal, table, now);
        }
        return false;
    }
    if (journal->retry_mono <= now->mono) {
        if (flush(&journal->file, &err) < 0) {
            failed(journal, &err, now);
        } else {
            written_again(journal);
        }
    }
    if (journal->next.fd < 0 && now->mono >= journal->rewrite_mono && is_mostly_garbage(journal, table)) {
        begin_rewrite(journal, now);
    }
    if (journal->next.fd >= 0) {
        rewrite(journal, table, now);
    }
    return journal->next.fd >= 0;
}

int64_t journal_due(const struct journal *journal)
{
    return journal->retry_mono;
}
