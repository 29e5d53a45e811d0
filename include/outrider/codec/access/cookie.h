/* The cookie of a browser's session: `1.NAME.ISSUED.EXPIRES.KEY.MAC`. NAME in hexadecimal digits, times in ms since 1970, KEY in 16
 * hexadecimal digits, MAC the HMAC-SHA256 of the cookie's name, `=` and everything before it. So the value of one cookie is none of
 * another one, such as that of another listener. */
#ifndef OUTRIDER_CODEC_ACCESS_COOKIE_H
#define OUTRIDER_CODEC_ACCESS_COOKIE_H

#include "outrider/base/attr.h"
#include "outrider/base/str.h"
#include "outrider/core/access/access_session.h"

#include <stdbool.h>

struct buf;

/* Bytes of the key that is made; the fewest that one may have. */
enum { COOKIE_KEY_SIZE = 32 };

/* Appends the value of the cookie `name`. */
void cookie_write(const struct access_session *session, struct str name, struct str key, struct buf *out);

/* Reads a value of the cookie `name`. Returns 0; or -1 when it was not made with `key` for that name, or is no value of a cookie at all.
 * Total on any bytes; says nothing of whether the session still lasts. */
int cookie_read(struct str value, struct str name, struct str key,
                struct access_session *ret_session) MUST_CHECK;

/* The value of the next cookie `name` in what is left of a header Cookie; `rest` is moved behind it. False: there is none. */
bool cookie_next(struct str *rest, struct str name, struct str *ret_value);

#endif
