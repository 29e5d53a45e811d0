/* The header Cookie and the value of a session: what is read can be written, and it is of one cookie alone. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/codec/access/cookie.h"

#include <string.h>

static const struct str name = STR_INIT("outrider-1"), key = STR_INIT("0123456789abcdef0123456789abcdef");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, value;
    struct access_session session, back;
    while (cookie_next(&rest, name, &value)) {
        if (cookie_read(value, name, key, &session) == 0) {
            struct buf out = {0};
            cookie_write(&session, name, key, &out);
            must(cookie_read(buf_view(&out), name, key, &back) == 0);
            must(strcmp(session.name, back.name) == 0 && session.issued_wall == back.issued_wall &&
                 session.expires_wall == back.expires_wall && session.key == back.key);
            buf_fini(&out);
        }
        must(cookie_read(value, STR("outrider-2"), key, &session) < 0);
    }
    return 0;
}
