/* The session of a browser: what its cookie says, and whether that still counts. The cookie holds no role: that is the access file's. */
#ifndef OUTRIDER_CORE_ACCESS_ACCESS_SESSION_H
#define OUTRIDER_CORE_ACCESS_ACCESS_SESSION_H

#include "outrider/core/access/access.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In ms: a session ends so long after its cookie was made, and at most the second after signing in. A request of one whose cookie is older
 * than the third gets another one. */
#define ACCESS_SESSION_IDLE_MS (INT64_C(12) * 3600 * 1000)
#define ACCESS_SESSION_MOST_MS (INT64_C(7) * 24 * 3600 * 1000)
#define ACCESS_SESSION_RENEW_MS (INT64_C(1) * 3600 * 1000)

/* Wall-clock ms, so that every observer with the same key judges alike. */
struct access_session {
    char name[ACCESS_NAME_MAX + 1];
    int64_t issued_wall;  /* when it signed in, which every further cookie keeps */
    int64_t expires_wall; /* of this cookie */
    uint64_t key;         /* access_entry_key of its token then */
};

/* A session that signs in now. `name` is cut to its limit. */
struct access_session access_session_begin(const char *name, uint64_t key, int64_t now_wall);

/* Whether it still lasts, by its own times. */
bool access_session_lasts(const struct access_session *session, int64_t now_wall);

/* Lets it last longer. False, with nothing changed: its cookie is new, or it can last no longer. */
bool access_session_renew(struct access_session *session, int64_t now_wall);

/* A number for the session, for the log and those that have signed out. */
uint64_t access_session_tag(const struct access_session *session);

/* Sessions that have signed out before they expired: the newest ones. Cookies have no other end, so a copy would go on. */
enum { ACCESS_SIGNED_OUT_MAX = 256 };

/* {0}: none. */
struct access_signed_out {
    uint64_t tags[ACCESS_SIGNED_OUT_MAX];
    size_t next, count;
    uint64_t total; /* since the start */
};

/* Remembers one; beyond ACCESS_SIGNED_OUT_MAX the oldest is forgotten. */
void access_sign_out(struct access_signed_out *out, uint64_t tag);

/* Whether it is remembered. */
bool access_is_signed_out(const struct access_signed_out *out, uint64_t tag);

#endif
