/* The lines about the registry: record, endpoints, cluster, watch, lease, control key. */
#include "status_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/cli/common/document.h"

#include <inttypes.h>

static void add_sync(const json_t *document, struct buf *out)
{
    bool in_sync = document_true(document, "registry.inSync");
    int64_t revision = document_number_or(document, "registry.revision", 0);
    if (in_sync && json_is_null(document_at(document, "record"))) {
        buf_str(out, STR("nothing to publish"));
        return;
    }
    buf_str(out, in_sync ? STR("in sync") : STR("not yet in sync"));
    if (revision > 0) {
        buf_printf(out, " at revision %" PRId64, revision);
    }
}

static void registry(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "registry.lastError");
    const char *endpoint = document_text(document, "registry.endpoint");
    const char *holder = document_text(document, "registry.conflict.lease");
    bool conflict = json_is_object(document_at(document, "registry.conflict"));
    char span[32];
    buf_str(out, STR("  registry  "));
    if (conflict) {
        buf_printf(out, "key held under %s%s", holder == NULL ? "another lease" : "lease ",
                   holder == NULL ? "" : holder);
    } else if (last_error == NULL) {
        add_sync(document, out);
    } else if (status_age(document, document, "registry.lastErrorSince", span)) {
        buf_printf(out, "failing for %s: %s", span, last_error);
    } else {
        buf_printf(out, "failing: %s", last_error);
    }
    if (endpoint != NULL && last_error == NULL) {
        buf_printf(out, ", %s", endpoint);
    }
    if (status_age(document, document, "registry.lastWrite", span)) {
        buf_printf(out, ", last write %s ago", span);
    }
    buf_str(out, STR("\n"));
}

/* If all fail, the line above has the error. */
void status_endpoints(const json_t *document, struct buf *out)
{
    size_t i;
    const json_t *endpoint;
    char span[32];
    if (document_text(document, "registry.lastError") != NULL) {
        return;
    }
    json_array_foreach(document_at(document, "registry.endpoints"), i, endpoint)
    {
        const char *last_error = document_text(endpoint, "lastError");
        if (last_error != NULL && status_age(document, endpoint, "failedAt", span)) {
            buf_printf(out, "  endpoint  %s failed %s ago: %s\n", document_text_or(endpoint, "url", ""), span,
                       last_error);
        }
    }
}

/* What is out of the ordinary: another cluster answered before, where two in turn mean a wrong list of endpoints;
 * the watch of the own keys does not stay open. */
static void cluster_and_watch(const json_t *document, struct buf *out)
{
    const char *now = document_text(document, "registry.clusterId");
    const char *before = document_text(document, "registry.clusterBefore");
    const char *watch = document_text(document, "registry.watch");
    const char *last_error = document_text(document, "registry.watchLastError");
    if (now != NULL && before != NULL) {
        buf_printf(out, "  cluster   %s, previously %s\n", now, before);
    }
    if (watch != NULL && last_error != NULL && !document_is(document, "registry.watch", "open")) {
        buf_printf(out, "  watch     %s: %s\n", watch, last_error);
    }
}

static void lease(const json_t *document, struct buf *out)
{
    const char *id = document_text(document, "lease.id");
    int64_t ttl = document_number_or(document, "lease.ttlMs", 0);
    int64_t left = document_number_or(document, "lease.leftMs", 0);
    bool held = document_is(document, "lease.state", "held");
    char span[32];
    if (document_is(document, "lease.state", "none")) {
        buf_str(out, STR("  lease     none\n"));
        return;
    }
    /* Over TCP without a token the agent does not show its id. */
    buf_printf(out, "  lease     %s%s", id == NULL ? "" : id, id == NULL || held ? "" : ", ");
    buf_str(out, str_of(held && id != NULL ? "" : document_text_or(document, "lease.state", "")));
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
        buf_printf(out, "  control   invalid value at revision %" PRId64 ": %s\n", revision, unreadable);
    } else if (status_age(document, document, "control.pendingSince", span)) {
        buf_printf(out, "  control   not written for %s: %s\n", span,
                   last_error == NULL ? "request in progress" : last_error);
    } else if (last_error != NULL) {
        buf_printf(out, "  control   failing: %s\n", last_error);
    } else if (revision > 0 && document_true(document, "control.inSync")) {
        buf_printf(out, "  control   in sync at revision %" PRId64 "\n", revision);
    }
}

void status_registry(const json_t *document, struct buf *out)
{
    registry(document, out);
    status_endpoints(document, out);
    cluster_and_watch(document, out);
    lease(document, out);
    control(document, out);
}
