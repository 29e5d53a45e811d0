#include "outrider/cli/status/status_text.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/document.h"
#include "status_parts_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

/* Times of today without the date; in UTC, as in the log and in the record. */
static void add_clock(const json_t *document, const char *then, struct buf *out)
{
    const char *now = document_text(document, "now");
    char clock[10] = "HH:MM:SSZ";
    if (now != NULL && then != NULL && strlen(then) >= 19 && strncmp(now, then, 10) == 0) {
        memcpy(clock, then + 11, 8);
        status_plain(out, clock);
    } else {
        status_plain(out, then);
    }
}

static void head(const json_t *document, bool colour, struct buf *out)
{
    const char *status = document_text(document, "status");
    char span[32];
    status_plain(out, document_text(document, "type"));
    buf_str(out, STR("/"));
    status_plain(out, document_text(document, "id"));
    buf_str(out, STR("  "));
    if (colour) {
        const char *code = cli_status_colour(status);
        buf_printf(out, "\033[1%s%sm", code == NULL ? "" : ";", code == NULL ? "" : code);
    }
    status_plain(out, status == NULL ? "unknown" : status);
    buf_str(out, colour ? STR("\033[0m") : STR(""));
    if (status_age(document, "since", span)) {
        buf_str(out, STR(" since "));
        add_clock(document, document_text(document, "since"), out);
        buf_printf(out, " (%s)", span);
    }
    buf_str(out, STR("\n"));
}

static void reasons(const json_t *document, struct buf *out)
{
    const char *cause = document_text(document, "cause");
    const char *withheld = document_text(document, "withheld");
    if (cause != NULL) {
        status_label(out, "why");
        status_plain(out, cause);
        buf_str(out, STR("\n"));
    }
    if (withheld != NULL) {
        status_label(out, "record");
        buf_str(out, STR("not published: "));
        status_plain(out, withheld);
        buf_str(out, STR("\n"));
    } else if (document_text(document, "registry.conflict.lease") != NULL) {
        status_conflict(document, out);
    }
}

static void reported(const json_t *document, struct buf *out)
{
    const char *word = document_text(document, "life.reported"), *text = document_text(document, "life.text");
    char span[32];
    if (word == NULL) {
        buf_str(out, STR(", no status reported"));
    } else {
        buf_str(out, STR(", reported "));
        status_plain(out, word);
        if (status_age(document, "life.reportedAt", span)) {
            buf_printf(out, " %s ago", span);
        }
    }
    if (text != NULL) {
        buf_str(out, STR(" \""));
        status_plain(out, text);
        buf_str(out, STR("\""));
    }
}

static void players(const json_t *document, struct buf *out)
{
    int64_t count, capacity;
    if (document_number(document, "life.players", &count)) {
        buf_printf(out, ", %" PRId64, count);
        if (document_number(document, "life.capacity", &capacity)) {
            buf_printf(out, "/%" PRId64, capacity);
        }
        buf_str(out, STR(" players"));
    }
}

static void life_line(const json_t *document, struct buf *out)
{
    int64_t number;
    char span[32];
    if (status_age(document, "life.since", span)) {
        buf_printf(out, "alive for %s", span);
    } else {
        buf_str(out, STR("alive"));
    }
    reported(document, out);
    players(document, out);
    if (document_number(document, "life.mainpid", &number)) {
        buf_printf(out, ", process %" PRId64, number);
    }
    if (document_number_or(document, "life.attached", 0) > 0) {
        buf_str(out, STR(", attached"));
    }
    if (document_span(document, "life.watchdog.leftMs", span)) {
        buf_printf(out, ", watchdog expires in %s", span);
    }
    buf_str(out, STR("\n"));
}

static void server(const json_t *document, struct buf *out)
{
    const char *state = document_text(document, "life.state");
    char span[32] = "";
    bool known = status_age(document, "life.since", span);
    status_label(out, "server");
    if (is(state, "alive")) {
        life_line(document, out);
    } else if (is(state, "crashed") || is(state, "left")) {
        buf_printf(out, known ? "%s %s ago\n" : "%s\n", is(state, "left") ? "shut down" : state, span);
    } else {
        buf_str(out, STR("not seen yet\n"));
    }
}

static size_t widest(const json_t *array, const char *name)
{
    size_t i, width = 0;
    const json_t *entry;
    json_array_foreach(array, i, entry)
    {
        const char *text = document_text(entry, name);
        size_t size = text == NULL ? 0 : strlen(text);
        width = size > width ? size : width;
    }
    return width < 48 ? width : 48;
}

