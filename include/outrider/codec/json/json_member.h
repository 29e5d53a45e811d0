/* Writes a key and its value in one call; only inside an object. An absent value is written as null, so that documents always
 * have the same members; only json_member_text_if() leaves the key out. */
#ifndef OUTRIDER_CODEC_JSON_JSON_MEMBER_H
#define OUTRIDER_CODEC_JSON_JSON_MEMBER_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct json_writer;

/* A string, as json_write_string writes it. */
void json_member_string(struct json_writer *json, const char *name, struct str value);

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
