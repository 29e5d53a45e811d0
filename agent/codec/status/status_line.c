#include "outrider/codec/status/status_line.h"

#include "message_parse_internal.h"
#include "outrider/base/brief.h"
#include "outrider/base/buf.h"
#include "outrider/codec/text/printable.h"
#include "outrider/core/instant.h"
#include "outrider/core/server/server.h"

#include <inttypes.h>
#include <stdio.h>

enum { REASON_MAX = 1024 };

int status_line_fail(struct status_line_error *ret_error, enum status_line_fault fault, struct str detail)
{
    ret_error->fault = fault;
    ret_error->fatal = fault == STATUS_LINE_TOO_LONG || fault == STATUS_LINE_TOO_MANY;
    struct buf shown = {0};
    printable_add(&shown, detail, SIZE_MAX, '?');
    brief_copy(ret_error->detail, sizeof(ret_error->detail), buf_view(&shown));
    buf_fini(&shown);
    ret_error->hint[0] = '\0';
    return -1;
}

void status_line_refused(struct status_line_error *ret_error, const struct server_refusal *refusal)
{
    if (refusal->fixed_ports) {
        (void)status_line_fail(ret_error, STATUS_LINE_FIXED, STR("ports"));
        snprintf(ret_error->hint, sizeof(ret_error->hint),
                 "server.ports of the agent decides them; to report them here, set it to dynamic");
        return;
    }
    struct buf word = {0};
    buf_printf(&word, "label.%.*s", STR_ARG(refusal->label));
    (void)status_line_fail(ret_error, STATUS_LINE_RANGE, buf_view(&word));
    snprintf(ret_error->hint, sizeof(ret_error->hint), "more than %d labels", STATUS_LABELS_MAX);
    buf_fini(&word);
}

const char *status_line_fault_name(enum status_line_fault fault)
{
    static const char *const names[] = {
#define X(fault, text) [fault] = text,
        STATUS_LINE_FAULTS(X)
#undef X
    };
    return names[fault];
}

int status_line_parse(struct str line, struct status_message *ret_message,
                      struct status_line_error *ret_error)
{
    struct message_parse parse = {0};
    if (message_parse_line(&parse, line) < 0) {
        *ret_error = parse.error;
        return -1;
    }
    *ret_message = parse.message;
    return 0;
}

static void add_deadline(struct buf *out, int64_t deadline_ms)
{
    if (deadline_ms != NEVER_MS) {
        int64_t left = deadline_ms > 0 ? (deadline_ms - 1) / 1000 + 1 : 0;
        buf_printf(out, " deadline=%" PRId64, left);
    }
}

void status_line_ok(struct buf *out, bool draining, int64_t deadline_ms)
{
    buf_str(out, STR("OK"));
    if (draining) {
        buf_str(out, STR(" drain=1"));
        add_deadline(out, deadline_ms);
    }
}

void status_line_error_reply(struct buf *out, const struct status_line_error *error)
{
    buf_printf(out, "ERR %s%s%s%s%s", status_line_fault_name(error->fault),
               error->detail[0] == '\0' ? "" : " ", error->detail, error->hint[0] == '\0' ? "" : ": ",
               error->hint);
}

void status_line_claim_reply(struct buf *out, struct str id, struct str why)
{
    if (why.size == 0) {
        buf_printf(out, "ERR claim %.*s is not reserved", STR_ARG(id));
        return;
    }
    buf_printf(out, "ERR away %.*s: ", STR_ARG(id));
    printable_add(out, why, REASON_MAX, ' ');
    buf_str(out, STR("; say it again"));
}

void status_line_drain_event(struct buf *out, bool on, int64_t deadline_ms, struct str reason)
{
    if (!on) {
        buf_str(out, STR("EVENT drain off"));
        return;
    }
    buf_str(out, STR("EVENT drain on"));
    add_deadline(out, deadline_ms);
    if (reason.size > 0) {
        buf_str(out, STR(" reason="));
        printable_add(out, reason, REASON_MAX, ' ');
    }
}

void status_line_leader_event(struct buf *out, const char *scope, int64_t token, const char *lost)
{
    buf_printf(out, "EVENT leader %s scope=%s token=%" PRId64, lost == NULL ? "gained" : "lost", scope,
               token);
    if (lost != NULL) {
        buf_printf(out, " reason=%s", lost);
    }
}

void status_line_add_leader(struct buf *object, bool first, const char *scope, bool leads, int64_t token)
{
    object->size -= first ? 1 : 2; /* the end of the object; of the list before it */
    buf_printf(object, "%s{\"scope\":\"%s\",\"leads\":%s", first ? ",\"leader\":[" : ",", scope,
               leads ? "true" : "false");
    if (leads) {
        buf_printf(object, ",\"token\":%" PRId64, token);
    }
    buf_str(object, STR("}]}"));
}
