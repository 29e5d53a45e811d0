/* Text in columns, for people. */
#ifndef OUTRIDER_CLI_COMMON_TABLE_H
#define OUTRIDER_CLI_COMMON_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum { TABLE_COLUMNS_MAX = 10 };

/* Rows of cells. {.columns = N} is an empty table. */
struct table {
    size_t columns;
    struct table_cell *cells;
    size_t count, capacity; /* cells */
    size_t *least; /* minimum width of each column; table_print raises them, so that the next table is aligned
                    * with this one. NULL: none; borrowed */
};

/* Appends a cell, from left to right, row after row. `text` is copied with control characters replaced; NULL
 * is empty. `colour` is the number of an SGR sequence ("32"; it must outlive the table) or NULL. */
void table_add(struct table *table, const char *text, const char *colour);

/* Appends rows `from` to before `to` (the first is the head), each ended, columns aligned over the whole
 * table; no line wider than `width` columns (0: no limit); columns that are empty in every row left out.
 */
void table_print(const struct table *table, size_t from, size_t to, size_t width, bool colour,
                 struct buf *out);

/* Columns of a terminal that the text takes: two for a wide character (Hangul, Kanji, most emoji), none for a
 * combining one. `text` is UTF-8 without controls. */
size_t table_width(const char *text);

/* The number of rows. */
size_t table_rows(const struct table *table);

/* Accepts a zeroed table. */
void table_fini(struct table *table);

#endif
