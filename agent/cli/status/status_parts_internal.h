/* The parts of the status screen. The texts of the document are printable (document_make_printable). */
#ifndef OUTRIDER_CLI_STATUS_STATUS_PARTS_INTERNAL_H
#define OUTRIDER_CLI_STATUS_STATUS_PARTS_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>

struct buf;

/* "3 min 5 s" since the time at a path of `of`, a part of the document; false when there is none. */
bool status_age(const json_t *document, const json_t *of, const char *path, char ret_span[static 32]);

/* status_registry.c: the lines registry, endpoint, cluster, watch, lease and control. */
void status_registry(const json_t *document, struct buf *out);

/* status_next.c: the lines that say what would change the status; none for a ready server. */
void status_next(const json_t *document, struct buf *out);

#endif
