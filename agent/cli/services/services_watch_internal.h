/* `outrider services --watch`. */
#ifndef OUTRIDER_CLI_SERVICES_SERVICES_WATCH_INTERNAL_H
#define OUTRIDER_CLI_SERVICES_SERVICES_WATCH_INTERNAL_H

#include <stdbool.h>

struct client;

/* Follows the stream at `path` until it is interrupted. A terminal shows the table, redrawn; other outputs
 * get one line per change, with `json` a JSON object per line. Returns the exit status. */
int services_watch(const struct client *client, const char *path, bool json);

#endif
