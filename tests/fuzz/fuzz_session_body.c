/* Bodies of sessions: whatever is read and is a session can be written, and what was written reads as the same. */
#include "must.h"

#include "outrider/base/error.h"
#include "outrider/codec/json/json_write.h"
#include "outrider/codec/session/session_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The members that a body may have. */
static void write(const struct session_body *body, struct buf *out)
{
    struct json_writer json = {.out = out};
    json_write_object(&json);
    json_member_string(&json, "id", body->session.id);
    json_member_string(&json, "player", body->session.player);
    json_member_string(&json, "server", body->session.server);
    json_write_key(&json, "data");
    json_write_raw(&json, body->session.data.size == 0 ? STR("{ }") : body->session.data);
    if (body->expect == SESSION_EXPECT_ID) {
        json_member_string(&json, "replaces", body->replaces);
    } else if (body->expect == SESSION_EXPECT_NONE) {
        json_member_text(&json, "replaces", NULL);
    }
    json_write_object_end(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_body body, back;
    struct error err = {0};
    struct buf out = {0}, whole = {0};
    if (session_body_read((struct str){(const char *)data, size}, &body, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        session_body_fini(&body);
        return 0;
    }
    write(&body, &out);
    must(session_body_read(buf_view(&out), &back, &err) == 0);
    must(str_eq(back.session.id, body.session.id) && str_eq(back.session.player, body.session.player));
    must(str_eq(back.session.server, body.session.server) && str_eq(back.session.data, body.session.data));
    must(back.expect == body.expect && str_eq(back.replaces, body.replaces));
    struct json_writer json = {.out = &whole};
    json_write_object(&json);
    session_json_members(&json, &body.session);
    json_write_object_end(&json);
    must(str_is_utf8(buf_view(&whole)));
    session_body_fini(&back);
    session_body_fini(&body);
    buf_fini(&out);
    buf_fini(&whole);
    return 0;
}
