/* Random bytes from the kernel: for ids, lease ids and seeds. */
#ifndef OUTRIDER_OS_ENTROPY_H
#define OUTRIDER_OS_ENTROPY_H

#include <stddef.h>

/* Fills `size` bytes, at most 256. Waits for the kernel's pool right after boot. Aborts without getrandom(2): with
 * repeated ids two servers would write one record. */
void entropy_fill(void *bytes, size_t size);

#endif
