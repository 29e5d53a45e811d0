/* Sessions, places and messages of Redis: whatever is taken keeps the limits of core/session. */
#include "must.h"

#include "outrider/codec/session/session_packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct session session)
{
    const char *what;
    struct str type = session.type;
    must(session_problem(&session, &what) == NULL);
    must(str_eq(type, session.type));
    must(session.created_ms >= 0 && session.touched_ms >= 0 && session.expires_ms >= 0);
    must(session.state == SESSION_ACTIVE || session.state == SESSION_ORPHANED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, player, type, token;
    struct session session;
    struct session_event event;
    if (session_packed_read(text, STR("p"), &session) == 0) {
        check(session);
    }
    if (session_place_read(text, &player, &type) == 0) {
        must(session_player_problem(player) == NULL && session_type_problem(type) == NULL);
    }
    if (session_message_read(text, &event, &token) == 0) {
        check(event.session);
        must(event.type < SESSION_ON_GAP && event.why < SESSION_WHY_COUNT);
        must(event.from.size == 0 || session_server_problem(event.from) == NULL);
    }
    return 0;
}
