/* Writes JSON straight into a buffer: no tree, no allocation besides the buffer. Compact, keys in the order of the calls.
 * Encoding a record is part of the latency from status line to registry, so it must be fast. */
#ifndef OUTRIDER_CODEC_JSON_JSON_WRITE_H
#define OUTRIDER_CODEC_JSON_JSON_WRITE_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;

/* A document being written to the end of `out`, which is borrowed: {.out = &buf} begins one. */
struct json_writer {
    struct buf *out;
    bool more; /* the open container has a value already */
};

/* Opens and closes an object. As the value of a key, as an element of an array, or as the whole document. */
void json_write_object(struct json_writer *json);
void json_write_object_end(struct json_writer *json);

/* Opens and closes an array, likewise. */
void json_write_array(struct json_writer *json);
void json_write_array_end(struct json_writer *json);

/* The key of the next value; only inside an object. `name` is escaped like any string. */
void json_write_key(struct json_writer *json, const char *name);

/* A string value: quotes, backslashes and control bytes escaped (RFC 8259 section 7), the rest as it is. A
 * byte that belongs to no well-formed UTF-8 sequence becomes U+FFFD, so that the document is always valid. */
void json_write_string(struct json_writer *json, struct str value);

/* The same for NUL-terminated text; NULL gives null. */
void json_write_text(struct json_writer *json, const char *value);

/* A number, true or false, null. Readers in JavaScript are exact up to 2^53. */
void json_write_int(struct json_writer *json, int64_t value);
void json_write_uint(struct json_writer *json, uint64_t value);
void json_write_bool(struct json_writer *json, bool value);
void json_write_null(struct json_writer *json);

/* Wall time in ms since 1970 as an RFC 3339 string with milliseconds. */
void json_write_time(struct json_writer *json, int64_t wall_ms);

/* Appends a value that is JSON already, such as a stored record. Not checked. */
void json_write_raw(struct json_writer *json, struct str value);

/* json_member_...: a key and its value in one call; only inside an object. An absent value is written as null, so that
 * documents always have the same members; only json_member_text_if() leaves the key out. */

/* A string, as json_write_string writes it. */
void json_member_string(struct json_writer *json, const char *name, struct str value);

/* The same, and an empty one gives null. */
void json_member_string_or_null(struct json_writer *json, const char *name, struct str value);

/* NUL-terminated text; NULL gives null. */
void json_member_text(struct json_writer *json, const char *name, const char *value);

/* NUL-terminated text, or no member at all when `value` is NULL: absent means unset (docs/design/protocol.md,
 * "Record"). */
void json_member_text_if(struct json_writer *json, const char *name, const char *value);

/* A number, true or false. */
void json_member_int(struct json_writer *json, const char *name, int64_t value);
void json_member_uint(struct json_writer *json, const char *name, uint64_t value);
void json_member_bool(struct json_writer *json, const char *name, bool value);

/* Wall time in ms since 1970 as json_write_time() writes it; 0 means never and gives null. */
void json_member_time(struct json_writer *json, const char *name, int64_t wall_ms);

/* A duration in ms, or any number that cannot be negative; a negative value means unknown and gives null. */
void json_member_span(struct json_writer *json, const char *name, int64_t ms);

/* Opens an object or an array as the value; json_write_object_end and json_write_array_end close it. */
void json_member_object(struct json_writer *json, const char *name);
void json_member_array(struct json_writer *json, const char *name);

#endif
