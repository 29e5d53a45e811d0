/* outrider sessions: where players are, as an agent has it, and what changes. */
#include "outrider/base/buf.h"
#include "outrider/base/duration.h"
#include "outrider/base/error.h"
#include "outrider/cli/common/cli.h"
#include "outrider/cli/common/client.h"
#include "outrider/cli/common/document.h"
#include "outrider/cli/common/table.h"
#include "outrider/codec/text/sse_read.h"
#include "outrider/os/clock.h"
#include "services_internal.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 6, EVENT_MAX_BYTES = 65536, AGAIN_MS = 1000, LOOK_MS = 2000 };

/* ---- rows ---- */

static void add_time(struct table *table, const json_t *session, const char *member, bool left)
{
    char span[32] = "";
    int64_t at;
    if (document_time(session, member, &at)) {
        int64_t ms = left ? at - clock_wall_ms() : clock_wall_ms() - at;
        duration_human(ms > 0 ? ms : 0, span);
    }
    table_add(table, span, NULL);
}

static void add_heads(struct table *table)
{
    static const char *const heads[COLUMNS] = {"PLAYER", "SERVER", "STATE", "ID", "TOUCHED", "ENDS IN"};
    for (size_t i = 0; i < COLUMNS; i++) {
        table_add(table, heads[i], NULL);
    }
}

static void add_row(struct table *table, const json_t *session)
{
    table_add(table, document_text(session, "player"), NULL);
    table_add(table, document_text(session, "server"), NULL);
    table_add(table, document_text(session, "state"),
              document_is(session, "state", "orphaned") ? "33" : NULL);
    table_add(table, document_text(session, "id"), NULL);
    add_time(table, session, "touchedAt", false);
    add_time(table, session, "expiresAt", true);
}

/* ---- the table ---- */

/* Reads all pages into one list. Returns 0, or the exit status with the error printed. */
static int read_pages(const struct client *client, const char *path, json_t *list)
{
    struct error err;
    struct buf page = {0};
    int status;
    bool more = true;
    buf_printf(&page, "%s", path);
    while (more) {
        json_t *document = NULL;
        status = client_read(client, buf_text(&page), &err, &document);
        if (status != 0) {
            buf_fini(&page);
            return status == EX_GONE
                       ? cli_fail(EX_FAILED, "the agent has no sessions; is it older than this command?")
                       : cli_fail(status, "%s", err.text);
        }
        json_array_extend(list, json_object_get(document, "sessions"));
        const char *next = document_text(document, "next");
        more = next != NULL;
        buf_clear(&page);
        buf_printf(&page, "%s", path);
        services_add_parameter(&page, "after", next);
        json_decref(document);
    }
    buf_fini(&page);
    return 0;
}

static void print_table(const json_t *document)
{
    const json_t *list = json_object_get(document, "sessions");
    struct table table = {.columns = COLUMNS};
    struct buf screen = {0};
    size_t count = json_array_size(list), orphaned = 0;
    add_heads(&table);
    for (size_t i = 0; i < count; i++) {
        add_row(&table, json_array_get(list, i));
        orphaned += document_is(json_array_get(list, i), "state", "orphaned") ? 1 : 0;
    }
    table_print(&table, 0, table_rows(&table), 0, cli_colour(), &screen);
    buf_printf(&screen, "%zu session%s, %zu orphaned\n", count, count == 1 ? "" : "s", orphaned);
    fputs(buf_text(&screen), stdout);
    buf_fini(&screen);
    table_fini(&table);
}

static int show(const struct client *client, const char *path, bool json)
{
    json_t *document = json_pack("{s:[], s:n}", "sessions", "next");
    int status = read_pages(client, path, json_object_get(document, "sessions"));
    status = status != 0 ? status : services_print(document, json, print_table);
    json_decref(document);
    return status;
}

/* ---- the stream ---- */

struct watching {
    const struct client *client;
    const char *question; /* a path whose answer needs the store */
    struct sse_reader reader;
    bool json, begun;
    bool away;         /* the store is, as was said */
    int64_t looked;    /* clock_mono_ms */
    int answered;      /* HTTP status of an error answer; 0: none */
    struct buf answer; /* its body */
};

