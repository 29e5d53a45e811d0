#include "status_internal.h"

#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/document.h"

#include <inttypes.h>
#include <string.h>

bool status_age(const json_t *document, const json_t *of, const char *path, char ret_span[static 32])
{
    int64_t now, then;
    if (!document_time(document, "now", &now) || !document_time(of, path, &then)) {
        return false;
    }
    duration_human(now > then ? now - then : 0, ret_span);
    return true;
}

/* Times of today without the date; in UTC, as in the log and in the record. */
static void add_since(const json_t *document, const json_t *of, struct buf *out)
{
    const char *now = document_text_or(document, "now", ""), *then = document_text_or(of, "since", "");
    if (strlen(then) >= 19 && strncmp(now, then, 10) == 0) {
        buf_printf(out, " since %.8sZ", then + 11);
    } else {
        buf_printf(out, " since %s", then);
    }
}

static void add_age(const json_t *document, struct buf *out)
{
    char span[32];
    if (status_age(document, document, "since", span)) {
        add_since(document, document, out);
        buf_printf(out, " (%s)", span);
    }
}

/* A record that is not published outweighs the status: players do not see it. */
static void head(const json_t *document, bool colour, struct buf *out)
{
    const char *status = document_text_or(document, "status", "unknown");
    const char *why = document_text(document, "registry.notPublished");
    const char *code = cli_status_colour(why == NULL ? status : "error");
    buf_printf(out, "%s/%s  ", document_text_or(document, "type", ""), document_text_or(document, "id", ""));
    if (colour) {
        buf_printf(out, "\033[1%s%sm", code == NULL ? "" : ";", code == NULL ? "" : code);
    }
    buf_printf(out, "%s%s%s", status, why == NULL ? "" : ", NOT PUBLISHED", colour ? "\033[0m" : "");
    if (why != NULL) {
        buf_printf(out, ": %s\n  status    %s", why, status);
    }
    add_age(document, out);
    buf_str(out, STR("\n"));
}

static void reasons(const json_t *document, struct buf *out)
{
    const char *cause = document_text(document, "cause"), *withheld = document_text(document, "withheld");
    if (cause != NULL) {
        buf_printf(out, "  why       %s\n", cause);
    }
    /* Beside an error of the registry in the first line. */
    if (withheld != NULL && !document_is(document, "registry.notPublished", withheld)) {
        buf_printf(out, "  record    withheld: %s\n", withheld);
    }
}

static void reported(const json_t *document, struct buf *out)
{
    const char *word = document_text(document, "life.reported"), *text = document_text(document, "life.text");
    char span[32];
    if (word == NULL) {
        buf_str(out, STR(", no status reported"));
    } else {
        buf_printf(out, ", reported %s", word);
        if (status_age(document, document, "life.reportedAt", span)) {
            buf_printf(out, " %s ago", span);
        }
    }
    if (text != NULL) {
        buf_printf(out, " \"%s\"", text);
    }
}

static void players(const json_t *document, struct buf *out)
{
    int64_t count, capacity;
    if (document_number(document, "life.players", &count)) {
        buf_printf(out, ", %" PRId64, count);
        bool limited = document_number(document, "life.capacity", &capacity);
        if (limited) {
            buf_printf(out, "/%" PRId64, capacity);
        }
        buf_str(out, !limited && count == 1 ? STR(" player") : STR(" players"));
    }
}

