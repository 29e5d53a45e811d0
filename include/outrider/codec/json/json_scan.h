/* A JSON scanner that works in place: no tree, no copies, no recursion. For records: they are read by the ten thousand and
 * passed on byte for byte, so every byte is checked although few members are used. */
#ifndef OUTRIDER_CODEC_JSON_JSON_SCAN_H
#define OUTRIDER_CODEC_JSON_JSON_SCAN_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

/* The deepest nesting that is accepted, here and in json_read.h. Our own documents have at most six levels. */
enum { JSON_DEPTH_MAX = 32 };

/* The scan of one text. The caller sets `text` and `err`, and ends with json_scan_fini(). */
struct json_scan {
    struct str text; /* must be UTF-8 */
    size_t at;
    struct error *err;
    bool keeps_all;     /* for strings that are checked later: see json_scan_string() */
    struct buf decoded; /* strings that have escapes; never moves once it is in use */
};

/* Frees decoded strings: strings with escapes that the scan returned are invalid afterwards. */
void json_scan_fini(struct json_scan *scan);

/* Each function below skips blanks, moves past what it reads and returns 0; or it sets `err` and returns -1. */

/* A string, borrowed from the text, or from the scan where it has escapes. An escaped NUL and an unpaired surrogate are errors: a C
 * string cannot hold the one, UTF-8 not the other. With keeps_all they are none: the string has a NUL byte, or three bytes that are
 * no UTF-8. */
int json_scan_string(struct json_scan *scan, struct str *ret_text) MUST_CHECK;

/* An integer from 0 to `max`. */
int json_scan_uint(struct json_scan *scan, uint64_t max, uint64_t *ret_value) MUST_CHECK;

/* Skips one value of any kind. */
int json_scan_skip(struct json_scan *scan) MUST_CHECK;

/* The first byte of the next value, which is not read; NUL at the end of the text. */
char json_scan_peek(struct json_scan *scan);

/* Takes null if it is the next value; returns whether it was. */
bool json_scan_null(struct json_scan *scan);

/* Goes through an array or an object: `first` takes the opening bracket, a later call the comma. Returns 1 when a value or a
 * name comes next, 0 after the closing bracket `close`. */
int json_scan_next(struct json_scan *scan, char close, bool first) MUST_CHECK;

/* The same of an object, with the name of the member: its value comes next. */
int json_scan_member(struct json_scan *scan, bool first, struct str *ret_name) MUST_CHECK;

/* The name of a member and its colon. */
int json_scan_name(struct json_scan *scan, struct str *ret_name) MUST_CHECK;

/* Checks that only blanks follow. */
int json_scan_end(struct json_scan *scan) MUST_CHECK;

#endif
