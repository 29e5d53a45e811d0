/* The view as it is kept in state_dir (docs/design/protocol.md, "View"): served at once after a restart,
 * marked stale. Little endian numbers and the bytes of the records, each after its length, and a checksum
 * (XXH64) at the end. A damaged file is not used at all: the next listing replaces it. */
#ifndef OUTRIDER_CODEC_STATE_VIEW_FILE_H
#define OUTRIDER_CODEC_STATE_VIEW_FILE_H

#include "outrider/base/attr.h"
#include "outrider/core/fleet/view.h"

struct buf;
struct error;
struct record_check;
struct view_file_writer;

/* The format that is written and read; the longest file that is read, in bytes. */
enum { VIEW_FILE_VERSION = 1, VIEW_FILE_MAX = 256 << 20 };

/* A decoded file: `kept` is ready for VIEW_ON_LOAD, until view_file_fini(). */
struct view_file {
    struct view_kept kept;
    struct view_entry **entries;       /* owned, in the order of their keys */
    struct view_tombstone *tombstones; /* owned */
    struct view_mark *marks;           /* owned */
};

/* Frees what decoding allocated and zeroes the file; accepts NULL and a zeroed one. */
void view_file_fini(struct view_file *file);

/* Judges the signatures of what was decoded, by the marks that were kept with it as well, and takes out what is not served for them. */
void view_file_check(struct view_file *file, const struct record_check *check);

/* A file in the making: records, tombstones, revision, cluster, and when the view was last known to be true (`now` if it is), all as they
 * are now, though the view may change until view_file_writer_free(). Only for a view that is known. The caller owns the result. */
struct view_file_writer *view_file_writer_new(const struct view *view, const struct instant *now);

/* Appends the next bytes of the file: at least `bytes`, unless it ends before, and at most one record more and what a mark of each
 * takes. True: more follow. */
bool view_file_writer_next(struct view_file_writer *writer, size_t bytes, struct buf *out);

/* Accepts NULL. */
void view_file_writer_free(struct view_file_writer *writer);

/* Appends all of it at once. The same view gives the same bytes, that time aside. */
void view_file_encode(const struct view *view, const struct instant *now, struct buf *out);

/* Reads a file's content. `ret_file` is the caller's. Returns 0, or -1 with ERROR_LIMIT (longer than
 * VIEW_FILE_MAX), ERROR_NOT_FOUND (another version, or of another prefix) or ERROR_INVALID (damaged, with the
 * place). */
int view_file_decode(struct str text, struct str prefix, struct view_file *ret_file,
                     struct error *err) MUST_CHECK;

#endif
