/* The file of the audit: `audit.jsonl` in state_dir, one entry on each line, the oldest first. An older one is put aside as
 * `audit.1.jsonl`, the one before it as `audit.2.jsonl`, until its last entry is older than what is to be kept. */
#ifndef OUTRIDER_SHELL_AUDIT_AUDIT_FILE_INTERNAL_H
#define OUTRIDER_SHELL_AUDIT_AUDIT_FILE_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/core/audit/audit_page.h"

struct audit_file;
struct error;
struct loop;

/* Older files at most; and bytes that a file has when it is put aside. */
enum { AUDIT_FILES_MAX = 64, AUDIT_FILE_BYTES = 4 << 20 };

/* An entry is on the disk; or it is not known whether it is. */
typedef void audit_synced_fn(bool synced, void *user);

struct audit_file_facts {
    uint64_t entries, failures, rotations; /* since the start: written; writes and syncs that failed */
    uint64_t bytes, cut_bytes;             /* of the present file; cut off at its end when it was opened */
    int64_t sync_us;                       /* how long the slowest sync took */
    const char *last_error;                /* "": it can be written */
};

/* Nothing is opened yet. `dir` is borrowed. The caller owns the result. */
struct audit_file *audit_file_new(const char *dir, int64_t keep_ms, uint64_t rotate_bytes, struct loop *loop);

/* Syncs what is not yet on the disk, and waits for it. Nothing is called any more. Accepts NULL. */
void audit_file_free(struct audit_file *file);

void audit_file_keep(struct audit_file *file, int64_t keep_ms);

/* Whether one more entry can be written for certain: its room is kept. Opens the file where it is not, and cuts a part of a line at its
 * end, which a crash has left. Returns 0, or -1 with `err`: ERROR_LIMIT where there is no room. */
int audit_file_room(struct audit_file *file, int64_t now_wall, struct error *err) MUST_CHECK;

/* Writes the entry, and calls `synced` once it is on the disk, never from within; NULL: none waits. Sets its id. Returns 0; or -1
 * with `err`, nothing written and no call to come. */
int audit_file_append(struct audit_file *file, struct audit_entry *entry, audit_synced_fn *synced, void *user,
                      struct error *err) MUST_CHECK;

/* Borrowed text. */
void audit_file_look(const struct audit_file *file, struct audit_file_facts *ret_facts);

/* A search for the entries of a page, the newest first. A slice at a time, so that the loop goes on between them. */
struct audit_file_search {
    struct audit_file *file;
    struct audit_page *page;
    unsigned number; /* of the file, 0: the present one */
    int fd;          /* -1: none is open */
    uint64_t at;     /* the end of what was not read yet */
    uint64_t bytes;  /* read so far */
    char last[ULID_LENGTH + 1];
};

/* Begins it; the page is borrowed until the end. */
void audit_file_search_begin(struct audit_file_search *search, struct audit_file *file,
                             struct audit_page *page);

/* Reads one slice. False at the end, when the page knows how far it was read. */
bool audit_file_search_slice(struct audit_file_search *search);

/* Gives up. Also after the end. */
void audit_file_search_end(struct audit_file_search *search);

/* audit_file_search.c: the id and the time of the last entry of a file; returns false where it has none. `ret_end`: where its last
 * whole line ends. */
bool audit_file_last(int fd, uint64_t size, struct audit_entry *ret_entry, uint64_t *ret_end);

/* The path of file `number`, 0: the present one. */
void audit_file_path(const struct audit_file *file, unsigned number, struct buf *ret_path);

#endif