static void print_event(const struct watching *watching, struct str name, json_t *session)
{
    char time_text[32];
    if (watching->json) {
        json_t *line = json_pack("{s:s%, s:O}", "event", name.data, name.size, "data", session);
        if (line != NULL) {
            (void)document_print(line, JSON_COMPACT);
        }
        json_decref(line);
    } else {
        const char *from = document_text(session, "from"), *why = document_text(session, "why");
        cli_print(stdout, "%s %-8.*s %s  %s  %s%s%s\n", timestamp_format(clock_wall_ms(), time_text),
                  STR_ARG(name), document_text_or(session, "player", "-"),
                  document_text_or(session, "server", "-"), document_text_or(session, "id", "-"),
                  from != NULL  ? "  from "
                  : why != NULL ? "  "
                                : "",
                  from != NULL  ? from
                  : why != NULL ? why
                                : "");
    }
    fflush(stdout);
}

static bool on_data(int status, struct str bytes, void *user)
{
    struct watching *watching = user;
    struct sse_message message;
    int more;
    if (status != 200) {
        watching->answered = status;
        buf_str(&watching->answer, bytes);
        return watching->answer.size < EVENT_MAX_BYTES;
    }
    watching->begun = true;
    sse_reader_feed(&watching->reader, bytes);
    while ((more = sse_reader_next(&watching->reader, &message)) > 0) {
        json_t *session = document_parse(message.data);
        if (json_is_object(session)) {
            print_event(watching, message.name, session);
        }
        json_decref(session);
    }
    return more == 0 && !ferror(stdout);
}

/* The stream of an agent stays open and silent while the store is away, so a session is asked for: whether there is one is all the
 * same. An agent that does not answer at all is what the end of the stream tells. */
static void on_tick(void *user)
{
    struct watching *watching = user;
    struct error err;
    json_t *document = NULL;
    if (!watching->begun || clock_mono_ms() - watching->looked < LOOK_MS) {
        return;
    }
    int status = client_read(watching->client, watching->question, &err, &document);
    bool away = status != 0 && status != EX_GONE;
    if (away && !watching->away) {
        cli_print(stderr, "outrider: STALE: %s; what changes meanwhile is not shown\n", err.text);
    } else if (!away && watching->away) {
        cli_print(stderr, "outrider: sessions are followed again\n");
    }
    watching->away = away;
    watching->looked = clock_mono_ms();
    json_decref(document);
}

/* A stream that never began ends the command with its error. After that it is retried until an interrupt. */
static int watch(const struct client *client, const char *path, const char *player, bool json)
{
    struct buf question = {0};
    buf_str(&question, STR("/api/players/"));
    client_add_escaped(&question, str_of(player == NULL ? "-" : player));
    buf_str(&question, STR("/session"));
    struct watching watching = {
        .client = client, .question = buf_text(&question), .json = json, .reader.max = EVENT_MAX_BYTES};
    int status;
    for (;;) {
        struct error err;
        watching.answered = 0;
        buf_clear(&watching.answer);
        sse_reader_begin_anew(&watching.reader);
        status = client_follow(client, path, "", on_data, on_tick, &watching, &err);
        if (watching.answered != 0) {
            status = client_refusal(watching.answered, buf_view(&watching.answer), &err);
        }
        if (ferror(stdout)) {
            status = EX_FAILED;
            break;
        }
        if (!watching.begun) {
            status = cli_fail(status, "%s", err.text);
            break;
        }
        cli_print(stderr, "outrider: stream lost, what changed meanwhile is not shown: %s; reconnecting\n",
                  err.text);
        cli_pause_ms(AGAIN_MS);
    }
    sse_reader_fini(&watching.reader);
    buf_fini(&watching.answer);
    buf_fini(&question);
    return status;
}

int cmd_sessions(const struct cli_line *line)
{
    const struct cli_given *given = &line->given;
    const struct services_option options[] = {
        {"--server", given->server}, {"--player", given->player}, {"--type", given->type}};
    struct client client;
    int status = services_check_given(line->command, options, COUNT_OF(options));
    if (status == 0 && given->type != NULL && !given->watch) {
        status = cli_usage(line->command, "--type: only with --watch");
    }
    if (status != 0 || (status = client_find(given, &client)) != 0) {
        return status;
    }
    struct buf path = {0};
    buf_printf(&path, "/api/sessions%s", given->watch ? "/subscribe" : "");
    services_add_parameter(&path, "server", given->server);
    services_add_parameter(&path, "player", given->player);
    services_add_parameter(&path, "type", given->type);
    status = given->watch ? watch(&client, buf_text(&path), given->player, given->json)
                          : show(&client, buf_text(&path), given->json);
    buf_fini(&path);
    client_fini(&client);
    return status;
}
