/* The document of GET /api/agent as one screen that answers "why is my server not ready?", the most important
 * line first. Pure: the same document gives the same text. */
#ifndef OUTRIDER_CLI_STATUS_STATUS_INTERNAL_H
#define OUTRIDER_CLI_STATUS_STATUS_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>

struct buf;

/* Appends the screen to `out`, with colours when `colour`. */
void status_text(const json_t *document, bool colour, struct buf *out);

/* ---- parts of it: the texts of their document are printable (document_make_printable) ---- */

/* "3 min 5 s" since the time at a path of `of`, a part of the document; false when there is none. */
bool status_age(const json_t *document, const json_t *of, const char *path, char ret_span[static 32]);

/* The lines of endpoints whose last request failed while another one answers. */
void status_endpoints(const json_t *document, struct buf *out);

/* The lines registry, endpoint, cluster, watch, lease and control. */
void status_registry(const json_t *document, struct buf *out);

/* The lines that say what would change the status; none for a ready server. */
void status_next(const json_t *document, struct buf *out);

#endif
