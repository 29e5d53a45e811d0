/* Answers to INFO: any bytes are read, and what is taken from them lies within them. */
#include "must.h"

#include "outrider/codec/redis/redis_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_within(struct str part, struct str whole)
{
    return part.size == 0 || (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct redis_info info;
    if (redis_info_read(text, &info) == 0) {
        must(size > 0);
    }
    must(lies_within(info.run_id, text) && lies_within(info.policy, text));
    must(redis_info_risks(&info) < 16);
    return 0;
}
