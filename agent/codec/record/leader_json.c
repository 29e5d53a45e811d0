#include "outrider/codec/record/leader_json.h"

#include "outrider/base/error.h"
#include "outrider/codec/json/json_read.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/core/leader/leaders.h"

#include <stdio.h>

void leader_encode(const struct candidate *candidate, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_text(&json, "type", candidate->type);
    json_member_text(&json, "id", candidate->id);
    json_member_text_if(&json, "host", candidate->host[0] == '\0' ? NULL : candidate->host);
    if (candidate->since_wall > 0) {
        json_member_time(&json, "since", candidate->since_wall);
    }
    json_write_object_end(&json);
}

static int read_word(const json_t *object, const char *key, bool required, char out[CANDIDATE_TEXT_MAX + 1],
                     struct error *err)
{
    const char *text = "";
    if (json_read_text(object, key, CANDIDATE_TEXT_MAX, &text, err) < 0) {
        return -1;
    }
    if (required && text[0] == '\0') {
        return error_set(err, ERROR_INVALID, "%s: missing or empty", key);
    }
    for (struct str rest = str_of(text); rest.size > 0;) {
        size_t size = str_utf8_character(rest);
        if (str_is_control((struct str){rest.data, size})) {
            return error_set(err, ERROR_INVALID, "%s: control characters are not allowed", key);
        }
        rest = (struct str){rest.data + size, rest.size - size};
    }
    snprintf(out, CANDIDATE_TEXT_MAX + 1, "%s", text);
    return 0;
}

int leader_decode(struct str text, struct candidate *ret_candidate, struct error *err)
{
    struct candidate read = {.since_wall = 0};
    json_t *root = json_read_document(text, LEADER_VALUE_MAX, err);
    if (root == NULL) {
        return -1;
    }
    int result = read_word(root, "type", true, read.type, err) < 0 ||
                         read_word(root, "id", true, read.id, err) < 0 ||
                         read_word(root, "host", false, read.host, err) < 0 ||
                         json_read_time(root, "since", &read.since_wall, err) < 0
                     ? -1
                     : 0;
    json_decref(root);
    if (result == 0) {
        *ret_candidate = read;
    }
    return result;
}

void leader_json_scope(const struct leaders_scope *scope, struct buf *out)
{
    struct json_writer json = {.out = out};
    const char *host = scope->who.host;
    json_write_object(&json);
    json_member_string(&json, "scope", scope->name);
    if (scope->named) {
        json_member_object(&json, "leader");
        json_member_text(&json, "type", scope->who.type);
        json_member_text(&json, "id", scope->who.id);
        json_member_text(&json, "host", host[0] == '\0' ? NULL : host);
        json_write_object_end(&json);
    } else {
        json_member_text(&json, "leader", NULL);
    }
    json_member_span(&json, "token", scope->token > 0 ? scope->token : -1);
    json_member_time(&json, "since", scope->token > 0 ? scope->since_wall : 0);
    json_member_uint(&json, "candidates", scope->candidates);
    json_write_object_end(&json);
}
