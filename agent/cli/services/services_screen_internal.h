/* The terminal of `outrider services --watch`: a table in its place, with a line below it. */
#ifndef OUTRIDER_CLI_SERVICES_SERVICES_SCREEN_INTERNAL_H
#define OUTRIDER_CLI_SERVICES_SERVICES_SCREEN_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct services_screen {
    bool colour;
    size_t rows, columns; /* as last drawn; 0: nothing is drawn yet */
    int64_t drawn;        /* clock_mono_ms */
    int64_t looked;       /* services_screen_is_old */
};

/* Standard output is a terminal. From now on Ctrl-C and the like end what colour there is, and the line. */
void services_screen_begin(struct services_screen *screen);

/* Draws the records of `services` (an array) and `notice`, which comes from anybody. */
void services_screen_draw(struct services_screen *screen, const json_t *services, const char *notice);

/* To be asked about once a second: whether the terminal has another size now, or shows something else because
 * the process was stopped meanwhile. */
bool services_screen_is_old(struct services_screen *screen);

/* Ends the line, for what is said after it. */
void services_screen_end(const struct services_screen *screen);

#endif
