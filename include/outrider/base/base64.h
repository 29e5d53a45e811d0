/* Standard base64 with padding (RFC 4648 section 4), the only form that every etcd gateway accepts, and base64url without padding
 * (section 5) for paths. */
#ifndef OUTRIDER_BASE_BASE64_H
#define OUTRIDER_BASE_BASE64_H

#include "outrider/base/attr.h"
#include "outrider/base/buf.h"
#include "outrider/base/str.h"

/* Appends the encoding of `bytes` to `out`. */
void base64_encode(struct str bytes, struct buf *out);

/* Appends the decoding of `text` to `out`. Returns 0, or -1 (and `out` as it was) when `text` is not padded
 * standard base64; bits that the padding leaves over must be 0 (section 3.5), so that every
 * value has exactly one encoding. */
int base64_decode(struct str text, struct buf *out) MUST_CHECK;

/* The same in base64url without padding; here, too, every value has exactly one encoding. */
void base64url_encode(struct str bytes, struct buf *out);
int base64url_decode(struct str text, struct buf *out) MUST_CHECK;

#endif
