/* Sessions of browsers. They are kept nowhere: the cookie has all of one but the role, which the access file has. */
#include "credentials_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/access/cookie.h"
#include "outrider/core/config/config.h"
#include "outrider/os/clock.h"
#include "outrider/os/entropy.h"
#include "outrider/os/file.h"
#include "outrider/os/log.h"
#include "outrider/os/secret.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- the key ---- */

/* Fills the empty `out` with a new key, as its file has it. */
static void make_key(struct buf *out)
{
    unsigned char bytes[COOKIE_KEY_SIZE];
    entropy_fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        buf_printf(out, "%02x", bytes[i]);
    }
    explicit_bzero(bytes, sizeof(bytes));
}

static int make_key_file(const char *path, struct error *err)
{
    struct buf key = {0};
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    file_parent(path, dir);
    make_key(&key);
    int rc = file_replace(dir, slash == NULL ? path : slash + 1, buf_view(&key), 0600, true, err);
    secret_fini(&key);
    if (rc == 0) {
        log_info("http", "key of sessions made", LOG_TEXT("file", path));
    }
    return rc;
}

/* Reads the key where its file has changed, and makes the file where there is none. */
static int need_key_file(struct api_credentials *credentials, const char *path, struct error *err)
{
    struct buf key = {0};
    uint64_t stamp = file_stamp(path);
    if (credentials->key.size > 0 && stamp != 0 && stamp == credentials->key_stamp) {
        return 0;
    }
    if (secret_read(path, SECRET_TOKEN_MAX, err, &key) < 0) {
        if (err->code != ERROR_NOT_FOUND || make_key_file(path, err) < 0 ||
            secret_read(path, SECRET_TOKEN_MAX, err, &key) < 0) {
            return error_wrap(err, "http.session_key_file");
        }
        stamp = file_stamp(path);
    }
    if (key.size < COOKIE_KEY_SIZE) {
        secret_fini(&key);
        return error_set(
            err, ERROR_INVALID,
            "http.session_key_file: %s: has fewer than %d bytes; remove it, and the agent makes one", path,
            COOKIE_KEY_SIZE);
    }
    secret_fini(&credentials->key);
    credentials->key = key;
    credentials->key_stamp = stamp;
    return 0;
}

/* The key; empty with `err` where there is none. */
static struct str need_key(struct api_credentials *credentials, const struct config *config,
                           struct error *err)
{
    const char *path = config->http.session_key_file;
    if (path != NULL && need_key_file(credentials, path, err) < 0) {
        return (struct str){NULL, 0};
    }
    if (path == NULL && credentials->key.size == 0) {
        make_key(&credentials->key);
    }
    return buf_view(&credentials->key);
}

/* ---- cookies ---- */

static void set_cookie(const struct api_call *call, struct str value, int64_t seconds,
                       struct api_reply *reply)
{
    const struct api_policy *policy = call->request.policy;
    struct buf text = {0};
    buf_printf(&text, "Set-Cookie: %s=%.*s; Path=/; Max-Age=%" PRId64 "; HttpOnly; SameSite=Strict%s",
               policy->cookie, STR_ARG(value), seconds, policy->secure ? "; Secure" : "");
    buf_fini(&reply->set_cookie);
    reply->set_cookie = text;
}

static void give(const struct api_call *call, const struct access_session *session, struct str key,
                 struct api_reply *reply)
{
    struct buf value = {0};
    cookie_write(session, str_of(call->request.policy->cookie), key, &value);
    set_cookie(call, buf_view(&value), (session->expires_wall - clock_wall_ms()) / 1000, reply);
    buf_fini(&value);
}

/* Whether the session counts: then `who` is its name, with the role that the file has now. */
static bool take_session(struct api_call *call, const struct access_session *session)
{
    struct api_credentials *credentials = call->context->credentials;
    struct access_identity *who = &call->request.who;
    uint64_t tag = access_session_tag(session);
    if (!access_session_lasts(session, clock_wall_ms()) || credentials_signed_out(credentials, tag)) {
        return false;
    }
    enum access_role role =
        credentials_role(credentials, call->context->config, str_of(session->name), session->key);
    if (role == ACCESS_NONE) {
        return false;
    }
    credentials_take(who, session->name, role, ACCESS_COOKIE, session->key);
    who->session = tag;
    who->expires_wall = session->expires_wall;
    return true;
}

bool api_prove_cookie(struct api_call *call, struct api_reply *reply)
{
    struct str rest = call->request.cookie, value, name = str_of(call->request.policy->cookie);
    struct access_session session;
    struct error err;
    bool found = false;
    while (name.size > 0 && !found && cookie_next(&rest, name, &value)) {
        struct str key = need_key(call->context->credentials, call->context->config, &err);
        found = key.size > 0 && cookie_read(value, name, key, &session) == 0 && take_session(call, &session);
        if (found && access_session_renew(&session, clock_wall_ms())) {
            call->request.who.expires_wall = session.expires_wall;
            give(call, &session, key, reply);
        }
    }
    return found;
}

bool api_sign_in(struct api_call *call, struct api_reply *reply)
{
    struct access_identity *who = &call->request.who;
    struct error err;
    struct str key = need_key(call->context->credentials, call->context->config, &err);
    if (key.size == 0) {
        log_error("http", "no session can begin: its key cannot be read", LOG_TEXT("error", err.text));
        api_refuse(reply, 500, "session_key", "%s", err.text);
        return false;
    }
    struct access_session session = access_session_begin(who->name, who->key, clock_wall_ms());
    who->proof = ACCESS_COOKIE;
    who->session = access_session_tag(&session);
    who->expires_wall = session.expires_wall;
    give(call, &session, key, reply);
    log_info("http", "signed in", LOG_RATE(LOG_MANY), LOG_TEXT("name", who->name),
             LOG_TEXT("role", access_role_name(who->role)), LOG_TEXT("peer", who->from));
    return true;
}

void api_sign_out(struct api_call *call, struct api_reply *reply)
{
    const struct access_identity *who = &call->request.who;
    struct api_credentials *credentials = call->context->credentials;
    if (who->proof == ACCESS_COOKIE) {
        if (credentials->signed_out == NULL) {
            credentials->signed_out = mem_zalloc(sizeof(*credentials->signed_out));
        }
        access_sign_out(credentials->signed_out, who->session);
    }
    set_cookie(call, (struct str){NULL, 0}, 0, reply);
}
