#include "outrider/core/session/session.h"

#include "outrider/core/session/session_request.h"

enum { TYPE_MAX = 63, SERVER_ID_MAX = 128 };

_Static_assert(SESSION_SERVER_MAX == TYPE_MAX + 1 + SERVER_ID_MAX, "a server is TYPE/ID");

/* ---- names ---- */

static const char *const state_names[SESSION_STATE_COUNT] = {
    [SESSION_ACTIVE] = "active", [SESSION_ORPHANED] = "orphaned"};

static const char *const why_names[SESSION_WHY_COUNT] = {[SESSION_DELETED] = "deleted",
                                                         [SESSION_EXPIRED] = "expired",
                                                         [SESSION_REPLACED] = "replaced",
                                                         [SESSION_SERVER_GONE] = "server_gone"};

static const char *const op_names[SESSION_OP_COUNT] = {
    [SESSION_GET] = "get",       [SESSION_FIND] = "find",      [SESSION_PUT] = "put",
    [SESSION_TOUCH] = "touch",   [SESSION_END] = "end",        [SESSION_LIST] = "list",
    [SESSION_ORPHAN] = "orphan", [SESSION_RESTORE] = "restore"};

static const char *const failure_names[SESSION_FAILURE_COUNT] = {[SESSION_OK] = "ok",
                                                                 [SESSION_AWAY] = "away",
                                                                 [SESSION_FULL] = "full",
                                                                 [SESSION_INVALID] = "invalid",
                                                                 [SESSION_CONFLICT] = "conflict"};

static const char *const event_names[SESSION_EVENT_COUNT] = {
    [SESSION_ON_CREATED] = "created",   [SESSION_ON_MOVED] = "moved", [SESSION_ON_ORPHANED] = "orphaned",
    [SESSION_ON_RESTORED] = "restored", [SESSION_ON_ENDED] = "ended", [SESSION_ON_GAP] = "gap"};

static int parse(const char *const names[], int count, struct str name)
{
    for (int i = 0; i < count; i++) {
        if (str_eq(name, str_of(names[i]))) {
            return i;
        }
    }
    return -1;
}

const char *session_state_name(enum session_state state)
{
    return state_names[state];
}

const char *session_why_name(enum session_why why)
{
    return why_names[why];
}

int session_why_parse(struct str name, enum session_why *ret_why)
{
    int found = parse(why_names, SESSION_WHY_COUNT, name);
    if (found < 0) {
        return -1;
    }
    *ret_why = (enum session_why)found;
    return 0;
}

const char *session_op_name(enum session_op op)
{
    return op_names[op];
}

const char *session_failure_name(enum session_failure failure)
{
    return failure_names[failure];
}

const char *session_event_name(enum session_event_type type)
{
    return event_names[type];
}

int session_event_parse(struct str name, enum session_event_type *ret_type)
{
    int found = parse(event_names, SESSION_EVENT_COUNT, name);
    if (found < 0) {
        return -1;
    }
    *ret_type = (enum session_event_type)found;
    return 0;
}

/* ---- texts ---- */

static bool is_id_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == ':' || c == '~';
}

const char *session_id_problem(struct str text)
{
    if (text.size == 0) {
        return "is empty";
    }
    if (text.size > SESSION_ID_MAX) {
        return "is longer than 64 bytes";
    }
    if (str_eq(text, STR(".")) || str_eq(text, STR(".."))) {
        return "would not survive in a URL";
    }
    for (size_t i = 0; i < text.size; i++) {
        if (!is_id_character(text.data[i])) {
            return "has another character than letters, digits and . _ - : ~";
        }
    }
    return NULL;
}

const char *session_player_problem(struct str text)
{
    if (text.size == 0) {
        return "is empty";
    }
    if (text.size > SESSION_PLAYER_MAX) {
        return "is longer than 256 bytes";
    }
    if (!str_is_utf8(text)) {
        return "is not UTF-8";
    }
    return memchr(text.data, 0, text.size) == NULL ? NULL : "has a byte 0";
}

/* One part of a key of the registry. */
static const char *part_problem(struct str text, size_t max)
{
    if (text.size == 0 || text.size > max) {
        return text.size == 0 ? "lacks the type or the id" : "is longer than 63 bytes of type and 128 of id";
    }
    bool plain = str_is_utf8(text) && !str_has_control(text) && memchr(text.data, '/', text.size) == NULL &&
                 memchr(text.data, ' ', text.size) == NULL;
    return plain ? NULL : "has a blank, a control character, a second '/', or is not UTF-8";
}

const char *session_type_problem(struct str text)
{
    return part_problem(text, TYPE_MAX);
}

const char *session_server_problem(struct str text)
{
    struct str id, type = str_split(text, '/', &id);
    const char *problem = part_problem(type, TYPE_MAX);
    return problem == NULL ? part_problem(id, SERVER_ID_MAX) : problem;
}

struct str session_type_of(struct str server)
{
    struct str id, type = str_split(server, '/', &id);
    return type.size < server.size ? type : (struct str){0};
}

const char *session_problem(struct session *session, const char **ret_what)
{
    session->type = session_type_of(session->server);
    *ret_what = "id";
    const char *problem = session_id_problem(session->id);
    if (problem == NULL) {
        *ret_what = "player";
        problem = session_player_problem(session->player);
    }
    if (problem == NULL) {
        *ret_what = "server";
        problem = session_server_problem(session->server);
    }
    if (problem == NULL && session->data.size > SESSION_DATA_MAX) {
        *ret_what = "data";
        problem = "is longer than 4096 bytes";
    }
    return problem;
}
