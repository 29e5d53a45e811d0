/* Candidates: whatever is read can be written, and what was written reads as the same. */
#include "must.h"

#include "outrider/base/buf.h"
#include "outrider/base/error.h"
#include "outrider/codec/record/leader_json.h"
#include "outrider/core/leader/candidate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct candidate read, back;
    struct error err = {0};
    if (leader_decode((struct str){(const char *)data, size}, &read, &err) < 0) {
        must(err.code != ERROR_NONE && err.text[0] != '\0');
        return 0;
    }
    struct buf out = {0};
    leader_encode(&read, &out);
    must(out.size <= LEADER_VALUE_MAX && leader_decode(buf_view(&out), &back, &err) == 0);
    must(read.type[0] != '\0' && str_eq(str_of(back.type), str_of(read.type)));
    must(read.id[0] != '\0' && str_eq(str_of(back.id), str_of(read.id)));
    must(str_eq(str_of(back.host), str_of(read.host)) && back.since_wall == read.since_wall);
    buf_fini(&out);
    return 0;
}
