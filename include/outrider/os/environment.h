/* Variables of the environment that libraries obey and that this program must not. */
#ifndef OUTRIDER_OS_ENVIRONMENT_H
#define OUTRIDER_OS_ENVIRONMENT_H

#include <stddef.h>

enum { ENVIRONMENT_REMOVED_MAX = 8 };

/* Removes the variables by which a secret would be written to a file, or another host reached than the one that is
 * configured (docs/operating.md, "The environment"). To be called before any library is initialised and before there are
 * threads. Returns how many were set and writes their names, which are static. */
size_t environment_clean(const char *ret_names[static ENVIRONMENT_REMOVED_MAX]);

#endif
