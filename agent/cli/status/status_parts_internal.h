/* The parts of the status screen. status_words.c has the helpers; status_text.c, status_next.c,
 * status_registry.c and status_fleet.c write the lines. */
#ifndef OUTRIDER_CLI_STATUS_STATUS_PARTS_INTERNAL_H
#define OUTRIDER_CLI_STATUS_STATUS_PARTS_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>

struct buf;

/* Begins a line with its name; "": it continues the line above. */
void status_label(struct buf *out, const char *name);

/* "3 min 5 s" since a time in the document; false when there is none. */
bool status_age(const json_t *document, const char *path, char ret_span[static 32]);

/* status_registry.c: why the record is not published, for a document with registry.conflict. */
void status_conflict(const json_t *document, struct buf *out);

/* status_registry.c: the lines registry, endpoint, lease and control. */
void status_registry(const json_t *document, struct buf *out);

/* status_fleet.c: the lines of an observer; the line fleet of an agent that watches it. */
void status_observer(const json_t *document, struct buf *out);
void status_fleet(const json_t *document, struct buf *out);

#endif
