#include "outrider/core/access/access_session.h"

#include "outrider/base/str.h"

#include <stdio.h>

static int64_t expiry(int64_t issued_wall, int64_t now_wall)
{
    int64_t idle = now_wall + ACCESS_SESSION_IDLE_MS, most = issued_wall + ACCESS_SESSION_MOST_MS;
    return idle < most ? idle : most;
}

struct access_session access_session_begin(const char *name, uint64_t key, int64_t now_wall)
{
    struct access_session session = {
        .issued_wall = now_wall, .expires_wall = expiry(now_wall, now_wall), .key = key};
    snprintf(session.name, sizeof(session.name), "%s", name);
    return session;
}

bool access_session_lasts(const struct access_session *session, int64_t now_wall)
{
    int64_t age = now_wall - session->issued_wall;
    return now_wall < session->expires_wall && age < ACCESS_SESSION_MOST_MS;
}

bool access_session_renew(struct access_session *session, int64_t now_wall)
{
    int64_t later = expiry(session->issued_wall, now_wall);
    if (later - session->expires_wall < ACCESS_SESSION_RENEW_MS) {
        return false;
    }
    session->expires_wall = later;
    return true;
}

uint64_t access_session_tag(const struct access_session *session)
{
    uint64_t seed = (uint64_t)session->issued_wall ^ session->key;
    return str_hash(str_of(session->name), seed);
}

void access_sign_out(struct access_signed_out *out, uint64_t tag)
{
    out->tags[out->next] = tag;
    out->total++;
    out->next = (out->next + 1) % ACCESS_SIGNED_OUT_MAX;
    out->count += out->count < ACCESS_SIGNED_OUT_MAX ? 1 : 0;
}

bool access_is_signed_out(const struct access_signed_out *out, uint64_t tag)
{
    for (size_t i = 0; i < out->count; i++) {
        if (out->tags[i] == tag) {
            return true;
        }
    }
    return false;
}
