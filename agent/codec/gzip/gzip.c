#include "outrider/codec/gzip/gzip.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    LEVEL = 1,
    FILE_WINDOW = 15,
    FILE_MEMORY = 8,
    BLOCKS_WINDOW = 13,
    BLOCKS_MEMORY = 5,
    GZIP_HEADER = 16
};

/* Room for what one call writes at once: most messages and pieces need no second one. */
enum { ROOM = 4096 };

struct gzip {
    z_stream zlib;
};

/* Never NULL, so that zlib has no error to tell. */
static void *allocate(void *opaque, unsigned count, unsigned size)
{
    (void)opaque;
    return mem_zalloc((size_t)count * size);
}

static void release(void *opaque, void *block)
{
    (void)opaque;
    free(block);
}

struct gzip *gzip_new(enum gzip_form form)
{
    struct gzip *gzip = mem_zalloc(sizeof(*gzip));
    int window = form == GZIP_FILE ? FILE_WINDOW + GZIP_HEADER : -BLOCKS_WINDOW;
    gzip->zlib.zalloc = allocate;
    gzip->zlib.zfree = release;
    int result = deflateInit2(&gzip->zlib, LEVEL, Z_DEFLATED, window,
                              form == GZIP_FILE ? FILE_MEMORY : BLOCKS_MEMORY, Z_DEFAULT_STRATEGY);
    assert(result == Z_OK);
    (void)result;
    return gzip;
}

void gzip_free(struct gzip *gzip)
{
    if (gzip != NULL) {
        (void)deflateEnd(&gzip->zlib);
        free(gzip);
    }
}

void gzip_add(struct gzip *gzip, struct str bytes, enum gzip_then then, struct buf *out)
{
    static const int flushes[] = {
        [GZIP_MORE] = Z_NO_FLUSH, [GZIP_FLUSH] = Z_SYNC_FLUSH, [GZIP_END] = Z_FINISH};
    z_stream *zlib = &gzip->zlib;
    union {
        const char *in;
        Bytef *out; /* zlib 1.2 takes what it only reads without const */
    } start = {bytes.data};
    zlib->next_in = start.out;
    zlib->avail_in = (uInt)bytes.size;
    assert(zlib->avail_in == bytes.size);
    do {
        char *to = buf_extend(out, ROOM);
        zlib->next_out = (Bytef *)to;
        zlib->avail_out = ROOM;
        (void)deflate(zlib, flushes[then]);
        out->size -= zlib->avail_out;
        out->data[out->size] = '\0';
    } while (zlib->avail_out == 0);
}

void gzip_restart(struct gzip *gzip)
{
    (void)deflateReset(&gzip->zlib);
}

struct str gzip_stream_head(void)
{
    /* deflate, no name, no time, fastest, Unix */
    return STR("\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\x03");
}
