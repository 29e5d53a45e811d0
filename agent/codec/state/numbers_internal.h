/* Numbers as the binary files have them: little endian, of `size` bytes, 8 at most. */
#ifndef OUTRIDER_CODEC_STATE_NUMBERS_INTERNAL_H
#define OUTRIDER_CODEC_STATE_NUMBERS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* Writes the `size` lowest bytes of `value`. */
void number_put(char *to, uint64_t value, size_t size);

uint64_t number_at(const char *from, size_t size);

#endif
