/* Files with a secret: tokens, passwords, private keys. */
#ifndef OUTRIDER_OS_SECRET_H
#define OUTRIDER_OS_SECRET_H

#include "outrider/base/attr.h"

#include <stddef.h>

struct buf;
struct error;

/* A secret of fewer bytes is none, and one below the second number can be guessed. */
enum { SECRET_MIN = 2, SECRET_GOOD = 16 };

/* The largest file of each kind. */
enum { SECRET_TOKEN_MAX = 4096, SECRET_PASSWORD_MAX = 1024, SECRET_KEY_MAX = 65536 };

/* Reads the secret in the regular file at `path`, at most `max` bytes, into the empty `ret_secret`, less the byte order mark and
 * the line break at the end that editors add. No copy of it stays behind: the caller ends it with secret_fini(). Returns 0; or -1
 * with `ret_secret` empty and an error as file_read(), ERROR_INVALID also for a secret that is blank or shorter than SECRET_MIN. */
int secret_read(const char *path, size_t max, struct error *err, struct buf *ret_secret) MUST_CHECK;

/* Wipes the secret and frees it. */
void secret_fini(struct buf *secret);

#endif
