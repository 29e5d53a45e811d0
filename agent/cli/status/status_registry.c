/* The lines about the registry: record, endpoints, cluster, watch, lease, control key. */
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
    status_label(out, "record");
    buf_str(out, STR("not published: key held by another agent"));
    if (host != NULL) {
        buf_str(out, STR(" at "));
        status_plain(out, host);
    }
    if (document_span(document, "registry.conflict.leftMs", span)) {
        buf_printf(out, " (lease ends in %s)", span);
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
    buf_str(out, in_sync ? STR("in sync") : STR("not yet in sync"));
    if (document_number_or(document, "registry.revision", 0) > 0) {
        buf_printf(out, " at revision %" PRId64, document_number_or(document, "registry.revision", 0));
    }
}

static void registry(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "registry.lastError");
    const char *endpoint = document_text(document, "registry.endpoint");
    const char *conflict = document_text(document, "registry.conflict.lease");
    char span[32];
    status_label(out, "registry");
    if (conflict != NULL) {
        buf_str(out, STR("key held under lease "));
        status_plain(out, conflict);
    } else if (last_error != NULL) {
        buf_str(out, STR("failing"));
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

/* Endpoints whose last request failed while another one answers. If all fail, the line above has the
 * error. */
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

/* Only if another cluster answered before: two in turn mean a wrong list of endpoints. */
static void cluster(const json_t *document, struct buf *out)
{
    const char *now = document_text(document, "registry.clusterId");
    const char *before = document_text(document, "registry.clusterBefore");
    if (now != NULL && before != NULL) {
        status_label(out, "cluster");
        status_plain(out, now);
        buf_str(out, STR(", previously "));
        status_plain(out, before);
        buf_str(out, STR("\n"));
    }
}

/* Only if the watch of the own keys does not stay open. */
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
    if (!held) {
        buf_str(out, STR(", "));
        status_plain(out, state);
    }
    /* A lease that is not granted, or not known to live, has no times yet. */
    if (held || ttl > 0) {
        buf_printf(out, ", TTL %s", duration_human(ttl, span));
    }
    if (held || left > 0) {
        buf_printf(out, ", %s left", duration_human(left, span));
    }
    buf_str(out, STR("\n"));
}

/* The control key. Only if it exists or has a problem. */
static void control(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "control.lastError");
    const char *unreadable = document_text(document, "control.unreadable");
    int64_t revision = document_number_or(document, "control.revision", 0);
    char span[32];
    if (unreadable != NULL) {
        status_label(out, "control");
        buf_printf(out, "invalid value at revision %" PRId64 ": ", revision);
        status_plain(out, unreadable);
    } else if (status_age(document, "control.pendingSince", span)) {
        status_label(out, "control");
        buf_printf(out, "not written for %s: ", span);
        status_plain(out, last_error == NULL ? "request in progress" : last_error);
    } else if (last_error != NULL) {
        status_label(out, "control");
        buf_str(out, STR("failing: "));
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
