/* The journal of the sessions of an agent: every change as it was made, so that applying them in
 * their order makes the table again.
 *
 *     "outrider sessions\n" | u32 version
 *     records, each: u32 size of what follows the sum | u64 XXH64 of that, seeded with the offset of the record | u8 kind |
 *                    i64 created | i64 touched | i64 expires | i64 until | id | player | server | data
 *
 * A text is u16 size and the bytes; numbers are little endian. The seed tells a record from one that was elsewhere. What an agent was
 * writing when it was killed is cut short, and is the only thing in the file that may be. */
#ifndef OUTRIDER_CODEC_STATE_SESSION_JOURNAL_H
#define OUTRIDER_CODEC_STATE_SESSION_JOURNAL_H

#include "outrider/base/attr.h"
#include "outrider/core/session/session_table.h"

struct buf;
struct error;

enum { SESSION_JOURNAL_VERSION = 1, SESSION_JOURNAL_HEAD_SIZE = 18 + 4 };

/* Bytes of a record at most, and beside its texts. */
enum {
    SESSION_JOURNAL_RECORD_SIZE = 4 + 8 + 1 + 4 * 8 + 4 * 2,
    SESSION_JOURNAL_RECORD_MAX = SESSION_JOURNAL_RECORD_SIZE + SESSION_ID_MAX + SESSION_PLAYER_MAX +
                                 SESSION_SERVER_MAX + SESSION_DATA_MAX
};

/* Appends what a journal begins with, SESSION_JOURNAL_HEAD_SIZE bytes. */
void session_journal_begin(struct buf *out);

/* Appends a change (not SESSION_CHANGE_NONE) as the record at `offset` bytes of the file. */
void session_journal_add(const struct session_change *change, uint64_t offset, struct buf *out);

/* Whether `text`, the first bytes of a file, begins a journal. Returns 0; or -1 with ERROR_NOT_FOUND (of another version) or
 * ERROR_INVALID (it is none). */
int session_journal_check(struct str text, struct error *err) MUST_CHECK;

enum session_journal_found {
    SESSION_JOURNAL_CHANGE, /* a change */
    SESSION_JOURNAL_SHORT,  /* the record goes on behind `text`, at the end of the file: it is cut short */
    SESSION_JOURNAL_DAMAGED /* these bytes are no record of this place */
};

/* The record that `text` begins with, which is at `offset` of the file. What is borrowed from `text` is the texts of
 * `ret_change`; `ret_size` is how many bytes the record takes. */
enum session_journal_found session_journal_read(struct str text, uint64_t offset,
                                                struct session_change *ret_change, size_t *ret_size);

#endif
