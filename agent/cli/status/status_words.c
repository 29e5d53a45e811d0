/* Helpers for every line of the status screen. */
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/cli/common/document.h"
#include "outrider/cli/status/status_text.h"
#include "outrider/codec/text/printable.h"
#include "status_parts_internal.h"

enum { LABEL_WIDTH = 9 };

void status_plain(struct buf *out, const char *text)
{
    printable_add(out, str_of(text), SIZE_MAX, '?');
}

void status_label(struct buf *out, const char *name)
{
    buf_printf(out, "  %-*s ", LABEL_WIDTH, name);
}

bool status_age(const json_t *document, const char *path, char ret_span[static 32])
{
    int64_t now, then;
    if (!document_time(document, "now", &now) || !document_time(document, path, &then)) {
        return false;
    }
    duration_human(now > then ? now - then : 0, ret_span);
    return true;
}
