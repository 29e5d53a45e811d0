/* Allocation that cannot fail: the process aborts when memory runs out, and the next agent takes the lease over. */
#ifndef OUTRIDER_BASE_MEM_H
#define OUTRIDER_BASE_MEM_H

#include <stddef.h>

/* Returns `size` zeroed bytes, owned by the caller (free()). Never NULL; `size` 0 gives a unique pointer. */
void *mem_zalloc(size_t size);

/* Like realloc(); takes ownership of `old`. The bytes beyond the old size are undefined. Aborts when
 * `count * size` overflows. Never NULL. */
void *mem_resize(void *old, size_t count, size_t size);

/* Makes room for one more element of `size` bytes behind the `count` of `list`, which has room for `capacity`: both NULL and 0
 * at first, both kept by the caller. Returns the list, moved where it had to grow. */
void *mem_grow(void *list, size_t count, size_t *capacity, size_t size);

/* Returns a copy of `size` bytes at `data` followed by a NUL that `size` does not count; owned by the
 * caller. `data` may be NULL when `size` is 0. */
void *mem_copy(const void *data, size_t size);

/* Returns a copy of the NUL-terminated `text`, owned by the caller; NULL for NULL. */
char *mem_strdup(const char *text);

/* Overwrites `size` bytes; the compiler cannot remove the call. For passwords and tokens. */
void mem_wipe(void *data, size_t size);

/* From now on blocks of `large` bytes and more go back to the system when they are freed, whatever was freed before: a long list
 * that is asked for once must not stay. Each of them costs system calls. For a program that runs for long; process-wide, at its
 * start. */
void mem_give_back(size_t large);

#endif
