#include "metrics_internal.h"

#include "outrider/api/common/context.h"
#include "outrider/core/audit/audit_facts.h"

void metrics_audit(struct buf *out, const struct api_view *view)
{
    const struct audit_facts *facts = view->audit;
    if (facts == NULL) {
        return;
    }
    const struct sample samples[] = {
        COUNTER("outrider_audit_entries_total", "Entries written to the audit.", facts->entries),
        COUNTER("outrider_audit_failures_total", "Writes and syncs of the audit that failed.",
                facts->failures),
        COUNTER("outrider_audit_counted_total", "Attempts without an entry of their own, counted by minute.",
                facts->counted),
        GAUGE("outrider_audit_up", "1 while the audit can be written.", facts->last_error[0] == '\0'),
        GAUGE("outrider_audit_file_bytes", "Size of the present file of the audit.", facts->bytes),
        SECONDS_GAUGE("outrider_audit_sync_seconds_max", "The longest that an answer waited for the disk.",
                      facts->sync_us),
    };
    metrics_write(out, samples, COUNT_OF(samples));
    if (!facts->has_copies) {
        return;
    }
    const struct sample copies[] = {
        COUNTER("outrider_audit_copied_total", "Entries copied to the registry.", facts->copied),
        COUNTER("outrider_audit_dropped_total", "Entries left out of the registry, as too many waited.",
                facts->dropped),
        COUNTER("outrider_audit_copy_failures_total", "Requests that failed to copy entries.",
                facts->copy_failures),
        GAUGE("outrider_audit_waiting", "Entries that wait to be copied.", facts->waiting),
        SECONDS_GAUGE("outrider_audit_lag_seconds",
                      "How long the oldest entry waits to be copied to the registry.", facts->lag_ms * 1000),
    };
    metrics_write(out, copies, COUNT_OF(copies));
}
