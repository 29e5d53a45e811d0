/* Records: whatever is read can be written, and what was written reads as the same record. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/record_json.h"
#include "outrider/core/server/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record record, back;
    struct error err = {0};
    if (record_decode((struct str){(const char *)data, size}, &record, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        return 0;
    }
    struct buf out = {0};
    record_encode(&record, &out);
    must(record_decode(buf_view(&out), &back, &err) == 0);
    must(record_equal(&record, &back) && record.updated_wall == back.updated_wall);
    record_fini(&record);
    record_fini(&back);
    buf_fini(&out);
    return 0;
}
