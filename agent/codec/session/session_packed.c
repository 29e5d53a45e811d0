#include "outrider/codec/session/session_packed.h"

/* 9999-12-31: what is later is no time of a session, and sums with it do not overflow. */
#define TIME_MAX UINT64_C(253402300799999)

enum { TIMES = 4 };

int session_packed_read(struct str packed, struct str player, struct session *ret_session)
{
    struct session session = {.player = player};
    uint64_t times[TIMES];
    struct str numbers;
    const char *what;
    session.id = str_split(packed, '\n', &packed);
    session.server = str_split(packed, '\n', &packed);
    numbers = str_split(packed, '\n', &session.data);
    for (size_t i = 0; i < TIMES; i++) {
        if (str_to_u64(str_split(numbers, ' ', &numbers), TIME_MAX, &times[i]) < 0) {
            return -1;
        }
    }
    if (session_problem(&session, &what) != NULL) {
        return -1;
    }
    bool orphaned = times[3] != 0;
    session.state = orphaned ? SESSION_ORPHANED : SESSION_ACTIVE;
    session.created_ms = (int64_t)times[0];
    session.touched_ms = (int64_t)times[1];
    session.version = times[1];
    session.expires_ms = (int64_t)(orphaned && times[3] < times[2] ? times[3] : times[2]);
    *ret_session = session;
    return 0;
}

int session_place_read(struct str place, struct str *ret_player, struct str *ret_type)
{
    struct str type, player = str_split(place, '\0', &type);
    if (session_player_problem(player) != NULL || session_type_problem(type) != NULL) {
        return -1;
    }
    *ret_player = player;
    *ret_type = type;
    return 0;
}

int session_message_read(struct str message, struct session_event *ret_event, struct str *ret_token)
{
    struct session_event event = {0};
    struct str word = str_split(message, '\0', &message);
    struct str why = str_split(message, '\0', &message);
    struct str token = str_split(message, '\0', &message);
    struct str player;
    event.from = str_split(message, '\0', &message);
    player = str_split(message, '\0', &message);
    if (session_event_parse(word, &event.type) < 0) {
        return -1;
    }
    bool has_from = event.type == SESSION_ON_MOVED;
    if (event.type == SESSION_ON_GAP || session_packed_read(message, player, &event.session) < 0 ||
        (has_from ? session_server_problem(event.from) != NULL : event.from.size > 0) ||
        (event.type == SESSION_ON_ENDED ? session_why_parse(why, &event.why) < 0 : why.size > 0)) {
        return -1;
    }
    *ret_event = event;
    *ret_token = token;
    return 0;
}
