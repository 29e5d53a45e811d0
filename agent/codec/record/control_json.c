#include "outrider/codec/record/control_json.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/server/hold.h"

#include <stdio.h>

static void encode_time(struct json_writer *json, const char *key, int64_t wall_ms)
{
    if (wall_ms > 0) {
        json_member_time(json, key, wall_ms);
    }
}

void control_encode(const struct hold *hold, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_write_key(&json, "hold");
    if (hold->set) {
        json_write_object(&json);
        json_member_text_if(&json, "reason", hold->reason[0] == '\0' ? NULL : hold->reason);
        json_member_text_if(&json, "by", hold->by[0] == '\0' ? NULL : hold->by);
        json_member_text_if(&json, "operation", hold->operation[0] == '\0' ? NULL : hold->operation);
        encode_time(&json, "since", hold->since_wall);
        encode_time(&json, "deadline", hold->deadline_wall);
        encode_time(&json, "expires", hold->expires_wall);
        json_write_object_end(&json);
    } else {
        json_write_null(&json);
    }
    json_write_object_end(&json);
}

/* The text becomes part of logs, status lines and records, so it must be one line. */
static int read_line(const json_t *object, const char *key, char *out, size_t max, struct error *err)
{
    const char *text = "";
    if (json_read_text(object, key, max, &text, err) < 0) {
        return -1;
    }
    if (str_has_control(str_of(text))) {
        return error_set(err, ERROR_INVALID, "%s: control characters are not allowed", key);
    }
    snprintf(out, max + 1, "%s", text);
    return 0;
}

static int decode_hold(const json_t *object, struct hold *hold, struct error *err)
{
    if (read_line(object, "reason", hold->reason, HOLD_REASON_MAX, err) < 0 ||
        read_line(object, "by", hold->by, HOLD_BY_MAX, err) < 0 ||
        read_line(object, "operation", hold->operation, ULID_LENGTH, err) < 0 ||
        json_read_time(object, "since", &hold->since_wall, err) < 0 ||
        json_read_time(object, "deadline", &hold->deadline_wall, err) < 0 ||
        json_read_time(object, "expires", &hold->expires_wall, err) < 0) {
        return error_wrap(err, "hold");
    }
    hold->set = true;
    return 0;
}

int control_decode(struct str text, struct hold *ret_hold, struct error *err)
{
    struct hold hold = {.deadline_mono = NEVER_MS, .expires_mono = NEVER_MS};
    json_t *root = json_read_document(text, CONTROL_MAX, err);
    if (root == NULL) {
        return -1;
    }
    const json_t *value = json_object_get(root, "hold");
    int result = 0;
    if (json_is_object(value)) {
        result = decode_hold(value, &hold, err);
    } else if (!json_is_null(value)) {
        result = error_set(err, ERROR_INVALID, "hold: %s; it is an object, or null to lift it",
                           value == NULL ? "missing" : "not an object");
    }
    if (result == 0) {
        *ret_hold = hold;
    }
    json_decref(root);
    return result;
}
