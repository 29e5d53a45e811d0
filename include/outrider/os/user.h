/* Who runs a command. */
#ifndef OUTRIDER_OS_USER_H
#define OUTRIDER_OS_USER_H

#include "outrider/base/str.h"

struct buf;

/* Appends `name`@HOST; NULL: the user of this process, and under sudo the one who called it. A name with an @ stands
 * for itself. */
void user_at_host(const char *name, struct buf *out);

#endif
