/* The files of keys that the configuration names: the private key that signs the record (`record.sign_key`), and the public keys by
 * which the records of the fleet are judged (`view.sign_keys`). */
#ifndef OUTRIDER_SHELL_KEY_FILES_H
#define OUTRIDER_SHELL_KEY_FILES_H

#include "outrider/base/attr.h"

struct config;
struct error;
struct sign_key;
struct sign_trust;

/* Reads the private key; what of it is in memory besides is wiped. The caller owns `ret_key`, which is NULL where no file is
 * named. Returns 0, or -1 when the file cannot be read or has no such key. */
int key_files_signer(const struct config *config, struct error *err, struct sign_key **ret_key) MUST_CHECK;

/* Reads all files of public keys. The caller owns `ret_trust`, which is NULL where none is named. Returns 0, or -1 likewise. */
int key_files_trust(const struct config *config, struct error *err, struct sign_trust **ret_trust) MUST_CHECK;

#endif
