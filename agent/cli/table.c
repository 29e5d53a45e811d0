#include "table.h"

#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/printable.h"

#include <stdlib.h>

enum { CELL_MAX = 80, GAP = 2 };

struct table_cell {
    char *text;
    const char *colour;
    size_t width;
};

/* Characters, as if each took one column of the screen. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    }
    return width;
}

void table_add(struct table *table, const char *text, const char *colour)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        table->cells = mem_resize(table->cells, table->capacity, sizeof(table->cells[0]));
    }
    struct buf plain = {0};
    printable_add(&plain, str_of(text), CELL_MAX, '?');
    struct table_cell *cell = &table->cells[table->count++];
    *cell = (struct table_cell){.text = mem_strdup(buf_text(&plain)), .colour = colour};
    cell->width = width_of(cell->text);
    buf_fini(&plain);
}

size_t table_rows(const struct table *table)
{
    return table->columns == 0 ? 0 : table->count / table->columns;
}

static void measure(const struct table *table, size_t ret_widths[static TABLE_COLUMNS_MAX])
{
    for (size_t column = 0; column < table->columns; column++) {
        ret_widths[column] = 0;
        for (size_t i = column; i < table->count; i += table->columns) {
            size_t width = table->cells[i].width;
            ret_widths[column] = width > ret_widths[column] ? width : ret_widths[column];
        }
    }
}

/* At most `room` characters of the text. */
static size_t add_cut(struct buf *out, const char *text, size_t room)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        bool begins = ((unsigned char)*text & 0xc0) != 0x80;
        if (begins && width == room) {
            break;
        }
        width += begins ? 1 : 0;
        buf_add(out, text, 1);
    }
    return width;
}

static void print_row(const struct table *table, const struct table_cell *row, const size_t *widths,
                      size_t room, bool colour, struct buf *out)
{
    size_t owed = 0; /* blanks before the next text */
    for (size_t column = 0; column < table->columns; column++) {
        const struct table_cell *cell = &row[column];
        if (widths[column] == 0) {
            continue;
        }
        size_t used = 0;
        if (cell->width > 0 && owed < room) {
            room -= owed;
            for (; owed > 0; owed--) {
                buf_str(out, STR(" "));
            }
            bool coloured = colour && cell->colour != NULL;
            if (coloured) {
                buf_printf(out, "\033[%sm", cell->colour);
            }
            used = add_cut(out, cell->text, room);
            buf_str(out, coloured ? STR("\033[0m") : STR(""));
            room -= used;
        }
        owed += widths[column] - used + GAP;
    }
    buf_str(out, STR("\n"));
}

void table_print(const struct table *table, size_t from, size_t to, size_t width, bool colour,
                 struct buf *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    measure(table, widths);
    for (size_t row = from; row < to && row < table_rows(table); row++) {
        print_row(table, &table->cells[row * table->columns], widths, width == 0 ? SIZE_MAX : width, colour,
                  out);
    }
}

void table_fini(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i].text);
    }
    free(table->cells);
    *table = (struct table){0};
}
