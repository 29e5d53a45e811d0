/* The fleet as a table, for `outrider services` with and without --watch. */
#ifndef OUTRIDER_CLI_SERVICES_SERVICES_TABLE_INTERNAL_H
#define OUTRIDER_CLI_SERVICES_SERVICES_TABLE_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;

enum { SERVICES_COLUMNS = 8 };

/* Appends one record as a line without colours, aligned with the lines before it. `widths` keeps the
 * alignment between calls and is zeroed before the first one. */
void services_line(const json_t *record, size_t widths[static SERVICES_COLUMNS], struct buf *out);

/* Appends the records of `services` (an array) as a table of at most `rows` lines of at most `width` columns
 * (0: no limit). */
void services_table(const json_t *services, size_t rows, size_t width, bool colour, struct buf *out);

#endif
