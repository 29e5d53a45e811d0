/* Members of the body of a request that places players. */
#include "placement_internal.h"

#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/core/seats/reservation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int body_ttl(const json_t *value, struct error *err, int64_t *ret_ms)
{
    const char *text = json_string_value(value);
    int64_t ms;
    if (text == NULL || duration_parse(str_of(text), &ms) < 0 || ms < RESERVATION_TTL_MIN_MS ||
        ms > RESERVATION_TTL_MAX_MS) {
        return error_set(err, ERROR_INVALID,
                         "ttl: must be a duration from \"1s\" to \"1h\", such as \"30s\"");
    }
    *ret_ms = ms;
    return 0;
}

static int take_string(struct placing *placing, const char *name, const json_t *value, struct error *err)
{
    if (!json_is_string(value)) {
        return error_set(err, ERROR_INVALID, "%s: must be a string", name);
    }
    const struct str text = {json_string_value(value), json_string_length(value)};
    return placing_take(placing, str_of(name), text, err);
}

static int take_number(struct placing *placing, const char *name, const json_t *value, struct error *err)
{
    char text[32];
    if (!json_is_integer(value)) {
        return error_set(err, ERROR_INVALID, "%s: must be a whole number", name);
    }
    snprintf(text, sizeof(text), "%" PRId64, (int64_t)json_integer_value(value));
    return placing_take(placing, str_of(name), str_of(text), err);
}

static int take_array(struct placing *placing, const char *name, const json_t *value, struct error *err)
{
    size_t index;
    const json_t *each;
    json_array_foreach(value, index, each)
    {
        if (take_string(placing, name, each, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int take_labels(struct placing *placing, const json_t *value, struct error *err)
{
    json_t *labels = (json_t *)(uintptr_t)value; /* jansson walks only what may be changed */
    if (!json_is_object(value)) {
        return error_set(err, ERROR_INVALID, "labels: must be an object of strings");
    }
    for (void *at = json_object_iter(labels); at != NULL; at = json_object_iter_next(labels, at)) {
        struct buf name = {0};
        buf_printf(&name, "label.%s", json_object_iter_key(at));
        int rc = take_string(placing, buf_text(&name), json_object_iter_value(at), err);
        buf_fini(&name);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

int body_placing(struct placing *placing, const char *name, const json_t *value, struct error *err)
{
    static const char *const texts[] = {"key",  "strategy", "near", "region",
                                        "zone", "group",    "tag",  "exclude"};
    bool is_list = strcmp(name, "tag") == 0 || strcmp(name, "exclude") == 0;
    if (strcmp(name, "seats") == 0) {
        return take_number(placing, name, value, err);
    }
    if (strcmp(name, "labels") == 0) {
        return take_labels(placing, value, err);
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (strcmp(name, texts[i]) == 0) {
            return is_list && json_is_array(value) ? take_array(placing, name, value, err)
                                                   : take_string(placing, name, value, err);
        }
    }
    return API_MEMBER_UNKNOWN;
}
