/* The fleet as a table: what `outrider services` prints once and --watch draws again and again. */
#ifndef OUTRIDER_CLI_SERVICES_TABLE_H
#define OUTRIDER_CLI_SERVICES_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Appends the records of `services` (an array) as a table of at most `rows` lines (0: all of them), none
 * wider than `width` (0: no limit). */
void services_table(const json_t *services, size_t rows, size_t width, bool colour, struct buf *out);

#endif
