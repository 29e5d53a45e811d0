/* A file of the source tree as text; tests run at its top. */
#ifndef OUTRIDER_TESTS_SUPPORT_READ_TEXT_H
#define OUTRIDER_TESTS_SUPPORT_READ_TEXT_H

#include "outrider/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

/* Appends the file at `path` to `out`; a file that is missing ends the test program. */
static inline void read_text(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "r");
    char bytes[4096];
    if (file == NULL) {
        perror(path);
        abort();
    }
    for (size_t size; (size = fread(bytes, 1, sizeof(bytes), file)) > 0;) {
        buf_add(out, bytes, size);
    }
    fclose(file);
}

#endif
