/* Sessions as they stand in Redis, and the messages that tell of them. Written by the scripts of session/redis (and by its tests), read
 * here.
 *
 *     a session       ID LF SERVER LF CREATED SP TOUCHED SP EXPIRES SP UNTIL SP TOKEN LF DATA      times in ms since 1970;
 *                     UNTIL: the end of the grace of an orphaned one, else 0; TOKEN: of the request that put it
 *     its place       PLAYER NUL TYPE      the value of the index of its id
 *     a message       EVENT NUL WHY NUL TOKEN NUL FROM NUL PLAYER NUL SESSION      the words of session_event_name() and
 *                     session_why_name(); FROM: the server before */
#ifndef OUTRIDER_CODEC_SESSION_SESSION_PACKED_H
#define OUTRIDER_CODEC_SESSION_SESSION_PACKED_H

#include "outrider/base/attr.h"
#include "outrider/core/session/session_request.h"

/* Reads a session of `player`. `expires_ms` is when it ends: with its TTL or its grace. Texts are borrowed. Returns 0, or -1 where it is
 * none, or a text of it is none of a session. */
int session_packed_read(struct str packed, struct str player, struct session *ret_session) MUST_CHECK;

/* Reads where the session of an id is. Returns 0 or -1. */
int session_place_read(struct str place, struct str *ret_player, struct str *ret_type) MUST_CHECK;

/* Reads a message; `ret_token` is that of the request that caused it. Returns 0 or -1. */
int session_message_read(struct str message, struct session_event *ret_event,
                         struct str *ret_token) MUST_CHECK;

#endif
