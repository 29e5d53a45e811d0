/* What would change the status, for an operator who has read the cause. */
#include "status_internal.h"

#include "outrider/base/buf.h"
#include "outrider/cli/common/document.h"

#include <inttypes.h>
#include <string.h>

struct lines {
    struct buf *out;
    bool begun;
};

/* Begins a line, to which the caller appends text and a line end. */
static struct buf *line(struct lines *lines)
{
    buf_str(lines->out, lines->begun ? STR("            ") : STR("  next      "));
    lines->begun = true;
    return lines->out;
}

static void new_life(struct lines *lines)
{
    buf_str(line(lines), STR("a new life begins with the next status word, attach or passed probe\n"));
}

static void next_of_probes(const json_t *document, struct lines *lines)
{
    size_t i;
    const json_t *probe;
    json_array_foreach(document_at(document, "probes"), i, probe)
    {
        int64_t passes = document_number_or(probe, "passesNeeded", 0);
        if (passes > 0) {
            buf_printf(line(lines), "probe %s passes after %" PRId64 " consecutive success%s\n",
                       document_text_or(probe, "name", ""), passes, passes == 1 ? "" : "es");
        }
    }
}

static void next_of_grace(const json_t *document, struct lines *lines)
{
    char span[32];
    struct buf names = {0};
    size_t i, waiting = 0;
    const json_t *probe;
    json_array_foreach(document_at(document, "probes"), i, probe)
    {
        if (!document_is(probe, "verdict", "passing")) {
            buf_printf(&names, "%s%s", waiting++ == 0 ? "" : ", ", document_text_or(probe, "name", ""));
        }
    }
    if (waiting > 0 && document_span(document, "graceLeftMs", span)) {
        buf_printf(line(lines), "error in %s unless probe%s %s %s\n", span, waiting > 1 ? "s" : "",
                   buf_text(&names), waiting > 1 ? "pass" : "passes");
    }
    buf_fini(&names);
}

static void next_of_flapping(const json_t *document, struct lines *lines)
{
    char span[32];
    if (document_span(document, "flapping.readyInMs", span)) {
        buf_printf(line(lines), "ready in %s if it stays up\n", span);
    }
    buf_str(line(lines), STR("`outrider undrain --flapping` ends it now\n"));
}

static void next_of_error(const json_t *document, struct lines *lines)
{
    char span[32];
    if (document_true(document, "flapping.on")) {
        next_of_flapping(document, lines);
    }
    if (document_is(document, "life.state", "crashed")) {
        new_life(lines);
    } else if (document_is(document, "life.reported", "error")) {
        buf_str(line(lines), STR("waiting for the server to report another status\n"));
    } else if (strncmp(document_text_or(document, "cause", ""), "watchdog", 8) == 0) {
        buf_str(line(lines), STR("a status word or a heartbeat from the server feeds the watchdog\n"));
    } else {
        next_of_probes(document, lines);
    }
    if (document_text(document, "withheld") == NULL && document_span(document, "withdrawnInMs", span)) {
        buf_printf(line(lines), "withdrawn from the registry in %s unless it recovers\n", span);
    }
}

static void next_of_initializing(const json_t *document, struct lines *lines)
{
    const char *reported = document_text(document, "life.reported");
    const json_t *ports = document_at(document, "life.ports");
    if (document_is(document, "life.reported", "initializing")) {
        buf_str(line(lines), STR("waiting for the server to report ready\n"));
    } else if (reported == NULL && document_true(document, "requireStatus")) {
        buf_str(line(lines),
                STR("waiting for the server to report its status, for example: outrider send ready\n"));
    } else if (json_is_array(ports) && json_array_size(ports) == 0) {
        buf_str(line(lines),
                STR("waiting for the server to report its ports, for example: outrider send ports=8001\n"));
    } else {
        next_of_probes(document, lines);
    }
    next_of_grace(document, lines);
}

static void next_of_leaving(const json_t *document, struct lines *lines)
{
    if (document_is(document, "life.state", "left")) {
        new_life(lines);
        return;
    }
    buf_str(line(lines),
            STR("the life ends when the process exits, its connection closes or its probes fail;\n"));
    buf_str(line(lines), STR("`initializing` or `ready` begins the next one\n"));
}

static void next_of_hold(const json_t *hold, struct lines *lines)
{
    static const char *const lifts[][2] = {
        {"ops", "`outrider undrain` lifts the operator's hold\n"},
        {"self", "`undrain` from the server lifts its own hold\n"},
        {"reload", "`READY=1` or `ready` from the server ends the reload hold\n"}};
    char span[32];
    if (document_is(hold, "outcome", "waiting") && !document_is(hold, "kind", "reload")) {
        bool ends = document_span(hold, "deadlineInMs", span);
        buf_printf(line(lines), "the wait ends when the server is empty or gone%s%s%s\n", ends ? ", in " : "",
                   ends ? span : "", ends ? " at the latest" : "");
    }
    for (size_t i = 0; i < COUNT_OF(lifts); i++) {
        if (document_is(hold, "kind", lifts[i][0])) {
            buf_str(line(lines), str_of(lifts[i][1]));
        }
    }
    if (document_span(hold, "expiresInMs", span)) {
        buf_printf(line(lines), "the hold %s expires in %s\n", document_text_or(hold, "kind", ""), span);
    }
}

static void next_of_registry(const json_t *document, struct lines *lines)
{
    char span[32];
    if (json_is_object(document_at(document, "registry.conflict"))) {
        bool known = document_span(document, "registry.conflict.leftMs", span);
        buf_printf(line(lines), "the agent takes the key over when the other lease ends%s%s%s\n",
                   known ? ", in about " : "", known ? span : "", known ? " unless it is renewed" : "");
        buf_str(line(lines),
                STR("if it is renewed, two agents have this id: give each server its own server.id\n"));
    } else if (document_text(document, "registry.lastError") != NULL) {
        buf_str(line(lines),
                STR("requests are retried until the registry answers; the server keeps running\n"));
    }
    if (document_text(document, "withheld") != NULL && document_text(document, "host") == NULL) {
        buf_str(line(lines), STR("the address is looked up every 5 s; server.host can set one\n"));
    }
}

void status_next(const json_t *document, struct buf *out)
{
    struct lines lines = {.out = out};
    size_t i;
    const json_t *hold;
    if (document_is(document, "shutdown", "draining")) {
        buf_str(line(&lines),
                STR("the agent stops when its drain ends; a second TERM or an INT ends the wait\n"));
    } else if (document_text(document, "shutdown") != NULL && !document_is(document, "shutdown", "running")) {
        buf_str(line(&lines), STR("the agent withdraws the record and exits\n"));
        return; /* nothing else matters any more */
    }
    if (document_is(document, "status", "shutting_down")) {
        next_of_leaving(document, &lines);
    } else if (document_is(document, "status", "error")) {
        next_of_error(document, &lines);
    } else if (document_is(document, "status", "initializing")) {
        next_of_initializing(document, &lines);
    }
    json_array_foreach(document_at(document, "holds"), i, hold)
    {
        next_of_hold(hold, &lines);
    }
    next_of_registry(document, &lines);
}
