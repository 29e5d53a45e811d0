/* The document of GET /api/agent as one screen that answers "why is my server not ready?", the most important
 * line first. Pure: the same document gives the same text. */
#ifndef OUTRIDER_CLI_STATUS_STATUS_TEXT_H
#define OUTRIDER_CLI_STATUS_STATUS_TEXT_H

#include <jansson.h>
#include <stdbool.h>

struct buf;

/* Appends the screen to `out`, with colours when `colour`. */
void status_text(const json_t *document, bool colour, struct buf *out);

/* status_next.c: appends what would change the status, a line each without indentation, each ended; nothing
 * for a server that is well. */
void status_next(const json_t *document, struct buf *out);

/* status_words.c: appends `text` made printable: what a server says must not steer the terminal. NULL is "". */
void status_plain(struct buf *out, const char *text);

#endif
