/* The file that a store in memory is kept in. Changes are appended; what has become mostly garbage is rewritten beside it, in
 * slices, while changes go to both, and then takes its place.
 *
 *     closed ── open, damaged tail cut ──> appending <── written: renamed ──┐
 *                                             │  ^                          │
 *                                             │  └── failed: removed ── rewriting
 *                                             └── mostly garbage ───────────┘
 *
 * While it cannot be written (the disk is full), what is to be appended is kept, up to a limit, and tried again. */
#ifndef OUTRIDER_SESSION_MEMORY_JOURNAL_INTERNAL_H
#define OUTRIDER_SESSION_MEMORY_JOURNAL_INTERNAL_H

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/core/session/session_table.h"

enum { JOURNAL_RETRY_MS = 1000, JOURNAL_REWRITE_AGAIN_MS = 30000 };

/* What could not be appended yet: more is refused before it is done. */
enum { JOURNAL_BACKLOG_MAX = 4 << 20 };

/* A file, and what it does not have yet. */
struct journal_file {
    int fd;        /* -1: none */
    uint64_t size; /* bytes in it */
    struct buf backlog;
};

struct journal {
    char *path, *next_path; /* NULL: nothing is kept */
    struct journal_file file, next;
    uint32_t cursor; /* rewriting: where in the table */
    uint64_t rewrite_bytes;
    int64_t retry_mono;   /* when what could not be written is tried again; NEVER_MS */
    int64_t rewrite_mono; /* not rewritten before */
    char error[300];      /* why it cannot be written; "" when it can */
    uint64_t appends, rewrites, failures, loaded, cut_bytes;
};

/* Opens the journal in `dir` and applies it to `table`. `dir` NULL: nothing is kept. */
void journal_open(struct journal *journal, const char *dir, struct session_table *table,
                  const struct instant *now);

/* Closes the files; frees what journal_open made. */
void journal_close(struct journal *journal);

/* Whether what it has is in the table: before that, it is not known which sessions there are. */
bool journal_is_read(const struct journal *journal);

/* Whether a change can be appended, now or later. */
bool journal_takes(const struct journal *journal);

/* Appends `change`. Returns 0 when it is in the file; or -1 with why it is not: it is appended later. */
int journal_append(struct journal *journal, const struct session_change *change, const struct instant *now,
                   struct error *err) MUST_CHECK;

/* Tries again what could not be opened or written, and does a slice of a rewrite where one is due. Returns whether there is more to do at
 * once. */
bool journal_run(struct journal *journal, struct session_table *table, const struct instant *now);

/* When to run next, mono ms; NEVER_MS. */
int64_t journal_due(const struct journal *journal);

#endif
