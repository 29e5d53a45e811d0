#include "outrider/cli/common/table.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/mem.h"
#include "outrider/codec/text/printable.h"

#include <stdlib.h>

enum { CELL_MAX = 80, GAP = 2 };

struct table_cell {
    char *text;
    const char *colour;
    size_t width;
};

/* ---- width ---- */

/* The columns and bytes of the character that `text` begins with. By blocks of Unicode's East Asian Width, because wcwidth
 * needs a locale. */
static size_t character_width(struct str text, size_t *ret_size)
{
    static const struct {
        uint32_t first, last;
        size_t width;
    } rows[] = {
        {0x300, 0x36f, 0},     {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},   {0x202a, 0x202e, 0},
        {0x2060, 0x2064, 0},   {0x20d0, 0x20f0, 0},   {0x2e80, 0x303e, 2},   {0x3041, 0x4dbf, 2},
        {0x4e00, 0xa4cf, 2},   {0xa960, 0xa97f, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
        {0xfe00, 0xfe0f, 0},   {0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
        {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2},
        {0x20000, 0x3fffd, 2},
    };
    size_t size = str_utf8_character(text);
    uint32_t character = (unsigned char)text.data[0] & (size < 2 ? 0x7f : 0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        character = character << 6 | ((unsigned char)text.data[i] & 0x3f);
    }
    *ret_size = size > 0 ? size : 1;
    for (size_t i = 0; i < COUNT_OF(rows) && character >= rows[i].first; i++) {
        if (character <= rows[i].last) {
            return rows[i].width;
        }
    }
    return 1;
}

/* The number of bytes that fit into `room` columns, and the columns they take. */
static size_t fitting(struct str text, size_t room, size_t *ret_width)
{
    size_t used = 0, size;
    *ret_width = 0;
    while (used < text.size) {
        size_t next = character_width((struct str){text.data + used, text.size - used}, &size);
        if (next > room - *ret_width) {
            break;
        }
        *ret_width += next;
        used += size;
    }
    return used;
}

/* Appends what fits into `room` columns: all of the text; or its words that leave room for "...", or where not even one
 * does, its characters. Returns the columns they take. */
static size_t add_fitting(struct buf *out, struct str text, size_t room)
{
    static const struct str dots = STR_INIT("...");
    size_t width, whole = fitting(text, room, &width);
    size_t words = whole == text.size || room < dots.size ? 0 : fitting(text, room - dots.size, &width);
    while (words > 0 && text.data[words] != ' ') {
        words--;
    }
    size_t size = words > 0 ? words : whole;
    (void)fitting((struct str){text.data, size}, room, &width);
    buf_add(out, text.data, size);
    buf_str(out, words > 0 ? dots : STR(""));
    return width + (words > 0 ? dots.size : 0);
}

size_t table_width(const char *text)
{
    size_t width;
    (void)fitting(str_of(text), SIZE_MAX, &width);
    return width;
}

/* ---- cells ---- */

void table_add(struct table *table, const char *text, const char *colour)
{
    table->cells = mem_grow(table->cells, table->count, &table->capacity, sizeof(table->cells[0]));
    struct buf plain = {0};
    char shown[CELL_MAX + 1];
    printable_add(&plain, str_of(text), SIZE_MAX, '?');
    brief_copy(shown, sizeof(shown), buf_view(&plain));
    struct table_cell *cell = &table->cells[table->count++];
    *cell = (struct table_cell){.text = mem_strdup(shown), .colour = colour};
    cell->width = table_width(cell->text);
    buf_fini(&plain);
}

size_t table_rows(const struct table *table)
{
    return table->columns == 0 ? 0 : table->count / table->columns;
}

/* One long text must not push every later row off the screen. */
enum { LEAST_MAX = 48 };

static void measure(const struct table *table, size_t ret_widths[static TABLE_COLUMNS_MAX])
{
    for (size_t column = 0; column < table->columns; column++) {
        ret_widths[column] = table->least == NULL ? 0 : table->least[column];
        for (size_t i = column; i < table->count; i += table->columns) {
            size_t width = table->cells[i].width;
            ret_widths[column] = width > ret_widths[column] ? width : ret_widths[column];
        }
        if (table->least != NULL) {
            table->least[column] = ret_widths[column] < LEAST_MAX ? ret_widths[column] : LEAST_MAX;
        }
    }
}

static void print_row(const struct table *table, const struct table_cell *row, const size_t *widths,
                      size_t room, bool colour, struct buf *out)
{
    size_t expected = 0; /* blanks before the next text */
    for (size_t column = 0; column < table->columns; column++) {
        const struct table_cell *cell = &row[column];
        if (widths[column] == 0) {
            continue;
        }
        size_t used = 0;
        if (cell->width > 0 && expected < room) {
            room -= expected;
            for (; expected > 0; expected--) {
                buf_str(out, STR(" "));
            }
            bool coloured = colour && cell->colour != NULL;
            if (coloured) {
                buf_printf(out, "\033[%sm", cell->colour);
            }
            used = add_fitting(out, str_of(cell->text), room);
            buf_str(out, coloured ? STR("\033[0m") : STR(""));
            room -= used;
        }
        expected += widths[column] - used + GAP;
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
