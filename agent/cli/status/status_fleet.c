/* The lines about the fleet, and the whole screen of an observer. */
#include "status_parts_internal.h"

#include "outrider/base/buf.h"
#include "outrider/cli/common/document.h"
#include "outrider/cli/status/status_text.h"

#include <inttypes.h>
#include <string.h>

static void add_services(const json_t *document, struct buf *out)
{
    int64_t count = document_number_or(document, "view.services", 0);
    buf_printf(out, "%" PRId64 " service%s, %" PRId64 " ready", count, count == 1 ? "" : "s",
               document_number_or(document, "view.healthy", 0));
    if (document_number_or(document, "view.offline", 0) > 0) {
        buf_printf(out, ", %" PRId64 " offline in the last 10 min",
                   document_number_or(document, "view.offline", 0));
    }
}

static void add_certainty(const json_t *document, struct buf *out)
{
    char span[32];
    if (document_true(document, "view.synced")) {
        buf_printf(out, ", in sync at revision %" PRId64, document_number_or(document, "view.revision", 0));
    } else if (document_span(document, "view.ageMs", span)) {
        buf_printf(out, ", stale for %s", span);
    }
}

static void fleet(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "view.lastError");
    status_label(out, "fleet");
    if (document_true(document, "view.known")) {
        add_services(document, out);
        add_certainty(document, out);
    } else {
        buf_str(out, STR("not loaded yet"));
    }
    if (last_error != NULL) {
        buf_str(out, STR(": "));
        status_plain(out, last_error);
    }
    buf_str(out, STR("\n"));
}

/* The first keys that are no records. The document has more of them. */
static void unreadable(const json_t *document, struct buf *out)
{
    enum { SHOWN_MAX = 3 };
    int64_t count = document_number_or(document, "view.unreadable", 0);
    const json_t *keys = document_at(document, "view.unreadableKeys");
    for (size_t i = 0; i < json_array_size(keys) && i < SHOWN_MAX; i++) {
        const json_t *key = json_array_get(keys, i);
        status_label(out, i == 0 ? "invalid" : "");
        status_plain(out, document_text(key, "key"));
        buf_str(out, STR(": "));
        status_plain(out, document_text(key, "reason"));
        buf_str(out, STR("\n"));
    }
    if (count > SHOWN_MAX) {
        status_label(out, "");
        buf_printf(out, "and %" PRId64 " more\n", count - SHOWN_MAX);
    }
}

static void view_file(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "view.fileLastError");
    if (last_error != NULL) {
        status_label(out, "view file");
        buf_str(out, STR("cannot be written: "));
        status_plain(out, last_error);
        buf_str(out, STR("\n"));
    }
}

void status_fleet(const json_t *document, struct buf *out)
{
    const char *state = document_text(document, "view.state");
    if (state != NULL && strcmp(state, "off") != 0) {
        fleet(document, out);
        unreadable(document, out);
        view_file(document, out);
    }
}

void status_observer(const json_t *document, struct buf *out)
{
    const char *endpoint = document_text(document, "registry.endpoint");
    buf_str(out, STR("observer of "));
    status_plain(out, document_text(document, "registry.prefix"));
    buf_str(out, STR("\n"));
    fleet(document, out);
    unreadable(document, out);
    view_file(document, out);
    status_label(out, "registry");
    status_plain(out, endpoint == NULL ? "no answer yet" : endpoint);
    buf_str(out, STR("\n"));
}
