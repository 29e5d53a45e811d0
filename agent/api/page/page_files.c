/* Finding a file and inflating it. */
#include "outrider/base/buf.h"
#include "page_internal.h"

#define ZLIB_CONST /* what is read is const */
#include <zlib.h>

const struct page_file *page_find(const struct page_files *files, struct str path)
{
    for (size_t low = 0, high = files->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct page_file *file = &files->list[middle];
        int order = str_compare(path, str_of(file->path));
        if (order == 0) {
            return file;
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return NULL;
}

/* The bits of the largest window, and that the bytes are gzip. */
enum { GZIP_WINDOW = 15 + 16 };

int page_inflate(const struct page_file *file, struct buf *out)
{
    z_stream stream = {.next_in = file->bytes, .avail_in = (uInt)file->size};
    struct buf content = {0};
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        return -1;
    }
    /* One byte more than is to come shows that no more comes. */
    stream.next_out = (Bytef *)buf_extend(&content, file->inflated + 1);
    stream.avail_out = (uInt)file->inflated + 1;
    int result = inflate(&stream, Z_FINISH);
    bool whole = result == Z_STREAM_END && stream.total_out == file->inflated && stream.avail_in == 0;
    (void)inflateEnd(&stream);
    if (whole) {
        buf_str(out, (struct str){content.data, file->inflated});
    }
    buf_fini(&content);
    return whole ? 0 : -1;
}