static void server(const json_t *document, struct buf *out)
{
    const char *state = document_text_or(document, "life.state", "");
    int64_t number;
    char span[32];
    bool known = status_age(document, document, "life.since", span);
    if (strcmp(state, "crashed") == 0 || strcmp(state, "left") == 0) {
        buf_printf(out, "  server    %s%s%s%s\n", strcmp(state, "left") == 0 ? "shut down" : state,
                   known ? " " : "", known ? span : "", known ? " ago" : "");
        return;
    }
    if (strcmp(state, "alive") != 0) {
        buf_str(out, STR("  server    not seen yet\n"));
        return;
    }
    buf_printf(out, "  server    alive%s%s", known ? " for " : "", known ? span : "");
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

static void add_value(const json_t *fact, struct buf *out)
{
    int64_t number;
    const char *text = document_text(fact, "value");
    if (text != NULL) {
        buf_printf(out, "\"%s\"", text);
    } else if (document_number(fact, "value", &number)) {
        buf_printf(out, "%" PRId64, number);
    }
}

/* Where a probe says something of the server: all that is known, each with where it is from. */
static void facts(const json_t *document, struct buf *out)
{
    const json_t *array = document_at(document, "facts"), *fact;
    bool probed = false;
    size_t i;
    json_array_foreach(array, i, fact)
    {
        probed = probed || strncmp(document_text_or(fact, "source", ""), "probe ", 6) == 0;
    }
    if (!probed) {
        return;
    }
    json_array_foreach(array, i, fact)
    {
        buf_printf(out, "%s%s ", i == 0 ? "  facts     " : ", ", document_text_or(fact, "name", ""));
        add_value(fact, out);
        buf_printf(out, " (%s)", document_text_or(fact, "source", ""));
    }
    buf_str(out, STR("\n"));
}

static void add_count(int64_t count, const char *name, struct buf *out)
{
    if (count > 0) {
        buf_printf(out, ", %" PRId64 " %s%s", count, name, count == 1 ? "" : "s");
    }
}

/* What the server sent and the agent did not take: of this life, or of the last ten minutes. */
static void refused(const json_t *document, struct buf *out)
{
    enum { RECENT_MS = 600000 };
    const char *last = document_text(document, "refused.last");
    int64_t now, then, life;
    char span[32];
    if (last == NULL || !document_time(document, "now", &now) ||
        !document_time(document, "refused.lastAt", &then)) {
        return;
    }
    bool of_this_life = document_time(document, "life.since", &life) && then >= life;
    if (of_this_life || now - then < RECENT_MS) {
        buf_printf(out, "  refused   %s ago", duration_human(now > then ? now - then : 0, span));
        add_count(document_number_or(document, "refused.lines", 0), "line", out);
        add_count(document_number_or(document, "refused.datagrams", 0), "datagram", out);
        buf_printf(out, " so far: %s\n", last);
    }
}

static int widest(const json_t *array, const char *name)
{
    size_t i, width = 0;
    const json_t *entry;
    json_array_foreach(array, i, entry)
    {
        size_t size = strlen(document_text_or(entry, name, ""));
        width = size > width ? size : width;
    }
    return width < 48 ? (int)width : 48;
}

static void probe_evidence(const json_t *probe, struct buf *out)
{
    const char *evidence = document_text(probe, "evidence");
    const json_t *took = document_at(probe, "lastDurationMs");
    int64_t ago;
    char span[32];
    if (evidence == NULL && json_is_number(took)) {
        buf_printf(out, "in %.1f ms\n", json_number_value(took));
    } else if (evidence == NULL) {
        buf_str(out, STR("not tried yet\n"));
    } else if (document_number(probe, "lastPassedAgoMs", &ago)) {
        buf_printf(out, "%s, last passed %s ago\n", evidence, duration_human(ago, span));
    } else {
        buf_printf(out, "%s, never passed\n", evidence);
    }
}

static void probes(const json_t *document, struct buf *out)
{
    static const char *const columns[] = {"name", "type", "target", "verdict"};
    const json_t *array = document_at(document, "probes"), *probe;
    size_t i;
    if (json_array_size(array) == 0) {
        buf_str(out, STR("  probes    none\n"));
    }
    json_array_foreach(array, i, probe)
    {
        buf_str(out, i == 0 ? STR("  probes    ") : STR("            "));
        for (size_t column = 0; column < COUNT_OF(columns); column++) {
            buf_printf(out, "%-*s  ", widest(array, columns[column]),
                       document_text_or(probe, columns[column], ""));
        }
        probe_evidence(probe, out);
    }
}

static void holds(const json_t *document, struct buf *out)
{
    const json_t *array = document_at(document, "holds"), *hold;
    size_t i;
    char span[32];
    if (json_array_size(array) == 0) {
        buf_str(out, STR("  holds     none\n"));
    }
    json_array_foreach(array, i, hold)
    {
        const char *reason = document_text(hold, "reason"), *outcome = document_text(hold, "outcome");
        bool waits = document_is(hold, "outcome", "waiting");
        buf_printf(out, "  %-9s %s by %s", i == 0 ? "holds" : "", document_text_or(hold, "kind", ""),
                   document_text_or(hold, "by", ""));
        add_since(document, hold, out);
        if (reason != NULL) {
            buf_printf(out, " \"%s\"", reason);
        }
        if (waits && document_span(hold, "deadlineInMs", span)) {
            buf_printf(out, ", deadline in %s", span);
        } else if (outcome != NULL && !waits) {
            buf_printf(out, ", wait ended: %s", outcome);
        }
        if (document_span(hold, "expiresInMs", span)) {
            buf_printf(out, ", expires in %s", span);
        }
        buf_str(out, STR("\n"));
    }
}

/* ---- the fleet ---- */

static void fleet(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "view.lastError");
    int64_t count = document_number_or(document, "view.services", 0);
    int64_t offline = document_number_or(document, "view.offline", 0);
    bool known = document_true(document, "view.known");
    char span[32];
    if (known) {
        buf_printf(out, "  fleet     %" PRId64 " service%s, %" PRId64 " ready", count, count == 1 ? "" : "s",
                   document_number_or(document, "view.healthy", 0));
    } else {
        buf_str(out, STR("  fleet     not loaded yet"));
    }
    if (known && offline > 0) {
        buf_printf(out, ", %" PRId64 " offline in the last 10 min", offline);
    }
    if (known && document_true(document, "view.synced")) {
        buf_printf(out, ", in sync at revision %" PRId64, document_number_or(document, "view.revision", 0));
    } else if (known && document_span(document, "view.ageMs", span)) {
        buf_printf(out, ", stale for %s", span);
    }
    buf_printf(out, "%s%s\n", last_error == NULL ? "" : ": ", last_error == NULL ? "" : last_error);
}

