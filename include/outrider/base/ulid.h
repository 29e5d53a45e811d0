/* ULIDs (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits as 26 characters of Crockford's
 * base 32; text order is time order. */
#ifndef OUTRIDER_BASE_ULID_H
#define OUTRIDER_BASE_ULID_H

#include "outrider/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { ULID_LENGTH = 26 };

/* Writes the ULID of `wall_ms` and ten bytes of entropy, NUL-terminated. */
void ulid_format(int64_t wall_ms, const uint8_t entropy[static 10], char out[static ULID_LENGTH + 1]);

/* Whether `text` is a ULID as ulid_format writes it. */
bool ulid_valid(struct str text);

/* The ms since 1970 and the ten bytes of entropy of a valid ULID. */
void ulid_read(struct str valid, int64_t *ret_wall_ms, uint8_t ret_entropy[static 10]);

#endif
