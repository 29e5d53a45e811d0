#include "outrider/codec/record/record_brief.h"

#include "record_scan_internal.h"

#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/base/error.h"

#include <stdlib.h>
#include <string.h>

static void copy_drain(const struct record_details *details, struct record_brief *brief)
{
    struct buf holds = {0};
    for (size_t i = 0; i < details->hold_count; i++) {
        buf_str(&holds, i > 0 ? STR(",") : STR(""));
        buf_str(&holds, details->holds[i]);
    }
    brief->drained = true;
    brief_copy(brief->holds, sizeof(brief->holds), buf_view(&holds));
    brief_copy(brief->by, sizeof(brief->by), details->drain_by);
    brief_copy(brief->drain_reason, sizeof(brief->drain_reason), details->drain_reason);
    if (ulid_valid(details->drain_operation)) {
        memcpy(brief->operation, details->drain_operation.data, ULID_LENGTH);
    }
    buf_fini(&holds);
}

void record_brief(struct str json, struct record_brief *ret_brief)
{
    struct record_scan scan = {0};
    struct error err;
    *ret_brief = (struct record_brief){.started_wall = 0};
    if (record_scan(&scan, json, &err) == 0) {
        const struct record_details *details = &scan.details;
        brief_copy(ret_brief->reason, sizeof(ret_brief->reason), details->reason);
        ret_brief->started_wall = details->started_wall > 0 ? details->started_wall : 0;
        if (details->drain && details->hold_count > 0) {
            copy_drain(details, ret_brief);
        }
    }
    json_scan_fini(&scan.scan);
}