/* The first keys that are no records. The document has more of them. */
static void unreadable(const json_t *document, struct buf *out)
{
    enum { SHOWN_MAX = 3 };
    int64_t count = document_number_or(document, "view.unreadable", 0);
    const json_t *keys = document_at(document, "view.unreadableKeys");
    for (size_t i = 0; i < json_array_size(keys) && i < SHOWN_MAX; i++) {
        const json_t *key = json_array_get(keys, i);
        buf_printf(out, "  %-9s %s: %s\n", i == 0 ? "invalid" : "", document_text_or(key, "key", ""),
                   document_text_or(key, "reason", ""));
    }
    if (count > SHOWN_MAX) {
        buf_printf(out, "            and %" PRId64 " more\n", count - SHOWN_MAX);
    }
}

static void view(const json_t *document, struct buf *out)
{
    const char *last_error = document_text(document, "view.fileLastError");
    fleet(document, out);
    unreadable(document, out);
    if (last_error != NULL) {
        buf_printf(out, "  view file cannot be written: %s\n", last_error);
    }
}

/* ---- the sockets ---- */

/* Only those that cannot be reached. */
static void sockets(const json_t *document, struct buf *out)
{
    const json_t *array = document_at(document, "sockets"), *socket;
    size_t i;
    json_array_foreach(array, i, socket)
    {
        const char *last_error = document_text(socket, "lastError");
        if (last_error != NULL) {
            buf_printf(out, "  socket    %s cannot be reached: %s\n", document_text_or(socket, "setting", ""),
                       last_error);
        }
    }
}

/* ---- leadership ---- */

static void leader(const json_t *document, struct buf *out)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(document_at(document, "leader"), i, entry)
    {
        const char *scope = document_text_or(entry, "scope", ""), *error = document_text(entry, "lastError");
        if (document_true(entry, "leads")) {
            buf_printf(out, "  leader    of %s, token %lld\n", scope,
                       (long long)json_integer_value(document_at(entry, "token")));
        } else {
            buf_printf(out, "  leader    not of %s: %s%s%s\n", scope, document_text_or(entry, "why", ""),
                       error == NULL ? "" : "; ", error == NULL ? "" : error);
        }
    }
}

/* ---- the process ---- */

/* Only where it was wanted and is off. */
static void sandbox(const json_t *document, struct buf *out)
{
    const char *cause = document_text(document, "sandbox.cause");
    if (cause != NULL && strcmp(cause, "off in the configuration") != 0) {
        buf_printf(out, "  sandbox   off: %s\n", cause);
    }
}

/* Only where sessions are kept. */
static void sessions(const json_t *document, struct buf *out)
{
    const char *store = document_text(document, "sessions.store");
    const char *error = document_text(document, "sessions.lastError");
    int64_t active;
    if (store == NULL) {
        return;
    }
    buf_printf(out, "  sessions  %s", store);
    if (document_number(document, "sessions.active", &active)) {
        buf_printf(out, ", %" PRId64 " active, %" PRId64 " orphaned", active,
                   document_number_or(document, "sessions.orphaned", 0));
    }
    buf_printf(out, "%s%s%s\n", document_true(document, "sessions.up") ? "" : ", AWAY",
               error == NULL ? "" : ": ", error == NULL ? "" : error);
}

/* ---- the screen ---- */

static void screen_of_server(const json_t *document, bool colour, struct buf *out)
{
    head(document, colour, out);
    reasons(document, out);
    server(document, out);
    facts(document, out);
    refused(document, out);
    probes(document, out);
    holds(document, out);
    status_registry(document, out);
    if (document_text(document, "view.state") != NULL && !document_is(document, "view.state", "off")) {
        view(document, out);
    }
}

void status_text(const json_t *document, bool colour, struct buf *out)
{
    json_t *printable = json_deep_copy(document);
    bool observer = document_true(document, "observer");
    document_make_printable(printable);
    if (observer) {
        buf_printf(out, "observer of %s\n", document_text_or(printable, "registry.prefix", ""));
        view(printable, out);
        buf_printf(out, "  registry  %s\n",
                   document_text_or(printable, "registry.endpoint", "no answer yet"));
        status_endpoints(printable, out);
    } else {
        screen_of_server(printable, colour, out);
    }
    leader(printable, out);
    sessions(printable, out);
    sockets(printable, out);
    sandbox(printable, out);
    if (document_text(printable, "stateLastError") != NULL) {
        buf_printf(out, "  state_dir cannot be written: %s\n", document_text(printable, "stateLastError"));
    }
    if (!observer) {
        status_next(printable, out);
    }
    json_decref(printable);
}
