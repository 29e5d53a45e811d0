/* The history as it is kept in state_dir: little endian numbers, texts after their length, and a checksum (XXH64) at the end. A file
 * that is damaged, or of another version, is not used at all. */
#ifndef OUTRIDER_CODEC_HISTORY_HISTORY_FILE_H
#define OUTRIDER_CODEC_HISTORY_HISTORY_FILE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct error;
struct history;
struct history_writer;
struct history_settings;
struct instant;

/* The format that is written and read; the longest file that is read, in bytes. */
enum { HISTORY_FILE_VERSION = 2, HISTORY_FILE_MAX = 128 << 20 };

/* A file in the making. `history` is borrowed until history_writer_free() and may change between two calls: what is written of it is
 * a round (core/history/history_save.h), true until now. One at a time for each history. The caller owns the result. */
struct history_writer *history_writer_new(struct history *history, struct str prefix,
                                          const struct instant *now);

/* Appends the next bytes of the file: at least `bytes`, unless it ends before, and at most one server or type more. True: more
 * follow. */
bool history_writer_next(struct history_writer *writer, size_t bytes, struct buf *out);

/* Accepts NULL. */
void history_writer_free(struct history_writer *writer);

/* Reads a file's content into a new history, which is the caller's. Returns 0, or -1 with ERROR_LIMIT (longer than
 * HISTORY_FILE_MAX), ERROR_NOT_FOUND (another version, or of another prefix) or ERROR_INVALID (damaged, with the place). */
int history_file_decode(struct str text, struct str prefix, const struct history_settings *settings,
                        struct history **ret_history, struct error *err) MUST_CHECK;

#endif
