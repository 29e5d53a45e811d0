/* The parts of `outrider services` and `outrider route`: filters, the table, the terminal on which it is redrawn, the
 * stream that changes it. */
#ifndef OUTRIDER_CLI_SERVICES_SERVICES_INTERNAL_H
#define OUTRIDER_CLI_SERVICES_SERVICES_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct cli_given;
struct client;
struct command;

enum { SERVICES_COLUMNS = 8 };

/* Appends one record as a line without colours, aligned with the lines before it. `widths` keeps the
 * alignment between calls and is zeroed before the first one. */
void services_line(const json_t *record, size_t widths[static SERVICES_COLUMNS], struct buf *out);

/* Appends the records of `services` (an array), and of `offline` (as /api/services has them; NULL: none), as a table of
 * at most `rows` lines of at most `width` columns (0: no limit). */
void services_table(const json_t *services, const json_t *offline, size_t rows, size_t width, bool colour,
                    struct buf *out);

/* What the line below the table says. */
struct services_counts {
    int64_t total, ready, offline;
    int64_t stale_ms; /* the age of the agent's stale view; -1: it is not stale */
};

/* Appends "2 servers, 1 ready", and how old that is; without a line end. */
void services_footer(const struct services_counts *counts, struct buf *out);

/* Prints a document, as JSON or by `print`. Returns the exit status. */
int services_print(const json_t *document, bool json, void (*print)(const json_t *document));

/* Reads the document at `path` and prints it likewise. `absent` is the error of an agent that has no such path.
 * Returns the exit status. */
int services_show(const struct client *client, const char *path, const char *absent, bool json,
                  void (*print)(const json_t *document));

/* Whether the text can be a server type. */
bool services_is_type(const char *text);

/* An option with its value; NULL: it is not given. */
struct services_option {
    const char *name, *value;
};

/* Checks that no value that is given is empty. Returns 0, or the exit status of a usage error, printed. */
int services_check_given(const struct command *command, const struct services_option *options, size_t count);

/* Checks --region, --zone, --group, --tag and --label. Returns 0, or the exit status of a usage error, printed. */
int services_check_filters(const struct command *command, const struct cli_given *given);

/* Appends name=value to the query of `path`, both escaped; an empty value is left out. */
void services_add_parameter(struct buf *path, const char *name, const char *value);

/* Appends those filters. */
void services_add_filters(const struct cli_given *given, struct buf *path);

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

/* Follows the stream at `path` until it is interrupted. A terminal shows the table, redrawn; other outputs
 * get one line per change, with `json` a JSON object per line. Returns the exit status. */
int services_watch(const struct client *client, const char *path, bool json);

#endif
