/* What holds for every input: else the fuzzer has found one. */
#ifndef OUTRIDER_FUZZ_MUST_H
#define OUTRIDER_FUZZ_MUST_H

#include <stdbool.h>
#include <stdlib.h>

static inline void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

#endif
