#include "outrider/core/fleet/view_log.h"

#include "outrider/base/mem.h"
#include "outrider/core/fleet/view_entry.h"

#include <assert.h>
#include <stdlib.h>

/* A row without entries is a jump: the changes between `from` and its revision are unknown. */
struct row {
    struct view_change change;
    int64_t from;
};

struct view_log {
    struct row *rows; /* a ring: the row of sequence number n is at n modulo its size, a power of two */
    size_t size;
    uint64_t first, end; /* sequence numbers of the rows kept: first..end-1 */
    size_t rows_max, bytes_max, bytes;
    int64_t floor; /* every change after it is here */
};

struct view_log *view_log_new(size_t changes_max, size_t bytes_max)
{
    struct view_log *log = mem_zalloc(sizeof(*log));
    log->rows_max = changes_max;
    log->bytes_max = bytes_max;
    log->floor = INT64_MAX;
    return log;
}

static struct row *row_at(const struct view_log *log, uint64_t number)
{
    return &log->rows[number & (log->size - 1)];
}

/* A record counts once: the entry a change led to is the one that the next change began from. */
static size_t bytes_of(const struct view_change *change)
{
    const struct view_entry *entry = change->is != NULL ? change->is : change->was;
    return entry == NULL ? 0 : view_entry_size(entry);
}

static void drop_first(struct view_log *log)
{
    struct row *row = row_at(log, log->first++);
    log->bytes -= bytes_of(&row->change);
    log->floor = row->change.revision > log->floor ? row->change.revision : log->floor;
    view_entry_unref(row->change.was);
    view_entry_unref(row->change.is);
    *row = (struct row){0};
}

void view_log_restart(struct view_log *log, int64_t revision)
{
    while (log->first < log->end) {
        drop_first(log);
    }
    log->floor = revision;
}

void view_log_free(struct view_log *log)
{
    if (log != NULL) {
        view_log_restart(log, 0);
        free(log->rows);
        free(log);
    }
}

static void grow(struct view_log *log)
{
    size_t size = log->size == 0 ? 64 : log->size * 2;
    struct row *rows = mem_zalloc(size * sizeof(*rows));
    for (uint64_t i = log->first; i < log->end; i++) {
        rows[i & (size - 1)] = *row_at(log, i);
    }
    free(log->rows);
    log->rows = rows;
    log->size = size;
}

static void add_row(struct view_log *log, const struct row *row)
{
    if (log->end - log->first == log->size) {
        grow(log);
    }
    *row_at(log, log->end++) = *row;
    log->bytes += bytes_of(&row->change);
    while (log->first < log->end && (log->end - log->first > log->rows_max || log->bytes > log->bytes_max)) {
        drop_first(log);
    }
}

void view_log_add(struct view_log *log, const struct view_change *change)
{
    assert(change->was != NULL || change->is != NULL);
    struct row row = {.change = *change};
    view_entry_ref(change->was);
    view_entry_ref(change->is);
    add_row(log, &row);
}

void view_log_jump(struct view_log *log, int64_t from, int64_t revision)
{
    assert(from > 0 && from <= revision);
    if (from < revision) {
        add_row(log, &(struct row){.change = {.revision = revision}, .from = from});
    }
}

/* Rows are sorted by revision: a jump comes before the changes of its revision. */
static uint64_t first_after(const struct view_log *log, int64_t revision)
{
    uint64_t low = log->first, high = log->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (row_at(log, middle)->change.revision <= revision) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int view_log_find(const struct view_log *log, int64_t revision, uint64_t *ret_cursor)
{
    if (revision < log->floor) {
        return -1;
    }
    uint64_t at = first_after(log, revision);
    if (at < log->end && row_at(log, at)->from != 0 && row_at(log, at)->from < revision) {
        return -1;
    }
    *ret_cursor = at;
    return 0;
}

const struct view_change *view_log_next(const struct view_log *log, uint64_t *cursor)
{
    while (*cursor < log->end) {
        const struct row *row = row_at(log, (*cursor)++);
        if (row->from == 0) {
            return &row->change;
        }
    }
    return NULL;
}

uint64_t view_log_end(const struct view_log *log)
{
    return log->end;
}

bool view_log_keeps(const struct view_log *log, uint64_t cursor)
{
    return cursor >= log->first;
}
