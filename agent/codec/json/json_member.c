#include "outrider/codec/json/json_member.h"

#include "outrider/codec/json/json_write.h"

void json_member_string(struct json_writer *json, const char *name, struct str value)
{
    json_write_key(json, name);
    json_write_string(json, value);
}

void json_member_text(struct json_writer *json, const char *name, const char *value)
{
    json_write_key(json, name);
    json_write_text(json, value);
}

void json_member_text_if(struct json_writer *json, const char *name, const char *value)
{
    if (value != NULL) {
        json_member_text(json, name, value);
    }
}

void json_member_int(struct json_writer *json, const char *name, int64_t value)
{
    json_write_key(json, name);
    json_write_int(json, value);
}

void json_member_uint(struct json_writer *json, const char *name, uint64_t value)
{
    json_write_key(json, name);
    json_write_uint(json, value);
}

void json_member_bool(struct json_writer *json, const char *name, bool value)
{
    json_write_key(json, name);
    json_write_bool(json, value);
}

void json_member_time(struct json_writer *json, const char *name, int64_t wall_ms)
{
    json_write_key(json, name);
    if (wall_ms == 0) {
        json_write_null(json);
    } else {
        json_write_time(json, wall_ms);
    }
}

void json_member_span(struct json_writer *json, const char *name, int64_t ms)
{
    json_write_key(json, name);
    if (ms < 0) {
        json_write_null(json);
    } else {
        json_write_int(json, ms);
    }
}

void json_member_object(struct json_writer *json, const char *name)
{
    json_write_key(json, name);
    json_write_object(json);
}

void json_member_array(struct json_writer *json, const char *name)
{
    json_write_key(json, name);
    json_write_array(json);
}
