/* What proves a name: the access file, the token file, and the cookies of sessions. */
#ifndef OUTRIDER_API_COMMON_CREDENTIALS_H
#define OUTRIDER_API_COMMON_CREDENTIALS_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/access/access_list.h"

#include <stdbool.h>
#include <stdint.h>

struct api_call;
struct api_reply;
struct config;
struct error;

/* The names of the access file as it was read last, the key of the cookies, and who failed to sign in. */
struct api_credentials;

/* Nothing is read yet. The caller owns the result. Never NULL. */
struct api_credentials *api_credentials_new(void);

/* Wipes the key. Accepts NULL. */
void api_credentials_free(struct api_credentials *credentials);

/* Reads the access file, and the token file to see that it can be read, for the start. Returns 0, also when neither is configured, or
 * -1. */
int api_credentials_check(struct api_credentials *credentials, const struct config *config,
                          struct error *err) MUST_CHECK;

/* The names, read again where the file has changed. One that cannot be read leaves the names of before, and the log says so. Borrowed
 * until the next call. */
const struct access_list *api_credentials_names(struct api_credentials *credentials,
                                                const struct config *config);

/* Who has the token: call->request.who. False with `reply` made an error, 401 or 500: that error is to be late, unless the token was
 * not judged. */
bool api_prove_token(struct api_call *call, struct str token, struct api_reply *reply);

/* Who has one of the request's cookies; a reply to it may set another one. False, and nothing else, where none counts. */
bool api_prove_cookie(struct api_call *call, struct api_reply *reply);

/* The name that the proof `proof` gives, such as a header of the proxy; with ACCESS_CERTIFICATE `name` is what the certificate is for.
 * False, and nothing else, where the access file does not have it. */
bool api_prove_name(struct api_call *call, struct str name, enum access_proof proof);

/* Makes `reply` the error of a request that takes a name and gives none. */
void api_refuse_unproved(struct api_call *call, struct api_reply *reply);

/* Begins a session of call->request.who: `reply` sets its cookie. False with `reply` made an error where there is no key. */
bool api_sign_in(struct api_call *call, struct api_reply *reply);

/* Ends the session of the request, if it has one: `reply` removes the cookie. */
void api_sign_out(struct api_call *call, struct api_reply *reply);

/* What streams are judged by, all of them at once. */
struct api_standing {
    const struct api_credentials *credentials;
    uint64_t token_key; /* of the token file; 0: there is none */
    bool
        changed; /* names, token file or sessions that signed out, since the last look: else only time ends a session */
    int64_t now_wall;
};

/* Reads the files once where they have changed. */
struct api_standing api_credentials_look(struct api_credentials *credentials, const struct config *config,
                                         int64_t now_wall);

/* Whether a stream of `who` goes on: the name is still there with the same token and may read, and its session has not ended. */
bool api_may_go_on(const struct api_standing *standing, const struct access_identity *who);

/* Sign-ins that failed since the start. */
uint64_t api_credentials_failures(const struct api_credentials *credentials);

#endif
