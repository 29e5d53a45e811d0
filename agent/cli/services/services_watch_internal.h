/* `outrider services --watch`. */
#ifndef OUTRIDER_CLI_SERVICES_SERVICES_WATCH_INTERNAL_H
#define OUTRIDER_CLI_SERVICES_SERVICES_WATCH_INTERNAL_H

#include <stdbool.h>

struct client;

/* Follows the stream at `path` until it is interrupted: on a terminal the table in its place, else a line for
 * each change, with `json` an object in a line. Returns the exit status. */
int services_watch(const struct client *client, const char *path, bool json);

#endif
