/* A file that ends with a checksum, for a fuzzer, which cannot guess one: the bytes as they are, and with a checksum that fits. */
#ifndef OUTRIDER_FUZZ_SEALED_FILE_H
#define OUTRIDER_FUZZ_SEALED_FILE_H

#include "must.h"

#include "outrider/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Reads `text` and writes what was read to `out`; false: it cannot be read. */
typedef bool sealed_pass_fn(struct str text, struct buf *out);

/* What is written reads as the same. */
static inline void sealed_check(struct str text, sealed_pass_fn *pass_through)
{
    struct buf once = {0}, twice = {0};
    if (pass_through(text, &once)) {
        must(pass_through(buf_view(&once), &twice));
        must(str_eq(buf_view(&once), buf_view(&twice)));
    }
    buf_fini(&once);
    buf_fini(&twice);
}

static inline void sealed_fuzz(const uint8_t *data, size_t size, sealed_pass_fn *pass_through)
{
    sealed_check((struct str){(const char *)data, size}, pass_through);
    struct buf sealed = {0};
    buf_add(&sealed, data, size);
    uint64_t sum = XXH64(data, size, 0);
    char *end = buf_extend(&sealed, 8);
    for (int i = 0; i < 8; i++) {
        end[i] = (char)(unsigned char)(sum >> (8 * i));
    }
    sealed_check(buf_view(&sealed), pass_through);
    buf_fini(&sealed);
}

#endif
