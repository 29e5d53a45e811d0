/* What `outrider services` and its --watch share. */
#ifndef OUTRIDER_CLI_CMD_SERVICES_H
#define OUTRIDER_CLI_CMD_SERVICES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct client;

/* Appends the records of `services` (an array) as a table of at most `rows` lines (0: all of them), none
 * wider than `width` (0: no limit). */
void services_table(const json_t *services, size_t rows, size_t width, bool colour, struct buf *out);

/* How jansson is to write what servers have said: to a terminal in ASCII, as there are controls beyond it. */
size_t services_json_flags(void);

/* Follows the stream at `path` until it is interrupted: on a terminal the table in its place, else a line for
 * each change, with `json` an object in a line. Returns the exit status. */
int services_watch(const struct client *client, const char *path, bool json);

#endif
