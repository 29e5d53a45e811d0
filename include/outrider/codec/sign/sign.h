/* Ed25519 signatures (RFC 8032) by the library that libcurl uses for TLS. Nothing of it is touched before a key is read.
 *
 * A signature is written as `ID:BASE64`: ID are the first 8 hexadecimal digits of the SHA-256 of the 32 bytes of the public key,
 * so that of several trusted keys only the right one is tried; BASE64 are the 64 bytes of the signature, with padding. It is
 * deterministic: the same message gives the same text. */
#ifndef OUTRIDER_CODEC_SIGN_SIGN_H
#define OUTRIDER_CODEC_SIGN_SIGN_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct sign_key;
struct sign_trust;

/* Digits of an id; bytes of a signature's text, without a NUL; the longest file of keys that is read, in bytes. */
enum { SIGN_ID_SIZE = 8, SIGN_TEXT_SIZE = SIGN_ID_SIZE + 1 + 88, SIGN_FILE_MAX = 65536 };

/* What a signature is worth. */
enum sign_verdict { SIGN_GOOD, SIGN_UNKNOWN_KEY, SIGN_WRONG };

/* Reads a private key from the PEM of `openssl genpkey -algorithm ed25519`. The caller frees the result and wipes `pem`. NULL with
 * ERROR_INVALID for anything else, such as a key of another kind or one behind a passphrase. */
struct sign_key *sign_key_read(struct str pem, struct error *err) MUST_CHECK;

/* Accepts NULL. */
void sign_key_free(struct sign_key *key);

/* The id of the key, borrowed: what signatures by it begin with. */
const char *sign_key_id(const struct sign_key *key);

/* Writes the signature of `message` by `key`, and a NUL. */
void sign_message(const struct sign_key *key, struct str message, char out[static SIGN_TEXT_SIZE + 1]);

/* No keys: nothing is trusted. The caller owns the result. */
struct sign_trust *sign_trust_new(void);

/* Accepts NULL. */
void sign_trust_free(struct sign_trust *trust);

/* Adds every public key of a file in PEM: as many as there are, so that one file can have the key of before and the next one.
 * Returns 0, or -1 with ERROR_INVALID: none is in it, or one is of another kind. */
int sign_trust_add(struct sign_trust *trust, struct str pem, struct error *err) MUST_CHECK;

/* A number that another set of keys would not give; never 0. */
uint64_t sign_trust_hash(const struct sign_trust *trust);

/* Judges the text of a signature of `message`. Total on any bytes. */
enum sign_verdict sign_verify(const struct sign_trust *trust, struct str message, struct str text);

#endif
