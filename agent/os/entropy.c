#include "outrider/os/entropy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>

void entropy_fill(void *bytes, size_t size)
{
    char *at = bytes;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno != EINTR) {
            perror("outrider: getrandom");
            abort();
        }
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
}
