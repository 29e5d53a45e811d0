/* Lower-case hexadecimal digits. */
#ifndef OUTRIDER_CODEC_ACCESS_HEX_INTERNAL_H
#define OUTRIDER_CODEC_ACCESS_HEX_INTERNAL_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

struct buf;

/* Appends the digits of `bytes`. */
void hex_write(struct str bytes, struct buf *out);

/* Reads exactly `size` bytes. Returns 0, or -1 where the text is anything else, such as digits in upper case. */
int hex_read(struct str text, void *ret_bytes, size_t size) MUST_CHECK;

#endif
