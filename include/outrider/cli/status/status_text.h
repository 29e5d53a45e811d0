/* The document of GET /api/agent as one screen that answers "why is my server not ready?", the most important
 * line first. Pure: the same document gives the same text. */
#ifndef OUTRIDER_CLI_STATUS_STATUS_TEXT_H
#define OUTRIDER_CLI_STATUS_STATUS_TEXT_H

#include <jansson.h>
#include <stdbool.h>

struct buf;

/* Appends the screen to `out`, with colours when `colour`. */
void status_text(const json_t *document, bool colour, struct buf *out);

/* status_next.c: appends what would change the status, one line each, not indented; nothing for a ready
 * server. */
void status_next(const json_t *document, struct buf *out);

/* status_words.c: appends `text` with control characters replaced, because it may come from a game server.
 * NULL is "". */
void status_plain(struct buf *out, const char *text);

#endif
