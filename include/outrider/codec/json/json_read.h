/* Typed access to the members of a jansson object, for the decoders of this program's own documents. A missing key is no error
 * and leaves the value unchanged; a key of the wrong type or beyond its limits is an error. null counts as missing. */
#ifndef OUTRIDER_CODEC_JSON_JSON_READ_H
#define OUTRIDER_CODEC_JSON_JSON_READ_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct error;

/* Whether `text` is nested at most JSON_DEPTH_MAX deep and has at most `values_max` values, by the brackets and commas outside of
 * its strings. jansson recurses, and allocates each value: both are bounded before it sees the bytes. */
bool json_is_modest(struct str text, size_t values_max);

/* Parses `text` as one object. The caller frees the result with json_decref(). NULL for anything else: longer than `max` bytes,
 * nested deeper than JSON_DEPTH_MAX, not UTF-8, a duplicate key, an escaped NUL. */
json_t *json_read_document(struct str text, size_t max, struct error *err) MUST_CHECK;

/* A string of at most `max` bytes, borrowed from the object; NULL stays when the key is missing. */
int json_read_text(const json_t *object, const char *key, size_t max, const char **ret_text,
                   struct error *err) MUST_CHECK;

/* One line: a string of at most `max` bytes without control characters. `value` is that of the member `name`, which the error
 * names; `ret_text` has room for `max` bytes and the NUL, and is untouched by an error. */
int json_read_line(const json_t *value, const char *name, size_t max, struct error *err,
                   char *ret_text) MUST_CHECK;

/* An integer between `min` and `max`; `ret_has` may be NULL. */
int json_read_int(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret_value,
                  bool *ret_has, struct error *err) MUST_CHECK;

/* A count that fits uint32_t. */
int json_read_count(const json_t *object, const char *key, uint32_t *ret_value, bool *ret_has,
                    struct error *err) MUST_CHECK;

/* true or false. */
int json_read_bool(const json_t *object, const char *key, bool *ret_value, struct error *err) MUST_CHECK;

/* An RFC 3339 time as ms since 1970; 1 for that moment and any before it, since 0 means that there is none. */
int json_read_time(const json_t *object, const char *key, int64_t *ret_wall_ms, struct error *err) MUST_CHECK;

/* An object with at most `max` members, borrowed; NULL stays when the key is missing. */
int json_read_object(const json_t *object, const char *key, size_t max, json_t **ret_value,
                     struct error *err) MUST_CHECK;

/* An array of ports, 1 to 65535, at most `max` of them. */
int json_read_ports(const json_t *object, const char *key, size_t max, uint16_t *ret_ports, size_t *ret_count,
                    struct error *err) MUST_CHECK;

#endif
