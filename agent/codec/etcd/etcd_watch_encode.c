#include "outrider/codec/etcd/etcd_watch.h"

#include "outrider/base/base64.h"

#include <inttypes.h>

static void encode_range(const struct registry_watch *watch, size_t index, struct buf *out)
{
    const struct registry_range *range = &watch->ranges[index];
    buf_str(out, STR("{\"create_request\":{\"key\":\""));
    base64_encode(range->key, out);
    if (range->end.size > 0) {
        buf_str(out, STR("\",\"range_end\":\""));
        base64_encode(range->end, out);
    }
    if (watch->from_revision > 0) {
        buf_printf(out, "\",\"start_revision\":\"%" PRId64, watch->from_revision);
    }
    buf_printf(out, "\",\"watch_id\":\"%zu\",\"fragment\":true,\"progress_notify\":true}}", index + 1);
}

void etcd_watch_encode(const struct registry_watch *watch, struct buf *out)
{
    for (size_t i = 0; i < watch->range_count; i++) {
        encode_range(watch, i, out);
    }
}
