/* JSON Pointer, RFC 6901: names one value of a document. */
#ifndef OUTRIDER_CODEC_JSON_JSON_POINTER_H
#define OUTRIDER_CODEC_JSON_JSON_POINTER_H

#include <jansson.h>

/* The value at `pointer` ("/online/count", "/servers/0"; "" is the document itself), borrowed from it. NULL where there is none:
 * a missing member, an index beyond the end, with a leading zero or "-", a step into a value that has no members, or a pointer
 * that does not begin with '/' or has a '~' without 0 or 1 after it. */
const json_t *json_pointer(const json_t *document, const char *pointer);

#endif
