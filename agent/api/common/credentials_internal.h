/* What credentials.c (tokens) and cookies.c (sessions) share. */
#ifndef OUTRIDER_API_COMMON_CREDENTIALS_INTERNAL_H
#define OUTRIDER_API_COMMON_CREDENTIALS_INTERNAL_H

#include "outrider/api/common/credentials.h"
#include "outrider/base/buf.h"
#include "outrider/core/access/access_session.h"
#include "outrider/core/access/failures.h"

struct api_credentials {
    struct access_list names;
    uint64_t names_stamp; /* of the access file when it was read last */
    bool names_read;
    uint64_t names_age;                   /* counts how often they changed */
    uint64_t seen;                        /* what api_credentials_look() saw last */
    struct buf key;                       /* of the cookies; empty: not needed yet */
    uint64_t key_stamp;                   /* of its file; 0: the key is in memory alone */
    struct access_failures *failures;     /* NULL: none yet */
    struct access_signed_out *signed_out; /* NULL: none yet */
};

/* credentials.c: whether the session has signed out. */
bool credentials_signed_out(const struct api_credentials *credentials, uint64_t session);

/* credentials.c: makes `who` the name, with a role and what it is bound to. */
void credentials_take(struct access_identity *who, const char *name, enum access_role role,
                      enum access_proof proof, uint64_t key);

/* credentials.c: the role that `name` has with the token `key` is the first 64 bits of; ACCESS_NONE: it has another token, or is not
 * there. */
enum access_role credentials_role(struct api_credentials *credentials, const struct config *config,
                                  struct str name, uint64_t key);

#endif
