/* The code of this process that is mapped: its own and that of its libraries. */
#ifndef OUTRIDER_OS_MAPPED_CODE_H
#define OUTRIDER_OS_MAPPED_CODE_H

#include <stddef.h>

/* Lets go of every page of code and constants that this process has mapped, of its own file and of its libraries; what runs
 * again is mapped again, from the page cache, at its next use. After a start most of them belong to what ran once: the linker,
 * the initialisation of libraries, the configuration. Objects whose code the linker has changed (DT_TEXTREL) stay as they are.
 * Returns the bytes of the segments it was done for; 0 where the kernel refuses, which harms nothing. */
size_t mapped_code_release(void);

#endif
