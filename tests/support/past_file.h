/* A history as a file, in one go. */
#ifndef OUTRIDER_TESTS_PAST_FILE_H
#define OUTRIDER_TESTS_PAST_FILE_H

#include "outrider/codec/history/history_file.h"

static inline void past_write(struct history *history, struct str prefix, const struct instant *now,
                              struct buf *out)
{
    struct history_writer *writer = history_writer_new(history, prefix, now);
    while (history_writer_next(writer, 1024, out)) {
    }
    history_writer_free(writer);
}

#endif
