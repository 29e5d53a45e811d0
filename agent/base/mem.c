#include "outrider/base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("outrider: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *mem_zalloc(size_t size)
{
    return checked(calloc(1, size == 0 ? 1 : size));
}

void *mem_resize(void *old, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        checked(NULL);
    }
    size_t bytes = count * size;
    return checked(realloc(old, bytes == 0 ? 1 : bytes));
}

void *mem_grow(void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return list;
    }
    *capacity = *capacity == 0 ? 4 : *capacity * 2;
    return mem_resize(list, *capacity, size);
}

void *mem_copy(const void *data, size_t size)
{
    char *copy = mem_resize(NULL, size + 1, 1);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    copy[size] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return text == NULL ? NULL : mem_copy(text, strlen(text));
}

void mem_wipe(void *data, size_t size)
{
    explicit_bzero(data, size);
}

void mem_give_back(size_t large)
{
#ifdef M_MMAP_THRESHOLD /* glibc; it would raise both to the size of the largest block that was freed */
    (void)mallopt(M_MMAP_THRESHOLD, (int)large);
    (void)mallopt(M_TRIM_THRESHOLD, (int)large);
#else
    (void)large;
#endif
}