static void cell(const json_t *entry, const char *name, size_t width, struct buf *out)
{
    size_t before = out->size;
    status_plain(out, document_text(entry, name));
    for (size_t used = out->size - before; used < width; used++) {
        buf_str(out, STR(" "));
    }
    buf_str(out, STR("  "));
}

static void probe_evidence_text(const json_t *probe, struct buf *out)
{
    const char *evidence = document_text(probe, "evidence");
    const json_t *took = document_at(probe, "lastDurationMs");
    int64_t ago;
    char span[32];
    if (evidence != NULL) {
        status_plain(out, evidence);
    } else if (json_is_number(took)) {
        buf_printf(out, "in %.1f ms", json_number_value(took));
    } else {
        buf_str(out, STR("not tried yet"));
    }
    if (evidence != NULL && document_number(probe, "lastPassedAgoMs", &ago)) {
        buf_printf(out, ", last passed %s ago", duration_human(ago, span));
    } else if (evidence != NULL) {
        buf_str(out, STR(", never passed"));
    }
    buf_str(out, STR("\n"));
}

static void probes(const json_t *document, struct buf *out)
{
    const json_t *array = document_at(document, "probes");
    size_t i, names = widest(array, "name"), targets = widest(array, "target");
    const json_t *probe;
    if (json_array_size(array) == 0) {
        status_label(out, "probes");
        buf_str(out, STR("none\n"));
    }
    json_array_foreach(array, i, probe)
    {
        status_label(out, i == 0 ? "probes" : "");
        cell(probe, "name", names, out);
        cell(probe, "type", widest(array, "type"), out);
        cell(probe, "target", targets, out);
        cell(probe, "verdict", widest(array, "verdict"), out);
        probe_evidence_text(probe, out);
    }
}

static void hold_times(const json_t *hold, struct buf *out)
{
    char span[32];
    const char *outcome = document_text(hold, "outcome");
    if (is(outcome, "waiting") && document_span(hold, "deadlineInMs", span)) {
        buf_printf(out, ", deadline in %s", span);
    } else if (outcome != NULL && !is(outcome, "waiting")) {
        buf_str(out, STR(", wait ended: "));
        status_plain(out, outcome);
    }
    if (document_span(hold, "expiresInMs", span)) {
        buf_printf(out, ", expires in %s", span);
    }
}

static void holds(const json_t *document, struct buf *out)
{
    const json_t *array = document_at(document, "holds"), *hold;
    size_t i;
    if (json_array_size(array) == 0) {
        status_label(out, "holds");
        buf_str(out, STR("none\n"));
    }
    json_array_foreach(array, i, hold)
    {
        const char *reason = document_text(hold, "reason");
        status_label(out, i == 0 ? "holds" : "");
        status_plain(out, document_text(hold, "kind"));
        buf_str(out, STR(" by "));
        status_plain(out, document_text(hold, "by"));
        buf_str(out, STR(" since "));
        add_clock(document, document_text(hold, "since"), out);
        if (reason != NULL) {
            buf_str(out, STR(" \""));
            status_plain(out, reason);
            buf_str(out, STR("\""));
        }
        hold_times(hold, out);
        buf_str(out, STR("\n"));
    }
}

static void agent(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "stateLastError");
    if (last_error != NULL) {
        status_label(out, "state_dir");
        buf_str(out, STR("cannot be written: "));
        status_plain(out, last_error);
        buf_str(out, STR("\n"));
    }
}

static void next(const json_t *document, struct buf *out)
{
    struct buf lines = {0};
    status_next(document, &lines);
    bool first = true;
    for (struct str rest = buf_view(&lines); rest.size > 0; first = false) {
        status_label(out, first ? "next" : "");
        buf_str(out, str_split(rest, '\n', &rest));
        buf_str(out, STR("\n"));
    }
    buf_fini(&lines);
}

void status_text(const json_t *document, bool colour, struct buf *out)
{
    if (document_true(document, "observer")) {
        status_observer(document, out);
        agent(document, out);
        return;
    }
    head(document, colour, out);
    reasons(document, out);
    server(document, out);
    probes(document, out);
    holds(document, out);
    status_registry(document, out);
    status_fleet(document, out);
    agent(document, out);
    next(document, out);
}
