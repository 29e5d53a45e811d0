#include "services_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/table.h"
#include "outrider/codec/text/printable.h"
#include "outrider/os/clock.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A longer time between two ticks means that the process was stopped (Ctrl-Z). */
enum { STOPPED_MS = 3000 };
enum { ROWS_MIN = 4, ROWS_UNKNOWN = 24, COLUMNS_UNKNOWN = 80, NOTICE_LINES_MAX = 3 };

#define LINE_END "\033[0m\n"

/* The last write may have ended inside a coloured cell. */
static void on_end(int number)
{
    ssize_t done = write(STDOUT_FILENO, LINE_END, sizeof(LINE_END) - 1);
    (void)done;
    signal(number, SIG_DFL);
    raise(number);
}

void services_screen_begin(struct services_screen *screen)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct sigaction before;
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            sigaction(ends[i], &(struct sigaction){.sa_handler = on_end}, NULL);
        }
    }
    *screen = (struct services_screen){.colour = cli_colour(), .looked = clock_mono_ms()};
}

static void measure(size_t *ret_rows, size_t *ret_columns)
{
    struct winsize size = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    *ret_rows = !known ? ROWS_UNKNOWN : size.ws_row > ROWS_MIN ? size.ws_row : ROWS_MIN;
    *ret_columns = known ? size.ws_col : COLUMNS_UNKNOWN;
}

/* The table leaves room for the lines of the notice and one more, so that nothing scrolls. */
static void compose(const struct services_screen *screen, const json_t *services, const char *notice,
                    struct buf *out)
{
    struct buf below = {0}, plain = {0};
    size_t lines_max = screen->rows > 2 * NOTICE_LINES_MAX ? NOTICE_LINES_MAX : 1;
    printable_add(&plain, str_of(notice), SIZE_MAX, '?');
    size_t shown = brief_size(buf_view(&plain), lines_max * screen->columns);
    buf_add(&below, plain.data, shown);
    buf_str(&below, shown < plain.size ? STR("...") : STR(""));
    buf_fini(&plain);
    size_t lines = (table_width(buf_text(&below)) + screen->columns - 1) / screen->columns;
    services_table(services, NULL, screen->rows - 1 - lines, screen->columns, screen->colour, out);
    buf_str(out, buf_view(&below));
    buf_fini(&below);
}

/* Overwrites from the top without clearing, so that nothing flickers. After a change of size the lines are
 * wrapped differently, so the terminal is cleared. */
void services_screen_draw(struct services_screen *screen, const json_t *services, const char *notice)
{
    struct buf table = {0}, out = {0};
    size_t rows = screen->rows, columns = screen->columns;
    measure(&screen->rows, &screen->columns);
    compose(screen, services, notice, &table);
    bool same = rows == screen->rows && columns == screen->columns;
    buf_str(&out, same ? STR("\033[H") : STR("\033[H\033[2J"));
    struct str rest = buf_view(&table);
    while (rest.size > 0) {
        bool last = memchr(rest.data, '\n', rest.size) == NULL;
        buf_str(&out, str_split(rest, '\n', &rest));
        buf_str(&out, last ? STR("\033[K") : STR("\033[K\n"));
    }
    buf_str(&out, STR("\033[J"));
    fputs(buf_text(&out), stdout);
    fflush(stdout);
    buf_fini(&table);
    buf_fini(&out);
    screen->drawn = clock_mono_ms();
}

bool services_screen_is_old(struct services_screen *screen)
{
    size_t rows, columns;
    int64_t before = screen->looked;
    screen->looked = clock_mono_ms();
    if (screen->rows == 0) {
        return false;
    }
    measure(&rows, &columns);
    if (screen->looked - before > STOPPED_MS) {
        screen->rows = screen->columns = 0;
        return true;
    }
    return rows != screen->rows || columns != screen->columns;
}

void services_screen_end(const struct services_screen *screen)
{
    if (screen->rows > 0) {
        fputs(LINE_END, stdout);
        fflush(stdout);
    }
}
