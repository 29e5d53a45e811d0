#include "credentials_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/error.h"
#include "outrider/base/mem.h"
#include "outrider/codec/access/access_file.h"
#include "outrider/core/config/config.h"
#include "outrider/io/http/server/http_server.h"
#include "outrider/os/clock.h"
#include "outrider/os/file.h"
#include "outrider/os/log.h"
#include "outrider/os/secret.h"

#include <stdio.h>
#include <stdlib.h>

/* The name of the one who has the token of http.token_file. */
#define TOKEN_NAME "token"

struct api_credentials *api_credentials_new(void)
{
    return mem_zalloc(sizeof(struct api_credentials));
}

void api_credentials_free(struct api_credentials *credentials)
{
    if (credentials != NULL) {
        access_list_fini(&credentials->names);
        secret_fini(&credentials->key);
        free(credentials->failures);
        free(credentials->signed_out);
        free(credentials);
    }
}

uint64_t api_credentials_failures(const struct api_credentials *credentials)
{
    return credentials->failures == NULL ? 0 : credentials->failures->total;
}

/* ---- the files ---- */

static int read_names(const char *path, struct error *err, struct access_list *ret_names)
{
    struct buf text = {0};
    int rc = file_read(path, ACCESS_FILE_MAX, err, &text);
    rc = rc < 0 ? rc : access_file_read(buf_view(&text), err, ret_names);
    buf_fini(&text);
    return rc < 0 ? error_wrap(err, "http.access_file: %s", path) : 0;
}

/* Reads the file where it has changed. Returns 1; 0, it has not; or -1 with the names as they were. */
static int refresh(struct api_credentials *credentials, const char *path, struct error *err)
{
    struct access_list names = {0};
    uint64_t stamp = file_stamp(path);
    if (credentials->names_read && stamp == credentials->names_stamp) {
        return 0;
    }
    credentials->names_stamp = stamp; /* one that is wrong is looked at again when it changes */
    credentials->names_read = true;
    if (read_names(path, err, &names) < 0) {
        return -1;
    }
    access_list_fini(&credentials->names);
    credentials->names = names;
    credentials->names_age++;
    return 1;
}

const struct access_list *api_credentials_names(struct api_credentials *credentials,
                                                const struct config *config)
{
    struct error err;
    if (config->http.access_file == NULL) {
        access_list_fini(&credentials->names);
        credentials->names_age += credentials->names_read ? 1 : 0;
        credentials->names_read = false;
        return &credentials->names;
    }
    int rc = refresh(credentials, config->http.access_file, &err);
    if (rc < 0) {
        log_error("http", "the access file cannot be read, so that the names of before go on; correct it",
                  LOG_TEXT("error", err.text), LOG_INT("names", (int64_t)credentials->names.count));
    } else if (rc > 0) {
        log_info("http", "access file read", LOG_TEXT("file", config->http.access_file),
                 LOG_INT("names", (int64_t)credentials->names.count));
    }
    return &credentials->names;
}

static int read_token(const struct config *config, struct error *err, struct buf *ret_text)
{
    if (config->http.token_file == NULL) {
        return error_set(err, ERROR_NOT_FOUND, "http.token_file is not set");
    }
    return secret_read(config->http.token_file, SECRET_TOKEN_MAX, err, ret_text) < 0
               ? error_wrap(err, "http.token_file")
               : 0;
}

int api_credentials_check(struct api_credentials *credentials, const struct config *config, struct error *err)
{
    struct buf text = {0};
    int rc = config->http.token_file == NULL ? 0 : read_token(config, err, &text);
    secret_fini(&text);
    if (rc == 0 && config->http.access_file != NULL) {
        rc = refresh(credentials, config->http.access_file, err) < 0 ? -1 : 0;
    }
    return rc;
}

/* ---- names ---- */

void credentials_take(struct access_identity *who, const char *name, enum access_role role,
                      enum access_proof proof, uint64_t key)
{
    snprintf(who->name, sizeof(who->name), "%s", name);
    who->role = role;
    who->proof = proof;
    who->key = key;
}

/* The key of the token of http.token_file; 0: it cannot be read. */
static uint64_t token_file_key(const struct config *config)
{
    struct buf text = {0};
    struct error err;
    unsigned char hash[ACCESS_HASH_SIZE];
    uint64_t key = 0;
    if (read_token(config, &err, &text) == 0) {
        access_token_hash(str_trim(buf_view(&text)), hash);
        key = access_hash_key(hash);
    }
    secret_fini(&text);
    return key;
}

/* The role that `name` has with the token `key` is of. */
static enum access_role role_of(const struct access_list *names, uint64_t token_key, struct str name,
                                uint64_t key)
{
    if (str_eq(name, STR(TOKEN_NAME))) {
        return key != 0 && token_key == key ? ACCESS_OPERATOR : ACCESS_NONE;
    }
    const struct access_entry *entry = access_list_name(names, name);
    return entry != NULL && access_entry_key(entry) == key ? entry->role : ACCESS_NONE;
}

enum access_role credentials_role(struct api_credentials *credentials, const struct config *config,
                                  struct str name, uint64_t key)
{
    bool is_token = str_eq(name, STR(TOKEN_NAME));
    return role_of(api_credentials_names(credentials, config), is_token ? token_file_key(config) : 0, name,
                   key);
}

bool api_prove_name(struct api_call *call, struct str name, enum access_proof proof)
{
    const struct access_list *names =
        api_credentials_names(call->context->credentials, call->context->config);
    const struct access_entry *entry =
        proof == ACCESS_CERTIFICATE ? access_list_cert(names, name) : access_list_name(names, name);
    if (entry != NULL) {
        credentials_take(&call->request.who, entry->name, entry->role, proof, access_entry_key(entry));
    }
    return entry != NULL;
}

