#include "outrider/codec/json/json_read.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_scan.h"

#include <inttypes.h>
#include <stdio.h>

bool json_is_modest(struct str text, size_t values_max)
{
    size_t depth = 0, values = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (quoted) {
            i += c == '\\' ? 1 : 0;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0 ? 1 : 0;
        } else if (c == '{' || c == '[' || c == ',') {
            depth += c == ',' ? 0 : 1;
            if (depth > JSON_DEPTH_MAX || ++values > values_max) {
                return false;
            }
        }
    }
    return true;
}

json_t *json_read_document(struct str text, size_t max, struct error *err)
{
    text = str_skip_bom(text);
    if (text.size > max) {
        error_set(err, ERROR_LIMIT, "%zu bytes of JSON, at most %zu are read", text.size, max);
        return NULL;
    }
    if (!json_is_modest(text, SIZE_MAX)) {
        error_set(err, ERROR_LIMIT, "JSON nested deeper than %d", JSON_DEPTH_MAX);
        return NULL;
    }
    json_error_t why;
    json_t *root = json_loadb(text.data == NULL ? "" : text.data, text.size, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        error_set(err, ERROR_INVALID, "not JSON: %s at line %d, column %d", why.text, why.line, why.column);
        return NULL;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        error_set(err, ERROR_INVALID, "not a JSON object");
        return NULL;
    }
    return root;
}

static json_t *find(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

int json_read_text(const json_t *object, const char *key, size_t max, const char **ret_text,
                   struct error *err)
{
    const json_t *value = find(object, key);
    if (value == NULL) {
        return 0;
    }
    if (!json_is_string(value)) {
        return error_set(err, ERROR_INVALID, "%s: not a string", key);
    }
    if (json_string_length(value) > max) {
        return error_set(err, ERROR_LIMIT, "%s: longer than %zu bytes", key, max);
    }
    *ret_text = json_string_value(value);
    return 0;
}

static int check_int(const json_t *value, const char *key, int64_t min, int64_t max, int64_t *ret_value,
                     struct error *err)
{
    if (!json_is_integer(value)) {
        return error_set(err, ERROR_INVALID, "%s: not a whole number", key);
    }
    int64_t number = json_integer_value(value);
    if (number < min || number > max) {
        return error_set(err, ERROR_LIMIT, "%s: %" PRId64 " is not between %" PRId64 " and %" PRId64, key,
                         number, min, max);
    }
    *ret_value = number;
    return 0;
}

int json_read_line(const json_t *value, const char *name, size_t max, struct error *err, char *ret_text)
{
    if (!json_is_string(value)) {
        return error_set(err, ERROR_INVALID, "%s: must be a string", name);
    }
    if (json_string_length(value) > max) {
        return error_set(err, ERROR_LIMIT, "%s: longer than %zu bytes", name, max);
    }
    if (str_has_control(str_of(json_string_value(value)))) {
        return error_set(err, ERROR_INVALID, "%s: control characters are not allowed", name);
    }
    snprintf(ret_text, max + 1, "%s", json_string_value(value));
    return 0;
}

int json_read_int(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret_value,
                  bool *ret_has, struct error *err)
{
    const json_t *value = find(object, key);
    if (value == NULL) {
        return 0;
    }
    if (check_int(value, key, min, max, ret_value, err) < 0) {
        return -1;
    }
    if (ret_has != NULL) {
        *ret_has = true;
    }
    return 0;
}

int json_read_count(const json_t *object, const char *key, uint32_t *ret_value, bool *ret_has,
                    struct error *err)
{
    int64_t value = *ret_value;
    if (json_read_int(object, key, 0, UINT32_MAX, &value, ret_has, err) < 0) {
        return -1;
    }
    *ret_value = (uint32_t)value;
    return 0;
}

int json_read_bool(const json_t *object, const char *key, bool *ret_value, struct error *err)
{
    const json_t *value = find(object, key);
    if (value == NULL) {
        return 0;
    }
    if (!json_is_boolean(value)) {
        return error_set(err, ERROR_INVALID, "%s: neither true nor false", key);
    }
    *ret_value = json_is_true(value);
    return 0;
}

int json_read_time(const json_t *object, const char *key, int64_t *ret_wall_ms, struct error *err)
{
    const char *text = NULL;
    if (json_read_text(object, key, 64, &text, err) < 0) {
        return -1;
    }
    int64_t wall_ms = *ret_wall_ms;
    if (text != NULL && timestamp_parse(str_of(text), &wall_ms) < 0) {
        return error_set(err, ERROR_INVALID, "%s: not a time like 2026-11-21T02:14:00.123Z", key);
    }
    if (text != NULL && wall_ms < 1) {
        wall_ms = 1; /* 0 means that there is none */
    }
    *ret_wall_ms = wall_ms;
    return 0;
}

int json_read_object(const json_t *object, const char *key, size_t max, json_t **ret_value, struct error *err)
{
    json_t *value = find(object, key);
    if (value == NULL) {
        return 0;
    }
    if (!json_is_object(value)) {
        return error_set(err, ERROR_INVALID, "%s: not an object", key);
    }
    if (json_object_size(value) > max) {
        return error_set(err, ERROR_LIMIT, "%s: more than %zu members", key, max);
    }
    *ret_value = value;
    return 0;
}

int json_read_ports(const json_t *object, const char *key, size_t max, uint16_t *ret_ports, size_t *ret_count,
                    struct error *err)
{
    const json_t *array = find(object, key);
    if (array != NULL && !json_is_array(array)) {
        return error_set(err, ERROR_INVALID, "%s: not an array", key);
    }
    size_t count = json_array_size(array);
    if (count > max) {
        return error_set(err, ERROR_LIMIT, "%s: more than %zu elements", key, max);
    }
    for (size_t i = 0; i < count; i++) {
        int64_t port = 0;
        if (check_int(json_array_get(array, i), key, 1, UINT16_MAX, &port, err) < 0) {
            return -1;
        }
        ret_ports[i] = (uint16_t)port;
    }
    *ret_count = count;
    return 0;
}
