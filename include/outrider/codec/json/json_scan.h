/* Reading JSON in place: no tree, no copies, no recursion. For records, which are read by the ten thousand
 * and handed on as the bytes they are, so that every byte must be checked though few are looked at. */
#ifndef OUTRIDER_CODEC_JSON_JSON_SCAN_H
#define OUTRIDER_CODEC_JSON_JSON_SCAN_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct error;

/* What is deeper is no record; as json_read.h has it. */
enum { JSON_SCAN_DEPTH_MAX = 32 };

/* A walk through one text. Set `text` and `err`; end with json_scan_fini. */
struct json_scan {
    struct str text; /* must be UTF-8 */
    size_t at;
    struct error *err;
    struct buf decoded; /* strings that were written with escapes; never moves once it is in use */
};

/* Frees what the walk decoded; the strings it gave are gone where they had escapes. */
void json_scan_fini(struct json_scan *scan);

/* All of these skip blanks, move behind what they read and return 0; or set `err` and return -1. */

/* A string; borrowed from the text, or from the scan where it has escapes. A NUL and a lone surrogate are
 * errors, since no text of ours can hold them. */
int json_scan_string(struct json_scan *scan, struct str *ret_text) MUST_CHECK;

/* A whole number that is not negative, at most `max`. */
int json_scan_uint(struct json_scan *scan, uint64_t max, uint64_t *ret_value) MUST_CHECK;

/* Any value at all. */
int json_scan_skip(struct json_scan *scan) MUST_CHECK;

/* The first byte of the next value, which is not read; NUL at the end of the text. */
char json_scan_peek(struct json_scan *scan);

/* null, if it stands here: returns whether it did. */
bool json_scan_null(struct json_scan *scan);

/* The opening bracket `open` of an object or an array. */
int json_scan_open(struct json_scan *scan, char open) MUST_CHECK;

/* Behind the opening bracket or behind a value: `ret_more` says whether another member follows, past its
 * comma, or the container ended with `close`. `first`: nothing was read yet. */
int json_scan_more(struct json_scan *scan, char close, bool first, bool *ret_more) MUST_CHECK;

/* The name of a member and its colon. */
int json_scan_name(struct json_scan *scan, struct str *ret_name) MUST_CHECK;

/* Nothing but blanks to the end of the text. */
int json_scan_end(struct json_scan *scan) MUST_CHECK;

#endif
