/* The system calls by what needs them: what sandbox_compile makes the programs of. */
#ifndef OUTRIDER_OS_SANDBOX_CALLS_INTERNAL_H
#define OUTRIDER_OS_SANDBOX_CALLS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

enum calls_rule {
    CALLS_USUAL,  /* allowed */
    CALLS_EXEC,   /* allowed with SANDBOX_EXEC */
    CALLS_HOSTILE /* ends the process, unless a row above allows it */
};

/* A condition: the bits `mask` of argument `arg` (from 0) are `value`. A mask of 0: no condition. */
struct calls_test {
    unsigned arg;
    uint64_t mask, value;
};

enum { CALLS_TESTS_MAX = 3 };

/* Some calls with the same rule, for the same reason. */
struct calls_row {
    enum calls_rule rule;
    const char *reason;
    const char *names; /* separated by blanks */
    /* All must hold. Rows of one call add to each other. */
    struct calls_test tests[CALLS_TESTS_MAX];
};

extern const struct calls_row calls_rows[];
extern const size_t calls_row_count;

#endif
