/* What the registry has of the record, and under which lease. */
#include "status_parts_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/cli/common/document.h"
#include "outrider/cli/status/status_text.h"

#include <inttypes.h>
#include <string.h>

static bool is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

void status_conflict(const json_t *document, struct buf *out)
{
    const char *host = document_text(document, "registry.conflict.host");
    char span[32];
    status_label(out, "published");
    buf_str(out, STR("no: another agent"));
    if (host != NULL) {
        buf_str(out, STR(" at "));
        status_plain(out, host);
    }
    buf_str(out, STR(" holds the key"));
    if (document_span(document, "registry.conflict.leftMs", span)) {
        buf_printf(out, ", %s left", span);
    }
    buf_str(out, STR("\n"));
}

static void add_sync(const json_t *document, struct buf *out)
{
    bool in_sync = document_true(document, "registry.inSync");
    if (in_sync && json_is_null(document_at(document, "record"))) {
        buf_str(out, STR("nothing to publish"));
        return;
    }
    buf_str(out, in_sync ? STR("in sync") : STR("not in sync yet"));
    if (document_number_or(document, "registry.revision", 0) > 0) {
        buf_printf(out, " at revision %" PRId64, document_number_or(document, "registry.revision", 0));
    }
}

static void registry(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "registry.lastError");
    const char *endpoint = document_text(document, "registry.endpoint");
    const char *foreign = document_text(document, "registry.conflict.lease");
    char span[32];
    status_label(out, "registry");
    if (foreign != NULL) {
        buf_str(out, STR("the key is held under lease "));
        status_plain(out, foreign);
    } else if (last_error != NULL) {
        buf_str(out, STR("away"));
        if (status_age(document, "registry.lastErrorSince", span)) {
            buf_printf(out, " for %s", span);
        }
        buf_str(out, STR(": "));
        status_plain(out, last_error);
    } else {
        add_sync(document, out);
    }
    if (endpoint != NULL && last_error == NULL) {
        buf_str(out, STR(", "));
        status_plain(out, endpoint);
    }
    if (status_age(document, "registry.lastWrite", span)) {
        buf_printf(out, ", last write %s ago", span);
    }
    buf_str(out, STR("\n"));
}

/* Those that failed when they were asked last, while another answers. All of them away is told by the line
 * above.
 */
static void endpoints(const json_t *document, struct buf *out)
{
    const json_t *list = document_at(document, "registry.endpoints");
    for (size_t i = 0; i < json_array_size(list) && document_text(document, "registry.lastError") == NULL;
         i++) {
        const json_t *endpoint = json_array_get(list, i);
        const char *last_error = document_text(endpoint, "lastError");
        int64_t now, then;
        char span[32];
        if (last_error == NULL || !document_time(document, "now", &now) ||
            !document_time(endpoint, "failedAt", &then)) {
            continue;
        }
        status_label(out, "endpoint");
        status_plain(out, document_text(endpoint, "url"));
        buf_printf(out, " failed %s ago: ", duration_human(now > then ? now - then : 0, span));
        status_plain(out, last_error);
        buf_str(out, STR("\n"));
    }
}

/* Only where there was another: the same two in turn are a wrong list of endpoints. */
static void cluster(const json_t *document, struct buf *out)
{
    const char *now = document_text(document, "registry.clusterId");
    const char *before = document_text(document, "registry.clusterBefore");
    if (now != NULL && before != NULL) {
        status_label(out, "cluster");
        status_plain(out, now);
        buf_str(out, STR(", where "));
        status_plain(out, before);
        buf_str(out, STR(" answered before\n"));
    }
}

/* Our own keys are watched; silent where that is well, or not begun. */
static void watch(const json_t *document, struct buf *out)
{
    const char *state = document_text(document, "registry.watch");
    const char *last_error = document_text(document, "registry.watchLastError");
    if (state == NULL || is(state, "open") || last_error == NULL) {
        return;
    }
    status_label(out, "watch");
    status_plain(out, state);
    buf_str(out, STR(": "));
    status_plain(out, last_error);
    buf_str(out, STR("\n"));
}

static void lease(const json_t *document, struct buf *out)
{
    const char *id = document_text(document, "lease.id"), *state = document_text(document, "lease.state");
    int64_t ttl = document_number_or(document, "lease.ttlMs", 0);
    int64_t left = document_number_or(document, "lease.leftMs", 0);
    bool held = is(state, "held");
    char span[32];
    status_label(out, "lease");
    if (id == NULL || is(state, "none")) {
        buf_str(out, STR("none\n"));
        return;
    }
    status_plain(out, id);
    buf_str(out, STR(" "));
    status_plain(out, held ? NULL : state);
    /* What is not granted, or not known to live, has no times yet. */
    if (held || ttl > 0) {
        buf_printf(out, "%s%s", held ? "" : ", ", duration_human(ttl, span));
    }
    if (held || left > 0) {
        buf_printf(out, ", %s left", duration_human(left, span));
    }
    buf_str(out, STR("\n"));
}

/* What operators want, where it stands. Silent where nobody ever drained. */
static void control(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "control.lastError");
    const char *unreadable = document_text(document, "control.unreadable");
    int64_t revision = document_number_or(document, "control.revision", 0);
    char span[32];
    if (unreadable != NULL) {
        status_label(out, "control");
        buf_printf(out, "the control key's value at revision %" PRId64 " cannot be used: ", revision);
        status_plain(out, unreadable);
    } else if (status_age(document, "control.pendingSince", span)) {
        status_label(out, "control");
        buf_printf(out, "not yet at the control key for %s: ", span);
        status_plain(out, last_error == NULL ? "on its way" : last_error);
    } else if (last_error != NULL) {
        status_label(out, "control");
        buf_str(out, STR("the control key cannot be reached: "));
        status_plain(out, last_error);
    } else if (revision > 0 && document_true(document, "control.inSync")) {
        status_label(out, "control");
        buf_printf(out, "in sync at revision %" PRId64, revision);
    } else {
        return;
    }
    buf_str(out, STR("\n"));
}

void status_registry(const json_t *document, struct buf *out)
{
    registry(document, out);
    endpoints(document, out);
    cluster(document, out);
    watch(document, out);
    lease(document, out);
    control(document, out);
}
