/* The programs that sandbox_compile makes of the lists when this is built. */
#ifndef OUTRIDER_OS_SANDBOX_SANDBOX_INTERNAL_H
#define OUTRIDER_OS_SANDBOX_SANDBOX_INTERNAL_H

#include "outrider/os/sandbox/sandbox.h"

#include <linux/filter.h>
#include <stddef.h>

/* Instructions of classic BPF; none where the build has no filter. */
struct sandbox_program {
    const struct sock_filter *filter;
    size_t count;
};

/* One for each set of enum sandbox_more. */
enum { SANDBOX_PROGRAMS = 2 * SANDBOX_EXEC };

extern const struct sandbox_program sandbox_programs[SANDBOX_PROGRAMS];

#endif
