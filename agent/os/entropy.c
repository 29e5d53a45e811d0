#include "outrider/os/entropy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void entropy_fill(void *bytes, size_t size)
{
    if (getentropy(bytes, size) < 0) {
        perror("outrider: getentropy");
        abort();
    }
}
