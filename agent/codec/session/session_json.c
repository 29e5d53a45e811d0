#include "outrider/codec/session/session_json.h"

#include "outrider/base/error.h"
#include "outrider/codec/json/json_write.h"

void session_json_members(struct json_writer *json, const struct session *session)
{
    json_member_string(json, "id", session->id);
    json_member_string(json, "player", session->player);
    json_member_string(json, "type", session->type);
    json_member_string(json, "server", session->server);
    json_member_text(json, "state", session_state_name(session->state));
    json_member_time(json, "createdAt", session->created_ms);
    json_member_time(json, "touchedAt", session->touched_ms);
    json_member_time(json, "expiresAt", session->expires_ms);
    json_write_key(json, "data");
    json_write_raw(json, session->data.size == 0 ? STR("{}") : session->data);
}

/* ---- bodies ---- */

/* Copies JSON without the blanks between its parts. */
static void compact(struct str text, struct buf *out)
{
    bool in_string = false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (in_string && c == '\\') {
            buf_add(out, &text.data[i++], 2); /* the scan has seen what is escaped */
            continue;
        }
        in_string = c == '"' ? !in_string : in_string;
        if (in_string || (c != ' ' && c != '\t' && c != '\n' && c != '\r')) {
            buf_add(out, &c, 1);
        }
    }
}

static int read_data(struct session_body *body)
{
    struct json_scan *scan = &body->scan;
    if (json_scan_null(scan)) {
        return 0;
    }
    if (json_scan_peek(scan) != '{') {
        return error_set(scan->err, ERROR_INVALID, "data: must be an object");
    }
    size_t begin = scan->at;
    if (json_scan_skip(scan) < 0) {
        return -1;
    }
    compact((struct str){scan->text.data + begin, scan->at - begin}, &body->data);
    body->session.data = str_eq(buf_view(&body->data), STR("{}")) ? STR("") : buf_view(&body->data);
    return 0;
}

static int read_replaces(struct session_body *body)
{
    if (json_scan_null(&body->scan)) {
        body->expect = SESSION_EXPECT_NONE;
        return 0;
    }
    body->expect = SESSION_EXPECT_ID;
    return json_scan_string(&body->scan, &body->replaces);
}

static int read_member(struct session_body *body, struct str name)
{
    struct error *err = body->scan.err;
    const struct {
        struct str name;
        bool *has;
        struct str *text; /* NULL: it is no text */
    } members[] = {
        {STR("id"), &body->has_id, &body->session.id},
        {STR("player"), &body->has_player, &body->session.player},
        {STR("server"), &body->has_server, &body->session.server},
        {STR("type"), &body->has_type, &body->session.type},
        {STR("data"), &body->has_data, NULL},
        {STR("replaces"), &body->has_replaces, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (!str_eq(name, members[i].name)) {
            continue;
        }
        if (*members[i].has) {
            return error_set(err, ERROR_INVALID, "%.*s: is there twice", STR_ARG(name));
        }
        *members[i].has = true;
        if (members[i].text != NULL) {
            return json_scan_string(&body->scan, members[i].text);
        }
        return members[i].has == &body->has_data ? read_data(body) : read_replaces(body);
    }
    return error_set(err, ERROR_INVALID,
                     "unknown member `%.*s`: a session takes id, player, server, type, data and replaces",
                     name.size < 64 ? (int)name.size : 64, name.data);
}

int session_body_read(struct str text, struct session_body *ret_body, struct error *err)
{
    struct str name;
    int more;
    text = str_skip_bom(text);
    *ret_body = (struct session_body){.scan = {.text = text, .err = err}};
    if (!str_is_utf8(text)) {
        return error_set(err, ERROR_INVALID, "not JSON: not UTF-8");
    }
    if (json_scan_peek(&ret_body->scan) != '{') {
        return error_set(err, ERROR_INVALID, "the body must be a JSON object");
    }
    for (bool first = true; (more = json_scan_member(&ret_body->scan, first, &name)) > 0; first = false) {
        if (read_member(ret_body, name) < 0) {
            return -1;
        }
    }
    return more < 0 ? -1 : json_scan_end(&ret_body->scan);
}

void session_body_fini(struct session_body *body)
{
    json_scan_fini(&body->scan);
    buf_fini(&body->data);
}
