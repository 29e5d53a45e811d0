/* Control keys: whatever is read can be written, and what was written reads as the same. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/control_json.h"
#include "outrider/core/server/hold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hold hold, back;
    struct error err = {0};
    if (control_decode((struct str){(const char *)data, size}, &hold, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        return 0;
    }
    struct buf out = {0};
    control_encode(&hold, &out);
    must(out.size <= CONTROL_MAX && control_decode(buf_view(&out), &back, &err) == 0);
    must(back.set == hold.set && str_eq(str_of(back.reason), str_of(hold.reason)));
    must(str_eq(str_of(back.by), str_of(hold.by)) && back.since_wall == hold.since_wall);
    must(back.deadline_wall == hold.deadline_wall && back.expires_wall == hold.expires_wall);
    buf_fini(&out);
    return 0;
}
