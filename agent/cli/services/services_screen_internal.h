/* The terminal of `outrider services --watch`: a table that is redrawn, with a notice below it. */
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
    int64_t looked;       /* clock_mono_ms of the last services_screen_is_old */
};

/* Standard output must be a terminal. From now on Ctrl-C and similar signals reset the colour and end the
 * line. */
void services_screen_begin(struct services_screen *screen);

/* Draws the records of `services` (an array) and `notice`, which is untrusted text. */
void services_screen_draw(struct services_screen *screen, const json_t *services, const char *notice);

/* Whether the terminal must be redrawn, because its size has changed or the process was stopped. Must be
 * called about once a second. */
bool services_screen_is_old(struct services_screen *screen);

/* Ends the line, before other output. */
void services_screen_end(const struct services_screen *screen);

#endif
