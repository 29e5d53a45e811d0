/* What would change the status, for an operator who has read the cause. */
#include "outrider/cli/status/status_text.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/cli/common/document.h"

#include <inttypes.h>
#include <string.h>

static bool is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

static void add_not_passing(const json_t *document, struct buf *out)
{
    size_t i, shown = 0;
    const json_t *probe;
    json_array_foreach(document_at(document, "probes"), i, probe)
    {
        if (!is(document_text(probe, "verdict"), "passing")) {
            buf_str(out, shown++ == 0 ? STR("") : STR(", "));
            status_plain(out, document_text(probe, "name"));
        }
    }
}

static size_t count_not_passing(const json_t *document)
{
    size_t i, count = 0;
    const json_t *probe;
    json_array_foreach(document_at(document, "probes"), i, probe)
    {
        count += is(document_text(probe, "verdict"), "passing") ? 0 : 1;
    }
    return count;
}

static void next_of_probes(const json_t *document, struct buf *out)
{
    size_t i;
    const json_t *probe;
    json_array_foreach(document_at(document, "probes"), i, probe)
    {
        int64_t passes = document_number_or(probe, "passesNeeded", 0);
        if (passes > 0) {
            buf_str(out, STR("probe "));
            status_plain(out, document_text(probe, "name"));
            buf_printf(out, " passes after %" PRId64 " consecutive success%s\n", passes,
                       passes == 1 ? "" : "es");
        }
    }
}

static void next_of_grace(const json_t *document, struct buf *out)
{
    char span[32];
    size_t waiting = count_not_passing(document);
    if (waiting > 0 && document_span(document, "graceLeftMs", span)) {
        buf_printf(out, "error in %s unless probe%s ", span, waiting > 1 ? "s" : "");
        add_not_passing(document, out);
        buf_str(out, waiting > 1 ? STR(" pass\n") : STR(" passes\n"));
    }
}

static void next_of_withdrawal(const json_t *document, struct buf *out)
{
    char span[32];
    if (document_text(document, "withheld") == NULL && document_span(document, "withdrawnInMs", span)) {
        buf_printf(out, "withdrawn from the registry in %s unless it recovers\n", span);
    }
}

static void next_of_error(const json_t *document, struct buf *out)
{
    const char *cause = document_text(document, "cause");
    if (is(document_text(document, "life.state"), "crashed")) {
        buf_str(out, STR("the next status word, attach or passed probe begins a new life\n"));
    } else if (is(document_text(document, "life.reported"), "error")) {
        buf_str(out, STR("waiting for the server to report another status\n"));
    } else if (cause != NULL && strncmp(cause, "watchdog", 8) == 0) {
        buf_str(out, STR("a status word or a heartbeat from the server feeds the watchdog\n"));
    } else {
        next_of_probes(document, out);
    }
    next_of_withdrawal(document, out);
}

static void next_of_initializing(const json_t *document, struct buf *out)
{
    const char *reported = document_text(document, "life.reported");
    const json_t *ports = document_at(document, "life.ports");
    if (is(reported, "initializing")) {
        buf_str(out, STR("waiting for the server to report ready\n"));
    } else if (reported == NULL && document_true(document, "requireStatus")) {
        buf_str(out, STR("waiting for the server to report its status, for example: outrider send ready\n"));
    } else if (json_is_array(ports) && json_array_size(ports) == 0) {
        buf_str(out,
                STR("waiting for the server to report its ports, for example: outrider send ports=8001\n"));
    } else {
        next_of_probes(document, out);
    }
    next_of_grace(document, out);
}

static void next_of_hold(const json_t *hold, struct buf *out)
{
    const char *kind = document_text(hold, "kind");
    char span[32];
    if (is(document_text(hold, "outcome"), "waiting") && !is(kind, "reload")) {
        buf_str(out, STR("the wait ends when the server is empty or gone"));
        if (document_span(hold, "deadlineInMs", span)) {
            buf_printf(out, ", in %s at the latest", span);
        }
        buf_str(out, STR("\n"));
    }
    if (is(kind, "ops")) {
        buf_str(out, STR("`outrider undrain` lifts hold ops\n"));
    } else if (is(kind, "self")) {
        buf_str(out, STR("undrain from the server lifts hold self\n"));
    } else if (is(kind, "reload")) {
        buf_str(out, STR("READY=1 or ready from the server lifts hold reload\n"));
    }
    if (document_span(hold, "expiresInMs", span)) {
        buf_str(out, STR("hold "));
        status_plain(out, kind);
        buf_printf(out, " expires in %s\n", span);
    }
}

static void next_of_holds(const json_t *document, struct buf *out)
{
    size_t i;
    const json_t *hold;
    json_array_foreach(document_at(document, "holds"), i, hold)
    {
        next_of_hold(hold, out);
    }
}

static void next_of_leaving(const json_t *document, struct buf *out)
{
    if (is(document_text(document, "life.state"), "left")) {
        buf_str(out, STR("the next status word, attach or passed probe begins a new life\n"));
    } else {
        buf_str(out, STR("the life ends when the process exits, its connection closes or its probes fail;\n"
                         "`initializing` or `ready` begins the next one\n"));
    }
}

static void next_of_registry(const json_t *document, struct buf *out)
{
    char span[32];
    if (document_text(document, "registry.conflict.lease") != NULL) {
        buf_str(out, STR("the agent takes the key over when the other lease ends"));
        if (document_span(document, "registry.conflict.leftMs", span)) {
            buf_printf(out, ", in about %s unless it is renewed", span);
        }
        buf_str(out, STR("\n"));
    } else if (document_text(document, "registry.lastError") != NULL) {
        buf_str(out, STR("requests are retried until the registry answers; the server keeps running\n"));
    }
    if (document_text(document, "withheld") != NULL && document_text(document, "host") == NULL) {
        buf_str(out, STR("the address is looked up every 5 s; server.host can set one\n"));
    }
}

/* Returns true if nothing but the shutdown matters any more. */
static bool next_of_shutdown(const json_t *document, struct buf *out)
{
    const char *phase = document_text(document, "shutdown");
    if (is(phase, "draining")) {
        buf_str(out, STR("the agent stops when its drain ends; a second TERM or an INT ends the wait\n"));
        return false;
    }
    if (phase == NULL || is(phase, "running")) {
        return false;
    }
    buf_str(out, STR("the agent withdraws the record and exits\n"));
    return true;
}

void status_next(const json_t *document, struct buf *out)
{
    const char *status = document_text(document, "status");
    if (next_of_shutdown(document, out)) {
        return;
    }
    if (is(status, "shutting_down")) {
        next_of_leaving(document, out);
    } else if (is(status, "error")) {
        next_of_error(document, out);
    } else if (is(status, "initializing")) {
        next_of_initializing(document, out);
    }
    next_of_holds(document, out);
    next_of_registry(document, out);
}
