/* Reading the document of GET /api/agent by path. A member that is absent, null or of another type
 * reads as nothing: an agent may be older or newer than the command. */
#ifndef OUTRIDER_CLI_COMMON_DOCUMENT_H
#define OUTRIDER_CLI_COMMON_DOCUMENT_H

#include "outrider/base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Parses JSON; NULL where it is not JSON. Whole numbers beyond int64, which other writers may put into their
 * records, become doubles. The caller owns the result. */
json_t *document_parse(struct str text);

/* Prints the document and a line end, with `flags` of jansson; on a terminal in ASCII, because a record may
 * contain control characters beyond it. Returns false when it cannot be printed. */
bool document_print(const json_t *document, size_t flags);

/* Replaces what a terminal could interpret in every text, as printable_add does: a text may come from a game server. */
void document_make_printable(json_t *document);

/* The member at a dotted path, "registry.conflict.lease"; NULL when there is none. */
const json_t *document_at(const json_t *object, const char *path);

/* Text at a path; NULL when there is none, or when it is empty. */
const char *document_text(const json_t *object, const char *path);

/* The text at a path, or `other`. */
const char *document_text_or(const json_t *object, const char *path, const char *other);

/* Whether the text at a path is `word`. */
bool document_is(const json_t *object, const char *path, const char *word);

/* A whole number at a path; a fraction is cut. Returns false when there is none. */
bool document_number(const json_t *object, const char *path, int64_t *ret_value);

/* The number at a path, or `other`. */
int64_t document_number_or(const json_t *object, const char *path, int64_t other);

/* Whether the member at a path is true. */
bool document_true(const json_t *object, const char *path);

/* Wall ms of a time at a path. Returns false when there is none. */
bool document_time(const json_t *object, const char *path, int64_t *ret_wall_ms);

/* A span at a path for people, rounded up so that a drain of 30 minutes begins with "30 min 0 s".
 * Returns false when there is none. */
bool document_span(const json_t *object, const char *path, char ret_span[static 32]);

#endif
