/* Sessions as JSON: as the API and the event stream write them, and the bodies that clients send. */
#ifndef OUTRIDER_CODEC_SESSION_SESSION_JSON_H
#define OUTRIDER_CODEC_SESSION_SESSION_JSON_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/codec/json/json_scan.h"
#include "outrider/core/session/session_request.h"

struct error;
struct json_writer;

/* Writes the members of a session into the object that is open: id, player, type, server, state, createdAt, touchedAt, expiresAt,
 * data. */
void session_json_members(struct json_writer *json, const struct session *session);

/* The body of a request that makes or changes a session. */
struct session_body {
    struct session
        session; /* id, player, server, data as they were given; borrowed from the body and from this */
    bool has_id, has_player, has_server, has_type, has_data, has_replaces;
    enum session_expect expect; /* `replaces`: an id, null: none; absent: any */
    struct str replaces;
    struct json_scan scan;
    struct buf data;
};

/* Reads `text`, which outlives the body: an object with members of {id, player, server, type, data, replaces}, each once. `data` is
 * an object, kept as it is without blanks; {} is as none. Sizes and characters are the matter of session_problem(). Returns 0; or -1
 * with ERROR_INVALID. To be ended with session_body_fini() either way. */
int session_body_read(struct str text, struct session_body *ret_body, struct error *err) MUST_CHECK;

/* Frees what was decoded; accepts a zeroed one. */
void session_body_fini(struct session_body *body);

#endif
