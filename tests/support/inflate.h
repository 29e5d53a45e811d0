/* Reads what the agent has compressed, with zlib itself. */
#ifndef OUTRIDER_TEST_INFLATE_H
#define OUTRIDER_TEST_INFLATE_H

#include "outrider/base/buf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Appends what a file of gzip, or the beginning of one, has so far. Returns 1 where it has ended and nothing is behind it, 0 where it
 * may go on, -1 where it is none. */
static inline int inflate_text(struct str packed, struct buf *out)
{
    z_stream zlib;
    int result = Z_OK;
    memset(&zlib, 0, sizeof(zlib));
    if (inflateInit2(&zlib, 15 + 16) != Z_OK) {
        return -1;
    }
    char *copy = malloc(packed.size + 1);
    memcpy(copy, packed.data, packed.size);
    zlib.next_in = (Bytef *)copy;
    zlib.avail_in = (uInt)packed.size;
    do {
        char piece[4096];
        zlib.next_out = (Bytef *)piece;
        zlib.avail_out = sizeof(piece);
        result = inflate(&zlib, Z_SYNC_FLUSH);
        buf_add(out, piece, sizeof(piece) - zlib.avail_out);
    } while (result == Z_OK && (zlib.avail_in > 0 || zlib.avail_out == 0));
    bool all = zlib.avail_in == 0;
    inflateEnd(&zlib);
    free(copy);
    return result == Z_STREAM_END && all ? 1 : (result == Z_OK || result == Z_BUF_ERROR) && all ? 0 : -1;
}

#endif
