/* Random bytes from the kernel: for ids, lease ids and seeds. */
#ifndef OUTRIDER_OS_ENTROPY_H
#define OUTRIDER_OS_ENTROPY_H

#include <stddef.h>

/* Fills `size` bytes; waits for the kernel's pool right after boot. Aborts when the kernel has no
 * getrandom(2): ids that repeat would let two servers write one record. */
void entropy_fill(void *bytes, size_t size);

#endif
