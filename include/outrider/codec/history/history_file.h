/* The history as it is kept in state_dir: little endian numbers, texts after their length, and a checksum (XXH64) at the end. A file
 * that is damaged, or of another version, is not used at all. */
#ifndef OUTRIDER_CODEC_HISTORY_HISTORY_FILE_H
#define OUTRIDER_CODEC_HISTORY_HISTORY_FILE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;
struct error;
struct history;
struct history_settings;
struct instant;

/* The format that is written and read; the longest file that is read, in bytes. */
enum { HISTORY_FILE_VERSION = 1, HISTORY_FILE_MAX = 128 << 20 };

/* Appends the content of the file. `prefix`: of the records that the history is of. */
void history_file_encode(const struct history *history, struct str prefix, const struct instant *now,
                         struct buf *out);

/* Reads a file's content into a new history, which is the caller's. Returns 0, or -1 with ERROR_LIMIT (longer than
 * HISTORY_FILE_MAX), ERROR_NOT_FOUND (another version, or of another prefix) or ERROR_INVALID (damaged, with the place). */
int history_file_decode(struct str text, struct str prefix, const struct history_settings *settings,
                        struct history **ret_history, struct error *err) MUST_CHECK;

#endif
