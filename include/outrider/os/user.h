/* Who runs a command, and where. */
#ifndef OUTRIDER_OS_USER_H
#define OUTRIDER_OS_USER_H

#include "outrider/base/str.h"

#include <stdbool.h>

struct buf;

/* Appends `name`@HOST; NULL: the user of this process, and under sudo the one who called it. A name with an @ stands
 * for itself. */
void user_at_host(const char *name, struct buf *out);

enum { HOST_NAME_SIZE = 65 };

/* Writes the name of this machine, as gethostname() has it. Returns false when there is none. */
bool user_host_name(char ret_name[static HOST_NAME_SIZE]);

#endif
