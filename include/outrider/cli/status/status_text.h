/* The document of GET /api/agent as one screen that answers "why is my server not ready?", the most important
 * line first. Pure: the same document gives the same text. */
#ifndef OUTRIDER_CLI_STATUS_STATUS_TEXT_H
#define OUTRIDER_CLI_STATUS_STATUS_TEXT_H

#include <jansson.h>
#include <stdbool.h>

struct buf;

/* Appends the screen to `out`, with colours when `colour`. */
void status_text(const json_t *document, bool colour, struct buf *out);

#endif