bool credentials_signed_out(const struct api_credentials *credentials, uint64_t session)
{
    return credentials->signed_out != NULL && access_is_signed_out(credentials->signed_out, session);
}

struct api_standing api_credentials_look(struct api_credentials *credentials, const struct config *config,
                                         int64_t now_wall)
{
    struct api_standing standing = {
        .credentials = credentials, .token_key = token_file_key(config), .now_wall = now_wall};
    (void)api_credentials_names(credentials, config);
    uint64_t signed_out = credentials->signed_out == NULL ? 0 : credentials->signed_out->total;
    const uint64_t parts[] = {credentials->names_age, standing.token_key, signed_out};
    uint64_t seen = str_hash((struct str){(const char *)parts, sizeof(parts)}, 0);
    standing.changed = seen != credentials->seen;
    credentials->seen = seen;
    return standing;
}

bool api_may_go_on(const struct api_standing *standing, const struct access_identity *who)
{
    const struct api_credentials *credentials = standing->credentials;
    if (who->expires_wall != 0 && standing->now_wall >= who->expires_wall) {
        return false;
    }
    enum access_role takes = who->takes > ACCESS_VIEWER ? who->takes : ACCESS_VIEWER;
    return !standing->changed ||
           (!credentials_signed_out(credentials, who->session) &&
            role_of(&credentials->names, standing->token_key, str_of(who->name), who->key) >= takes);
}

/* ---- tokens ---- */

/* In constant time for a given length, so that the time of a refusal tells nothing about the token. */
static bool same_secret(struct str a, struct str b)
{
    unsigned char differ = a.size == b.size ? 0 : 1;
    for (size_t i = 0; i < a.size; i++) {
        unsigned char other = b.size == 0 ? 0 : (unsigned char)b.data[i % b.size];
        differ = (unsigned char)(differ | ((unsigned char)a.data[i] ^ other));
    }
    return differ == 0;
}

static void refuse_unauthorized(struct api_reply *reply, const char *message)
{
    api_refuse(reply, 401, "unauthorized", "%s", message);
    reply->header = "WWW-Authenticate: Bearer";
}

static void refuse_token_file(struct api_reply *reply, const struct error *err)
{
    api_refuse(reply, 500, "token_file", "the token file cannot be read, so that no token is accepted: %s",
               err->text);
}

/* Counts a failed sign-in of the peer, whose answer is then late. */
static void count_failure(struct api_call *call, struct str token, struct api_reply *reply)
{
    unsigned char hash[ACCESS_HASH_SIZE];
    char peer[HTTP_SHARE_TEXT] = "";
    if (call->request.exchange != NULL) {
        http_exchange_share(call->request.exchange, peer);
    }
    struct api_credentials *credentials = call->context->credentials;
    if (credentials->failures == NULL) {
        credentials->failures = mem_zalloc(sizeof(*credentials->failures));
    }
    struct access_failures *failures = credentials->failures;
    access_token_hash(token, hash);
    reply->delay_ms =
        access_failures_count(failures, str_hash(str_of(peer), 0), access_hash_key(hash), clock_mono_ms());
    log_warn("http", "sign-in failed: the token is none of this agent", LOG_RATE(LOG_SELDOM),
             LOG_TEXT("peer", peer), LOG_INT("failures", (int64_t)failures->total));
}

/* Reads the file at each request, so that a token is rotated by writing the file. */
static bool prove_token_file(struct api_call *call, struct str token, struct api_reply *reply)
{
    struct buf text = {0};
    struct error err;
    unsigned char hash[ACCESS_HASH_SIZE];
    const struct config *config = call->context->config;
    bool named = config->http.token_file != NULL || config->http.access_file == NULL;
    bool readable = named && read_token(config, &err, &text) == 0;
    bool fits = readable && token.size > 0 && same_secret(token, str_trim(buf_view(&text)));
    secret_fini(&text);
    if (fits) {
        access_token_hash(token, hash);
        credentials_take(&call->request.who, TOKEN_NAME, ACCESS_OPERATOR, ACCESS_TOKEN,
                         access_hash_key(hash));
    } else if (named && !readable) {
        refuse_token_file(reply, &err);
    } else {
        refuse_unauthorized(reply, config->http.access_file == NULL
                                       ? "the token is not that of http.token_file"
                                       : "the token is none of the access file");
        count_failure(call, token, reply);
    }
    return fits;
}

bool api_prove_token(struct api_call *call, struct str token, struct api_reply *reply)
{
    unsigned char hash[ACCESS_HASH_SIZE];
    const struct access_list *names =
        api_credentials_names(call->context->credentials, call->context->config);
    access_token_hash(token, hash);
    const struct access_entry *entry = access_list_token(names, hash);
    if (entry == NULL) {
        return prove_token_file(call, token, reply);
    }
    credentials_take(&call->request.who, entry->name, entry->role, ACCESS_TOKEN, access_entry_key(entry));
    return true;
}

void api_refuse_unproved(struct api_call *call, struct api_reply *reply)
{
    struct buf text = {0};
    struct error err;
    const struct config *config = call->context->config;
    if (config->http.access_file != NULL) {
        refuse_unauthorized(
            reply, "send your token as Authorization: Bearer TOKEN, or sign in with POST /api/session");
    } else if (read_token(config, &err, &text) < 0) {
        refuse_token_file(reply, &err);
    } else {
        refuse_unauthorized(reply, "send the token of http.token_file as Authorization: Bearer TOKEN");
    }
    secret_fini(&text);
}
