/* Compression by zlib (RFC 1951, RFC 1952), fast rather than small, in as many pieces as the caller likes: it never runs longer than a
 * piece takes. Nothing of a peer is decompressed.
 *
 * A list is one file of gzip. A stream is a file without end: gzip_stream_head(), and then blocks that anyone can compress who knows what
 * the reader has got before (GZIP_BLOCKS). */
#ifndef OUTRIDER_CODEC_GZIP_GZIP_H
#define OUTRIDER_CODEC_GZIP_GZIP_H

#include "outrider/base/str.h"

struct buf;
struct gzip;

enum gzip_form {
    GZIP_FILE,  /* header, blocks, checksum: window of 15 bits, 270 kB of memory */
    GZIP_BLOCKS /* blocks alone: window of 13 bits, 50 kB of memory */
};

/* What follows a piece. */
enum gzip_then {
    GZIP_MORE,  /* more: what is written need not have all of it yet */
    GZIP_FLUSH, /* perhaps more, and the reader can read all of it now; ends at a byte */
    GZIP_END    /* nothing: the end is written */
};

/* An empty file, or no block. The caller owns it. Never NULL. */
struct gzip *gzip_new(enum gzip_form form);

/* Accepts NULL. */
void gzip_free(struct gzip *gzip);

/* Appends what `bytes` are compressed to. Not after GZIP_END. */
void gzip_add(struct gzip *gzip, struct str bytes, enum gzip_then then, struct buf *out);

/* Of GZIP_BLOCKS, after a flush: the next blocks refer to nothing before them, so that a reader who has not got that can read them. */
void gzip_restart(struct gzip *gzip);

/* What the file of a stream begins with, static. */
struct str gzip_stream_head(void);

#endif
