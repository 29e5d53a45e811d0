#include "numbers_internal.h"

void number_put(char *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

uint64_t number_at(const char *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)(unsigned char)from[i] << (8 * i);
    }
    return value;
}
